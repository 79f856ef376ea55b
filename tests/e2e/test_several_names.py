"""The names of processes: each has its own, a second one with a name in use says so, and what a name's former run left is
taken over."""

import signal
import time

from harness.calls import DEVICE, Account, new_name
from harness.d003 import code, wait_until
from harness.fleet import SETTINGS

TAKEN = "registrard: another process has the same server.instance\n"


def instances(ctl):
    """Line by name; of other tests' processes there may be some for a moment."""
    return {line.partition(":")[0]: line for line in ctl.do("instances").text.splitlines()}


def name_of(member):
    return member.server.settings["REGISTRARD_XMPP_COMPONENT"]


def holder(db, member):
    """The process that has the member's name."""
    with db.cursor() as cursor:
        cursor.execute("select process from instances where name = %s", (name_of(member),))
        return cursor.fetchone()


def test_they_are_listed(fleet, ctl):
    first, second = fleet.members[0], fleet.add()
    names = [name_of(member) for member in (first, second)]
    wait_until(lambda: instances(ctl).keys() >= set(names), what="both signs of life")
    shown = instances(ctl)
    for name in names:
        assert shown[name].startswith(f"{name}: component {name}, version ") and shown[name].endswith("alive"), shown
    second.server.stop()
    assert names[1] not in instances(ctl)  # at once: it said so itself
    second.server.start()
    wait_until(lambda: names[1] in instances(ctl), what="its sign of life")
    second.server.kill()
    wait_until(lambda: names[1] not in instances(ctl), 15, "the first to notice")
    assert names[0] in instances(ctl)


def test_one_name_for_two(fleet, expected_errors):
    """Whoever comes second says so and is not ready, but serves logins; it takes over when the first one is gone."""
    expected_errors.append("event=instance_name_taken")
    first = fleet.members[0]
    second = fleet.add()
    second.server.restart({"REGISTRARD_SERVER_INSTANCE": name_of(first)}, wait=False)
    wait_until(lambda: second.server.get_ops("/readyz") == (503, TAKEN), 15, "all but the name to be ready")
    second.server.wait_ready("/readyz/login")
    assert len(second.server.log.events("instance_name_taken")) == 1
    first.server.wait_ready()
    lamps = [member.calls.new_account(DEVICE) for member in (first, second)]
    for member in (first, second):
        for lamp in lamps:
            assert code(member.calls.login(lamp)) == 0
    first.server.kill()
    second.server.wait_ready(timeout=15)
    assert second.server.log.events("instance_name_free")
    assert code(second.calls.register(Account(DEVICE, new_name(), "x"))) == 0
    second.server.stop()
    first.server.start(SETTINGS)


def test_one_that_was_stopped_is_mourned_and_comes_back(fleet, ctl):
    first, second = fleet.members[0], fleet.add()
    mark = first.server.log.mark()
    wait_until(lambda: name_of(second) in instances(ctl), what="its first sign of life")
    second.server.kill(signal.SIGSTOP)
    wait_until(lambda: first.server.log.events("instance_lost", mark), 15, "the first to notice")
    assert name_of(second) not in instances(ctl)
    second.server.kill(signal.SIGCONT)
    wait_until(lambda: name_of(second) in instances(ctl), 10, "its sign of life")
    second.server.wait_ready()
    assert not second.server.log.events("instance_name_taken")
    assert code(second.calls.register(Account(DEVICE, new_name(), "x"))) == 0


def test_a_name_that_comes_back_at_once(fleet, db):
    """Killed and started again: it is ready as soon as it has a link, and complains about nobody."""
    first = fleet.members[0]
    mark = first.server.log.mark()
    for _ in range(3):
        former = holder(db, first)
        first.server.kill()
        begun = time.monotonic()
        first.server.start(SETTINGS)
        assert time.monotonic() - begun < 5
    wait_until(lambda: holder(db, first) != former, what="its former run found dead, and its name taken over")
    first.server.wait_ready()
    assert not first.server.log.events("instance_name_taken", mark)
