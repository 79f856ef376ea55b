"""A proxy before Postgres that knows its protocol, and cuts a connection exactly where a transaction is committed: before
the server hears of it, or after the server has done it but before anybody is told.

A transaction is chosen by a statement that it runs, by the name that sql/ gives it. One that stands for itself, outside
BEGIN and COMMIT, is committed by its own message.
"""

import contextlib
import dataclasses
import socket
import struct
import threading

from harness.proxy import Listener

BEFORE, AFTER = "before", "after"
LOST = "lost"  # as before, and the server does not notice that the client has left


@dataclasses.dataclass
class Cut:
    statement: str
    where: str
    alone: bool = False
    away: float = 0.0  # seconds for which nobody reaches Postgres afterwards; None: until heal()
    statements: frozenset = frozenset()  # what the transaction had run
    done: threading.Event = dataclasses.field(default_factory=threading.Event)


class CommitProxy:
    """`path`: the server's Unix socket."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.connections = set()
        self.lost = []  # connections whose server does not know yet
        self.cut = None
        self.refusing = False
        self.was_away = False  # for a while, since somebody set it back
        self.timer = None
        self.listener = Listener(self._accept)

    def url(self, database="registrard"):
        host, port = self.listener.address
        return f"host={host} port={port} dbname={database} user=registrard sslmode=disable gssencmode=disable"

    def plan(self, statement, where, alone=False, away=0.0):
        """Cuts the next transaction that runs `statement`, once."""
        with self.lock:
            self.cut = Cut(statement, where, alone, away)
            return self.cut

    def heal(self):
        """Postgres can be reached; it still knows nothing of lost connections."""
        with self.lock:
            self.cut = None
            self._back()

    def close(self):
        self.heal()
        self.listener.close()
        self._end_all()
        for one in self.lost:
            one.end()

    # How

    def _accept(self, client):
        server = socket.socket(socket.AF_UNIX)
        with self.lock:
            if self.refusing or server.connect_ex(self.path) != 0:
                server.close()
                client.close()
                return
            one = _Connection(self, client, server)
            self.connections.add(one)
        one.start()

    def forget(self, one):
        with self.lock:
            self.connections.discard(one)

    def is_to_be_cut(self, names, alone):
        """The plan, when this is the transaction; then it is planned no more."""
        with self.lock:
            cut = self.cut
            if cut is None or cut.alone != alone or cut.statement not in names:
                return None
            self.cut = None
            cut.statements = frozenset(names)
            return cut

    def over(self, cut, connection):
        """Cuts the connection."""
        with self.lock:
            self.refusing = cut.away != 0
            self.was_away |= self.refusing
            if cut.where == LOST:
                self.lost.append(connection)
        if cut.where == LOST:
            connection.leave()
        else:
            connection.end()
        if cut.away != 0:
            self._end_all()
        if cut.away:
            self.timer = threading.Timer(cut.away, self._back)
            self.timer.start()
        cut.done.set()

    def _back(self):
        if self.timer is not None:
            self.timer.cancel()
        self.refusing = False

    def _end_all(self):
        with self.lock:
            connections = list(self.connections)
        for one in connections:
            one.end()


class _Connection:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.names = None  # statements of the transaction that is open; None without one
        self.swallowing = None  # the cut of which the answer is not passed on

    def start(self):
        for run in (self._up, self._down):
            threading.Thread(target=self._guard, args=(run,), daemon=True).start()

    def _guard(self, run):
        with contextlib.suppress(OSError):
            run()
        if self not in self.proxy.lost:
            self.end()
        self.proxy.forget(self)

    def leave(self):
        """The server is not told."""
        _shut(self.client)

    def end(self):
        _shut(self.client)
        _shut(self.server)

    # What registrard says: a startup message, then messages with a type

    def _up(self):
        start = _exactly(self.client, 4)
        self.server.sendall(start + _exactly(self.client, struct.unpack("!I", start)[0] - 4))
        batch = []
        while True:
            kind, body = _message(self.client)
            batch.append((kind, body))
            if kind in b"SQpX":  # the server answers what it has now: Sync, Query, a password; or it is the end
                if self._is_cut(batch):
                    return
                self.server.sendall(b"".join(k + struct.pack("!I", len(b) + 4) + b for k, b in batch))
                batch = []

    def _is_cut(self, batch):
        names = {body.split(b"\0")[1].decode() for kind, body in batch if kind == b"B"}
        text = batch[0][1].rstrip(b"\0").decode() if batch[0][0] == b"Q" else ""
        cut = None
        if text.startswith("begin"):
            self.names = set()
        elif text == "rollback":
            self.names = None
        elif text == "commit":
            cut, self.names = self.proxy.is_to_be_cut(self.names or (), alone=False), None
        elif self.names is not None:
            self.names |= names
        else:
            cut = self.proxy.is_to_be_cut(names, alone=True)
        return cut is not None and self._carry_out(cut, batch)

    def _carry_out(self, cut, batch):
        if cut.where == AFTER:
            self.swallowing = cut
            self.server.sendall(b"".join(k + struct.pack("!I", len(b) + 4) + b for k, b in batch))
            return False  # it ends when the answer has come
        self.proxy.over(cut, self)
        return True

    # What Postgres says

    def _down(self):
        while data := self.server.recv(65536):
            if self.swallowing is None:
                self.client.sendall(data)
                continue
            while not _is_ready(data):
                more = self.server.recv(65536)
                if not more:
                    break
                data += more
            self.proxy.over(self.swallowing, self)
            return


def _shut(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _exactly(source, count):
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _message(source):
    head = _exactly(source, 5)
    return head[:1], _exactly(source, struct.unpack("!I", head[1:])[0] - 4)


def _is_ready(data):
    """Whether the answer ends with ReadyForQuery: 'Z', its length 5, and the state."""
    return len(data) >= 6 and data[-6:-1] == b"Z\0\0\0\5"
