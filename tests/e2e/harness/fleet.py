"""Several registrards on one Postgres, Redis and XMPP server, each with a component and a link of its own."""

import itertools
import re

from harness.calls import Calls
from harness.d003 import metric
from harness.http_client import Http
from harness.link import Link
from harness.process import Registrard
from harness.proxy import FaultProxy
from harness.tcp_client import LineClient

# What a process that died held is done by the others when its lease is over.
LEASE = 3
SETTINGS = {
    "REGISTRARD_OUTBOX_LEASE": f"{LEASE}s",
    "REGISTRARD_BINDING_REGISTER_WAIT": "2s",
    "REGISTRARD_XMPP_REQUEST_TIMEOUT": "2s",
    "REGISTRARD_XMPP_PING_INTERVAL": "500ms",
}
_numbers = itertools.count(1)
ROSTER_SET = re.compile(rb"<item jid=")


class CountingProxy(FaultProxy):
    """Counts roster items in what the component says: two for a pair that is made true once."""

    def __init__(self, target):
        self.items = 0
        super().__init__(target)

    def _pump(self, source, sink, forth):
        super()._pump(source, _Ear(self, sink) if forth else sink, forth)


class _Ear:
    """A socket as far as the proxy uses it, which counts what goes through."""

    def __init__(self, proxy, sink):
        self.proxy, self.sink = proxy, sink

    def sendall(self, data):
        self.proxy.items += len(ROSTER_SET.findall(data))
        self.sink.sendall(data)

    def shutdown(self, how):
        self.sink.shutdown(how)

    def close(self):
        self.sink.close()


class Member:
    def __init__(self, registrard, link, stack, read_answer):
        self.server = registrard
        self.link = link
        self.stack = stack
        self.http = Http(registrard.ports, stack.certificate)
        self.calls = Calls(self.http, read_answer)

    def tcp(self):
        return LineClient(self.server.ports["tcp"])

    def valid(self, token):
        with self.tcp() as line:
            return line.call("/verify_access_token", access_token=token)["validate"]

    def done(self, kind="pair"):
        """How many wishes it made true."""
        return int(metric(self.server, "outbox_done_total", kind=kind))


class Fleet:
    """The first member is the tests' common server; the others are stopped at the end."""

    def __init__(self, server, link, stack, read_answer):
        self.stack = stack
        self.read_answer = read_answer
        server.restart(SETTINGS)
        self.members = [Member(server, link, stack, read_answer)]
        self.expected = []

    def add(self, count=1, settings=None):
        """Further ones, which run; the last of them."""
        for _ in range(count):
            number = len(self.members)
            link = Link(self.stack, CountingProxy)
            own = {"REGISTRARD_XMPP_COMPONENT": self.stack.components[number], **SETTINGS, **(settings or {})}
            one = Registrard(self.stack, link.settings, f"member-{next(_numbers)}", own)
            one.start()
            self.members.append(Member(one, link, self.stack, self.read_answer))
        return self.members[-1]

    def close(self):
        for member in self.members[1:]:
            member.link.heal()
            member.server.stop()
            member.link.close()
            complaints = member.server.log.complaints(0, self.expected)
            assert not complaints, "\n".join(complaints)
