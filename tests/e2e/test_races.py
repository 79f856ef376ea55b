"""Races: whatever comes at once, is stopped in the middle or finishes late, the last word that was acknowledged is what
both rosters show, and nobody meets what was somebody else's.

Two registrards work on one database; wishes are leased for three seconds, so that one that is stopped loses what it holds.
"""

import concurrent.futures
import random
import signal
import threading

import pytest

from harness.calls import DEVICE, PHONE, Account, Calls, new_name
from harness.d003 import at_once, code, metric, wait_until
from harness.http_client import Http
from harness.link import Link

# A worker gives up after half a lease: time enough for a busy machine to stop it while it is at it.
LEASE = {"REGISTRARD_OUTBOX_LEASE": "3s", "REGISTRARD_BINDING_WAIT": "0s", "REGISTRARD_LIMITS_LOOKUPS_PER_MINUTE": "1000000"}
BOUND, NOT_BOUND = 109, 110


@pytest.fixture
def links(stack, link):
    """The way of each of them to the XMPP server."""
    second = Link(stack)
    yield [link, second]
    second.close()


@pytest.fixture
def two(server, another_server, stack, links):
    """Both instances, with short leases; a binding call does not wait for the rosters."""
    server.restart(LEASE)
    component = {"REGISTRARD_XMPP_COMPONENT": "second." + stack.component}
    second = another_server("second", {**LEASE, **component, **links[1].settings})
    second.start()
    yield [server, second]
    links[1].heal()
    second.stop()


@pytest.fixture
def calls_of(two, stack, read_answer):
    """The calls of dialect 003 to each of them."""
    return [Calls(Http(one.ports, stack.certificate), read_answer) for one in two]


def settled(db):
    """Nothing is to be done any more."""
    with db.cursor() as cursor:
        cursor.execute("select count(*) from outbox where kind = 3")
        return cursor.fetchone()[0] == 0


def is_bound(db, one, other):
    with db.cursor() as cursor:
        cursor.execute(
            "select count(*) from bindings b join accounts l on l.id = b.low join accounts h on h.id = b.high "
            "where b.wanted and (l.jid_local, h.jid_local) in ((%s, %s), (%s, %s))",
            [jid.split("@")[0] for jid in (one.jid, other.jid, other.jid, one.jid)],
        )
        return cursor.fetchone()[0] == 1


def count_of(db, statement):
    with db.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def wait_settled(db, timeout=30):
    wait_until(lambda: settled(db), timeout, "an empty outbox")


def shown(client, jid):
    return client.wait_fetched_roster().get(jid, {}).get("subscription") == "both"


@pytest.fixture
def pair(calls_of):
    return calls_of[0].new_account(PHONE), calls_of[0].new_account(DEVICE)


@pytest.fixture
def clients(pair, xmpp_client):
    return [xmpp_client(one.jid, one.jid_password) for one in pair]


def expect_both(clients, pair, bound):
    """Both rosters, as the server has them and as the clients were told."""
    for client, other in zip(clients, reversed(pair)):
        if bound:
            client.wait_item(other.jid)
        else:
            client.wait_no_item(other.jid)
        assert shown(client, other.jid) == bound


@pytest.mark.parametrize("last", ["bound", "unbound"])
def test_quick_changes_end_in_the_last(calls_of, pair, clients, db, last):
    phone, lamp = pair
    for turn in range(11 if last == "bound" else 12):
        one, other, calls = (phone, lamp, calls_of[0]) if turn % 3 else (lamp, phone, calls_of[1])
        change = calls.bind if turn % 2 == 0 else calls.unbind
        assert code(change(one, [other.name])) == 0
    wait_settled(db)
    assert is_bound(db, phone, lamp) == (last == "bound")
    expect_both(clients, pair, last == "bound")


def holder(two, db):
    """Which of them holds a wish now."""
    with db.cursor() as cursor:
        cursor.execute("select lease_owner from outbox where lease is not null and kind = 3")
        rows = cursor.fetchall()
    owners = [one.settings.get("REGISTRARD_XMPP_COMPONENT", one.stack.component) for one in two]
    return two[owners.index(rows[0][0].partition("/")[0])] if rows else None


def ended(one):
    """Attempts at pairs that it has behind it."""
    return metric(one, "outbox_done_total", kind="pair") + metric(one, "outbox_failed_total", kind="pair")


STANZAS = 250  # bytes: more than a ping or two have, and less than one call of ejabberd's API, let alone an edit by stanzas


@pytest.mark.parametrize("slow, quick", [("bind", "unbind"), ("unbind", "bind")])
def test_a_worker_that_was_stopped_finishes_late(two, links, calls_of, pair, clients, db, slow, quick):
    """The opposite of what it is at is wished while it stands still, and done by the other; only then the server gets
    what it had sent."""
    phone, lamp = pair
    if slow == "unbind":
        assert code(calls_of[0].bind(phone, [lamp.name])) == 0
        wait_settled(db)
        expect_both(clients, pair, True)
    for one in links:
        one.stall()
    sent = [one.sent for one in links]
    assert code(getattr(calls_of[0], slow)(phone, [lamp.name])) == 0
    first = wait_until(lambda: holder(two, db), what="a worker")
    number = two.index(first)
    wait_until(lambda: links[number].sent - sent[number] > STANZAS, what="what it sends")
    before = ended(first)
    first.kill(signal.SIGSTOP)
    assert code(getattr(calls_of[1 - number], quick)(lamp, [phone.name])) == 0
    links[1 - number].heal()
    wait_settled(db)
    expect_both(clients, pair, quick == "bind")
    links[number].heal()
    if slow == "bind":
        clients[0].wait_item(lamp.jid)  # the late word reaches the server
    else:
        clients[0].wait_no_item(lamp.jid)
    first.kill(signal.SIGCONT)
    wait_until(lambda: ended(first) > before, 20, "the end of what it had begun")
    wait_settled(db)
    assert is_bound(db, phone, lamp) == (quick == "bind")
    expect_both(clients, pair, quick == "bind")


def test_two_who_bind_each_other_at_once_make_one_binding(calls_of, pair, clients, db):
    phone, lamp = pair
    for turn in range(12):
        before = count_of(db, "select last_value from wish_version")
        codes = [
            code(reply)
            for reply in at_once(
                [
                    lambda: calls_of[0].bind(phone, [lamp.name]),
                    lambda: calls_of[1].bind(lamp, [phone.name]),
                    lambda: calls_of[turn % 2].bind(phone, [lamp.name]),
                ]
            )
        ]
        assert sorted(codes) == [0, BOUND, BOUND]
        assert count_of(db, "select count(*) from bindings where wanted and version > " + str(before)) == 1
        assert count_of(db, "select count(*) from outbox where kind = 3") <= 1
        codes = [code(reply) for reply in at_once([
            lambda: calls_of[1].unbind(phone, [lamp.name]), lambda: calls_of[0].unbind(lamp, [phone.name])
        ])]
        assert sorted(codes) == [0, NOT_BOUND]
    wait_settled(db)
    expect_both(clients, pair, False)


def test_a_name_that_comes_back_at_once_is_somebody_else(two, calls_of, xmpp_client, db, link):
    """Its predecessor's deletion is still under way, and slow."""
    calls, name, jids = calls_of[0], new_name(), set()
    friend = calls.new_account(PHONE)
    link.delay(0.05)
    for turn in range(5):
        calls = calls_of[turn % 2]
        account = calls.new_account(DEVICE, name)
        assert account.jid not in jids
        jids.add(account.jid)
        assert code(calls.bind(account, [friend.name])) == 0
        assert code(calls.cancel(account)) == 0
    account = calls.new_account(DEVICE, name)
    client = xmpp_client(account.jid, account.jid_password)
    link.heal()
    wait_until(lambda: count_of(db, "select count(*) from outbox") == 0, 30, "an empty outbox")
    assert count_of(db, "select count(*) from accounts where state = 2 and jid_state <> 0") == 0
    assert client.wait_fetched_roster() == {}
    assert not client.lost  # the deletions were of others
    again = xmpp_client(account.jid, account.jid_password)
    assert again.online
    friends = xmpp_client(friend.jid, friend.jid_password)
    assert friends.wait_fetched_roster() == {}


def test_many_change_what_they_like_while_workers_stop_and_go(two, calls_of, xmpp_client, db):
    """Of one pair those that were bound and those that were unbound take turns: so what was answered 0 says how it ends."""
    calls, seed = calls_of[0], random.randrange(2**32)
    print("seed", seed)
    people = [calls.new_account(PHONE) for _ in range(3)] + [calls.new_account(DEVICE) for _ in range(3)]
    balance, lock, over = {}, threading.Lock(), threading.Event()

    def change(number):
        chance, own = random.Random(seed + number), calls_of[number % 2]
        for _ in range(25):
            one, other = chance.sample(people, 2)
            bind = chance.random() < 0.6
            answer = code((own.bind if bind else own.unbind)(one, [other.name]))
            assert answer in (0, BOUND if bind else NOT_BOUND), answer
            if answer == 0:
                with lock:
                    pair = frozenset((one.name, other.name))
                    balance[pair] = balance.get(pair, 0) + (1 if bind else -1)

    def stop_and_go():
        chance = random.Random(seed)
        while not over.wait(chance.random() * 0.3):
            one = chance.choice(two)
            one.kill(signal.SIGSTOP)
            over.wait(chance.choice([0.05, 0.3, 1.5]))  # the last is longer than the lease
            one.kill(signal.SIGCONT)

    stopper = threading.Thread(target=stop_and_go, daemon=True)
    stopper.start()
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(change, number) for number in range(6)]:
            done.result(120)
    over.set()
    stopper.join(10)
    assert set(balance.values()) <= {0, 1}
    wait_settled(db, 60)
    rosters = {one.name: xmpp_client(one.jid, one.jid_password).wait_fetched_roster() for one in people}
    for one in people:
        bound = {other.jid for other in people if balance.get(frozenset((one.name, other.name))) == 1}
        assert set(rosters[one.name]) == bound, f"seed {seed}"
        assert {item["subscription"] for item in rosters[one.name].values()} <= {"both"}
    for one in people:
        assert {item["jid"] for item in calls.bindings(one).json["roster_item"]} == set(rosters[one.name])
