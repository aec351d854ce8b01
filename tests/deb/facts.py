#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""facts.py DIR: runs the ZeroMQ programs in DIR on whatever libzmq is installed, and prints what
they got: "WHO: WHAT: ANSWER". It runs inside the throw-away Debian of scripts/check-deb, in a
network namespace whose eth0 has the addresses below; /etc/hosts has NAME with both."""
import os
import re
import subprocess
import sys

IPV4, IPV6, NAME = "192.0.2.1", "2001:db8::1", "server.example.net"
CLIENT_LIMIT, KERNEL_LIMIT = 60, 180  # s


def say(who, what, answer):
    print("%s: %s: %s" % (who, what, answer), flush=True)


def listeners(port):
    output = subprocess.check_output(["ss", "-Hltn", "sport = :%d" % port], text=True)
    return " ".join(sorted(line.split()[3] for line in output.splitlines())) or "nothing"


def answer_of(directory, endpoint):
    """What the client got: who answered, or why nobody did."""
    client = subprocess.run(
        ["python3", os.path.join(directory, "req_client.py"), endpoint],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=CLIENT_LIMIT)
    reply = re.match(r"reply (\S+)", client.stdout)
    if reply:
        return "reply from " + reply.group(1)
    error = re.search(r"^zmq\.error\.\w+: (.*)", client.stderr, re.MULTILINE)
    return error.group(1) if error else client.stdout.strip() or client.stderr.strip()


def server_facts(directory, who, command, host, port, environment):
    server = subprocess.Popen(command + ["tcp://%s:%d" % (host, port)], cwd=directory, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, **environment))
    try:
        who += " on " + host
        say(who, "says", server.stdout.readline().strip() or "nothing")
        say(who, "ss -ltn", listeners(port))
        for what, address in (("IPv4", IPV4), ("IPv6", "[%s]" % IPV6), ("name", NAME)):
            say(who, "over " + what, answer_of(directory, "tcp://%s:%d" % (address, port)))
    finally:
        server.kill()
        server.communicate()


def kernel_facts(directory, where, addresses):
    output = subprocess.check_output(
        ["python3", os.path.join(directory, "kernel.py"), where] + [a for _, a in addresses],
        stderr=subprocess.DEVNULL, text=True, timeout=KERNEL_LIMIT)
    for (what, _), answer in zip(addresses, output.splitlines()):
        say("kernel on " + where, "over " + what, answer)


def main(directory):
    python, c, czmq = ["python3", "rep_server.py"], ["./rep_server"], ["./czmq_server"]
    server_facts(directory, "python", python, "*", 5555, {})
    server_facts(directory, "python", python, "eth0", 5556, {})
    server_facts(directory, "C", c, "*", 5557, {})
    server_facts(directory, "CZMQ", czmq, "*", 5558, {})
    server_facts(directory, "CZMQ with ZSYS_IPV6=1", czmq, "eth0", 5559, {"ZSYS_IPV6": "1"})
    kernel_facts(directory, "*", (("IPv4", "127.0.0.1"), ("IPv6", "::1")))
    kernel_facts(directory, "eth0", (("IPv4", IPV4), ("IPv6", IPV6), ("name", NAME)))


if __name__ == "__main__":
    main(sys.argv[1])
