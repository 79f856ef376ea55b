"""A client that writes against us: whatever is put into its roster, it has changed when that is read back. Its own bindings
wait; nobody else's do."""

import time

import pytest

from harness.calls import DEVICE, PHONE, new_name
from harness.d003 import code, metric, wait_until

pytestmark = [pytest.mark.owns_xmpp, pytest.mark.alone]

WORKERS, MANY = 4, 24
LATER = 60  # seconds, in which what was contested is true once nobody contests it
ROSTER = b"jabber:iq:roster"


@pytest.fixture
def contested(hostile, stack):
    """Lamps of this name never are called so in a roster that is read back: a client that is quick enough."""
    if stack.api_address:
        pytest.skip("whose rosters are read beside the link")
    hostile.edit = lambda stanza: stanza.replace(b"contested-", b"mine-") if ROSTER in stanza else stanza
    return hostile


def test_it_keeps_a_part_of_the_workers_and_no_more(contested, server, calls, expected_errors):
    expected_errors.append("event=wish_stuck kind=pair")
    server.restart({**server.changed, "REGISTRARD_XMPP_IN_FLIGHT": str(WORKERS), "REGISTRARD_BINDING_WAIT": "2s"})
    attacker = calls.new_account(PHONE)
    own = [calls.new_account(DEVICE, new_name("contested-")) for _ in range(MANY)]
    others = [(calls.new_account(PHONE), calls.new_account(DEVICE)) for _ in range(6)]
    reply = calls.bind(attacker, [lamp.name for lamp in own])
    assert (code(reply), reply.json["state"]) == (0, "pending")
    for phone, lamp in others:
        for call, state in ((calls.bind, "bound"), (calls.unbind, "unbound")):
            began = time.monotonic()
            assert call(phone, [lamp.name]).json["state"] == state
            assert time.monotonic() - began < 1.8  # binding.wait is 2 s
    wait_until(lambda: metric(server, "outbox_due", kind="pair") == MANY, what="his, and no other")
    contested.heal()
    wait_until(lambda: metric(server, "outbox_due", kind="pair") == 0, LATER, "all of them as they should be")
