"""Users of the XMPP server who send what is over every limit: it costs them an answer, and nobody else anything. They are
strangers to registrard: on some servers anyone may have an account, and where servers talk to each other all the world."""

import asyncio
from xml.etree import ElementTree

import pytest
from slixmpp.exceptions import IqError

from harness.calls import DEVICE, PHONE
from harness.d003 import code, metric, wait_until
from harness.stack import Stack

ONCE_MORE = 5  # seconds in which a failed wish is tried again
LONG = "A" * 100 * 1024


@pytest.fixture
def attacker(calls, xmpp_client):
    account = calls.new_account(DEVICE)
    client = xmpp_client(account.jid, account.jid_password)
    client.account = account
    return client


@pytest.fixture
def stays_up(server):
    """The link is the same afterwards, and of use."""
    before = metric(server, "xmpp_reconnects_total")
    yield
    assert metric(server, "xmpp_reconnects_total") == before
    assert metric(server, "xmpp_up") == metric(server, "xmpp_ready") == 1
    assert server.get_ops("/readyz")[0] == 200


async def answer_to(client, iq):
    """expat in Prosody looks at a tag again only when twice its bytes have come: so it is followed by white space."""
    answer = iq.send(timeout=10)
    while not answer.done():
        client.send_raw(" " * 4096)
        await asyncio.sleep(0.02)
    return answer.result()


def ask(client, component):
    """Our domain answers; it has read what the client sent before, then."""
    iq = client.Iq(sto=component, stype="get")
    iq.append(ElementTree.Element("{urn:xmpp:ping}ping"))
    assert client.owner.run(answer_to(client, iq), 11)["type"] == "result"


def send(client, text):
    client.owner.loop.call_soon_threadsafe(client.send_raw, text)


# A server writes what it passes on anew: Prosody makes six bytes of a quotation mark, and repeats a namespace at each
# attribute that has it. What is sent here is within the 256 KiB that a client may send.
def attributes(prefix, count):
    return " ".join(f"{prefix}{i}=''" for i in range(count))


MESSAGES = {
    "an attribute": f"<b xmlns='x' a='{LONG}'/>",
    "an attribute that grows": "<b xmlns='x' a='" + '"' * 100 * 1024 + "'/>",
    "a namespace that is repeated": f"<b xmlns='x' xmlns:p='{LONG}' {attributes('p:a', 200)}/>",
    "elements whose namespace is repeated": f"<b xmlns='{LONG}' xmlns:p='x'>{'<p:i/><i/>' * 200}</b>",
    "many attributes": f"<b xmlns='x' {attributes('a', 1000)}/>",
    "many elements": f"<b xmlns='x'>{'<i/>' * 60 * 1024}</b>",
    "depth": f"<b xmlns='x'>{'<i>' * 1000}{'</i>' * 1000}</b>",
}
OVER_NO_LIMIT = {"many elements"}


@pytest.mark.parametrize("payload", [
    pytest.param(name, marks=[] if name == "an attribute" else pytest.mark.owns_xmpp) for name in MESSAGES
])
def test_a_message_costs_nobody_anything(payload, server, calls, stack, attacker, lamp, stays_up):
    refused, times = metric(server, "xmpp_input_refused_total"), 3
    for _ in range(times):
        send(attacker, f"<message to='{stack.component}'>{MESSAGES[payload]}</message>")
        ask(attacker, stack.component)
    expected = 0 if payload in OVER_NO_LIMIT else times
    assert metric(server, "xmpp_input_refused_total") == refused + expected
    phone = calls.new_account(PHONE)
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"


def test_it_is_in_the_log_but_does_not_fill_it(server, stack, attacker, stays_up):
    mark = server.log.mark()
    for _ in range(20):
        send(attacker, f"<message to='{stack.component}'>{MESSAGES['many attributes']}</message>")
    ask(attacker, stack.component)
    assert len(server.log.events("xmpp_stanza_skipped", mark)) <= 1
    assert len(server.log.text(mark)) < 4096


# Rosters


def set_item(client, jid, **fields):
    iq = client.Iq(stype="set")
    iq["roster"]["items"] = {jid: {"name": "", "subscription": "", "groups": [], **fields}}
    try:
        client.owner.run(answer_to(client, iq), 11)
    except IqError:
        assert not Stack.owns_xmpp_server()
        pytest.skip("a server that takes no such names, so that nobody can do it there")


def make_unreadable(client, stack):
    """Returns the contact without which it can be read again. By a stanza one long name is too much; ejabberd's HTTP API
    says any, but no more than 4 MiB at once."""
    aunts = [f"aunt{number}@{stack.domain}" for number in range(41 if stack.api_address else 1)]
    for aunt in aunts:
        set_item(client, aunt, name=LONG)
    return aunts[-1]


def test_a_roster_that_cannot_be_read(server, calls, stack, attacker, lamp, db, expected_errors, stays_up):
    """His own bindings wait, and can be seen to; everyone else's go on. When it can be read again, they come true."""
    expected_errors.append("event=wish_stuck kind=pair")
    aunt = make_unreadable(attacker, stack)
    failed = metric(server, "outbox_failed_total", kind="pair")
    asked = calls.bind(attacker.account, [lamp.name])
    assert (code(asked), asked.json["state"]) == (0, "pending")

    for _ in range(3):
        phone, other = calls.new_account(PHONE), calls.new_account(DEVICE)
        assert calls.bind(phone, [other.name, lamp.name]).json["state"] == "bound"
        assert calls.unbind(phone, [other.name]).json["state"] == "unbound"
        assert code(calls.cancel(other)) == 0
    wait_until(lambda: metric(server, "outbox_failed_total", kind="pair") > failed + 3, ONCE_MORE, "further attempts")
    wait_until(lambda: metric(server, "outbox_due", kind="pair") >= 1, what="his wish on /metrics")
    wait_until(lambda: metric(server, "xmpp_requests_total", result="too_large") > 3, ONCE_MORE, "another look")
    with db.cursor() as cursor:
        cursor.execute("select distinct last_error from outbox where kind = 3 and last_error is not null")
        assert cursor.fetchall() == [("too_large",)]

    send(attacker, "<iq type='set' id='remove'><query xmlns='jabber:iq:roster'>"
                   f"<item jid='{aunt}' subscription='remove'/></query></iq>")  # his client may choke on the answer
    wait_until(lambda: calls.bindings(attacker.account).json["roster_item"], ONCE_MORE, "the binding")
    assert calls.unbind(attacker.account, [lamp.name]).json["state"] == "unbound"


def test_he_keeps_nobody_waiting(server, calls, stack, attacker, expected_errors, stays_up):
    """The server works long on a roster of megabytes, and all of it comes over the link: he rests for longer than that."""
    expected_errors.append("event=wish_stuck kind=pair")
    lamps = [calls.new_account(DEVICE).name for _ in range(40)]
    phone, others = calls.new_account(PHONE), [calls.new_account(DEVICE).name for _ in range(20)]
    for number in range(41):
        set_item(attacker, f"aunt{number}@{stack.domain}", name=LONG)
    attempts = metric(server, "outbox_failed_total", kind="pair")
    reads = metric(server, "xmpp_requests_total", result="too_large")
    asked = calls.bind(attacker.account, lamps)
    assert (code(asked), asked.json["state"]) == (0, "pending")
    wait_until(lambda: metric(server, "outbox_failed_total", kind="pair") > attempts + 4 * len(lamps), 30, "attempts")
    assert metric(server, "xmpp_requests_total", result="too_large") - reads < len(lamps)
    for other in others:
        assert calls.bind(phone, [other]).json["state"] == "bound"
    assert code(calls.cancel(attacker.account)) == 0
    wait_until(lambda: metric(server, "outbox_due", kind="pair") == 0, 30, "nothing left to do")


def test_who_has_such_a_roster_can_be_unbound_and_cancelled(server, calls, stack, attacker, lamp, xmpp_client,
                                                            expected_errors, stays_up):
    expected_errors.append("event=wish_stuck kind=pair")
    account = attacker.account
    assert calls.bind(account, [lamp.name]).json["state"] == "bound"
    other = xmpp_client(lamp.jid, lamp.jid_password)
    make_unreadable(attacker, stack)
    assert calls.unbind(lamp, [account.name]).json["state"] == "pending"
    other.wait_no_item(account.jid)
    assert code(calls.cancel(account)) == 0
    attacker.wait_lost()
    wait_until(lambda: metric(server, "outbox_due", kind="pair") == 0, ONCE_MORE, "nothing left to do")
    wait_until(lambda: metric(server, "outbox_due", kind="delete_jid") == 0, ONCE_MORE, "the JID gone")


def test_who_was_bound_to_him_can_cancel(server, calls, stack, attacker, lamp, xmpp_client, expected_errors, stays_up):
    """The other's JID does not stay, with a password that is good, for as long as his roster is as it is."""
    expected_errors.append("event=wish_stuck kind=pair")
    assert calls.bind(attacker.account, [lamp.name]).json["state"] == "bound"
    other = xmpp_client(lamp.jid, lamp.jid_password)
    make_unreadable(attacker, stack)
    failed = metric(server, "outbox_failed_total", kind="pair")
    assert code(calls.bind(attacker.account, [calls.new_account(DEVICE).name])) == 0
    wait_until(lambda: metric(server, "outbox_failed_total", kind="pair") > failed, 4 * ONCE_MORE, "an attempt")
    assert code(calls.cancel(lamp)) == 0
    other.wait_lost(30)
    wait_until(lambda: metric(server, "outbox_due", kind="pair") >= 2, what="both wishes: his roster cannot be read")
    assert code(calls.cancel(attacker.account)) == 0
    wait_until(lambda: metric(server, "outbox_due", kind="pair") == 0, 30, "nothing left to do")
