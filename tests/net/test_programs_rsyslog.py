# SPDX-License-Identifier: MPL-2.0
"""rsyslog, whose modules omczmq and imczmq send and receive messages over CZMQ.  ./check unpacks it
in the build directory, and does not install it, since that would start it."""
import glob
import os
import socket

import pytest
from lab import wait_until
from program import Program
from street import SERVER4, SERVER6, plain_street
from test_run import cli

RECEIVER = """
module(load="imczmq")
input(type="imczmq" socktype="PULL" endpoints="@tcp://eth0:5555")
*.* action(type="omfile" file="%s")
"""
SENDER = """
module(load="imuxsock" SysSock.Use="off")
module(load="omczmq")
input(type="imuxsock" Socket="%s")
*.* action(type="omczmq" socktype="PUSH" endpoints=">tcp://dual.test:5555"
           template="RSYSLOG_ForwardFormat")
"""


@pytest.fixture
def street(lab):
    return plain_street(lab)


def rsyslogd(node, config, lib="patched"):
    """In the foreground, with all of its files elsewhere, by the options of its man page.  CZMQ
    sets ZMQ_IPV6 to 0 on every socket, unless ZSYS_IPV6 is set."""
    programs = os.path.join(os.path.dirname(cli()), "programs", "usr")
    modules = glob.glob(os.path.join(programs, "lib", "*", "rsyslog", "omczmq.so"))
    if not modules:
        pytest.skip("no rsyslog is unpacked in the build directory: ./check does that")
    return Program(node, [os.path.join(programs, "sbin", "rsyslogd"), "-n",
                          "-M", os.path.dirname(modules[0]), "-f", node.lab.write("conf", config),
                          "-i", node.lab.path("pid")], lib=lib, env={"ZSYS_IPV6": "1"})


class Sender:
    """A daemon on the client, and the socket at which it takes messages."""

    def __init__(self, street, lib="patched"):
        self.path = street.client.lab.path("log")
        self.program = rsyslogd(street.client, SENDER % self.path, lib)
        assert wait_until(lambda: os.path.exists(self.path))

    def log(self, text):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"<14>prog: " + text.encode(), self.path)


def test_rsyslog(street):
    """A daemon sends to another one by name.  Catches: a daemon that does not listen on one family;
    messages that wait for IPv6 for ever."""
    path = street.server.lab.path("messages")
    stock = rsyslogd(street.server, RECEIVER % path, "stock")
    assert wait_until(lambda: street.server.open_on(5555) == [SERVER6])
    stock.kill()
    rsyslogd(street.server, RECEIVER % path)
    assert wait_until(lambda: street.server.open_on(5555) == [SERVER4, SERVER6])

    def arrived(text):
        if not os.path.exists(path):
            return False
        with open(path) as messages:
            return any(line.rstrip().endswith("prog: " + text) for line in messages)

    def peers():
        return {(one.state, one.peer[0]) for one in street.dialled()}

    well = Sender(street)
    well.log("all is well")
    assert wait_until(lambda: arrived("all is well"))
    assert peers() == {("ESTABLISHED", SERVER6)}
    well.program.kill()
    street.silent(6)
    hopeless, hopeful = Sender(street, "stock"), Sender(street)
    hopeless.log("stock: IPv6 is silent")
    hopeful.log("IPv6 is silent")
    assert wait_until(lambda: arrived("IPv6 is silent"))
    assert wait_until(lambda: ("SYN_SENT", SERVER6) in peers())
    assert not arrived("stock: IPv6 is silent")
