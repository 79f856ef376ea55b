"""Proxies that let through the beginning of what registrard sends and hold the rest: a request that the XMPP server got
half of."""

import re
import threading

from harness.link import Link
from harness.proxy import FaultProxy


# Comparisons would send what is taken for the request that is to be halved.
QUIET = {"REGISTRARD_RECONCILE_RECHECK": "0s", "REGISTRARD_RECONCILE_PER_SECOND": "0"}
# Whole ones: a ping may come at any time.
COMMAND, ROSTER, ROSTER_CALL = (re.compile(one, re.DOTALL) for one in (
    rb"http://jabber\.org/protocol/commands.*?</iq>", rb"jabber:iq:roster.*?</iq>", rb"_rosteritem.*?\}"))


class PartialLink(Link):
    """`reached`: the server has the half, and gets no more."""

    def __init__(self, stack):
        super().__init__(stack, PartialProxy)
        self.settings.update(QUIET)
        self.reached = None

    def hold_command(self):
        """The next XEP-0133 command is executed, but not completed."""
        self._hold(self.component, COMMAND)

    def hold_roster(self):
        """Of the next two rosters that are changed, one is. ejabberd is told by a JSON object each, the others by an iq."""
        self._hold(self.api or self.component, ROSTER_CALL if self.api else ROSTER)

    def release(self):
        """What comes from now on is let through."""
        for one in self.proxies:
            one.marker = None

    def _hold(self, proxy, marker):
        proxy.hold_after(marker)
        self.reached = proxy.reached


class PartialProxy(FaultProxy):
    def __init__(self, target):
        super().__init__(target)
        self.marker = None
        self.reached = threading.Event()
        self.turn = threading.Lock()  # several connections, one first marker

    def hold_after(self, marker):
        """From now on, what follows the first `marker` on its way to the server is held for ever."""
        self.reached.clear()
        self.marker = marker

    def _pump(self, source, sink, forth):
        super()._pump(source, _Valve(self, sink) if forth else sink, forth)


class _Valve:
    """The server's socket as FaultProxy uses it."""

    def __init__(self, proxy, sink):
        self.proxy = proxy
        self.sink = sink
        self.tail = b""  # a marker may come in two pieces

    def sendall(self, data):
        with self.proxy.turn:
            self._send(data)

    def _send(self, data):
        marker = self.proxy.marker
        if marker is None:
            self.sink.sendall(data)
        elif not self.proxy.reached.is_set():
            seen = self.tail + data
            found = marker.search(seen)
            if found:
                data = data[: found.end() - len(self.tail)]
                self.proxy.reached.set()
            self.tail = b"" if found else seen
            self.sink.sendall(data)

    def __getattr__(self, name):
        return getattr(self.sink, name)

    def __hash__(self):
        return hash(self.sink)

    def __eq__(self, other):
        return self.sink is other or self is other
