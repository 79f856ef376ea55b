"""A client of the TCP port: a JSON object a line, one line back, in order."""

import json
import socket


class LineClient:
    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, value):
        """An object as a line, or bytes as they are."""
        self.socket.sendall(value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n")

    def line(self):
        """The next line without its end; None when the server has closed."""
        line = self.file.readline()
        return line[:-1] if line.endswith(b"\n") else None

    def receive(self):
        line = self.line()
        return None if line is None else json.loads(line)

    def call(self, path, **members):
        self.send({"path": path, **members})
        return self.receive()

    def close(self):
        self.file.close()
        self.socket.close()
