#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""kernel.py '*'|INTERFACE ADDRESS...: starts a Jupyter kernel that listens there, has it compute
something from each of the addresses, and prints a line for each: what the kernel answered, or "no
answer". The first address has to be one that answers, because it is tried until the kernel has
started."""
import os
import subprocess
import sys
import tempfile

import zmq
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.connect import write_connection_file

START_LIMIT, PATIENCE = 90, 10  # s
PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
FIRST_PORT = 5570


class Wildcard:
    """A kernel as a notebook server starts it. jupyter_client turns "*" into 0.0.0.0."""

    def __init__(self):
        self.manager = KernelManager(ip="*")
        self.manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.info = self.manager.get_connection_info()

    def stop(self):
        self.manager.shutdown_kernel(now=True)


class OnInterface:
    """A kernel for clients on other hosts, with a connection file that somebody wrote."""

    def __init__(self, interface):
        ports = {name: FIRST_PORT + i for i, name in enumerate(PORTS)}
        descriptor, path = tempfile.mkstemp(".json")
        os.close(descriptor)
        _, self.info = write_connection_file(path, ip=interface, key=b"a key", **ports)
        # The class above gets this from its manager.
        self.info["key"] = b"a key"
        self.process = subprocess.Popen([sys.executable, "-m", "ipykernel_launcher", "-f", path],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.kill()
        self.process.wait()


def ask(info, address, patience):
    # Not wait_for_ready, which takes a kernel that starts slowly for a dead one.
    client = BlockingKernelClient()
    client.load_connection_info(dict(info, ip=address))
    try:
        client.start_channels(hb=False)
        client.kernel_info(reply=True, timeout=patience)
        reply = client.execute("", user_expressions={"x": "6 * 7"}, reply=True, timeout=patience)
        return reply["content"]["user_expressions"]["x"]["data"]["text/plain"]
    except (TimeoutError, zmq.ZMQError):
        return "no answer"
    finally:
        client.stop_channels()


def main(where, addresses):
    kernel = Wildcard() if where == "*" else OnInterface(where)
    try:
        for i, address in enumerate(addresses):
            print(ask(kernel.info, address, PATIENCE if i else START_LIMIT), flush=True)
    finally:
        kernel.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
