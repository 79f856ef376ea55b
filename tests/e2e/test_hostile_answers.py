"""Answers that are forged, doubled, late, or of another id: nobody believes them, and nothing is half-made by them."""

import re

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.d003 import code, wait_until
from harness.hostile import change, get, is_answer
from harness.incidents import works
from harness.outage import RECOVERY, at_once

# Each link that is cut may leave command sessions open on the server, of which an Openfire bears a hundred.
pytestmark = pytest.mark.owns_xmpp

COMMANDS = b"http://jabber.org/protocol/commands"
ROSTER = b"jabber:iq:roster"


@pytest.fixture
def is_well(server, calls, truth):
    return lambda: works(server, calls, truth)


def answer(stanza, sender, form="<x xmlns='jabber:x:data' type='form'/>"):
    """What makes a command succeed, did it come from the server's domain: a form, then that it is completed."""
    node = re.search(rb"node=[\"']([^\"']*)", stanza)[1].decode()
    status, payload = ("executing", form) if b"execute" in stanza else ("completed", "")
    sender = f"from='{sender}'" if sender is not None else ""
    return (f"<iq type='result' id='{get(stanza, 'id').decode()}' {sender}><command xmlns='{COMMANDS.decode()}' "
            f"node='{node}' sessionid='s' status='{status}'>{payload}</command></iq>").encode()


def plays_commands(hostile, sender):
    """The real server gets none of them; each is answered in the name of `sender`."""

    def swallow(stanza):
        if COMMANDS not in stanza:
            return False
        hostile.inject(answer(stanza, sender))
        return True

    hostile.swallow = swallow


def test_that_such_answers_would_do(hostile, stack, calls, eyes):
    """From the domain itself they are believed: a server that lies about its accounts is not found out by asking it."""
    plays_commands(hostile, stack.domain)
    lamp = Account(DEVICE, new_name(), "x")
    assert code(calls.register(lamp)) == 0
    calls.log_in(lamp)
    hostile.heal()
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    assert code(calls.cancel(lamp)) == 0


@pytest.mark.parametrize("sender", ["evil.example.net", "user@{}", "{}/resource", None])
def test_a_registration_that_another_confirms(sender, hostile, stack, calls, truth, eyes, incident, is_well):
    whole = incident()
    plays_commands(hostile, sender and sender.format(stack.domain))
    lamp = Account(DEVICE, new_name(), "x")
    assert code(calls.register(lamp)) == 101
    _, _, jid, _ = truth.newest()
    whole.wait_grown("xmpp_answers_ignored_total", why="forged")
    assert len(whole.events("xmpp_answer_forged")) == 1
    hostile.heal()
    truth.settle(RECOVERY)
    assert code(calls.login(lamp)) == 102
    assert not eyes.exists(jid, "x")
    assert code(calls.register(lamp)) == 0
    is_well()
    assert {line["event"] for line in whole.complaints()} <= {"xmpp_answer_forged", "wish_failed"}
    assert whole.grown("xmpp_link_failures_total") == 0
    whole.survived()


def is_about(stanza, *what):
    return is_answer(stanza) and any(one in stanza for one in what)


BROKEN = {
    "none": lambda stanza: b"",
    "another id": lambda stanza: change(stanza, id=get(stanza, "id") + b"0"),
    "no id": lambda stanza: change(stanza, id=None),
    "another from": lambda stanza: change(stanza, from_=b"evil.example.net"),
    "no from": lambda stanza: change(stanza, from_=None),
    "another namespace": lambda stanza: change(stanza, xmlns=b"jabber:client"),
    "another type": lambda stanza: change(stanza, type=b"get"),
    "as text": lambda stanza: b"<message><![CDATA[" + stanza + b"]]></message>",
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_answers(how, server, hostile, calls, truth, eyes, incident, is_well):
    """To commands, and about rosters: what was made is unmade, or made when the server answers again."""
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    newcomer = Account(DEVICE, new_name(), "x")
    truth.settle()
    whole = incident()
    hostile.edit = lambda stanza: BROKEN[how](stanza) if is_about(stanza, COMMANDS, ROSTER) else stanza
    registered, asked = at_once(lambda: calls.register(newcomer), lambda: calls.bind(phone, [lamp.name]))
    assert code(registered) == 101
    assert (code(asked), asked.json["state"]) == (0, "pending")
    assert not truth.rows("select 1 from roster_seen where account_id > %s", truth.since)
    hostile.heal()
    truth.settle(RECOVERY)
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}
    assert code(calls.login(newcomer)) == 102
    is_well()
    complaints = [line["event"] for line in whole.complaints()]
    assert complaints.count("xmpp_answer_forged") == (how in ("another from", "no from"))
    assert set(complaints) <= {"xmpp_answer_forged", "wish_failed"}, complaints
    assert whole.grown("xmpp_requests_total", result="timeout") > 0
    assert server.get_ops("/readyz")[0] == 200
    whole.survived()


def test_every_answer_twice(hostile, incident, is_well):
    hostile.edit = lambda stanza: stanza + stanza if is_answer(stanza) else stanza
    whole = incident()
    is_well()
    assert whole.grown("xmpp_answers_ignored_total", why="unasked") > 5
    assert whole.grown("xmpp_answers_ignored_total", why="forged") == 0
    whole.said_nothing()
    whole.survived()


def test_every_answer_after_a_forged_one(hostile, incident, is_well):
    """Each is preceded by an error, a refusal and an empty result from somebody else."""

    def precede(stanza):
        if not is_answer(stanza):
            return stanza
        other = f"id='{get(stanza, 'id').decode()}' from='user@example.net'"
        return (f"<iq type='error' {other}><error type='cancel'>"
                "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
                f"<iq type='result' {other}/>").encode() + stanza

    hostile.edit = precede
    whole = incident()
    is_well()
    whole.said_once("xmpp_answer_forged", **{"from": "user@example.net"})
    assert whole.grown("xmpp_answers_ignored_total", why="forged") > 10
    whole.survived()


def test_answers_that_come_too_late(hostile, calls, truth, incident, is_well):
    """After the client was told that it failed: the account is not made by them, and a session they open is closed."""
    kept, whole = [], incident()

    def keep(stanza):
        if not is_about(stanza, COMMANDS):
            return stanza
        kept.append(stanza)
        return b""

    hostile.edit = keep
    lamp = Account(DEVICE, new_name(), "x")
    assert code(calls.register(lamp)) == 101
    hostile.heal()
    hostile.heard.clear()
    hostile.inject(b"".join(kept))
    whole.wait_grown("xmpp_answers_ignored_total", why="unasked")
    wait_until(lambda: any(b"cancel" in one for one in hostile.heard), what="the session's end")
    truth.settle(RECOVERY)
    assert code(calls.login(lamp)) == 102
    assert code(calls.register(lamp)) == 0
    is_well()
    assert {line["event"] for line in whole.complaints()} <= {"wish_failed"}
    whole.survived()
