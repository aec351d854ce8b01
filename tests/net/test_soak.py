# SPDX-License-Identifier: MPL-2.0
"""A short soak; with ZDS_SOAK_SECONDS a long one, and then the same schedule over IPv4 only, for a
tenth of that time, on ours and on stock, by the same rules."""
import os
import time

import pytest
from soak import soak

LONG = int(os.environ.get("ZDS_SOAK_SECONDS") or 0)
SEED = int(os.environ.get("ZDS_SOAK_SEED") or time.time())


def test_soak():
    """Catches: what shows only when everything happens at once; a failure names the seed."""
    totals = soak(seconds=LONG or 15, seed=SEED)
    assert totals["received"] and totals["answered"]


if LONG:
    @pytest.mark.parametrize("lib", ["stock", "patched"])
    def test_soak_over_ipv4(lib):
        """Catches: a rule that stock does not keep either."""
        soak(lib, LONG // 10 + 20, SEED, four=True)
