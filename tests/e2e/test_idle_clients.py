"""3,000 idle HTTPS clients while the XMPP link is cut 20 times: nothing crashes, nothing slows, nothing grows."""

import time

import pytest

from harness.calls import DEVICE, Account, new_name
from harness.crashes import Background
from harness.d003 import code, metric, wait_until
from harness.idle import Crowd, Process, allow_descriptors, percentile
from harness.tcp_client import LineClient

pytestmark = pytest.mark.alone

CLIENTS, CUTS = 3000, 20
# AddressSanitizer keeps what was freed; here its growth would be taken for the program's.
SETTINGS = {"ASAN_OPTIONS": "quarantine_size_mb=1", "REGISTRARD_HTTP_HEADERS_TIMEOUT": "5m"}
NOISE_S, GROWTH_MIB = 0.03, 16


@pytest.fixture
def crowd(server, stack):
    allow_descriptors(CLIENTS + 1000)
    server.restart(SETTINGS)
    one = Crowd(server.ports["https"], stack.certificate)
    yield one
    one.close()


class Watch:
    """Times token checks, a few hundred a second, over TCP."""

    def __init__(self, port, token):
        self.client = LineClient(port)
        self.token = token
        self.times = []

    def turn(self):
        begun = time.monotonic()
        assert self.client.call("/verify_access_token", access_token=self.token)["result"] == 0
        self.times.append(time.monotonic() - begun)
        time.sleep(0.003)

    def p99(self):
        """Of what was timed since the last call."""
        times, self.times = self.times, []
        assert len(times) > 50
        return percentile(times, 0.99)


def test_the_link_is_cut_while_thousands_are_idle(crowd, server, link, calls):
    lamp = calls.new_account(DEVICE)
    path = f"/verify_access_token?access_token={lamp.token}"
    crowd.connect(CLIENTS)
    assert all('"result":0' in reply for reply in crowd.get(path))
    process = Process(server.pid)
    watch = Watch(server.ports["tcp"], lamp.token)
    with Background(watch.turn):
        time.sleep(2)
        before, memory = watch.p99(), process.memory()
        threads, descriptors = process.threads(), process.descriptors()
        assert metric(server, "http_connections") >= CLIENTS

        for number in range(1, CUTS + 1):
            link.cut()
            wait_until(lambda: metric(server, "xmpp_reconnects_total") > number, what="the next link")
            server.wait_ready()
            if number % 5 == 0:
                assert code(calls.register(Account(DEVICE, new_name(), "x"))) == 0
        during = watch.p99()
        time.sleep(2)
        after = watch.p99()

    print("p99 of token checks in ms, before, while it was cut, after:", *(p * 1000 for p in (before, during, after)))
    assert max(during, after) < max(3 * before, NOISE_S), (before, during, after)
    assert process.memory() - memory < GROWTH_MIB
    assert process.threads() == threads and abs(process.descriptors() - descriptors) <= 4
    assert metric(server, "http_connections") >= CLIENTS
    assert all('"result":0' in reply for reply in crowd.get(path))  # each is still served
    crowd.close()
    wait_until(lambda: metric(server, "http_connections") < 10, what="the end of the connections")
    assert process.descriptors() < 200
