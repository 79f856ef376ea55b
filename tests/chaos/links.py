"""The links between registrard and what it needs, each through a proxy that can fail as links do.

All proxies live in a process of their own, so that 64 clients' Python does not slow down what passes through them. The
faults, by name:

  reset      every connection ends with RST, at once; new ones work
  refuse     the same, and new ones end as soon as they are made, until heal
  silent     nothing passes, in either direction, and new connections are taken but lead nowhere; at heal what was held
             comes through late
  lost       the same, but at heal connections are reset: the way between has forgotten them
  half_up    the server is told that each client has ended, which it has not; what clients still send goes nowhere, and
             nobody tells them until heal
  half_down  each client is told that the server has ended, which it has not; what the server still sends goes nowhere,
             and nobody tells it until heal
"""

import asyncio
import json
import multiprocessing
import socket
import struct

KINDS = ("reset", "refuse", "silent", "lost", "half_up", "half_down")
RST = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets


class Links:
    """`targets`: name to address, which is (host, port) or the path of a Unix socket."""

    def __init__(self, targets):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_serve, args=(targets, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.addresses = {name: tuple(address) for name, address in json.loads(self.pipe.recv()).items()}

    def fail(self, name, kind):
        self.pipe.send((name, kind))

    def heal(self, name):
        self.pipe.send((name, "heal"))

    def close(self):
        self.pipe.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


def _serve(targets, pipe):
    asyncio.run(_run(targets, pipe))


async def _run(targets, pipe):
    proxies = {name: _Proxy(target) for name, target in targets.items()}
    for proxy in proxies.values():
        await proxy.listen()
    pipe.send(json.dumps({name: proxy.address for name, proxy in proxies.items()}))
    ended = asyncio.Event()

    def obey():
        try:
            name, what = pipe.recv()
        except EOFError:
            ended.set()
            asyncio.get_running_loop().remove_reader(pipe.fileno())
            return
        proxies[name].set(what)

    asyncio.get_running_loop().add_reader(pipe.fileno(), obey)
    await ended.wait()


class _Proxy:
    def __init__(self, target):
        self.target = target
        self.address = None
        self.connections = set()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.refusing = False
        self.lossy = False  # at heal connections are reset
        self.tasks = set()

    async def listen(self):
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = server.sockets[0].getsockname()[:2]
        self.server = server

    def set(self, what):
        if what == "heal":
            self._heal()
        elif what in ("reset", "refuse"):
            self.refusing = what == "refuse"
            self._reset()
        elif what in ("silent", "lost"):
            self.lossy = what == "lost"
            self.flowing.clear()
        else:
            for one in list(self.connections):
                one.half(up=what == "half_up")

    def _heal(self):
        self.refusing = False
        for one in list(self.connections):
            if self.lossy or one.dropping:
                one.reset()
        self.lossy = False
        self.flowing.set()

    def _reset(self):
        for one in list(self.connections):
            one.reset()

    async def _accept(self, reader, writer):
        one = _Connection(self, reader, writer)
        self.connections.add(one)
        try:
            if self.refusing:
                one.reset()
            else:
                await one.run()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            one.close()
            self.connections.discard(one)


class _Connection:
    def __init__(self, proxy, reader, writer):
        self.proxy = proxy
        self.client = (reader, writer)
        self.server = None
        self.dropping = None  # the direction in which what comes goes nowhere: "up", "down"
        self.over = asyncio.Event()

    async def run(self):
        await self.proxy.flowing.wait()
        target = self.proxy.target
        if isinstance(target, str):
            self.server = await asyncio.open_unix_connection(target)
        else:
            self.server = await asyncio.open_connection(*target)
        pumps = [asyncio.ensure_future(self._pump("up", self.client[0], self.server[1])),
                 asyncio.ensure_future(self._pump("down", self.server[0], self.client[1]))]
        await self.over.wait()
        for one in pumps:
            one.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, direction, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.proxy.flowing.wait()
                if direction != self.dropping:
                    writer.write(data)
                    await writer.drain()
            await self.proxy.flowing.wait()
        except OSError:
            pass
        if self.dropping is None:
            self.over.set()

    def half(self, up):
        if self.server is None or self.dropping:
            return
        self.dropping = "up" if up else "down"
        try:
            (self.server if up else self.client)[1].write_eof()
        except OSError:
            pass

    def _writers(self):
        return [end[1] for end in (self.client, self.server) if end is not None]

    def reset(self):
        for writer in self._writers():
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.family != socket.AF_UNIX:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            writer.transport.abort()
        self.over.set()

    def close(self):
        for writer in self._writers():
            writer.close()
