"""Rosters and JIDs that are not as Postgres wants them are found and mended: what a user's client changed, what an
administrator of the XMPP server did, and what a server that was killed has forgotten. On an installation of its own, because
all its accounts are compared again and again."""

import time

import pytest

from harness.calls import DEVICE, PHONE
from harness.d003 import code, metric, wait_until
from harness.installation import Installation

# Everybody is compared once a second, and nothing is too much.
ALWAYS = {
    "REGISTRARD_RECONCILE_PER_SECOND": "1000",
    "REGISTRARD_RECONCILE_INTERVAL": "1s",
    "REGISTRARD_RECONCILE_RECHECK": "0ms",
    "REGISTRARD_RECONCILE_BRAKE_ACCOUNTS": "1000000",
}
# Only what the lost link makes doubtful.
AFTER_LOSS = {**ALWAYS, "REGISTRARD_RECONCILE_PER_SECOND": "0", "REGISTRARD_RECONCILE_RECHECK": "60s"}
FOLLOW = {"REGISTRARD_RECONCILE_POLICY": "follow"}
SOON = 10  # seconds


@pytest.fixture(scope="module")
def _own():
    one = Installation(ALWAYS)
    yield one
    one.close()


@pytest.fixture
def own(_own):
    """With the usual settings again afterwards."""
    mark = _own.server.log.mark()
    yield _own
    _own.stack.restore()
    _own.link.heal()
    _own.clients.disconnect_all()
    _own.server.restore()
    assert not _own.server.log.complaints(mark)


@pytest.fixture(params=["restore", "follow"])
def policy(request, own):
    if request.param == "follow":
        own.server.restart(FOLLOW)
    return request.param


def bound(own, count=1):
    """A phone and lamps that are bound to it."""
    phone = own.calls.new_account(PHONE)
    lamps = [own.calls.new_account(DEVICE) for _ in range(count)]
    assert own.calls.bind(phone, [lamp.name for lamp in lamps]).json["state"] == "bound"
    return phone, *lamps


def id_of(own, account):
    return own.one("select id from accounts where jid_local = %s", account.jid_local)


def compared_again(own, *accounts):
    """Each was compared once more, as a whole."""
    ids = [id_of(own, account) for account in accounts]
    since = own.one("select now()")
    for _ in range(2):  # the first may have begun before
        wait_until(lambda: own.one("select count(*) from comparisons where account_id = any(%s) and compared_at > %s",
                                   ids, since) == len(ids), SOON, "comparisons")
        since = own.one("select now()")


def settled(own):
    wait_until(lambda: own.one("select count(*) from outbox where kind <> 5") == 0, SOON, "nothing left to do")


def drift(own, *kinds):
    """How much of these kinds was found so far."""
    return sum(metric(own.server, "reconcile_drift_total", kind=kind) for kind in kinds)


def shows_as_bound(own, one, other):
    shown = own.shown(one)
    item = shown.get(other.jid) if shown is not None else None  # its JID may be there before the other's
    return item is not None and (item["subscription"], item["name"], item["groups"]) == ("both", other.name, [])


def as_bound(own, phone, lamp):
    return shows_as_bound(own, phone, lamp) and shows_as_bound(own, lamp, phone)


def neither_shows(own, phone, lamp):
    return lamp.jid not in own.roster(phone) and phone.jid not in own.roster(lamp)


# What users do in their clients


@pytest.mark.parametrize("side", [0, 1], ids=["phone", "lamp"])
def test_a_removed_contact_is_restored(own, side):
    pair = bound(own)
    before = drift(own, "missing", "subscription")
    clients = [own.client(account) for account in pair]
    clients[side].remove_item(pair[1 - side].jid)
    wait_until(lambda: as_bound(own, *pair), SOON, "both rosters restored")
    for client, other in zip(clients, reversed(pair)):
        client.wait_item(other.jid, "both")
        client.wait_sees(other.jid)
    assert drift(own, "missing", "subscription") > before


@pytest.mark.parametrize("side", [0, 1], ids=["phone", "lamp"])
def test_a_removed_contact_ends_the_binding_by_the_other_policy(own, side):
    own.server.restart(FOLLOW)
    pair = bound(own)
    stays = own.calls.new_account(DEVICE)
    assert own.calls.bind(pair[0], [stays.name]).json["state"] == "bound"
    own.client(pair[side]).remove_item(pair[1 - side].jid)
    wait_until(lambda: neither_shows(own, *pair), SOON, "gone on both sides")
    settled(own)
    shown = [item["user_name"] for item in own.calls.bindings(pair[0]).json["roster_item"]]
    assert shown == [stays.name]
    assert own.calls.bindings(pair[1]).json["roster_item"] == []
    assert code(own.calls.unbind(pair[0], [pair[1].name])) == 110
    assert as_bound(own, pair[0], stays)
    compared_again(own, *pair)
    assert neither_shows(own, *pair)
    assert own.calls.bind(pair[0], [pair[1].name]).json["state"] == "bound"  # and it can be bound again
    compared_again(own, *pair)
    assert as_bound(own, *pair)


def test_an_ended_subscription_is_restored(own):
    phone, lamp = bound(own)
    client = own.client(phone)
    client.send_presence_to(lamp.jid, "unsubscribe")
    drifted = "select count(*) from comparisons where drifted_at is not null and account_id in (%s, %s)"
    wait_until(lambda: own.one(drifted, id_of(own, phone), id_of(own, lamp)) > 0, SOON, "that its end is noticed")
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "both again")


def test_another_name_and_other_groups_are_put_right(own):
    phone, lamp = bound(own)
    client = own.client(phone)
    client.edit_item(lamp.jid, name="Kitchen", groups=["Home"])
    client.wait(lambda: client.items[lamp.jid]["name"] == "Kitchen", what="the new name")
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "the old name")
    assert own.one("select count(*) from comparisons where drifted_at is not null and account_id = %s",
                   id_of(own, phone)) == 0  # no drift to the brake


def test_another_name_and_other_groups_stay_by_the_other_policy(own):
    own.server.restart(FOLLOW)
    phone, lamp, fan = bound(own, 2)
    client = own.client(phone)
    client.edit_item(lamp.jid, name="Kitchen", groups=["Home"])
    compared_again(own, phone, lamp)
    item = own.roster(phone)[lamp.jid]
    assert (item["subscription"], item["name"], list(item["groups"])) == ("both", "Kitchen", ["Home"])
    own.client(lamp).remove_item(phone.jid)  # the other side's business, but both rosters are written for it
    wait_until(lambda: neither_shows(own, phone, lamp), SOON, "the end of the binding")
    settled(own)
    assert as_bound(own, phone, fan)


@pytest.mark.usefixtures("policy")
def test_contacts_of_a_user_s_own_stay(own):
    phone, lamp = bound(own)
    stranger = own.calls.new_account(DEVICE)  # of ours, but never bound to the phone
    client = own.client(phone)
    client.edit_item(f"aunt@elsewhere.{own.stack.domain}", name="Aunt", groups=["Family"])
    client.edit_item(f"colleague@{own.stack.domain}", name="Colleague")
    client.edit_item(stranger.jid, name="Stranger")
    client.send_presence_to(stranger.jid, "subscribe")
    compared_again(own, phone, lamp, stranger)
    settled(own)
    roster = own.roster(phone)
    assert set(roster) == {lamp.jid, stranger.jid, f"aunt@elsewhere.{own.stack.domain}",
                           f"colleague@{own.stack.domain}"}
    assert roster[stranger.jid]["name"] == "Stranger"
    assert own.calls.bindings(phone).json["roster_item"][0]["user_name"] == lamp.name


def test_what_is_left_of_an_ended_binding_is_removed(own):
    phone, lamp = bound(own)
    before = drift(own, "left_over")
    assert own.calls.unbind(phone, [lamp.name]).json["state"] == "unbound"
    own.client(phone).edit_item(lamp.jid, name=lamp.name)
    wait_until(lambda: neither_shows(own, phone, lamp), SOON, "the left-over gone")
    settled(own)
    assert drift(own, "left_over") > before


# What an administrator of the server does


@pytest.mark.usefixtures("policy")
def test_a_vanished_jid_is_made_again_with_its_roster(own):
    phone, lamp, fan = bound(own, 2)
    with own.administrator() as administrator:
        administrator.delete(lamp.jid)
    wait_until(lambda: own.exists(lamp), SOON, "the JID with its password")
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "its roster")
    assert as_bound(own, phone, fan)
    assert code(own.calls.login(lamp)) == 0


def test_all_jids_of_a_world_that_vanished_are_made_again(own):
    phone, *lamps = bound(own, 4)
    with own.administrator() as administrator:
        administrator.delete(phone.jid, *(lamp.jid for lamp in lamps))
    for lamp in lamps:
        wait_until(lambda one=lamp: own.exists(one) and as_bound(own, phone, one), SOON, "as before")


def test_a_cancelled_jid_that_rises_is_removed(own):
    phone, lamp = bound(own)
    assert code(own.calls.cancel(lamp)) == 0
    settled(own)
    before = drift(own, "risen")
    with own.administrator() as administrator:
        administrator.add(lamp.jid, lamp.jid_password)
    wait_until(lambda: not own.exists(lamp), SOON, "the JID gone again")
    wait_until(lambda: drift(own, "risen") > before, SOON, "its count")
    assert own.exists(phone)


def test_a_jid_that_is_not_ours_is_left_alone(own):
    own.calls.new_account(PHONE)
    stranger = f"stranger-{time.time_ns():x}@{own.stack.domain}"
    with own.administrator() as administrator:
        administrator.add(stranger, "a password")
    compared_again(own, own.calls.new_account(DEVICE))
    own.clients.connect(stranger, "a password")
    with own.administrator() as administrator:
        administrator.delete(stranger)


# After a lost link


def test_after_a_lost_link_what_was_done_lately_is_compared_at_once(own):
    own.server.restart(AFTER_LOSS)
    phone, lamp, fan = bound(own, 2)
    gone = own.calls.new_account(DEVICE)
    assert own.calls.unbind(phone, [fan.name]).json["state"] == "unbound"
    assert code(own.calls.cancel(gone)) == 0
    settled(own)
    client = own.client(phone)
    with own.administrator() as administrator:
        administrator.delete(lamp.jid)
        administrator.add(gone.jid, gone.jid_password)
        client.edit_item(fan.jid, name=fan.name)
    wait_until(lambda: as_bound(own, phone, lamp) and neither_shows(own, phone, fan) and not own.exists(gone), SOON,
               "everything as it was acknowledged")


def test_what_was_lost_with_the_link_is_no_wish_of_a_user_s(own):
    own.server.restart({**AFTER_LOSS, **FOLLOW})
    phone, lamp = bound(own)
    client = own.client(phone)
    own.link.refuse()
    client.remove_item(lamp.jid)
    own.link.heal()
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "the binding that was acknowledged")


def test_a_process_that_was_killed_with_the_link_compares_when_it_is_back(own):
    own.server.restart(AFTER_LOSS)
    phone, lamp = bound(own)
    client = own.client(phone)
    own.server.kill()
    client.remove_item(lamp.jid)
    own.server.start(AFTER_LOSS)
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "the binding that was acknowledged")


@pytest.mark.owns_xmpp
def test_what_a_killed_server_forgot_is_there_again(own):
    """Its disk is as it was some seconds before."""
    own.server.restart(AFTER_LOSS)
    phone, early, ended = bound(own, 2)
    own.save("seconds-ago")
    own.server.wait_ready()
    late, gone = own.calls.new_account(DEVICE), own.calls.new_account(DEVICE)
    assert own.calls.bind(phone, [late.name, gone.name]).json["state"] == "bound"
    assert own.calls.unbind(phone, [ended.name]).json["state"] == "unbound"
    assert code(own.calls.cancel(gone)) == 0
    settled(own)
    own.load("seconds-ago")
    own.server.wait_ready()
    wait_until(lambda: own.exists(late) and as_bound(own, phone, late), SOON, "the JID and the pair made last")
    wait_until(lambda: neither_shows(own, phone, ended), SOON, "the pair that ended")
    assert as_bound(own, phone, early) and not own.exists(gone)
    assert set(own.roster(phone)) == {early.jid, late.jid}


@pytest.mark.owns_xmpp
def test_nothing_acknowledged_is_lost_with_a_server_that_is_killed(own):
    own.server.restart(AFTER_LOSS)
    phone, *lamps = bound(own, 8)
    own.stack.kill(own.stack.xmpp)
    own.server.wait_not_ready()
    own.stack.start(own.stack.xmpp)
    own.server.wait_ready()
    for lamp in lamps:
        wait_until(lambda one=lamp: as_bound(own, phone, one), SOON, "the pair")
    assert set(own.roster(phone)) == {lamp.jid for lamp in lamps}


# What can be seen of it


def test_outcomes_are_in_postgres_and_on_metrics(own):
    phone, lamp = bound(own)
    mended, mark = metric(own.server, "reconcile_compared_total", outcome="mended"), own.server.log.mark()
    compared_again(own, phone, lamp)
    assert own.rows("select outcome, drift, compared_at is not null from comparisons where account_id = %s",
                    id_of(own, phone)) == [(1, 0, True)]
    own.client(phone).remove_item(lamp.jid)
    wait_until(lambda: own.one("select count(*) from comparisons where outcome = 2 and account_id in (%s, %s)",
                               id_of(own, phone), id_of(own, lamp)), SOON, "the outcome")
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "the pair")
    wait_until(lambda: metric(own.server, "reconcile_accounts", outcome="same") >= 2, SOON, "the figures")
    assert metric(own.server, "reconcile_compared_total", outcome="mended") > mended
    assert metric(own.server, "reconcile_brake") == 0
    assert metric(own.server, "reconcile_brake_at") == 1000000
    drifted = {int(line["account"]) for line in own.server.log.events("account_drifted", mark)}
    assert drifted & {id_of(own, phone), id_of(own, lamp)}


def test_an_administrator_is_told_what_it_does(own):
    bound(own)
    answer = own.ctl.do("reconcile", "status")
    assert answer.facts["mending"] == "on" and answer.facts["round"] and " same " in answer.text, answer


# Pace


def test_those_in_use_come_first_at_the_configured_rate(own):
    slow = {"REGISTRARD_RECONCILE_PER_SECOND": "4", "REGISTRARD_RECONCILE_INTERVAL": "1h"}
    accounts = [own.calls.new_account(DEVICE) for _ in range(16)]
    own.server.stop()
    ids = [id_of(own, account) for account in accounts]
    own.rows("delete from outbox where kind = 5")
    own.rows("update comparisons set used_at = 'epoch', compared_at = null")
    for place, number in enumerate(ids):
        own.rows("update comparisons set used_at = now() - %s * interval '1 second' where account_id = %s", place, number)
    own.rows("update reconcile_rounds set begun_at = now() - interval '2 hours'")
    own.server.start(slow)
    begun = time.monotonic()
    wait_until(lambda: own.one("select count(*) from comparisons where compared_at is not null and account_id = any(%s)",
                               ids) == len(ids), 30, "all compared")
    took = time.monotonic() - begun
    assert took >= len(ids) / 4 - 3, took  # the first may come at once
    order = own.rows("select array_position(%s, account_id) from comparisons where account_id = any(%s) "
                     "order by compared_at", ids, ids)
    places = [place for place, in order]
    # a second's worth may be done in any order
    assert all(abs(place - at) <= 8 for at, place in enumerate(places, 1)), places


def test_none_a_second_is_none(own):
    own.server.restart({"REGISTRARD_RECONCILE_PER_SECOND": "0"})
    phone, lamp = bound(own)
    wait_until(lambda: own.one("select count(*) from outbox where kind = 5") == 0, SOON, "the comparisons of before")
    last = own.one("select max(compared_at) from comparisons")
    own.client(phone).remove_item(lamp.jid)
    time.sleep(2.5)  # two ticks: nothing is to come
    assert own.one("select max(compared_at) from comparisons") == last
    assert lamp.jid not in own.roster(phone)
    own.server.restart()
    wait_until(lambda: as_bound(own, phone, lamp), SOON, "both rosters restored")
