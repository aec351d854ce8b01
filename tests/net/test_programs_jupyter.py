# SPDX-License-Identifier: MPL-2.0
"""Jupyter kernels and clients as Debian has them: python3-ipykernel, python3-jupyter-client, and
xpython, a kernel in C++."""
import json
import os

import pytest
from lab import PYTHON, wait_until
from program import WITH_PARENT, needs, python, wait_open
from street import SERVER4, SERVER6, plain_street

pytestmark = needs("ipykernel", "jupyter_client")

PORT = 6000
CHANNELS = ("shell", "iopub", "stdin", "hb", "control")
IPYKERNEL = [PYTHON, "-m", "ipykernel_launcher"]
XPYTHON = ["/usr/bin/xpython", "--raw"]
EXECUTED = {"status": "ok", "printed": "hello\n", "result": "42"}


class Kernel:
    """A kernel on the server of a street; `listens` are the addresses of each of its ports."""

    def __init__(self, street, ip, listens, argv=IPYKERNEL, lib="patched", env=None):
        self.street = street
        self.file = os.path.join(street.server.lab.dir, "connection-%s.json" % ip)
        self.program = python(street.server, "jupyter_host.py", self.file, ip, PORT,
                              *WITH_PARENT, *argv, lib=lib, env=env)
        assert self.program.line().startswith("launched ")
        for number in range(len(CHANNELS)):
            wait_open(street.server, PORT + number, listens)

    def talk(self, ip, over, *steps):
        """The output of a client that finds the kernel under `ip`; all of its channels have to use
        the family `over`."""
        client = python(self.street.client, "jupyter_talk.py", self.file, ip, *steps)
        said = json.loads(client.line(60))
        if "shutdown" not in steps:
            assert wait_until(lambda: {
                one.peer for number in range(len(CHANNELS))
                for one in self.street.dialled(PORT + number) if one.state == "ESTABLISHED"
            } == {(over, PORT + number) for number in range(len(CHANNELS))})
        assert client.end() == 0
        return said


@pytest.fixture
def street(lab):
    return plain_street(lab, hosts="%s kernel.hosts\n%s kernel.hosts\n" % (SERVER4, SERVER6))


def refuse6(street):
    street.faults("meta nfproto ipv6 tcp dport %d-%d reject with tcp reset" % (PORT, PORT + 4))


def test_jupyter_kernel_on_an_interface(street):
    """One kernel, and clients that find it in every way.  Catches: a channel that is on one family
    only; a client that stays on a family that fails; a heartbeat or control channel that does not
    answer."""
    kernel = Kernel(street, "eth0", [SERVER4, SERVER6])
    assert kernel.talk("kernel.hosts", SERVER6, "execute", "heartbeat") == {
        "execute": EXECUTED, "heartbeat": True}
    assert kernel.talk(SERVER4, SERVER4, "execute") == {"execute": EXECUTED}
    assert kernel.talk(SERVER6, SERVER6, "execute") == {"execute": EXECUTED}
    assert kernel.talk("[%s]" % SERVER6, SERVER6, "execute") == {"execute": EXECUTED}
    refuse6(street)
    assert kernel.talk("kernel.hosts", SERVER4, "execute", "heartbeat") == {
        "execute": EXECUTED, "heartbeat": True}
    street.silent(6)
    assert kernel.talk("dual.test", SERVER4, "execute", "interrupt") == {
        "execute": EXECUTED, "interrupt": "KeyboardInterrupt"}
    street.silent()
    assert kernel.talk("six.test", SERVER6, "execute", "shutdown") == {
        "execute": EXECUTED, "shutdown": "shutdown_reply"}
    assert kernel.program.line() == "ended 0"


def test_jupyter_kernel_anywhere(street):
    """Jupyter itself turns "*" into 0.0.0.0, so that its kernel is on IPv4 (a numeric address is
    that address); a client that knows it by name reaches it all the same, since IPv6 is refused.
    Catches: moving a kernel off the address that it asked for; a client that gives up."""
    kernel = Kernel(street, "*", ["0.0.0.0"])
    assert kernel.talk("dual.test", SERVER4, "execute", "interrupt", "heartbeat") == {
        "execute": EXECUTED, "interrupt": "KeyboardInterrupt", "heartbeat": True}
    street.silent(6)
    assert kernel.talk("kernel.hosts", SERVER4, "shutdown") == {"shutdown": "shutdown_reply"}
    assert kernel.program.line() == "ended 0"


def test_jupyter_kernel_anywhere_with_the_word_any(street):
    """As README advises, the word "any" makes 0.0.0.0 mean everywhere.  Catches: a kernel that
    stays on IPv4; advice that does not work."""
    kernel = Kernel(street, "*", ["*"], env={"ZMQ_DUALSTACK": "any"})
    assert kernel.talk("dual.test", SERVER6, "execute", "heartbeat") == {
        "execute": EXECUTED, "heartbeat": True}
    assert kernel.talk("six.test", SERVER6, "execute") == {"execute": EXECUTED}
    assert kernel.talk(SERVER4, SERVER4, "execute", "shutdown") == {
        "execute": EXECUTED, "shutdown": "shutdown_reply"}
    assert kernel.program.line() == "ended 0"


def test_jupyter_kernel_on_stock(street):
    """The same kernel on stock, and a client on ours.  Catches: a test that sees two families where
    there is one."""
    kernel = Kernel(street, "eth0", [SERVER4], lib="stock")
    assert kernel.talk("dual.test", SERVER4, "execute", "shutdown") == {
        "execute": EXECUTED, "shutdown": "shutdown_reply"}
    assert kernel.program.line() == "ended 0"


@needs("xpython")
def test_jupyter_kernel_in_cpp(street):
    """xpython: xeus and cppzmq, which leave "*" to libzmq.  Catches: anything that works with
    Python's binding only; a wildcard on one family."""
    kernel = Kernel(street, "*", ["*"], argv=XPYTHON)
    assert kernel.talk("dual.test", SERVER6, "execute", "heartbeat") == {
        "execute": EXECUTED, "heartbeat": True}
    street.silent(6)
    assert kernel.talk("dual.test", SERVER4, "execute", "shutdown") == {
        "execute": EXECUTED, "shutdown": "shutdown_reply"}
    # Newer versions print a line before that.
    assert any(kernel.program.line() == "ended 0" for _ in range(2))
