# SPDX-License-Identifier: MPL-2.0
"""What the process has, and how much it may have: descriptors, threads, memory, signals, shims."""
import ctypes
import gc
import json
import os
import re
import resource
import signal
import subprocess
import time

from .servers import op_pulse_end, op_unserve
from .sockets import op_quit
from .state import STATE


def op_fds():
    return len(os.listdir("/proc/self/fd"))


def op_cpu():
    """The processor time that this process has used, in seconds."""
    return time.process_time()


def op_threads():
    return len(os.listdir("/proc/self/task"))


def at_most(measure, limit, timeout):
    """The first value within the limit, or the last one before the deadline."""
    end = time.monotonic() + timeout
    while True:
        value = measure()
        if value <= limit or time.monotonic() >= end:
            return value
        time.sleep(0.02)


def op_fds_at_most(limit, timeout=5.0):
    return at_most(op_fds, limit, timeout)


def op_threads_at_most(limit, timeout=5.0):
    return at_most(op_threads, limit, timeout)


def op_census(fds, threads, timeout=15.0):
    """Closes everything, and waits until this process has at most so many descriptors and threads;
    returns what it has then."""
    for name in list(STATE.servants):
        op_unserve(name)
    for name in list(STATE.pulses):
        op_pulse_end(name)
    for name in list(STATE.contexts):
        op_quit(name)
    for one in STATE.held.values():
        # Sockets and threads.
        getattr(one, "close", getattr(one, "join", None))()
    STATE.held.clear()
    return [op_fds_at_most(fds, timeout), op_threads_at_most(threads, timeout)]


def op_threads_max(seconds):
    """The largest number of threads that was seen within this time."""
    end, most = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        most = max(most, op_threads())
        time.sleep(0.01)
    return most


def op_limit_fds(more):
    """From now on only so many more descriptors can be opened."""
    used = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
    filler = STATE.filler
    while len(filler) < 4096:  # every gap below
        number = os.dup(0)
        if number >= used:
            os.close(number)
            break
        filler.append(number)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + more, hard))
    return len(filler)


def op_unlimit_fds():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    while STATE.filler:
        os.close(STATE.filler.pop())
    return "ok"


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost")]


def op_memory():
    """Bytes that malloc has given out, after Python's garbage was collected."""
    gc.collect()
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def op_shim(rules):
    """New rules for the preloaded shim."""
    shim = ctypes.CDLL(None)
    shim.zds_shim_set(rules.encode())
    return "ok"


def op_shim_counts():
    """How often each watched call was made."""
    shim = ctypes.CDLL(None)
    shim.zds_shim_counts.restype = ctypes.c_char_p
    return json.loads(shim.zds_shim_counts().decode())


def op_shim_queue():
    """Tells the shim where libzmq's queue of commands is."""
    with open("/proc/self/maps") as maps:
        library = next(line.split()[-1] for line in maps if "/libzmq.so" in line)
    shim = ctypes.CDLL(None)
    functions = re.findall(
        r"^(\w+) (\w+) \w _ZN3zmq(?:(?:7ypipe_t|8yqueue_t)INS_9command_tE|9mailbox_t4send)",
        subprocess.check_output(["nm", "-S", library], text=True), re.MULTILINE)
    for at, size in functions:
        shim.zds_shim_queue(ctypes.c_ulong(int(at, 16)), ctypes.c_ulong(int(size, 16)))
    return "ok"


def op_shim_jump(seconds):
    """From now on the wall clock jumps back and forth by this many seconds."""
    ctypes.CDLL(None).zds_shim_jump(seconds)
    return "ok"


def op_dial_shim(rule):
    ctypes.CDLL(None).dial_shim_set(rule.encode())
    return "ok"


def op_dial_shim_hits():
    return ctypes.CDLL(None).dial_shim_hits()


def op_alarms(interval):
    """Sends a signal at this interval, in seconds, whose handler does not restart system calls; 0
    ends it.  Returns how many signals there were."""
    count = getattr(STATE, "alarms", None)
    if interval:
        STATE.alarms = count = [0]

        def count_one(*_):
            count[0] += 1
        signal.signal(signal.SIGALRM, count_one)
        signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, interval, interval)
    return count[0]


def op_setenv(name, value):
    os.environ[name] = value
    return "ok"


def op_pause(seconds):
    time.sleep(seconds)
    return "ok"
