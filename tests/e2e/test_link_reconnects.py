"""A thousand reconnects of the link, cut at random bytes while people register, bind, unbind and cancel: nothing leaks,
and what was acknowledged holds, once."""

import contextlib
import os
import random
import re
import time

import pytest

from harness.crashes import Background, Eyes, Truth
from harness.d003 import metric, wait_until
from harness.incidents import works
from harness.knife import Knife
from harness.outage import SHORT
from harness.servers import server_of
from harness.worlds import World

LINKS = 1000
CALLS = 100  # less proves nothing
WARM = 150  # links after which everything that is kept has been made
SETTLING = 60  # seconds; what was done before each cut is compared with the server, bit by bit
SETTINGS = {
    **SHORT,
    "REGISTRARD_XMPP_BACKOFF": "10ms",
    "REGISTRARD_XMPP_BACKOFF_MAX": "20ms",
    "REGISTRARD_OUTBOX_BACKOFF": "10ms",
    "REGISTRARD_OUTBOX_BACKOFF_MAX": "100ms",
    "REGISTRARD_OUTBOX_STUCK_AFTER": "1000",
    "REGISTRARD_BINDING_WAIT": "100ms",
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=0:thread_local_quarantine_size_kb=0",
    "LSAN_OPTIONS": "log_threads=1",  # a line a thread: it did look
}


@pytest.fixture
def seed():
    seed = int(os.environ.get("TEST_SEED", time.time_ns() % 10**9))
    print(f"TEST_SEED={seed} makes the same choices again")
    return seed


@pytest.fixture
def knife(stack, server, seed):
    """Before the link. An HTTP API beside it is left alone: after a call that failed there, no link as short as these would
    do for the self-test that it takes (test_ejabberd.py cuts it)."""
    proxy = Knife(stack.component_address, random.Random(seed))
    host, port = proxy.address
    server.restart({**SETTINGS, "REGISTRARD_XMPP_HOST": host, "REGISTRARD_XMPP_PORT": str(port)})
    yield proxy
    proxy.close()


class Size:
    def __init__(self, server):
        status = open(f"/proc/{server.pid}/status", encoding="ascii").read()  # pylint: disable=consider-using-with
        self.memory = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
        self.threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
        self.descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))

    def __repr__(self):
        return f"{self.memory} KiB, {self.threads} threads, {self.descriptors} descriptors"


def jids_on_the_server(stack):
    """Local parts, read behind registrard's back."""
    with contextlib.closing(server_of(stack, stack.components[-1])) as one:
        return set(one.read())


@pytest.mark.owns_xmpp
def test_a_thousand_reconnects(server, knife, seed, stack, calls, db, xmpp_client):
    truth, eyes, before = Truth(db, stack), Eyes(xmpp_client), jids_on_the_server(stack)
    worlds = [World(calls, random.Random(seed + number)) for number in range(3)]
    mark = server.log.mark()

    def links():
        return metric(server, "xmpp_reconnects_total")

    def done():
        return sum(world.done for world in worlds)

    knife.cutting = True
    begun = time.monotonic()
    knife.cut()
    with Background(*(world.turn for world in worlds)):
        wait_until(lambda: links() >= WARM, 60, "the first links")
        warm = Size(server)
        wait_until(lambda: links() >= LINKS and done() >= CALLS, 240, f"{LINKS} links, and {CALLS} calls answered 0")
        hot = Size(server)
        knife.heal()
    took = time.monotonic() - begun
    print(f"{links():.0f} links, {metric(server, 'xmpp_link_failures_total'):.0f} failures, {done()} calls answered 0 "
          f"in {took:.1f} s; {warm}, then {hot}")
    works(server, calls, truth, SETTLING)
    for world in worlds:
        world.check(eyes)
    truth.settle(SETTLING)
    active = {row[0] for row in truth.rows("select jid_local from accounts where id > %s and state = 1", truth.since)}
    assert jids_on_the_server(stack) - before == active

    wait_until(lambda: metric(server, "xmpp_in_flight") == 0, what="nothing in flight")
    wait_until(lambda: Size(server).descriptors <= warm.descriptors, what="as many descriptors as before")
    assert Size(server).threads <= warm.threads
    assert hot.memory - warm.memory < 4 * 1024, (warm, hot)
    assert not server.log.events("wish_stuck", mark)
    mark = server.log.mark()
    server.stop()  # with status 0
    if b"__asan_init" in server.binary.read_bytes():
        assert "Processing thread" in server.log.text(mark), "leaks were not looked for"
