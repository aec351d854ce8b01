# SPDX-License-Identifier: MPL-2.0
"""Two machines on one wire, for the tests of connecting: a client that has a name server of its
own, and a server whose addresses can be made to fail in every way that networks fail."""
from lab import DEADLINE

CLIENT4, CLIENT6 = "10.0.0.2", "2001:db8::2"
SERVER4, SERVER6 = "10.0.0.1", "2001:db8::1"
# More addresses of the server: some that the client's system takes for farther away than SERVER4
# and SERVER6 (RFC 6724, rule 9), and as many that it takes for nearer.
FAR4 = ["10.0.0.%d" % n for n in range(101, 109)]
FAR6 = ["2001:db8::f%d" % n for n in range(1, 9)]
# Black holes: they are routed through the server, which forwards nothing.
HOLE4 = ["192.0.2.%d" % n for n in range(1, 9)]
HOLE6 = ["2001:db8:dead::%d" % n for n in range(1, 9)]

DUAL, FOUR, SIX, DEAD = ("tcp://%s.test:5555" % name for name in ("dual", "four", "six", "dead"))

ZONE = {"dual.test": {"A": [SERVER4], "AAAA": [SERVER6]},
        "four.test": {"A": [SERVER4]},
        "six.test": {"AAAA": [SERVER6]},
        "dead.test": {"drop": ["A", "AAAA"]},
        "holes.test": {"A": HOLE4, "AAAA": HOLE6}}

RESOLV = "nameserver 127.0.0.1\n"
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"


class Street:
    """`client` and `server` are nodes; `dns` is the client's name server; `bridge` is set if the
    wire is a slow one.  Nothing listens until serve() is called."""

    def __init__(self, lab, zone=None, hosts="", resolv=RESOLV, slow=False,
                 client=(CLIENT4 + "/24", CLIENT6 + "/64")):
        self.client = lab.node("client", etc={"hosts": HOSTS + hosts, "resolv.conf": resolv,
                                              "nsswitch.conf": "hosts: files dns\n"})
        self.server = lab.node("server")
        self.bridge = None
        if slow:
            self.bridge = lab.slow_wire(self.client, "eth0", self.server, "eth0")
        else:
            lab.wire(self.client, "eth0", self.server, "eth0")
        self.client.addr("eth0", *client)
        self.server.addr("eth0", SERVER4 + "/24", SERVER6 + "/64", "fe80::1/64",
                         *["%s/24" % one for one in FAR4], *["%s/64" % one for one in FAR6])
        self.server.sysctl("net.ipv6.icmp.ratelimit", 0)
        for family, address, gateway in (("-4", ".", SERVER4), ("-6", ":", SERVER6)):
            if any(address in one and not one.startswith("fe80") for one in client):
                self.client.run(["ip", family, "route", "add", "default", "via", gateway,
                                 "dev", "eth0", "onlink"])
        self.dns = self.client.nameserver(dict(ZONE, **(zone or {})))
        self._host = None

    # -- the server's side

    @property
    def host(self):
        """The worker on the server.  It uses stock libzmq, since the server is not what is
        tested."""
        if self._host is None:
            self._host = self.server.worker("stock")
        return self._host

    def serve(self, family, port=5555, address=None, **opts):
        """A ZeroMQ server on one address; it calls itself "4" or "6"."""
        address = address or {4: SERVER4, 6: SERVER6}[family]
        host = "[%s]" % address if ":" in address else address
        name = str(family) if port == 5555 else "%s:%d" % (address, port)
        return self.host.serve("tcp://%s:%d" % (host, port), name=name,
                               **dict({"IPV6": 1} if ":" in address else {}, **opts))

    def serve_both(self):
        return self.serve(4), self.serve(6)

    # -- what goes wrong

    def faults(self, *rules):
        """The server's firewall for what comes in has these rules, and no others."""
        self.server.nft("add table inet faults\ndelete table inet faults\n"
                        "table inet faults { chain c { type filter hook input priority 0; %s }; }"
                        % " ".join(rule + ";" for rule in rules))

    def silent(self, *families):
        """TCP packets over these families are lost; without any family, all is well again."""
        self.faults(*["meta nfproto ipv%d tcp dport 1-65535 drop" % one for one in families])

    def syns(self, *families):
        """From now on, count the attempts that arrive; returns a function that reads the count."""
        def count():
            text = self.server.run(["nft", "list", "table", "inet", "counts"]).stdout
            words = text.split()
            return [int(words[at + 1]) for at, word in enumerate(words) if word == "packets"]
        rules = "".join("meta nfproto ipv%d tcp flags & (syn | ack) == syn counter; " % one
                        for one in families)
        self.server.nft("table inet counts { chain c { type filter hook input priority -10; %s"
                        "}; }" % rules)
        return count

    # -- the client's side

    def caller(self, words="", **more):
        """A worker on the client; `words` are for ZMQ_DUALSTACK.  On a busy machine one of two
        answers may come 50 ms after the other, and a connection may take 250 ms.  So the delays are
        as long as they can be, unless the words set them; with None, the environment is left as it
        is."""
        env = dict(more.pop("env", {}))
        if words is not None:
            words = words or env.get("ZMQ_DUALSTACK", "")
            more_words = [one for one in WAITING.split(",") if one.split("=")[0] not in words]
            env["ZMQ_DUALSTACK"] = ",".join([words] * bool(words) + more_words)
        return self.client.worker(env=env, **more)

    def dial(self, words="", mode=None, **opts):
        """A socket of a new worker on the client."""
        more = dict(mode.env) if mode else {}
        return self.caller(words, env=more).socket("DEALER", mode=mode, monitor=True, **opts)

    def dialled(self, port=5555):
        """Attempts and connections of the client."""
        return self.client.connections(port)

    def lookup(self, name, family=0):
        """What the client's system resolver answers to any program."""
        code = ("import socket,sys\nfor one in socket.getaddrinfo(sys.argv[1], None, "
                "int(sys.argv[2]), socket.SOCK_STREAM): print(one[4][0])")
        done = self.client.run(["/usr/bin/python3", "-c", code, name, str(family)], check=False,
                               timeout=DEADLINE)
        return done.stdout.split()


def plain_street(lab, **more):
    """A street whose server has one address of each family, as most servers have."""
    street = Street(lab, **more)
    street.server.addr_del("eth0", *["%s/24" % one for one in FAR4],
                           *["%s/64" % one for one in FAR6])
    return street


# To tell "at once" from "after a delay", the delays are as long as they can be: what takes less
# than PROMPT waited for neither, however busy the machine is.
WAITING = "attempt-delay=2000,resolution-delay=2000"
PATIENT = "resolution-delay=2000"
PROMPT = 1700.0  # ms


def tcp(host, port=5555):
    return "tcp://%s:%d" % ("[%s]" % host if ":" in host else host, port)
