"""Under which names and in which groups people stand in each other's rosters: by account type, by account, and by what was
said for one binding; and that it is kept up to date when any of them changes."""

import pytest

from harness.calls import DEVICE, PHONE, WECHAT
from harness.d003 import Accounts, code, metric, wait_until

FIRST = {
    "REGISTRARD_ROSTER_GROUPS_PHONE": "People",
    "REGISTRARD_ROSTER_GROUPS_DEVICE": "Devices, 客厅 <1> & \"2\"",
    "REGISTRARD_RECONCILE_PER_SECOND": "50",
}
SECOND = {**FIRST, "REGISTRARD_ROSTER_GROUPS_DEVICE": "Things", "REGISTRARD_ROSTER_GROUPS_WECHAT": "WeChat, People"}
OF_DEVICES = {"Devices", '客厅 <1> & "2"'}


@pytest.fixture
def people(server, calls):
    server.restart(FIRST)
    return [calls.new_account(kind) for kind in (PHONE, DEVICE, WECHAT)]


@pytest.fixture
def bound(calls, people):
    phone, lamp, friend = people
    assert code(calls.bind(phone, [lamp.name, friend.name])) == 0
    return people


def groups_of(calls, account):
    """User names by the groups in which the server shows them."""
    items = calls.bindings(account).json["roster_item"]
    assert all(set(item["groups"].values()) <= {True} for item in items)
    return {item["user_name"]: set(item["groups"]) for item in items}


def wait_shown(client, jid, name, groups):
    client.wait(
        lambda: client.items.get(jid, {}).get("name") == name and set(client.items[jid]["groups"]) == groups,
        20, f"{jid} as {name} in {groups}",
    )


def say(db, account, peer, assignment, *values):
    """As an operation does it: how the account's roster shows the peer."""
    ids = [Accounts(db).get(one, "id") for one in (account, peer)]
    side = "low" if ids[0] < ids[1] else "high"
    with db.cursor() as cursor:
        cursor.execute(
            f"with wish as (update bindings set {assignment.replace('*', side)}, version = nextval('wish_version') "
            "where (low, high) = (%s, %s) returning low, high, version) "
            "insert into outbox (kind, low, high, version) select 3, low, high, version from wish "
            "on conflict (kind, low, high) do update set version = excluded.version, "
            "due_at = case when outbox.lease is null then now() else outbox.due_at end",
            [*values, min(ids), max(ids)],
        )


def test_groups_are_by_account_type(calls, bound, xmpp_client):
    phone, lamp, friend = bound
    client = xmpp_client(phone.jid, phone.jid_password)
    wait_shown(client, lamp.jid, lamp.name, OF_DEVICES)
    wait_shown(client, friend.jid, friend.name, set())
    assert groups_of(calls, phone) == {lamp.name: OF_DEVICES, friend.name: set()}
    assert groups_of(calls, lamp) == {phone.name: {"People"}}


def test_other_groups_of_the_configuration_reach_all_rosters(server, calls, bound, xmpp_client):
    phone, lamp, friend = bound
    clients = [xmpp_client(one.jid, one.jid_password) for one in bound]
    mark = server.log.mark()
    drifted = metric(server, "reconcile_drifted")  # by tests before
    server.restart(SECOND)
    wait_shown(clients[0], lamp.jid, lamp.name, {"Things"})
    wait_shown(clients[0], friend.jid, friend.name, {"WeChat", "People"})
    wait_shown(clients[2], phone.jid, phone.name, {"People"})
    wait_until(lambda: groups_of(calls, phone) == {lamp.name: {"Things"}, friend.name: {"WeChat", "People"}})
    assert len(server.log.events("roster_settings_changed", mark)) == 1
    assert metric(server, "reconcile_brake") == 0
    assert metric(server, "reconcile_drifted") <= drifted  # nobody has drifted: it is we who changed our mind
    server.restart(SECOND)
    assert len(server.log.events("roster_settings_changed", mark)) == 1


def test_a_name_and_groups_for_one_binding_alone(calls, bound, xmpp_client, db):
    phone, lamp, friend = bound
    clients = [xmpp_client(one.jid, one.jid_password) for one in bound]
    say(db, phone, lamp, "*_nickname = %s, *_groups = %s", "Küche <&>", ["Mine", "Yours"])
    wait_shown(clients[0], lamp.jid, "Küche <&>", {"Mine", "Yours"})
    wait_shown(clients[1], phone.jid, phone.name, {"People"})  # each roster for itself
    wait_shown(clients[0], friend.jid, friend.name, set())
    say(db, phone, lamp, "*_groups = '{}'")  # in none, whatever the configuration says
    wait_shown(clients[0], lamp.jid, "Küche <&>", set())
    say(db, phone, lamp, "*_groups = null, *_nickname = null")
    wait_shown(clients[0], lamp.jid, lamp.name, OF_DEVICES)


def test_a_new_binding_knows_nothing_of_what_was_said_for_the_last(calls, bound, xmpp_client, db):
    phone, lamp, _ = bound
    client = xmpp_client(phone.jid, phone.jid_password)
    say(db, phone, lamp, "*_nickname = 'old name'")
    wait_shown(client, lamp.jid, "old name", OF_DEVICES)
    assert code(calls.unbind(phone, [lamp.name])) == 0
    assert code(calls.bind(lamp, [phone.name])) == 0
    wait_shown(client, lamp.jid, lamp.name, OF_DEVICES)


@pytest.mark.parametrize("groups", ["a,,b", "a;b", "same, same", ",".join("abcdefghi"), "x" * 65])
def test_groups_that_no_roster_could_hold_are_refused(server, groups):
    done = server.command("--check-config", changed={"REGISTRARD_ROSTER_GROUPS_PHONE": groups})
    assert done.returncode != 0
    assert "ROSTER_GROUPS_PHONE" in done.stdout + done.stderr
