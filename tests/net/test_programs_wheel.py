# SPDX-License-Identifier: MPL-2.0
"""D-1: pyzmq as its wheels on PyPI are laid out, with a libzmq of their own under another name."""
import glob
import os
import shutil
import subprocess

import pytest
from lab import PYTHON, libdir
from program import Program, needs
from street import SERVER4, SERVER6, Street, tcp
from test_run import EXAMPLES

pytestmark = needs("patchelf")

NAME = "libzmq-0123abcd.so.5.2.4"


@pytest.fixture
def wheel(lab):
    """Debian's pyzmq put into the shape that auditwheel gives it: pyzmq.libs/libzmq-HASH.so beside
    the package, the extensions linked to that name and finding it by RPATH."""
    where = os.path.join(lab.dir, "site-packages")
    done = subprocess.run([PYTHON, "-c", "import zmq; print(zmq.__path__[0])"], check=True,
                          capture_output=True, text=True)
    shutil.copytree(done.stdout.strip(), os.path.join(where, "zmq"))
    libs = os.path.join(where, "pyzmq.libs")
    os.mkdir(libs)
    bundled = os.path.join(libs, NAME)
    shutil.copy(os.path.realpath(os.path.join(libdir("stock"), "libzmq.so.5")), bundled)
    subprocess.run(["patchelf", "--set-soname", NAME, bundled], check=True)
    extensions = glob.glob(os.path.join(where, "zmq", "**", "*.so"), recursive=True)
    for extension in extensions:
        path = os.path.join("$ORIGIN", os.path.relpath(libs, os.path.dirname(extension)))
        subprocess.run(["patchelf", "--replace-needed", "libzmq.so.5", NAME, extension], check=True)
        subprocess.run(["patchelf", "--force-rpath", "--set-rpath", path, extension], check=True)
        needed = subprocess.run(["patchelf", "--print-needed", extension], check=True,
                                capture_output=True, text=True).stdout.split()
        assert "libzmq.so.5" not in needed
    assert extensions
    return where


def serve(street, wheel, lib):
    server = Program(street.server, [PYTHON, os.path.join(EXAMPLES, "rep_server.py"),
                                     "tcp://*:5555"], lib=lib, env={"PYTHONPATH": wheel})
    assert server.line() == "bound tcp://0.0.0.0:5555"
    return server


def test_d1_wheel(lab, wheel):
    """A server and a client that both bring a libzmq of their own.  Catches: a bundled library that
    is found ahead of ours; extensions of which only some use our symbols."""
    street = Street(lab)
    bundled = os.path.join(wheel, "pyzmq.libs", NAME)
    server = serve(street, wheel, "stock")
    assert server.libzmq() == {bundled}
    assert street.server.open_on(5555) == ["0.0.0.0"]
    server.kill()
    server = serve(street, wheel, "patched")
    assert os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5")) in server.libzmq()
    assert street.server.open_on(5555) == ["*"]
    for host, peer in ((SERVER4, SERVER4), (SERVER6, SERVER6), ("dual.test", SERVER6),
                       ("silent", SERVER4)):
        if host == "silent":
            street.silent(6)
            host = "dual.test"
        client = Program(street.client, [PYTHON, os.path.join(EXAMPLES, "req_client.py"),
                                         tcp(host)], env={"PYTHONPATH": wheel})
        assert client.line().split()[:2] == ["reply", peer]
        assert client.end() == 0
