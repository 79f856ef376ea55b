"""Consent: an account that accepts, wishes to be asked, or refuses; asking, answering, remembering."""

import pytest

from harness.calls import DEVICE, PHONE
from harness.d003 import Accounts, at_once, code, meanwhile, wait_until
from harness.databases import changing
from harness.v1 import answer, error


@pytest.fixture
def shy(v1, calls):
    """A lamp that wishes to be asked."""
    account = calls.new_account(DEVICE)
    v1.set_consent(account, "ask")
    return account


def test_an_account_accepts_unless_it_says_otherwise(v1, calls, phone, lamp):
    assert answer(v1.consent(lamp)) == {"consent": "accept"}
    for wish in ("ask", "refuse", "accept"):
        v1.set_consent(lamp, wish)
        assert answer(v1.consent(lamp)) == {"consent": wish}
    v1.set_consent(lamp, "refuse")
    assert code(calls.bind(phone, [lamp.name])) == 108
    v1.set_consent(lamp, "accept")
    assert code(calls.bind(phone, [lamp.name])) == 0


def test_yes_binds(v1, calls, phone, shy, xmpp_client):
    clients = [xmpp_client(account.jid, account.jid_password) for account in (phone, shy)]
    reply = calls.bind(phone, [shy.name])
    assert (code(reply), reply.json["failed"], reply.json["state"]) == (0, [], "pending")
    assert v1.bound_to(phone) == set()
    (ask,) = answer(v1.asks(shy))["asks"]
    assert ask["peer"] == {"jid": phone.jid, "user_name": phone.name, "type": PHONE, "name": phone.name}
    assert 7 * 86400 - 60 < ask["expires_in"] <= 7 * 86400
    assert answer(v1.answer(shy, ask["id"], True)) == {"state": "bound", "peer": ask["peer"]}
    for client, peer in zip(clients, (shy, phone)):
        client.wait_item(peer.jid, "both")
        client.wait_sees(peer.jid)
    assert v1.asked_by(shy) == {}
    assert code(calls.bind(phone, [shy.name])) == 109


def test_no_is_remembered(v1, calls, db, phone, shy):
    calls.bind(phone, [shy.name])
    ask = v1.asked_by(shy)[phone.jid]
    assert answer(v1.answer(shy, ask, False))["state"] == "refused"
    assert v1.asked_by(shy) == {}
    reply = calls.bind(phone, [shy.name])
    assert (code(reply), reply.json["failed"]) == (108, [shy.name])
    assert code(calls.unbind(phone, [shy.name])) == 110  # that takes no refusal back
    v1.set_consent(shy, "accept")
    assert code(calls.bind(phone, [shy.name])) == 108  # a no to somebody outlasts a yes to all
    with db.cursor() as cursor:
        cursor.execute("update asks set expires_at = now() where id = %s", (ask,))
    v1.set_consent(shy, "ask")
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"
    assert v1.asked_by(shy)[phone.jid] != ask


def test_who_said_no_may_wish_it_himself(v1, calls, phone, shy):
    calls.bind(phone, [shy.name])
    v1.answer(shy, v1.asked_by(shy)[phone.jid], False)
    assert calls.bind(shy, [phone.name]).json["state"] == "bound"
    assert code(calls.unbind(phone, [shy.name])) == 0
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"  # the no went with the binding


def test_asked_again_while_it_waits(v1, calls, phone, shy):
    calls.bind(phone, [shy.name])
    first = v1.asked_by(shy)
    for _ in range(3):
        reply = calls.bind(phone, [shy.name])
        assert (code(reply), reply.json["state"]) == (0, "pending")
    assert v1.asked_by(shy) == first


def test_an_answer_counts_once_and_is_the_askeds_alone(v1, calls, phone, lamp, shy):
    calls.bind(phone, [shy.name])
    ask = v1.asked_by(shy)[phone.jid]
    for stranger in (phone, lamp):
        for accept in (True, False):
            assert error(v1.answer(stranger, ask, accept)) == (404, "not_found")
    assert error(v1.answer(shy, ask + 1000, True)) == (404, "not_found")
    answer(v1.answer(shy, ask, True))
    for accept in (True, False):
        assert error(v1.answer(shy, ask, accept)) == (404, "not_found")
    assert v1.bound_to(shy) == {phone.jid}


def test_two_who_ask_each_other_are_bound(v1, calls, phone, shy):
    v1.set_consent(phone, "ask")
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"
    assert calls.bind(shy, [phone.name]).json["state"] == "bound"
    assert v1.asked_by(shy) == v1.asked_by(phone) == {}


def test_at_once_it_is_one_binding(v1, calls, db):
    """Both ask, both answer, a code is entered: whatever comes first, there is one binding and no ask."""
    for _ in range(5):
        one, other = calls.new_account(PHONE), calls.new_account(DEVICE)
        v1.set_consent(one, "ask")
        v1.set_consent(other, "ask")
        calls.bind(one, [other.name])
        ask, shown = v1.asked_by(other)[one.jid], v1.new_claim(other)
        replies = at_once([
            lambda: v1.answer(other, ask, True).status,
            lambda: v1.redeem(one, shown).status,
            lambda: code(calls.bind(other, [one.name])),
            lambda: code(calls.bind(one, [other.name])),
        ])
        made = [replies[0] == 200, replies[1] == 200, replies[2] == 0]
        assert sum(made) == 1, replies
        assert replies[0] in (200, 404, 409) and replies[1] in (200, 409) and replies[2] in (0, 109), replies
        assert replies[3] in (0, 109), replies  # it waits, or it is bound
        assert v1.bound_to(one) == {other.jid}
        assert v1.asked_by(one) == v1.asked_by(other) == {}
    with db.cursor() as cursor:
        cursor.execute("select count(*) from asks k join bindings b using (low, high) where b.wanted")
        assert cursor.fetchone() == (0,)


def test_unbinding_withdraws_an_ask(v1, calls, phone, shy):
    calls.bind(phone, [shy.name])
    reply = calls.unbind(phone, [shy.name])
    assert (code(reply), reply.json["state"]) == (0, "unbound")
    assert v1.asked_by(shy) == {}
    assert code(calls.unbind(phone, [shy.name])) == 110


def test_a_cancelled_account_asks_nothing(v1, calls, db, phone, shy):
    other = calls.new_account(PHONE)
    calls.bind(phone, [shy.name])
    calls.bind(other, [shy.name])
    assert code(calls.cancel(phone)) == 0
    assert set(v1.asked_by(shy)) == {other.jid}
    assert code(calls.cancel(shy)) == 0
    with db.cursor() as cursor:
        cursor.execute("select count(*) from asks k join accounts a on a.id in (k.low, k.high) where a.state = 2")
        assert cursor.fetchone() == (0,)


def test_a_banned_asker_is_not_bound(v1, calls, db, phone, shy):
    calls.bind(phone, [shy.name])
    ask = v1.asked_by(shy)[phone.jid]
    Accounts(db).set(phone, "banned_at = now()")
    assert v1.asked_by(shy) == {}
    assert error(v1.answer(shy, ask, True)) == (403, "refused")


def test_it_runs_out(v1, calls, server, phone, shy):
    server.restart({"REGISTRARD_ASKS_LIFETIME": "1s"})
    calls.bind(phone, [shy.name])
    ask = v1.asked_by(shy).get(phone.jid)
    wait_until(lambda: not v1.asked_by(shy), timeout=5)
    assert ask is None or error(v1.answer(shy, ask, True)) == (404, "not_found")
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"


# What changes between the look and the commit


CONSENT = "update accounts set consent = %s where jid_local = %s"
ASK, REFUSE = 1, 2


def test_who_says_ask_meanwhile_is_asked(v1, calls, stack, phone, lamp):
    with changing(stack, CONSENT, ASK, lamp.jid_local) as commit:
        with meanwhile(calls.bind, phone, [lamp.name]) as replies:
            commit()
    assert (code(replies[0]), replies[0].json["state"]) == (0, "pending")
    assert v1.bound_to(phone) == set()
    assert set(v1.asked_by(lamp)) == {phone.jid}


def test_who_says_ask_meanwhile_is_asked_beside_those_who_are(v1, calls, stack, phone, lamp, shy):
    with changing(stack, CONSENT, ASK, lamp.jid_local) as commit:
        with meanwhile(calls.bind, phone, [shy.name, lamp.name]) as replies:
            commit()
    assert (code(replies[0]), replies[0].json["state"]) == (0, "pending")
    assert v1.bound_to(phone) == set()
    assert set(v1.asked_by(lamp)) == set(v1.asked_by(shy)) == {phone.jid}


@pytest.mark.parametrize("beside_shy", [False, True])
def test_who_refuses_meanwhile_is_named(v1, calls, stack, phone, lamp, shy, beside_shy):
    with changing(stack, CONSENT, REFUSE, lamp.jid_local) as commit:
        with meanwhile(calls.bind, phone, [shy.name, lamp.name] if beside_shy else [lamp.name]) as replies:
            commit()
    assert code(replies[0]) == 108 and replies[0].json["failed"] == ([lamp.name] if beside_shy else [])
    assert v1.bound_to(phone) == set() and v1.asked_by(lamp) == v1.asked_by(shy) == {}


def test_a_no_to_what_is_withdrawn_meanwhile_is_none(v1, calls, stack, phone, shy):
    calls.bind(phone, [shy.name])
    ask = v1.asked_by(shy)[phone.jid]
    with changing(stack, "delete from asks where id = %s", ask) as commit:
        with meanwhile(v1.answer, shy, ask, False) as replies:
            commit()
    assert error(replies[0]) == (404, "not_found")
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"  # nothing was refused


# The message


BODY, OOB = "{jabber:client}body", "{jabber:x:oob}x/{jabber:x:oob}url"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def test_the_asked_ones_client_is_told(v1, calls, db, phone, shy, xmpp_client, stack):
    Accounts(db).set(phone, "nickname = 'Zoë <&> 汉'")
    client = xmpp_client(shy.jid, shy.jid_password)
    calls.bind(phone, [shy.name])
    (message,) = client.wait_messages(1)
    ask = v1.asked_by(shy)[phone.jid]
    assert (message.attrib["from"], message.attrib["type"], message.attrib["id"]) == (stack.component, "chat", f"ask-{ask}")
    bodies = {body.attrib[LANG]: body.text for body in message.findall(BODY)}
    uri = f"xmpp:{stack.component}?command;node=answer"
    assert set(bodies) == {"en", "zh"}
    for text in bodies.values():
        assert "Zoë <&> 汉" in text and f"{ask}" in text and stack.component in text and uri in text
    assert message.find(OOB).text == uri


def test_told_once_for_each_ask(v1, calls, phone, lamp, shy, xmpp_client):
    client = xmpp_client(shy.jid, shy.jid_password)
    for _ in range(3):
        calls.bind(phone, [shy.name])
    calls.bind(lamp, [shy.name])
    ids = [f"ask-{ask}" for ask in v1.asked_by(shy).values()]
    assert len(ids) == 2
    client.wait_messages(2)
    v1.answer(shy, v1.asked_by(shy)[phone.jid], True)
    client.wait_item(phone.jid, "both")  # whatever was to come has come
    assert sorted(message.attrib["id"] for message in client.messages) == sorted(ids)


def test_who_comes_later_is_told_then(calls, phone, shy, xmpp_client, stack):
    if not stack.owns_xmpp:
        pytest.skip("whether messages are kept is the server's own affair")
    calls.bind(phone, [shy.name])
    client = xmpp_client(shy.jid, shy.jid_password)
    assert len(client.wait_messages(1)) == 1


def test_without_a_link_it_is_told_when_the_link_is_back(server, v1, calls, phone, lamp, shy, xmpp_client, link):
    client = xmpp_client(shy.jid, shy.jid_password)
    link.refuse()
    server.wait_not_ready()
    calls.bind(phone, [shy.name])
    calls.bind(lamp, [shy.name])
    calls.unbind(lamp, [shy.name])  # nothing is to be said of this one any more
    link.heal()
    (message,) = client.wait_messages(1)
    assert message.attrib["id"] == f"ask-{v1.asked_by(shy)[phone.jid]}"
    v1.answer(shy, v1.asked_by(shy)[phone.jid], True)
    client.wait_item(phone.jid, "both")
    assert len(client.messages) == 1


# Lists


def test_in_a_list_some_are_bound_and_some_are_asked(v1, calls, phone, lamp, shy):
    reply = calls.bind(phone, [lamp.name, shy.name])
    assert (code(reply), reply.json["state"]) == (0, "pending")
    assert v1.bound_to(phone) == {lamp.jid}
    assert set(v1.asked_by(shy)) == {phone.jid}


def test_one_no_refuses_the_whole_list(v1, calls, phone, lamp, shy):
    calls.bind(phone, [shy.name])
    v1.answer(shy, v1.asked_by(shy)[phone.jid], False)
    other = calls.new_account(DEVICE)
    v1.set_consent(other, "ask")
    reply = calls.bind(phone, [lamp.name, other.name, shy.name])
    assert (code(reply), reply.json["failed"]) == (108, [shy.name])
    v1.set_consent(shy, "refuse")
    reply = calls.bind(phone, [lamp.name, other.name, shy.name])
    assert (code(reply), reply.json["failed"]) == (108, [shy.name])
    assert v1.bound_to(phone) == set() and v1.asked_by(other) == {}


def test_who_is_bound_already_is_not_asked(v1, calls, phone, lamp, shy):
    assert code(calls.bind(phone, [lamp.name])) == 0
    v1.set_consent(lamp, "ask")
    reply = calls.bind(phone, [shy.name, lamp.name])
    assert (code(reply), reply.json["failed"]) == (109, [lamp.name])
    assert v1.asked_by(shy) == {}


# Limits


def test_how_many_may_be_asked_in_a_day(v1, server, calls, phone):
    shies = [calls.new_account(DEVICE) for _ in range(3)]
    for one in shies:
        v1.set_consent(one, "ask")
    server.restart({"REGISTRARD_ASKS_PER_DAY": "2"})
    assert code(calls.bind(phone, [one.name for one in shies])) == 2
    assert all(v1.asked_by(one) == {} for one in shies)
    assert calls.bind(phone, [one.name for one in shies[:2]]).json["state"] == "pending"
    for _ in range(3):
        assert calls.bind(phone, [shies[0].name]).json["state"] == "pending"  # again costs nothing
    assert code(calls.bind(phone, [shies[2].name])) == 2
    assert code(calls.bind(shies[2], [phone.name])) == 0  # who accepts is not asked


def test_who_withdraws_while_he_asks_is_counted_all_the_same(v1, server, calls, stack, phone, shy):
    """The limit is looked at before the transaction, in which what was asked already may be so no more."""
    server.restart({"REGISTRARD_ASKS_PER_DAY": "1"})
    assert calls.bind(phone, [shy.name]).json["state"] == "pending"
    with changing(stack, "delete from asks") as commit:
        with meanwhile(calls.bind, phone, [shy.name]) as replies:
            commit()
    assert replies[0].status == 503
    assert v1.asked_by(shy) == {}
    assert code(calls.bind(phone, [shy.name])) == 2


def test_without_redis_nobody_is_asked_but_bindings_go_on(calls, v1, stack, phone, lamp, shy, expected_errors):
    expected_errors.append("event=redis")
    stack.kill("redis")
    reply = calls.bind(phone, [shy.name])
    assert reply.status == 503
    assert code(calls.bind(phone, [lamp.name])) == 0
    stack.start("redis")
    wait_until(lambda: v1.asks(shy).status == 200, what="answers again")
    assert v1.asked_by(shy) == {}
