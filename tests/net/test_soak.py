# SPDX-License-Identifier: MPL-2.0
"""A short soak; scripts/check-soak runs a long one, and stock by the same rules."""
import os
import time

from soak import soak


def test_soak():
    """Catches: what only meets when everything happens at once; the failure says the seed."""
    seed = int(os.environ.get("ZDS_SOAK_SEED") or time.time())
    totals = soak(seconds=15, seed=seed)
    assert totals["received"] and totals["answered"]
