"""registrard killed at each step of registering, binding, unbinding and cancelling: when it is back, what was begun
is finished or undone by itself; rosters, accounts and JIDs say the same; the same request then succeeds.

The steps are the failpoints in the source (component/base/failpoint.h), which the sanitizer builds have.
"""

import pathlib
import re

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import ACTIVE, CANCELLED, DOOR, PENDING, RECORDING, ROTATING
from harness.crashes import attempt, crash, dies, has_failpoints, restart_to_die
from harness.d003 import code, wait_until
from harness.v1 import V1, answer, error

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "component"
REGISTERING = ["register.before_commit", "register.committed", "create.before", "create.made", *RECORDING]
UNDOING = ["undo.before_commit", "undo.committed"]
BINDING = ["bind.before_commit", "bind.committed", "pair.before", "pair.made", *RECORDING]
UNBINDING = ["unbind.before_commit", "unbind.committed", "pair.before", "pair.made", *RECORDING]
CLAIMING = ["claim.before_commit", "claim.committed", "pair.before", "pair.made", *RECORDING]
ASKING = ["bind.before_commit", "bind.committed", "ask.before", "ask.made", *RECORDING]
ANSWERING = ["answer.before_commit", "answer.committed", "pair.before", "pair.made", *RECORDING]
CANCELLING = ["cancel.before_commit", "cancel.committed", "cancel.revoked", "delete.before", "delete.made", *RECORDING]


@pytest.fixture(autouse=True)
def only_with_failpoints(server):
    if not has_failpoints(server.binary):
        pytest.skip("this build has no failpoints; MODE=asan has")


def test_every_failpoint_of_the_source_is_tried():
    there = set()
    for path in SOURCE.rglob("*.c"):
        for call in re.findall(r"FAILPOINT\((.*?)\);", path.read_text(encoding="utf-8"), re.S):
            there |= {name for name in re.findall(r'"([^"]*)"', call) if name}
    here = {*REGISTERING, *UNDOING, *BINDING, *UNBINDING, *CLAIMING, *ASKING, *ANSWERING, *CANCELLING}
    assert there == here | {*DOOR, *ROTATING}


def verify(calls, account):
    return code(calls.http.get("/verify_access_token", {"access_token": account.token}))


# Registering


@pytest.mark.parametrize("point", REGISTERING)
def test_killed_while_registering(point, server, calls, truth, eyes):
    lamp = Account(DEVICE, new_name(), "x")
    crash(server, point, calls.register, lamp)
    begun = truth.newest()
    if point == "register.before_commit":
        assert begun is None
    else:
        number, state, jid, password = begun
        assert state == (ACTIVE if point == "record.committed" else PENDING)
        made = point in ("create.made", *RECORDING)
        assert eyes.exists(jid, password) == made

    server.start()
    truth.settle()
    if point == "record.committed":  # all is done but the answer: it is an account as any other
        assert code(calls.register(lamp)) == 103
        calls.log_in(lamp)
        assert lamp.jid == jid
    else:
        if begun is not None:
            assert truth.state_of(number) == CANCELLED
            assert not eyes.exists(jid, password)
        assert code(calls.login(lamp)) == 102
        assert code(calls.register(lamp)) == 0
        calls.log_in(lamp)
        assert begun is None or lamp.jid != jid
    assert eyes.roster(lamp) == {}


@pytest.mark.parametrize("point", UNDOING)
def test_killed_while_undoing_a_registration(point, server, calls, truth, eyes, link):
    lamp = Account(DEVICE, new_name(), "x")
    restart_to_die(server, point, REGISTRARD_BINDING_REGISTER_WAIT="200ms")
    link.stall()  # the server does not make the JID in time, but later it does
    with dies(server):
        assert attempt(calls.register, lamp) is None
    number, state, jid, password = truth.newest()
    assert state == (PENDING if point == "undo.before_commit" else CANCELLED)
    link.heal()
    server.start()
    truth.settle()
    assert truth.state_of(number) == CANCELLED
    if password is not None:
        assert not eyes.exists(jid, password)
    assert code(calls.login(lamp)) == 102
    assert code(calls.register(lamp)) == 0
    calls.log_in(lamp)


# Binding and unbinding


@pytest.mark.parametrize("point", BINDING)
def test_killed_while_binding(point, server, calls, truth, eyes):
    phone, lamp, fan = calls.new_account(PHONE), calls.new_account(DEVICE), calls.new_account(DEVICE)
    crash(server, point, calls.bind, phone, [lamp.name, fan.name])
    server.start()
    truth.settle()
    if point == "bind.before_commit":
        assert [eyes.roster(one) for one in (phone, lamp, fan)] == [{}, {}, {}]
        assert code(calls.bind(phone, [lamp.name, fan.name])) == 0
        truth.settle()
    else:
        assert code(calls.bind(phone, [lamp.name, fan.name])) == 109
    assert eyes.roster(phone) == {lamp.jid: "both", fan.jid: "both"}
    assert eyes.roster(lamp) == eyes.roster(fan) == {phone.jid: "both"}
    assert {item["jid"]: item["subscriptionType"] for item in calls.bindings(phone).json["roster_item"]} == {
        lamp.jid: "both", fan.jid: "both"}


@pytest.mark.parametrize("point", UNBINDING)
def test_killed_while_unbinding(point, server, calls, truth, eyes):
    phone, lamp, fan = calls.new_account(PHONE), calls.new_account(DEVICE), calls.new_account(DEVICE)
    assert calls.bind(phone, [lamp.name, fan.name]).json["state"] == "bound"
    crash(server, point, calls.unbind, phone, [lamp.name])
    server.start()
    truth.settle()
    if point == "unbind.before_commit":
        assert eyes.roster(lamp) == {phone.jid: "both"}
        assert code(calls.unbind(phone, [lamp.name])) == 0
        truth.settle()
    else:
        assert code(calls.unbind(phone, [lamp.name])) == 110
    assert eyes.roster(phone) == {fan.jid: "both"}
    assert eyes.roster(lamp) == {}
    assert code(calls.bind(phone, [lamp.name])) == 0


# Claim codes, and asking


@pytest.mark.parametrize("point", CLAIMING)
def test_killed_while_a_claim_is_redeemed(point, server, calls, truth, eyes):
    v1, phone, other, lamp = V1(calls.http), calls.new_account(PHONE), calls.new_account(PHONE), calls.new_account(DEVICE)
    shown = v1.new_claim(lamp)
    crash(server, point, v1.redeem, phone, shown)
    server.start()
    truth.settle()
    if point == "claim.before_commit":
        assert eyes.roster(phone) == eyes.roster(lamp) == {}
        assert error(v1.redeem(phone, shown)) == (404, "code")  # who died with it keeps it
        assert answer(v1.redeem(phone, v1.new_claim(lamp)))["state"] == "bound"
    assert error(v1.redeem(other, shown)) == (404, "code")
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}


@pytest.mark.parametrize("point", ASKING)
def test_killed_while_asking(point, server, calls, truth, xmpp_client):
    v1, phone, shy = V1(calls.http), calls.new_account(PHONE), calls.new_account(DEVICE)
    v1.set_consent(shy, "ask")
    client = xmpp_client(shy.jid, shy.jid_password)
    crash(server, point, _ask_and_wait, calls, server, phone, shy)
    server.start()
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"
    (ask,) = v1.asked_by(shy).values()
    truth.settle()
    told = [message.attrib["id"] for message in client.wait_messages(1)]
    assert set(told) == {f"ask-{ask}"} and len(told) <= 2
    assert answer(v1.answer(shy, ask, True))["state"] == "bound"
    truth.settle()


def _ask_and_wait(calls, server, phone, shy):
    """The call does not wait for the message, where it dies."""
    reply = attempt(calls.bind, phone, [shy.name])
    wait_until(lambda: not server.running(), what="the failpoint")
    assert reply is None or reply.json["state"] == "pending"


@pytest.mark.parametrize("point", ANSWERING)
def test_killed_while_answering(point, server, calls, truth, eyes):
    v1, phone, shy = V1(calls.http), calls.new_account(PHONE), calls.new_account(DEVICE)
    v1.set_consent(shy, "ask")
    calls.bind(phone, [shy.name])
    ask = v1.asked_by(shy)[phone.jid]
    truth.settle()
    crash(server, point, v1.answer, shy, ask, True)
    server.start()
    truth.settle()
    if point == "answer.before_commit":
        assert eyes.roster(phone) == {}
        assert answer(v1.answer(shy, ask, True))["state"] == "bound"
    else:
        assert error(v1.answer(shy, ask, True)) == (404, "not_found")
    assert v1.asked_by(shy) == {}
    assert eyes.roster(phone) == {shy.jid: "both"} and eyes.roster(shy) == {phone.jid: "both"}


# Cancelling


@pytest.mark.parametrize("point", CANCELLING)
def test_killed_while_cancelling(point, server, calls, truth, eyes):
    phone, lamp, fan = calls.new_account(PHONE), calls.new_account(DEVICE), calls.new_account(DEVICE)
    assert calls.bind(lamp, [phone.name, fan.name]).json["state"] == "bound"
    restart_to_die(server, point)
    for _ in range(2):  # it is in memory and in Redis
        assert verify(calls, lamp) == 0
    with dies(server):
        reply = attempt(calls.cancel, lamp)  # it does not wait for the XMPP server: what is done there comes later
    assert reply is None or (code(reply) == 0 and not point.startswith("cancel."))
    server.start()
    begun = point != "cancel.before_commit"
    assert verify(calls, lamp) == (4 if begun else 0)
    truth.settle()
    if not begun:
        assert eyes.roster(phone) == {lamp.jid: "both"}
        assert code(calls.cancel(lamp)) == 0
        truth.settle()
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    assert eyes.roster(phone) == eyes.roster(fan) == {}
    assert code(calls.login(lamp)) == code(calls.cancel(lamp)) == 102
    again = calls.new_account(DEVICE, lamp.name)  # the name is free, the JID another
    assert again.jid != lamp.jid and eyes.roster(again) == {}


# However often


@pytest.mark.parametrize("first, then", [
    ("register.committed", [*RECORDING, "delete.before", *RECORDING]),
    ("create.made", [*RECORDING, "delete.before", "delete.made", *RECORDING]),
])
def test_killed_again_while_a_registration_is_undone(first, then, server, calls, truth, eyes):
    lamp = Account(DEVICE, new_name(), "x")
    crash(server, first, calls.register, lamp)
    number, _, jid, password = truth.newest()
    _die_at_start(server, then)
    server.start()
    truth.settle()
    assert truth.state_of(number) == CANCELLED
    assert not eyes.exists(jid, password)
    assert code(calls.register(lamp)) == 0
    calls.log_in(lamp)


def test_killed_again_while_a_binding_is_finished(server, calls, truth, eyes):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    crash(server, "bind.committed", calls.bind, phone, [lamp.name])
    _die_at_start(server, ["pair.before", "pair.made", "record.before_commit"])
    server.start()
    truth.settle()
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}


def test_killed_again_while_a_cancelling_is_finished(server, calls, truth, eyes):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    crash(server, "cancel.committed", calls.cancel, lamp)
    _die_at_start(server, ["pair.before", "pair.made", *RECORDING, "delete.before", "delete.made"])
    server.start()
    truth.settle()
    assert eyes.roster(phone) == {}
    assert not eyes.exists(lamp.jid, lamp.jid_password)


def _die_at_start(server, points):
    """Starts it once for each; what it finds to be finished makes it die there."""
    for point in points:
        server.start({"FAILPOINT": point}, wait=False)
        with dies(server):
            pass
