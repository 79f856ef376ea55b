"""Several registrards on one database: the work is shared, nothing is done twice, and what one held when it was stopped
or killed is done by the others."""

import signal
import threading
import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import attempt, has_failpoints, restart_to_die
from harness.d003 import code, meanwhile, wait_until
from harness.fleet import LEASE
from harness.outage import at_once

PAIRS = 24


def test_each_does_what_it_was_asked_and_nothing_is_done_twice(fleet, truth):
    """Requests go to all three in turn; each pair is written once, whoever did it."""
    fleet.add(2)
    phone = fleet.members[0].calls.new_account(PHONE)
    lamps = [fleet.members[i % 3].calls.new_account(DEVICE) for i in range(PAIRS)]
    before = [member.done() for member in fleet.members]
    items = [member.link.component.items for member in fleet.members[1:]]
    replies = at_once(*[lambda m=fleet.members[i % 3], one=lamp: m.calls.bind(phone, [one.name])
                        for i, lamp in enumerate(lamps)])
    assert [reply.json["state"] for reply in replies] == ["bound"] * PAIRS, replies
    truth.settle()
    done = [member.done() - was for member, was in zip(fleet.members, before)]
    assert sum(done) == PAIRS and all(done), done
    written = [member.link.component.items - was for member, was in zip(fleet.members[1:], items)]
    if fleet.stack.owns_xmpp and fleet.stack.xmpp == "prosody":
        assert written == [2 * count for count in done[1:]]


def test_a_backlog_is_shared(fleet, truth):
    """What piled up while nobody had a link is done by both, each piece once."""
    fleet.add()
    first = fleet.members[0]
    phone, lamps = first.calls.new_account(PHONE), [first.calls.new_account(DEVICE) for _ in range(2 * PAIRS)]
    truth.settle()
    for member in fleet.members:
        member.link.refuse()
        wait_until(lambda m=member: m.server.get_ops("/readyz")[0] == 503, what="the link being down")
    assert first.calls.bind(phone, [lamp.name for lamp in lamps[:PAIRS]]).json["state"] == "pending"
    assert first.calls.bind(phone, [lamp.name for lamp in lamps[PAIRS:]]).json["state"] == "pending"
    before = [member.done() for member in fleet.members]
    for member in fleet.members:
        member.link.heal()
        member.link.delay(0.05)  # so that it is no matter of milliseconds who comes first
    truth.settle(20)
    done = [member.done() - was for member, was in zip(fleet.members, before)]
    assert sum(done) == 2 * PAIRS and all(done), done


def test_who_waits_here_is_woken_by_who_did_it_there(fleet):
    """A process without a link answers `bound` as soon as another one has made it true, not when its time is up."""
    fleet.add()
    first = fleet.members[0]
    phone, lamp = first.calls.new_account(PHONE), first.calls.new_account(DEVICE)
    first.link.refuse()
    wait_until(lambda: first.server.get_ops("/readyz")[0] == 503, what="the link being down")
    for change, state in ((first.calls.bind, "bound"), (first.calls.unbind, "unbound")) * 3:
        begun = time.monotonic()
        assert change(phone, [lamp.name]).json["state"] == state
        took = time.monotonic() - begun
        assert took < 1.7, took  # it polls once a second; binding.wait is 2 s


# It holds on to a link that says nothing for longer than such a test takes.
PATIENT = {"REGISTRARD_XMPP_PING_INTERVAL": "20s"}


def test_what_a_killed_one_held_is_done_within_its_lease(fleet, truth, eyes):
    second = fleet.add()
    first = fleet.members[0]
    first.server.restart({**first.server.changed, **PATIENT})
    phone, lamps = first.calls.new_account(PHONE), [first.calls.new_account(DEVICE) for _ in range(6)]
    second.link.refuse()  # so that the first takes all of it
    second.server.wait_not_ready()
    first.link.stall()
    with meanwhile(attempt, first.calls.bind, phone, [lamp.name for lamp in lamps]):
        wait_until(lambda: truth.one("select count(*) from outbox where kind = 3 and lease is not null") == (6,), what="the leases")
        first.server.kill()
    second.link.heal()
    second.server.wait_ready()
    truth.settle(LEASE + 3)
    assert eyes.roster(phone) == {lamp.jid: "both" for lamp in lamps}


def test_one_stopped_past_its_lease_does_no_harm(fleet, truth, eyes):
    """It wakes up with a binding in its hand that was ended meanwhile, by another process."""
    second = fleet.add()
    first = fleet.members[0]
    first.server.restart({**first.server.changed, **PATIENT})
    phone, lamp, fan = (first.calls.new_account(kind) for kind in (PHONE, DEVICE, DEVICE))
    token = phone.token
    truth.settle()
    second.link.refuse()
    second.server.wait_not_ready()
    first.link.stall()
    with meanwhile(attempt, first.calls.bind, phone, [lamp.name, fan.name]):
        wait_until(lambda: truth.one("select count(*) from outbox where kind = 3 and lease is not null") == (2,), what="the leases")
        first.server.kill(signal.SIGSTOP)
        second.link.heal()
        second.server.wait_ready()
        wait_until(lambda: not truth.outbox(), LEASE + 5, "the second to do it")
        phone.token = token
        assert second.calls.unbind(phone, [lamp.name]).json["state"] == "unbound"
        first.link.heal()
        first.server.kill(signal.SIGCONT)
    first.server.wait_ready()
    time.sleep(0.5)  # for what it had written already to arrive, if it had
    truth.settle(LEASE + 5)
    assert eyes.roster(phone) == {fan.jid: "both"}
    assert eyes.roster(lamp) == {}


def test_a_registration_whose_process_died_is_undone_by_another(fleet, truth):
    first, second = fleet.members[0], fleet.add()
    if not has_failpoints(first.server.binary):
        pytest.skip("a build without failpoints")
    restart_to_die(first.server, "register.committed")
    lamp = Account(DEVICE, new_name(), "x")
    assert attempt(first.calls.register, lamp) is None
    wait_until(lambda: not first.server.running(), what="the failpoint")
    truth.settle()
    assert code(second.calls.login(lamp)) == 102
    assert code(second.calls.register(lamp)) == 0


def test_all_at_once_on_one_account(fleet, truth, eyes):
    """Bind and unbind of one pair at three processes: one wish after the other, and what stands last is on both sides."""
    fleet.add(2)
    phone, lamp = fleet.members[0].calls.new_account(PHONE), fleet.members[0].calls.new_account(DEVICE)
    stop, results = threading.Event(), []

    def hammer(member):
        while not stop.is_set():
            for change in (member.calls.bind, member.calls.unbind):
                results.append(code(change(phone, [lamp.name])))

    threads = [threading.Thread(target=hammer, args=(member,), daemon=True) for member in fleet.members]
    for thread in threads:
        thread.start()
    time.sleep(3)
    wait_until(lambda: results.count(0) > 10, 20, "changes")  # also on a busy machine
    stop.set()
    for thread in threads:
        thread.join(20)
    assert set(results) <= {0, 109, 110}, results
    assert code(fleet.members[1].calls.unbind(phone, [lamp.name])) in (0, 110)
    assert code(fleet.members[2].calls.bind(phone, [lamp.name])) == 0
    truth.settle()
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}
