"""What stock XMPP clients see of bindings: rosters pushed, each other's presence at once, the end of both."""

import time

import pytest

from harness.calls import DEVICE
from harness.d003 import Accounts, code, wait_until

AT_ONCE = 2  # seconds


def online(xmpp_client, *accounts):
    return [xmpp_client(account.jid, account.jid_password) for account in accounts]


def assert_see_each_other(one, other, timeout=AT_ONCE):
    for client, peer in ((one, other), (other, one)):
        client.wait_item(peer.boundjid.bare, "both", timeout)
        client.wait_sees(peer.boundjid.bare, timeout)


def pushed_after(client, since, jid):
    with client.changed:
        return [subscription for when, pushed, subscription in client.pushes if when >= since and pushed == jid]


@pytest.mark.parametrize("asker", [0, 1])
def test_both_online_see_each_other_at_once(calls, phone, lamp, xmpp_client, asker):
    accounts = (phone, lamp)
    clients = online(xmpp_client, phone, lamp)
    begun = time.monotonic()
    assert calls.bind(accounts[asker], [accounts[1 - asker].name]).json["state"] == "bound"
    assert_see_each_other(*clients)
    for client, peer in zip(clients, (lamp, phone)):
        assert client.items[peer.jid]["name"] == peer.name
        assert client.items[peer.jid]["groups"] == []
        assert pushed_after(client, begun, peer.jid)[-1] == "both"


def test_who_comes_later_sees_who_is_there(calls, phone, lamp, xmpp_client):
    (first,) = online(xmpp_client, phone)
    assert code(calls.bind(phone, [lamp.name])) == 0
    first.wait_item(lamp.jid, "both", AT_ONCE)
    assert not first.present.get(lamp.jid)
    (second,) = online(xmpp_client, lamp)
    assert_see_each_other(first, second)


def test_bound_while_both_are_offline(calls, phone, lamp, xmpp_client):
    assert code(calls.bind(phone, [lamp.name])) == 0
    assert_see_each_other(*online(xmpp_client, phone, lamp))


def test_who_leaves_is_seen_to_leave(calls, phone, lamp, xmpp_client):
    one, other = online(xmpp_client, phone, lamp)
    assert code(calls.bind(phone, [lamp.name])) == 0
    assert_see_each_other(one, other)
    other.close()
    one.wait_sees_not(lamp.jid, AT_ONCE)
    (again,) = online(xmpp_client, lamp)
    assert_see_each_other(one, again)


def test_every_resource_sees_it(calls, phone, lamp, xmpp_client):
    clients = online(xmpp_client, phone, phone, lamp)
    assert code(calls.bind(lamp, [phone.name])) == 0
    for client in clients[:2]:
        assert_see_each_other(client, clients[2])
    clients[2].wait(lambda: len(clients[2].present[phone.jid]) == 2, AT_ONCE, "both resources")


def test_several_in_one_call(calls, phone, lamp, xmpp_client):
    other_lamp = calls.new_account(DEVICE)
    clients = online(xmpp_client, phone, lamp, other_lamp)
    assert calls.bind(phone, [lamp.name, other_lamp.name]).json["state"] == "bound"
    for client in clients[1:]:
        assert_see_each_other(clients[0], client)
    assert other_lamp.jid not in clients[1].items  # the lamps are not bound to each other


@pytest.mark.parametrize("asker", [0, 1])
def test_unbound_both_are_gone_for_each_other(calls, phone, lamp, xmpp_client, asker):
    accounts = (phone, lamp)
    one, other = online(xmpp_client, phone, lamp)
    assert code(calls.bind(phone, [lamp.name])) == 0
    assert_see_each_other(one, other)
    assert calls.unbind(accounts[asker], [accounts[1 - asker].name]).json["state"] == "unbound"
    for client, peer in ((one, lamp), (other, phone)):
        client.wait_no_item(peer.jid, AT_ONCE)
        client.wait_sees_not(peer.jid, AT_ONCE)
        assert peer.jid not in client.wait_fetched_roster()


def test_unbound_and_bound_again(calls, phone, lamp, xmpp_client):
    one, other = online(xmpp_client, phone, lamp)
    for _ in range(3):
        assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
        assert_see_each_other(one, other)
        assert calls.unbind(lamp, [phone.name]).json["state"] == "unbound"
        one.wait_no_item(lamp.jid, AT_ONCE)
        other.wait_no_item(phone.jid, AT_ONCE)
        one.wait_sees_not(lamp.jid, AT_ONCE)
        other.wait_sees_not(phone.jid, AT_ONCE)


def test_who_logs_in_after_an_unbinding_sees_nothing_of_it(calls, phone, lamp, xmpp_client):
    calls.bind(phone, [lamp.name])
    calls.unbind(phone, [lamp.name])
    for client, peer in zip(online(xmpp_client, phone, lamp), (lamp, phone)):
        assert peer.jid not in client.wait_fetched_roster()
        assert not client.present.get(peer.jid)


def test_nicknames_are_the_names_in_rosters(calls, phone, lamp, xmpp_client, db):
    Accounts(db).set(phone, "nickname = 'Zoë <&> 汉'")
    one, other = online(xmpp_client, phone, lamp)
    assert code(calls.bind(phone, [lamp.name])) == 0
    assert other.wait_item(phone.jid, "both", AT_ONCE)["name"] == "Zoë <&> 汉"
    assert one.wait_item(lamp.jid, "both", AT_ONCE)["name"] == lamp.name


def test_cancelled_it_is_gone_from_the_others_rosters_and_cannot_log_in(calls, phone, lamp, xmpp_client):
    one, other = online(xmpp_client, phone, lamp)
    assert code(calls.bind(phone, [lamp.name])) == 0
    assert_see_each_other(one, other)
    assert code(calls.cancel(lamp)) == 0
    one.wait_no_item(lamp.jid)
    one.wait_sees_not(lamp.jid)
    other.wait_lost()
    wait_until(lambda: _is_refused(xmpp_client, lamp), what="the JID gone")


def _is_refused(xmpp_client, account):
    client = xmpp_client(account.jid, account.jid_password, wait=False)
    client.wait(lambda: client.online or client.refused, what="an answer")
    return client.refused


def test_what_a_user_has_besides_stays(calls, phone, lamp, xmpp_client, stack):
    """A contact of the user's own is neither touched by a binding nor by its end."""
    (client,) = online(xmpp_client, phone)
    client.edit_item(f"aunt@{stack.domain}", name="Aunt", groups=["Family"])
    assert code(calls.bind(phone, [lamp.name])) == 0
    client.wait_item(lamp.jid, "both", AT_ONCE)
    assert code(calls.unbind(phone, [lamp.name])) == 0
    client.wait_no_item(lamp.jid, AT_ONCE)
    roster = client.wait_fetched_roster()
    assert list(roster) == [f"aunt@{stack.domain}"]
    assert (roster[f"aunt@{stack.domain}"]["name"], roster[f"aunt@{stack.domain}"]["groups"]) == ("Aunt", ["Family"])
    assert calls.bindings(phone).json["roster_item"] == []


def test_made_while_the_link_was_cut_they_see_each_other_when_it_is_back(calls, phone, lamp, xmpp_client, link):
    one, other = online(xmpp_client, phone, lamp)
    link.refuse()
    assert code(calls.bind(phone, [lamp.name])) == 0
    link.heal()
    assert_see_each_other(one, other, timeout=5)
