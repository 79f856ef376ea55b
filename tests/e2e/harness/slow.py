"""Clients that take their time, on bare sockets."""

import select
import socket
import ssl
import time


class Slow:
    """A connection that sends when it is told to, and notes when the server ended it."""

    def __init__(self, port, certificate=None, source=None):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that an answer soon has no room
        self.socket.settimeout(10)
        self.socket.bind((source or "127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", port))
        self.begun = time.monotonic()
        if certificate:
            context = ssl.create_default_context(cafile=certificate)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, data):
        self.socket.sendall(data)

    def trickle(self, data, pause):
        """A byte at a time until the server has had enough; the seconds since the connection was made."""
        for position in range(len(data)):
            if self.is_ended():
                break
            try:
                self.send(data[position : position + 1])
            except OSError:
                break
            time.sleep(pause)
        else:
            raise AssertionError("the server has taken all of it")
        return time.monotonic() - self.begun

    def is_ended(self):
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        try:
            return self.socket.recv(65536) == b""
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True

    def wait_ended(self, timeout):
        """The seconds since the connection was made."""
        deadline = time.monotonic() + timeout
        while not self.is_ended():
            assert time.monotonic() < deadline, f"still open after {timeout} s"
            time.sleep(0.01)
        return time.monotonic() - self.begun

    def flood(self, data, most):
        """Sends it again and again without reading until the server takes no more; how many bytes it took."""
        self.socket.setblocking(False)
        sent, rest, last = 0, data, time.monotonic()
        while sent < most and time.monotonic() < last + 0.6:
            try:
                taken = self.socket.send(rest)
                sent, last = sent + taken, time.monotonic()
                rest = rest[taken:] or data
            except (BlockingIOError, ssl.SSLWantWriteError):
                time.sleep(0.005)
            except OSError:
                break
        self.socket.setblocking(True)
        return sent

    def close(self):
        self.socket.close()
