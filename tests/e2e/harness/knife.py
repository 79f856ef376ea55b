"""A proxy that cuts each connection at a byte of its own: in the handshake, in the middle of a stanza, on the way to
the server or back."""

import threading
import time

from harness.hostile import Sink, end, is_towards
from harness.proxy import FaultProxy

LONGEST = 0.15  # seconds; who talks so little that the byte does not come is cut then


class Cut:
    """Where one connection ends."""

    def __init__(self, dice):
        self.down = dice.random() < 0.5  # counts what the server says; else what registrard says
        stage = dice.choices(((1, 300), (300, 1500), (1500, 20000)), (2, 3, 5))[0]  # handshake, proof, traffic
        self.left = dice.randint(*stage)
        self.until = time.monotonic() + LONGEST
        self.sockets = set()


class Knife(FaultProxy):
    def __init__(self, target, dice):
        self.dice = dice
        self.cutting = False
        self.plans = {}  # by registrard's socket
        super().__init__(target)
        threading.Thread(target=self._reap, daemon=True, name="reaper").start()

    def heal(self):
        self.cutting = False
        super().heal()

    def _connect(self, client):
        if self.cutting:
            with self.lock:
                self.plans[client] = Cut(self.dice)
        super()._connect(client)

    def _pump(self, source, sink, *more):
        down = not is_towards(self.target, sink)
        plan = self.plans.get(sink if down else source)
        if plan is not None:
            plan.sockets |= {source, sink}
            if plan.down == down:
                sink = _Edge(self, plan, sink)
        super()._pump(source, sink, *more)

    def _reap(self):
        while not self.closed:
            time.sleep(0.02)
            now = time.monotonic()
            with self.lock:
                gone = [client for client, plan in self.plans.items() if client.fileno() < 0 or plan.until < now]
                over = [self.plans.pop(client) for client in gone]
            for plan in over:
                for one in plan.sockets if self.cutting else ():
                    end(one)


class _Edge(Sink):
    """Takes so many bytes."""

    def __init__(self, owner, plan, sink):
        super().__init__(owner, sink)
        self.plan = plan

    def sendall(self, data):
        if not self.owner.cutting:
            self.plan.left = 1 << 60
        self.sink.sendall(data[: self.plan.left])
        self.plan.left -= len(data)
        if self.plan.left <= 0:
            raise ConnectionError("cut")
