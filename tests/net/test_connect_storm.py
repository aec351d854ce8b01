# SPDX-License-Identifier: MPL-2.0
"""programs/storm.c under sanitizers and valgrind: everything at once, at random."""
import os
import subprocess

import pytest
from conftest import OWN_BUILD
from street import DEAD, DUAL, FAR6, FOUR, HOLE4, HOLE6, SERVER4, SERVER6, SIX, Street

HERE = os.path.dirname(os.path.abspath(__file__))
ZONE = {"silent.test": {"A": [SERVER4], "AAAA": HOLE6[:2]},
        "mixed.test": {"A": HOLE4[:2] + [SERVER4], "AAAA": [FAR6[0]]},
        "late.test": {"A": [SERVER4], "AAAA": [SERVER6], "delay": {"AAAA": 0.1}}}
ENDPOINTS = [DUAL, FOUR, SIX, DEAD, "tcp://silent.test:5555", "tcp://mixed.test:5555",
             "tcp://late.test:5555", "tcp://dual.test:5999", "tcp://nosuch.test:5555",
             "tcp://localhost:5999", "tcp://10.0.0.1:5555", "tcp://[2001:db8::1]:5555"]
LIMIT = 240  # seconds; it takes a tenth

# For each checker: the library that it needs, flags for the program, rounds, the command before it.
CHECKERS = {
    "asan": ("ZDS_ASAN_LIBDIR", ["-fsanitize=address,undefined"], 60, []),
    "tsan": ("ZDS_TSAN_LIBDIR", ["-fsanitize=thread"], 60, []),
    # A thread that hangs in a look-up when the process ends still holds memory; that is no leak.
    "valgrind": ("ZDS_PATCHED_LIBDIR", [], 15,
                 ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
                  "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
                  "--num-callers=25"]),
}
ENV = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=9",
       "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
       "TSAN_OPTIONS": "exitcode=9"}


@OWN_BUILD
@pytest.mark.parametrize("checker", sorted(CHECKERS))
def test_storm(lab, checker):
    """Catches: a data race between a resolver thread and the one that cancels; an attempt or a
    look-up used after its end; a socket or an answer that is leaked."""
    variable, flags, rounds, prefix = CHECKERS[checker]
    libdir = os.environ.get(variable)
    assert libdir and os.path.exists(libdir), "%s: no library built for it" % variable
    street = Street(lab, zone=ZONE)
    street.serve_both()
    program = lab.path("storm")
    subprocess.run(["cc", "-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Werror"] + flags
                   + ["-o", program, os.path.join(HERE, "programs", "storm.c"),
                      "-I" + os.path.join(os.path.dirname(libdir), "include"),
                      "-L" + libdir, "-lzmq", "-lpthread"], check=True)
    done = street.client.run(prefix + [program, "1", str(rounds)] + ENDPOINTS, check=False,
                             timeout=LIMIT, env=dict(os.environ, LD_LIBRARY_PATH=libdir, **ENV))
    assert done.returncode == 0 and done.stderr == "", done.stderr[:4000]
    word, replies = done.stdout.split()
    assert word == "done" and int(replies) > rounds
