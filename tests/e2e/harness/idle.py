"""Many idle HTTPS clients in this process, and what a process of Linux holds."""

import concurrent.futures
import pathlib
import resource
import socket
import ssl


def allow_descriptors(count):
    """For this process and, through the hard limit, for those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
    elif soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


class Crowd:
    """Clients that keep their connections; `get` asks on each of them, some threads at it at once."""

    THREADS = 4

    def __init__(self, port, certificate):
        self.address = ("127.0.0.1", port)
        self.tls = ssl.create_default_context(cafile=certificate)
        self.sockets = []

    def connect(self, count):
        self.sockets += self._each(self._connect, range(count))

    def _connect(self, _):
        plain = socket.create_connection(self.address, 30)
        return self.tls.wrap_socket(plain, server_hostname="localhost")

    def get(self, path):
        """The replies' texts, heads included."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        return self._each(lambda one: _ask(one, request), self.sockets)

    def _each(self, work, items):
        with concurrent.futures.ThreadPoolExecutor(self.THREADS) as pool:
            return list(pool.map(work, items))

    def close(self):
        for one in self.sockets:
            one.close()
        self.sockets = []


def _ask(one, request):
    one.sendall(request)
    reply = b""
    while b"\r\n\r\n" not in reply:
        reply += _more(one)
    head, _, body = reply.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += _more(one)
    return (head + b"\r\n\r\n" + body).decode()


def _more(one):
    data = one.recv(65536)
    assert data, "an idle connection was closed"
    return data


class Process:
    """A process as /proc shows it."""

    def __init__(self, pid):
        self.directory = pathlib.Path(f"/proc/{pid}")

    def _status(self, name):
        for line in (self.directory / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise AssertionError(f"no {name}")

    def memory(self):
        """Resident, in MiB."""
        return self._status("VmRSS") / 1024

    def threads(self):
        return self._status("Threads")

    def descriptors(self):
        return sum(1 for _ in (self.directory / "fd").iterdir())

    def cpu(self):
        """Seconds that it has computed."""
        fields = (self.directory / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
