"""Bindings as their owner lists and names them, over /v1."""

from harness.calls import DEVICE
from harness.d003 import Accounts, code
from harness.v1 import answer, error


def listed(v1, account):
    return {one["peer"]["jid"]: one for one in answer(v1.bindings(account))["bindings"]}


def test_the_list(v1, calls, db, phone, lamp):
    assert answer(v1.bindings(phone)) == {"bindings": []}
    Accounts(db).set(lamp, "nickname = 'Küche'")
    calls.bind(phone, [lamp.name])
    assert listed(v1, phone) == {lamp.jid: {
        "peer": {"jid": lamp.jid, "user_name": lamp.name, "type": DEVICE, "name": "Küche"},
        "state": "bound", "nickname": "Küche", "subscription": "both", "groups": [],
    }}
    calls.unbind(lamp, [phone.name])
    assert listed(v1, phone) == {}


def test_what_is_not_seen_yet_is_pending(v1, server, calls, phone, lamp, link):
    link.refuse()
    assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
    assert listed(v1, phone)[lamp.jid]["state"] == "pending"
    link.heal()


def test_a_name_of_ones_own_reaches_ones_roster_alone(v1, calls, phone, lamp, xmpp_client):
    calls.bind(phone, [lamp.name])
    mine, other = [xmpp_client(account.jid, account.jid_password) for account in (phone, lamp)]
    renamed = answer(v1.rename(phone, lamp.jid, "Küche <&> 汉"))
    assert renamed["state"] == "bound" and renamed["peer"]["jid"] == lamp.jid
    mine.wait(lambda: mine.items[lamp.jid]["name"] == "Küche <&> 汉")
    assert listed(v1, phone)[lamp.jid]["nickname"] == "Küche <&> 汉"
    assert other.wait_item(phone.jid, "both")["name"] == phone.name
    assert listed(v1, lamp)[phone.jid]["nickname"] == phone.name
    answer(v1.rename(phone, lamp.jid, ""))
    mine.wait(lambda: mine.items[lamp.jid]["name"] == lamp.name)


def test_whom_one_is_not_bound_to(v1, calls, stack, phone, lamp):
    for jid in (lamp.jid, phone.jid, f"nobody@{stack.domain}", "somebody@elsewhere.example"):
        assert error(v1.rename(phone, jid, "x")) == (404, "not_bound"), jid
    calls.bind(phone, [lamp.name])
    calls.unbind(phone, [lamp.name])
    assert error(v1.rename(phone, lamp.jid, "x")) == (404, "not_bound")


def test_a_name_ends_with_the_binding(v1, calls, phone, lamp):
    calls.bind(phone, [lamp.name])
    answer(v1.rename(phone, lamp.jid, "mine"))
    assert code(calls.unbind(phone, [lamp.name])) == 0
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    assert listed(v1, phone)[lamp.jid]["nickname"] == lamp.name
