# SPDX-License-Identifier: MPL-2.0
"""Mongrel2, a web server that hands HTTP requests to programs elsewhere, over ZeroMQ."""
import os
import subprocess

import pytest
from lab import PYTHON, wait_until
from program import Program, needs, python
from street import SERVER4, SERVER6, plain_street, tcp

UUID = "f400bf85-4538-4f7a-8908-67e313d515c2"
CONFIG = """
handler = Handler(send_spec='%s', send_ident='34f9ceee-cd52-4b7f-b197-88bf2f0ec378',
                  recv_spec='%s', recv_ident='')
main = Server(uuid="%s", access_log="/logs/access.log", error_log="/logs/error.log", chroot="./",
              pid_file="/run/mongrel2.pid", default_host="localhost", name="main", port=6767,
              hosts=[Host(name="localhost", routes={'/': handler})])
servers = [main]
settings = {"server.daemonize": 0}
"""
# A handler's response is lost if it is published before Mongrel2's subscription has arrived, so ask
# until there is an answer.
ASK = """
import http.client
while True:
    try:
        link = http.client.HTTPConnection("127.0.0.1", 6767, timeout=1)
        link.request("GET", "/", headers={"Host": "localhost"})
        print(link.getresponse().read().decode())
        break
    except OSError:
        pass
"""

pytestmark = needs("mongrel2")


@pytest.fixture
def street(lab):
    return plain_street(lab)


def start(street, send_spec, recv_spec, lib):
    """Starts Mongrel2 in a directory of its own, the only one that it writes to."""
    where = os.path.join(street.server.lab.dir, "mongrel2-" + lib)
    for name in ("logs", "run", "tmp"):
        os.makedirs(os.path.join(where, name))
    config = os.path.join(where, "mongrel2.conf")
    with open(config, "w") as out:
        out.write(CONFIG % (send_spec, recv_spec, UUID))
    subprocess.run(["m2sh", "load", "-config", config, "-db", "config.sqlite"], cwd=where,
                   check=True, capture_output=True)
    return Program(street.server, ["sh", "-c", 'cd "$1" && exec mongrel2 config.sqlite "$2"', "sh",
                                   where, UUID], lib=lib)


def ask(street):
    return street.server.run([PYTHON, "-c", ASK]).stdout.strip()


def test_mongrel2_and_its_handlers(street):
    """One handler connects by address, others by name.  Catches: requests or responses on one
    family only; a handler that does not get past an IPv6 address that fails."""
    program = start(street, "tcp://*:9997", "tcp://eth0:9996", "stock")
    assert wait_until(lambda: street.server.open_on(9996) == [SERVER4])
    assert street.server.open_on(9997) == ["0.0.0.0"]
    program.kill()
    start(street, "tcp://*:9997", "tcp://eth0:9996", "patched")
    assert wait_until(lambda: street.server.open_on(9996) == [SERVER4, SERVER6])
    assert street.server.open_on(9997) == ["*"]
    for name, host, over, fault in (
            ("anna", SERVER4, SERVER4, ()), ("bert", "dual.test", SERVER6, ()),
            ("carl", "dual.test", SERVER4, ("meta nfproto ipv6 tcp dport 9996-9997 drop",))):
        street.faults(*fault)
        handler = python(street.client, "mongrel_handler.py", tcp(host, 9997), tcp(host, 9996),
                         name)
        assert handler.line() == "ready"
        assert ask(street) == name
        assert handler.line() == "answered " + over
        handler.kill()
