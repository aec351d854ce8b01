# SPDX-License-Identifier: MPL-2.0
"""Hundreds of wrong endpoints, on every call that takes one: stock's return code and errno
(or a success where stock fails), and never the end of the process."""
import os

import pytest
from conftest import OWN_BUILD
from lab import MODES, LabError, WorkerDied

import endpoints

CHUNK = 60
HOSTS_FILE = "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 host.test\n"
# In `auto` an IPv6 text is parsed, and then fails as it does with ZMQ_IPV6=1.
IPV6_ERRNOS = {"ENODEV", "EADDRNOTAVAIL", "EINVAL", "EADDRINUSE", "EAFNOSUPPORT"}


def make_host(lab):
    node = lab.node(etc={"hosts": HOSTS_FILE, "nsswitch.conf": "hosts: files\n"})
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    return node


def calls(mode, kind, data):
    """All four calls on one endpoint: two on a fresh socket, then in their usual order."""
    text = {"id": "s", "raw_hex": data.hex()}
    return [{"op": "socket", "id": "s", "kind": kind, "ctx_opts": mode.ctx, "opts": mode.sock},
            dict(text, op="unbind"), dict(text, op="disconnect"),
            dict(text, op="bind"), dict(text, op="unbind"),
            dict(text, op="connect"), dict(text, op="disconnect"), {"op": "reset"}]


NAMES = ["unbind first", "disconnect first", "bind", "unbind", "connect", "disconnect"]


class Runner:
    """Runs endpoints through one library; a crash costs one worker, and counts as an answer."""

    def __init__(self, node, lib, mode, kind, env=None):
        self.node, self.lib, self.mode, self.kind = node, lib, mode, kind
        self.env = dict(mode.env, **(env or {}))
        self.worker = None

    def answers(self, batch):
        if self.worker is None:
            self.worker = self.node.worker(self.lib, env=self.env)
        steps = [one for data in batch for one in calls(self.mode, self.kind, data)]
        try:
            results = self.worker.run(steps, 120)
        except (WorkerDied, LabError) as trouble:
            self.worker.kill()
            self.worker = None
            if len(batch) == 1:
                return [["died: " + str(trouble)]]
            return [self.answers([data])[0] for data in batch]
        width = len(steps) // len(batch)
        return [results[at + 1:at + width - 1] for at in range(0, len(results), width)]

    def all(self, listed):
        found = []
        for start in range(0, len(listed), CHUNK):
            found += self.answers(listed[start:start + CHUNK])
        return found


def acceptable(mode, data, theirs, ours):
    if ours == theirs or ours == "ok":
        return True
    return mode.kind == "auto" and data.count(b":") > 3 and {ours, theirs} <= IPV6_ERRNOS


def complaints(mode, listed, stock, patched):
    for data, theirs, ours in zip(listed, stock, patched):
        if ours[0].startswith("died"):
            if not theirs[0].startswith("died"):
                yield "%r: %s" % (data[:60], ours[0])
            continue
        if theirs[0].startswith("died"):
            continue
        for name, their, our in zip(NAMES, theirs, ours):
            if not acceptable(mode, data, their, our):
                yield "%s %r: stock %s, ours %s" % (name, data[:60], their, our)
                break
            if our != their:
                break  # after a success there is no model in stock


def check(lab, lib, mode, kind, listed):
    stock = Runner(make_host(lab), "stock", mode, kind).all(listed)
    ours = Runner(make_host(lab), lib, mode, kind).all(listed)
    found = list(complaints(mode, listed, stock, ours))
    if found:
        pytest.fail("%d of %d:\n%s" % (len(found), len(listed), "\n".join(found)),
                    pytrace=False)


@pytest.mark.parametrize("name", ["auto", "v6", "v4", "off"])
def test_u1_bad_endpoints_fail_as_stock(lab, name):
    """Catches: a parser of ours that is stricter, looser, or crashes; strings passed on
    without their length; errnos of our own making."""
    check(lab, "patched", MODES[name], "PAIR", endpoints.tcp())


@pytest.mark.parametrize("kind", ["DEALER", "SUB", "STREAM"])
def test_u1_bad_endpoints_on_other_sockets(lab, kind):
    """Some socket types check the endpoint themselves (one connect per name)."""
    check(lab, "patched", MODES["auto"], kind, endpoints.tcp()[::4])


@OWN_BUILD
@pytest.mark.parametrize("name", ["auto", "v6"])
def test_u1_bad_endpoints_under_sanitizers(lab, name):
    """The same list with a library built with ASan and UBSan: ZDS_ASAN_LIBDIR names its
    directory (`make asan` builds one)."""
    if not os.environ.get("ZDS_ASAN_LIBDIR"):
        pytest.skip("ZDS_ASAN_LIBDIR is not set: no library built with sanitizers to run")
    check(lab, "asan", MODES[name], "PAIR", endpoints.tcp())


def test_u1_there_are_hundreds():
    """Catches: a list that shrank."""
    listed = endpoints.tcp()
    assert len(listed) > 500
    assert any(b"\0" in data for data in listed)
    assert any(len(data) > 65536 for data in listed)
