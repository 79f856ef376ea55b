"""Ports of loopback for servers, below those that the kernel gives to connections that go out: a server that is restarted
finds its port free. Nobody holds it meanwhile, so each worker of pytest-xdist has a part of them, and in that the servers
of a Stack and those of the tests have theirs."""

import itertools
import os
import random
import socket

FIRST, LAST = 20000, 32000  # as in examples/dev/process.sh
PARTS = 16
PART = (LAST - FIRST) // PARTS
OF_STACKS = 150

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_first = FIRST + _worker % PARTS * PART
STACK = {"STACK_PORTS_FIRST": str(_first), "STACK_PORTS_COUNT": str(OF_STACKS)}
_own = range(_first + OF_STACKS, _first + PART)
_turn = itertools.count(random.randrange(len(_own)))


def _listener():
    for number in itertools.islice(_turn, len(_own)):
        try:
            return socket.create_server(("127.0.0.1", _own[number % len(_own)]))
        except OSError:
            continue
    raise AssertionError("no port is free")


def free_ports(count):
    """Ports nobody listens on, nor did lately: each in its turn."""
    held = [_listener() for _ in range(count)]
    numbers = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return numbers
