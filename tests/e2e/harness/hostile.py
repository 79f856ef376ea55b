"""The XMPP server as registrard sees it, turned against it: what the real one says is altered, doubled, left out or
followed by more; or nothing of it is let through, and a player of the test's answers in its place."""

import re
import socket
import threading
import time

from harness.proxy import FaultProxy

TAG = re.compile(rb"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
FIRST_TAG = re.compile(rb"^\s*<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")


class Cutter:
    """A server's stream, which is well-formed, cut into its header and its stanzas."""

    def __init__(self):
        self.held = b""
        self.at = 0
        self.depth = 0

    def feed(self, data):
        pieces = []
        self.held += data
        while tag := TAG.search(self.held, self.at):
            self.at = tag.end()
            text = tag.group()
            if text.startswith(b"<?"):
                continue
            self.depth += -1 if text.startswith(b"</") else not text.endswith(b"/>")
            if self.depth <= 1:
                pieces.append(self.held[: self.at])
                self.held, self.at = self.held[self.at :], 0
        return pieces


class HostileServer(FaultProxy):
    """Set what is wanted; heal() takes all of it back."""

    def __init__(self, target):
        self.player = None  # function(socket): all that new connections are told
        self.edit = None  # function(stanza): what registrard gets instead of each stanza
        self.swallow = None  # function(stanza): True for what the real server does not get
        self.slowness = None  # seconds before each byte
        self.heard = []  # registrard's stanzas since a test emptied it
        self.voice = None  # towards registrard, on the newest connection
        super().__init__(target)

    def inject(self, data):
        """Says something between two stanzas of the server's."""
        self.voice.say(data)

    def heal(self):
        self.player = self.edit = self.swallow = self.slowness = None
        super().heal()

    def _connect(self, client):
        player = self.player
        if player is None:
            super()._connect(client)
            return
        with self.lock:
            self.sockets.add(client)
        try:
            client.settimeout(10)
            player(client)
        except OSError:
            pass
        finally:
            with self.lock:
                self.sockets.discard(client)
            end(client)

    def _pump(self, source, sink, *more):
        if is_towards(self.target, sink):
            super()._pump(source, _Ear(self, sink), *more)
        else:
            self.voice = _Voice(self, sink)
            super()._pump(source, self.voice, *more)


def is_towards(target, sink):
    """Whether a socket goes to the real server; one that was closed meanwhile goes nowhere."""
    try:
        return sink.getpeername()[1] == target[1]
    except OSError:
        return True


class Sink:
    """A socket as FaultProxy uses it, with something between."""

    def __init__(self, owner, sink):
        self.owner = owner
        self.sink = sink
        self.cutter = Cutter()

    def sendall(self, data):
        raise NotImplementedError

    def __getattr__(self, name):
        return getattr(self.sink, name)

    def __hash__(self):
        return hash(self.sink)

    def __eq__(self, other):
        return self.sink is other or self is other


class _Voice(Sink):
    def __init__(self, owner, sink):
        super().__init__(owner, sink)
        self.lock = threading.Lock()

    def sendall(self, data):
        for stanza in self.cutter.feed(data):
            edit = self.owner.edit
            self.say(edit(stanza) if edit else stanza)

    def say(self, data):
        with self.lock:
            while data:
                slowness = self.owner.slowness
                piece = data if slowness is None else data[:1]
                time.sleep(slowness or 0)
                self.sink.sendall(piece)
                data = data[len(piece) :]


class _Ear(Sink):
    def sendall(self, data):
        for stanza in self.cutter.feed(data):
            self.owner.heard.append(stanza)
            swallow = self.owner.swallow
            if not (swallow and swallow(stanza)):
                self.sink.sendall(stanza)


def end(one):
    """What was sent still arrives: the other side's bytes are read, so that closing does not reset."""
    try:
        one.shutdown(socket.SHUT_WR)
        one.settimeout(0.2)
        while one.recv(65536):
            pass
    except OSError:
        pass
    one.close()


# Stanzas as bytes


def is_answer(stanza):
    return re.match(rb"\s*<iq\b", stanza) is not None and get(stanza, "type") in (b"result", b"error")


def get(stanza, name):
    """An attribute of the stanza's own tag; None without one."""
    tag = FIRST_TAG.match(stanza).group()
    found = re.search(rb"\s%s=('([^']*)'|\"([^\"]*)\")" % name.encode(), tag)
    return found and (found[2] if found[2] is not None else found[3])


def change(stanza, **attributes):
    """With other attributes in its own tag; None takes one away."""
    tag = FIRST_TAG.match(stanza).group()
    changed = tag
    for name, value in attributes.items():
        name = name.rstrip("_").encode()
        changed = re.sub(rb"\s%s=('[^']*'|\"[^\"]*\")" % name, b"", changed)
        if value is not None:
            changed = re.sub(rb"^(\s*<[\w:]+)", lambda m, n=name, v=value: m[1] + b" %s='%s'" % (n, v), changed)
    return changed + stanza[len(tag) :]
