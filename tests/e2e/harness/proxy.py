"""A TCP proxy that makes links fail: cut, refuse, stall, delay. In front of the XMPP server in every test."""

import socket
import threading
import time


class Listener:
    """A port on loopback. `serve` is called with each connection, one after the other: what takes time is for a thread."""

    def __init__(self, serve):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = self.socket.getsockname()
        threading.Thread(target=self._accept, daemon=True, name="listener").start()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.serve(client)

    def close(self):
        _shut(self.socket)  # which also wakes who waits in accept


class FaultProxy:
    def __init__(self, target):
        self.target = target
        self.lock = threading.Lock()
        self.sockets = set()
        self.accepted = 0  # connections so far
        self.sent = 0  # bytes that came from the clients' side, passed on or not
        self.flowing = threading.Event()
        self.flowing.set()
        self.refusing = False
        self.pause = 0.0
        self.closed = False
        self.listener = Listener(self._accept)
        self.address = self.listener.address

    # What a test can do

    def cut(self):
        """Ends every connection at once; new ones work."""
        with self.lock:
            sockets, self.sockets = self.sockets, set()
        for one in sockets:
            _shut(one)

    def refuse(self):
        """Ends every connection, and new ones as soon as they are made."""
        self.refusing = True
        self.cut()

    def stall(self):
        """Connections stay and new ones are taken, but nothing comes through: a dead link."""
        self.flowing.clear()

    def delay(self, seconds):
        """Each piece of data takes this much longer, in each direction."""
        self.pause = seconds

    def heal(self):
        self.refusing = False
        self.pause = 0.0
        self.flowing.set()

    def close(self):
        self.closed = True
        self.heal()
        self.listener.close()
        self.cut()

    # How

    def _accept(self, client):
        self.accepted += 1
        if self.refusing:
            _shut(client)
        else:
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        try:
            server = socket.create_connection(self.target, 10)
        except OSError:
            _shut(client)
            return
        server.settimeout(None)
        with self.lock:
            self.sockets |= {client, server}
        if self.refusing or self.closed:
            self.cut()
        threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
        self._pump(server, client, False)

    def _pump(self, source, sink, forth):
        try:
            while data := source.recv(65536):
                if forth:
                    with self.lock:
                        self.sent += len(data)
                if self.pause:
                    time.sleep(self.pause)
                self.flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        with self.lock:
            self.sockets -= {source, sink}
        _shut(source)
        _shut(sink)


def _shut(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
