"""The brake: an emptied server or an old backup is not answered by making or erasing everything. No more than what may
drift at once is mended before it goes on; then nothing is, in no process, until an administrator lets it go on, and all is
as it should be. On an installation of its own, whose XMPP server gets other data."""

import pytest

from harness.calls import DEVICE, PHONE
from harness.ctl import REFUSED
from harness.d003 import code, metric, wait_until
from harness.installation import Installation

MOST = 4
SETTINGS = {
    "REGISTRARD_RECONCILE_PER_SECOND": "1000",
    "REGISTRARD_RECONCILE_PER_SECOND_MOST": "1000",
    "REGISTRARD_RECONCILE_INTERVAL": "1s",
    "REGISTRARD_RECONCILE_BRAKE_ACCOUNTS": str(MOST),
    "REGISTRARD_XMPP_CHECK_INTERVAL": "1s",  # each login has its JID checked
}
FOLLOW = {"REGISTRARD_RECONCILE_POLICY": "follow"}
PHONES, LAMPS = 3, 9
SOON, LATER = 15, 40  # seconds

pytestmark = pytest.mark.owns_xmpp


@pytest.fixture(scope="module")
def _own():
    one = Installation(SETTINGS)
    one.save("empty")
    one.server.wait_ready()
    yield one
    one.close()


@pytest.fixture
def own(_own):
    """With a brake that is off, and a server that has what it should."""
    _own.rows("update comparisons set drifted_at = null")
    mark = _own.server.log.mark()
    yield _own
    _own.stack.restore()
    _own.server.restore()
    if brake(_own):
        go_on(_own)
    complaints = _own.server.log.complaints(mark, ["event=reconcile_brake_on", "event=wish_stuck"])
    assert not complaints, complaints


@pytest.fixture(params=["restore", "follow"])
def policy(request, own):
    if request.param == "follow":
        own.server.restart(FOLLOW)
    return request.param


class World:
    """Phones with lamps, bound; who was cancelled, and which pairs ended."""

    def __init__(self, own):
        self.own = own
        self.phones = [own.calls.new_account(PHONE) for _ in range(PHONES)]
        self.lamps = [own.calls.new_account(DEVICE) for _ in range(LAMPS)]
        self.pairs = {(at % PHONES, at) for at in range(LAMPS)}
        self.gone = []
        self.changes = 0
        for at, phone in enumerate(self.phones):
            self.bind(phone, *self.lamps[at::PHONES])

    def bind(self, phone, *lamps):
        assert self.own.calls.bind(phone, [lamp.name for lamp in lamps]).json["state"] == "bound"

    def change(self):
        """One lamp more for each phone, a pair ended, a lamp cancelled."""
        ended, cancelled = PHONES * self.changes, PHONES * self.changes + 1
        self.changes += 1
        for at, phone in enumerate(self.phones):
            self.lamps.append(self.own.calls.new_account(DEVICE))
            self.pairs.add((at, len(self.lamps) - 1))
            self.bind(phone, self.lamps[-1])
        assert self.own.calls.unbind(self.phones[0], [self.lamps[ended].name]).json["state"] == "unbound"
        assert code(self.own.calls.cancel(self.lamps[cancelled])) == 0
        self.gone.append(self.lamps[cancelled])
        self.pairs -= {(0, ended), (1, cancelled)}
        settled(self.own)

    def wrong(self):
        """What of it the server does not show as it should: nothing, in the end."""
        found = []
        lamps = [lamp for lamp in self.lamps if lamp not in self.gone]
        for one in self.phones + lamps:
            shown = self.own.shown(one)
            if shown is None:
                found.append(f"{one.name} has no JID")
                continue
            peers = [self.lamps[lamp] for phone, lamp in self.pairs if self.phones[phone] is one]
            peers += [self.phones[phone] for phone, lamp in self.pairs if self.lamps[lamp] is one]
            if {jid: item["subscription"] for jid, item in shown.items()} != {peer.jid: "both" for peer in peers}:
                found.append(f"{one.name} shows {shown}")
        return found + [f"{one.name} has a JID again" for one in self.gone if self.own.exists(one)]

    def bindings(self):
        return self.own.one("select count(*) from bindings where wanted")


def settled(own):
    wait_until(lambda: own.one("select count(*) from outbox where kind <> 5") == 0, LATER, "nothing left to do")


def brake(own):
    return own.one("select count(*) from reconcile_brake where braked_at is not null")


def braked(own):
    wait_until(lambda: brake(own), SOON, "the brake")
    wait_until(lambda: metric(own.server, "reconcile_brake") == 1, what="the brake on /metrics")


def drifted(own):
    return own.one("select count(*) from comparisons where drifted_at is not null")


def go_on(own):
    assert own.ctl.do("reconcile", "go-on").facts["mending"] == "goes on"
    wait_until(lambda: not brake(own), LATER, "the end of the round")
    settled(own)


def compared_all_again(own):
    """A round began and ended while the brake was on."""
    begun = own.one("select round from reconcile_rounds")
    wait_until(lambda: own.one("select round from reconcile_rounds") > begun + 1, SOON, "two rounds")
    wait_until(lambda: own.one("select count(*) from outbox where kind = 5") == 0, SOON, "the comparisons")


def test_an_emptied_server_is_not_filled_until_an_administrator_says_so(own):
    world = World(own)
    settled(own)
    before, mark = world.bindings(), own.server.log.mark()
    own.load("empty")
    own.server.wait_ready()
    braked(own)
    compared_all_again(own)
    there = [one for one in world.phones + world.lamps if own.exists(one)]
    assert len(there) <= MOST, [one.name for one in there]
    assert own.one("select count(*) from comparisons where outcome = 3") >= PHONES + LAMPS - MOST
    assert world.bindings() == before

    # The alarm
    alarms = own.server.log.events("reconcile_brake_on", mark)
    assert len(alarms) == 1 and int(alarms[0]["drifted"]) > MOST and alarms[0]["most"] == str(MOST), alarms
    status, text = own.server.get_ops("/readyz")
    assert status == 200 and text.startswith("ok\n") and "reconcile: " in text, text
    wait_until(lambda: metric(own.server, "reconcile_accounts", outcome="held") >= PHONES + LAMPS - MOST, SOON, "figures")
    assert metric(own.server, "reconcile_drifted") > MOST == metric(own.server, "reconcile_brake_at")
    assert "stopped by the brake" in own.ctl.do("reconcile", "status", expect=REFUSED).facts["mending"]

    # What users wish goes on
    newcomer = own.calls.new_account(DEVICE)
    assert own.exists(newcomer)
    other = own.calls.new_account(DEVICE)
    assert own.calls.bind(newcomer, [other.name]).json["state"] == "bound"

    # Nobody gets round it: not a login, not another life of the process
    lost, since = [lamp for lamp in world.lamps if lamp not in there], own.one("select now()")
    for lamp in lost:
        own.calls.login(lamp)
    wait_until(lambda: own.one("select count(*) from accounts where jid_checked_at > %s and jid_local = any(%s)", since,
                               [lamp.jid_local for lamp in lost]) == len(lost), SOON, "the checks")
    assert not any(own.exists(lamp) for lamp in lost)
    own.server.kill()
    own.server.start()
    compared_all_again(own)
    assert len([one for one in world.phones + world.lamps if own.exists(one)]) <= MOST
    assert len(own.server.log.events("reconcile_brake_on", mark)) == 2  # once a life
    assert world.bindings() == before + 1

    go_on(own)
    assert not world.wrong()
    assert world.bindings() == before + 1
    assert metric(own.server, "reconcile_brake") == 0
    assert own.server.get_ops("/readyz")[1] == "ok\n"
    for lamp in lost:
        assert code(own.calls.login(lamp)) == 0


@pytest.mark.usefixtures("policy")
def test_an_old_backup_is_not_answered_by_erasing_or_making(own):
    world = World(own)
    settled(own)
    own.save("old")
    own.server.wait_ready()
    for _ in range(3):  # more than may drift at once, whatever is compared first
        world.change()
    before = world.bindings()
    own.load("old")
    own.server.wait_ready()
    braked(own)
    compared_all_again(own)
    assert world.bindings() == before
    wrong = world.wrong()
    assert len([line for line in wrong if line.endswith("has no JID")]) >= 3 * PHONES - MOST, wrong
    go_on(own)
    assert not world.wrong()
    assert world.bindings() == before


def test_the_brake_stays_off_when_no_more_drift_than_may(own):
    world = World(own)
    settled(own)
    with own.administrator() as administrator:
        administrator.delete(world.lamps[0].jid, world.lamps[4].jid)  # with their phone three accounts
    wait_until(lambda: not world.wrong(), SOON, "all as it was")
    assert not brake(own)


def test_what_one_user_does_to_all_his_contacts_counts_as_one(own, policy):
    """He removes them in his client, and each of their rosters shows it."""
    world = World(own)
    settled(own)
    phone = world.phones[0]
    others = [own.calls.new_account(DEVICE) for _ in range(2 * MOST)]
    world.bind(phone, *others)
    before, client = world.bindings(), own.client(phone)
    for one in others:
        client.owner.loop.call_soon_threadsafe(lambda jid=one.jid: client.update_roster(jid, subscription="remove"))
    wait_until(lambda: drifted(own), SOON, "somebody who drifted")
    if policy == "restore":
        every = {one.jid for one in others} | {world.lamps[at].jid for at in range(0, LAMPS, PHONES)}
        wait_until(lambda: {jid for jid, item in own.shown(phone).items() if item["subscription"] == "both"} == every,
                   SOON, "all as it was")
    else:
        wait_until(lambda: world.bindings() == before - len(others), SOON, "the end of what he removed")
    compared_all_again(own)
    assert not brake(own)
    assert drifted(own) <= 2


def test_who_comes_back_to_many_counts_as_one(own):
    """His bindings ended; he asks for subscriptions, and their clients grant them to anybody, before any of them is compared."""
    phone, others = own.calls.new_account(PHONE), [own.calls.new_account(DEVICE) for _ in range(2 * MOST)]
    names = [one.name for one in others]
    assert own.calls.bind(phone, names).json["state"] == "bound"
    assert own.calls.unbind(phone, names).json["state"] == "unbound"
    settled(own)
    own.server.restart({"REGISTRARD_RECONCILE_PER_SECOND": "0"})
    wait_until(lambda: own.one("select count(*) from outbox where kind = 5") == 0, SOON, "the comparisons of before")
    client = own.client(phone)
    for one in others:
        own.client(one).auto_authorize = True
        client.send_presence_to(one.jid, "subscribe")
    wait_until(lambda: len(own.shown(phone)) == len(others), SOON, "all of them in his roster")
    own.server.restart()
    wait_until(lambda: drifted(own), SOON, "somebody who drifted")
    wait_until(lambda: not any(own.shown(one) for one in [phone, *others]), LATER, "all of it removed")
    compared_all_again(own)
    assert not brake(own)
    assert drifted(own) <= 2
