"""A phone with thousands of devices, or a device with thousands of phones: the next binding costs what the first did,
and a roster that many bindings change at once is not read for each of them.

TEST_LARGE_ACCOUNT says how many. (With 5000 it takes minutes: each of them has Prosody write the whole roster anew.)
"""

import concurrent.futures
import json
import os
import time

import pytest

from harness.calls import DEVICE, new_name
from harness.d003 import code, fresh, metric, signed, wait_until
from harness.statements import Statements

pytestmark = pytest.mark.alone

SIZE = int(os.environ.get("TEST_LARGE_ACCOUNT", "120"))
SECRET = "an-application-secret"
AT_ONCE, LIST = 12, 5
SETTINGS = {
    "REGISTRARD_D003_APP_SECRETS": f"app:{SECRET}",
    "REGISTRARD_D003_BACKEND_SECRETS": f"backend:{SECRET}",
    "REGISTRARD_LIMITS_ENABLED": "false",
    "REGISTRARD_BINDING_WAIT": "30s",
    "REGISTRARD_HTTP_CALL_TIMEOUT": "60s",
    "REGISTRARD_ROSTER_GROUPS_DEVICE": "Devices, 客厅",
    # What is counted is the bindings' alone:
    "REGISTRARD_XMPP_PING_INTERVAL": "60s",
    "REGISTRARD_RECONCILE_PER_SECOND": "0",
    "REGISTRARD_RECONCILE_RECHECK": "0s",
}


@pytest.fixture
def devices(server, plain_http):
    """Makes devices that prove themselves by a signature; several at once."""
    server.restart(SETTINGS)

    def make(count):
        made = [new_name() for _ in range(count)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
            assert set(threads.map(register, made)) == {0}
        return made

    def register(name):
        form = {"user_name": name, "password": "p", "type": DEVICE, "device_type": "lamp", "app_id": "app", **fresh()}
        return code(plain_http.post("/register", signed(SECRET, "/register", form)))

    return make


@pytest.fixture
def bind(plain_http):
    """What the answer says: bound, or pending where the server takes its time."""
    plain_http.timeout = 90

    def call(name, others):
        form = {"user_name": name, "user_name_ls": json.dumps(others), "app_id": "backend"}
        reply = plain_http.post("/set_user_banding", signed(SECRET, "/set_user_banding", form))
        assert code(reply) == 0, reply
        return reply.json["state"]

    return call


def reads(server):
    return sum(metric(server, "xmpp_roster_reads_total", how=how) for how in ("made", "shared"))


def cost(server, stack, link, idle, act):
    """What a call costs that ends when both rosters have it: statements, requests to the XMPP server, bytes to it, time."""
    requests, sent = metric(server, "xmpp_requests_total", result="ok"), link.sent
    with Statements(stack) as said:
        began = time.monotonic()
        assert act() == "bound"
        took = time.monotonic() - began
    counted = {name: count for name, count in said.counted.items() if name not in idle}
    return counted, metric(server, "xmpp_requests_total", result="ok") - requests, link.sent - sent, took


@pytest.mark.parametrize("side", ["low", "high"])  # of all its bindings: its id is under, or above, those of the others
def test_the_next_binding_costs_what_the_first_did(server, stack, link, db, devices, bind, side):
    hubs = devices(1) if side == "low" else []
    others = devices(SIZE)
    hub = (hubs or devices(1))[0]
    wait_until(lambda: _waiting(db) == 0, 60, "an empty outbox")
    bind(others[0], [others[1]])  # every statement is prepared, on one session at least
    with Statements(stack) as said:
        time.sleep(6)  # what it asks each second, and each five (keeper.c: RESTORED_MS); the rest comes each ten minutes
    idle = set(said.counted)

    first = cost(server, stack, link, idle, lambda: bind(hub, others[:1]))
    made = metric(server, "xmpp_roster_reads_total", how="made")
    seen, began = reads(server), time.monotonic()
    lists = [others[at : min(at + LIST, SIZE - 1)] for at in range(1, SIZE - 1, LIST)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda some: bind(hub, some), lists))
    wait_until(lambda: _waiting(db) == 0, SIZE, "an empty outbox")
    took = time.monotonic() - began
    made, seen = metric(server, "xmpp_roster_reads_total", how="made") - made, reads(server) - seen
    last = cost(server, stack, link, idle, lambda: bind(hub, others[-1:]))

    bindings = SIZE - 2
    print(f"first: {first}\nlast: {last}\n{bindings} more in {took:.1f} s: {made:.0f} rosters read for {seen:.0f} sides")
    assert first[0] == last[0]
    assert first[1] == last[1]
    assert abs(first[2] - last[2]) < first[2] / 20  # ids and sessions differ in length
    assert seen >= 2 * bindings
    assert made < 1.6 * bindings  # of each device, and of the hub for two at a time or more


def _waiting(db):
    with db.cursor() as cursor:
        cursor.execute("select count(*) from outbox")
        return cursor.fetchone()[0]


def test_a_large_roster_is_read_with_names_and_groups(server, db, devices, bind, calls, xmpp_client):
    """With the longest names in characters that take the most bytes."""
    count = min(SIZE, 1000)
    hub, others = devices(1)[0], devices(count)
    with db.cursor() as cursor:
        cursor.execute("update accounts set nickname = repeat('界', 58) || right(name, 6) where name = any(%s)", [others])
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda at: bind(hub, others[at : at + 20]), range(0, count, 20)))
    wait_until(lambda: _waiting(db) == 0, SIZE, "an empty outbox")
    form = {"user_name": hub, "app_id": "backend"}
    listed = calls.http.post("/get_user_banding", signed(SECRET, "/get_user_banding", form)).json["roster_item"]
    assert {item["user_name"] for item in listed} == set(others)
    assert all(item["groups"] == {"Devices": True, "客厅": True} for item in listed)
    assert all(item["nickname"] == "界" * 58 + item["user_name"][-6:] for item in listed)
    assert {item["subscriptionType"] for item in listed} == {"both"}
