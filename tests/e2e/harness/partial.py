"""A proxy that lets through the beginning of what registrard sends and holds the rest: a request that the XMPP server
got half of."""

import threading

from harness.proxy import FaultProxy


class PartialProxy(FaultProxy):
    def __init__(self, target):
        super().__init__(target)
        self.marker = None
        self.reached = threading.Event()

    def hold_after(self, marker):
        """From now on, what follows the first `marker` on its way to the server is held for ever."""
        self.reached.clear()
        self.marker = marker

    def _pump(self, source, sink):
        if sink.getpeername()[1] == self.target[1]:
            sink = _Valve(self, sink)
        super()._pump(source, sink)


class _Valve:
    """The server's socket as FaultProxy uses it."""

    def __init__(self, proxy, sink):
        self.proxy = proxy
        self.sink = sink
        self.tail = b""  # a marker may come in two pieces

    def sendall(self, data):
        marker = self.proxy.marker
        if marker is None:
            self.sink.sendall(data)
        elif not self.proxy.reached.is_set():
            seen = self.tail + data
            end = seen.find(marker)
            if end >= 0:
                data = data[: end + len(marker) - len(self.tail)]
                self.proxy.reached.set()
            self.tail = seen[-len(marker) :]
            self.sink.sendall(data)

    def __getattr__(self, name):
        return getattr(self.sink, name)

    def __hash__(self):
        return hash(self.sink)

    def __eq__(self, other):
        return self.sink is other or self is other
