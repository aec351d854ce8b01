# SPDX-License-Identifier: MPL-2.0
"""Runs inside a namespace and uses libzmq as it is told: JSON lines in, JSON lines out.

Calls whose result is compared go to libzmq through ctypes, so that return code and errno
are libzmq's own; messages, polling and monitors go through the distribution's pyzmq.

An order {"op": "bind", ...} calls op_bind, which is in the module of its subject.
"""
import faulthandler
import json
import os
import queue
import sys
import threading
import time
import traceback

import zmq

from . import messages, monitor, names, plain, process, servers, sockets, wrong_servers, whole
from .state import STATE

faulthandler.enable()
OPS = {}


def offer(functions):
    """Takes every op_... among the named functions as an order."""
    OPS.update({name[3:]: function for name, function in functions.items()
                if name.startswith("op_")})


def op_reset():
    """Close everything, so that the next case starts anew."""
    for name in list(STATE.servants):
        servers.op_unserve(name)
    for wrong_server in STATE.wrong_servers.values():
        wrong_server.end()
    for held in STATE.held.values():
        held.close()
    for name in list(STATE.contexts):
        sockets.op_term(name)
    STATE.clear()
    return "ok"


def op_time(steps):
    """Run steps and say how long they took."""
    start = time.monotonic()
    results = [perform(step) for step in steps]
    return {"seconds": time.monotonic() - start, "results": results}


def perform(step):
    """A step marked `vital` that fails ends its case: what follows would only time out."""
    step = dict(step)
    op, vital = step.pop("op"), step.pop("vital", False)
    if op == "reset":
        STATE.over = False
    if STATE.over:
        return "skipped"
    result = OPS[op](**step)
    STATE.over = vital and (result != "ok" if isinstance(result, str) else timed_out(result))
    return result


def timed_out(result):
    return "TIMEOUT" in str(result) or "'timeout'" in str(result)


def loaded():
    with open("/proc/self/maps") as maps:
        return sorted({line.split()[5] for line in maps
                       if "/libzmq" in line and ".so" in line and "pyzmq" not in line})


def read_orders(orders):
    """Runs in a thread of its own, so that when the test run goes away this process does too,
    whatever libzmq is doing."""
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


def main():
    # Libraries print on standard output now and then; our answers go to a copy of it.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    orders = queue.Queue()
    threading.Thread(target=read_orders, args=(orders,), daemon=True).start()
    hello = {"libzmq": loaded(), "version": zmq.zmq_version_info(), "fds": process.op_fds(),
             "threads": process.op_threads()}
    print(json.dumps(hello), file=out, flush=True)
    while True:
        order = json.loads(orders.get())
        try:
            answer = {"n": order["n"], "results": [perform(step) for step in order["do"]]}
        except Exception:
            answer = {"n": order["n"], "trouble": traceback.format_exc()}
        print(json.dumps(answer), file=out, flush=True)


for subject in (sockets, monitor, messages, names, servers, wrong_servers, plain, process, whole):
    offer(vars(subject))
offer(globals())
