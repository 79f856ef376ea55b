"""COMMITs that no client waits for, cut before and after: the jobs', those of a start, the administrator's. What they were
for comes true all the same, once. And: no transaction of the source is forgotten here or in test_commit_cuts.py."""

import re
import time

import pytest

from harness import ctl as status
from harness.calls import DEVICE, PHONE, Account, new_name
from harness.commit_cases import CASES
from harness.commit_stand import ALL, AT_ONCE, MOMENTS, UNCERTAIN, env, own, recovered, sealing_with  # noqa: F401
from harness.crashes import attempt
from harness.ctl import Ctl
from harness.d003 import code, meanwhile, wait_until
from harness.process import ROOT

# pylint: disable=redefined-outer-name
pytestmark = pytest.mark.owns_xmpp
EVERY = [moment for moment in MOMENTS if "unaware" not in moment]
SITES = set()  # that are cut here


def at(*sites):
    """Decorates the test that cuts what these functions begin."""
    SITES.update(sites)
    return lambda test: test


@pytest.fixture(params=EVERY if ALL else UNCERTAIN)
def cut(request, own):
    """cut("statement"): plans it; the value has wait()."""
    return Cutting(own, *MOMENTS[request.param])


@pytest.fixture(params=EVERY if ALL else AT_ONCE)
def cut_at_once(request, own):
    return Cutting(own, *MOMENTS[request.param])


class Cutting:
    def __init__(self, stand, where, away):
        self.stand, self.where, self.away = stand, where, away
        self.plan = None

    def __call__(self, statement, alone=False):
        self.plan = self.stand.proxy.plan(statement, self.where, alone, self.away)
        return self

    def wait(self, timeout=15):
        """Until it is done; Postgres is there again after that."""
        assert self.plan.done.wait(timeout), f"no transaction with {self.plan.statement}"
        if self.away is None:
            time.sleep(0.8)  # longer than it is asked what became of it
        self.stand.proxy.heal()


@pytest.fixture
def ctl(own):
    return Ctl(own.server)


def result(reply):
    return reply.json["result"]


def ended(env, account):
    """Whether its token has."""
    return result(env.calls.http.get("/verify_access_token", {"access_token": account.token})) == 4


# What the outbox records


@at("component/jobs/recording.c: record_in_transaction")
def test_an_account_is_made_active(env, cut):
    lamp = Account(DEVICE, new_name(), "x")
    cut("accounts_activate")
    with meanwhile(env.calls.register, lamp) as replies:
        cut.wait()
    env.truth.settle()
    recovered(env.calls)
    said = result(replies[0]) if replies[0].status == 200 else None
    assert said == 0 or cut.away is None and said in (101, None)  # undone, or nobody could look
    assert result(env.calls.register(lamp)) in {0: [103], 101: [0], None: [0, 103]}[said]
    env.expect_accounts(lamp.name, 1)
    assert env.one("select count(*) from ledger l join accounts a on a.id = l.account_id where a.name = %s", lamp.name) == 1


@at("component/jobs/recording.c: record_in_transaction")
def test_a_jid_is_gone(env, cut, eyes):
    lamp = env.new()
    cut("accounts_set_jid_state")
    assert code(env.calls.cancel(lamp)) == 0
    cut.wait()
    env.truth.settle()
    assert not eyes.exists(lamp.jid, lamp.jid_password)


@at("component/jobs/recording.c: record_in_transaction")
def test_a_jid_was_looked_at(env, own, cut_at_once):
    lamp = env.new()
    own.server.restart({"REGISTRARD_XMPP_CHECK_INTERVAL": "1ms"})  # at each login
    recovered(env.calls)
    cut_at_once("accounts_jid_checked")
    env.calls.log_in(lamp)
    cut_at_once.wait()
    env.truth.settle()


def test_rosters_were_changed(env, cut_at_once, eyes):
    """A statement that stands for itself."""
    phone, lamp = env.new(PHONE), env.new()
    env.truth.settle()
    cut_at_once("pairs_record", alone=True)
    assert code(env.calls.bind(phone, [lamp.name])) == 0
    cut_at_once.wait()
    env.truth.settle()
    assert (eyes.roster(phone), eyes.roster(lamp)) == ({lamp.jid: "both"}, {phone.jid: "both"})


def test_what_is_due_is_taken(env, cut_at_once):
    """Another one, whose rows nobody was told of."""
    cut_at_once("outbox_take", alone=True)
    lamp = env.new()
    cut_at_once.wait()
    env.truth.settle()
    env.calls.log_in(lamp)


# Comparing


def bound(env):
    """A phone and a lamp."""
    phone, lamp = env.new(PHONE), env.new()
    assert code(env.calls.bind(phone, [lamp.name])) == 0
    seen = ("select count(*) from bindings b join accounts a on a.id in (b.low, b.high) "
            "where a.name = %s and seen_version = b.version")
    wait_until(lambda: env.one(seen, lamp.name) == 1, 10, "the binding")
    return phone, lamp


def drifted(env, own, eyes):
    """A phone, its lamp, and the phone's client, while everybody is compared again and again."""
    own.server.restart({"REGISTRARD_RECONCILE_PER_SECOND": "50", "REGISTRARD_RECONCILE_INTERVAL": "1s"})
    recovered(env.calls)
    phone, lamp = bound(env)
    client = eyes.connect(phone.jid, phone.jid_password)
    return phone, lamp, client


@at("component/jobs/mending.c: mend_in_transaction", "sql/brake.c: brake_note")
@pytest.mark.parametrize("statement", ["brake_note", "drift_wish_pairs"])
def test_a_drift_is_mended(statement, env, own, cut_at_once, eyes):
    phone, lamp, client = drifted(env, own, eyes)
    cut_at_once(statement)
    client.remove_item(lamp.jid)
    client.wait_no_item(lamp.jid)
    cut_at_once.wait()
    client.wait_item(lamp.jid)
    assert eyes.roster(lamp) == {phone.jid: "both"}


@at("component/jobs/reconciler.c: step")
def test_turns_are_given(env, own, cut_at_once, eyes):
    drifted(env, own, eyes)
    round_before = env.one("select round from reconcile_rounds")
    cut_at_once("rounds_take")
    cut_at_once.wait()
    wait_until(lambda: env.one("select round from reconcile_rounds") > round_before, 15, "the next round")


@at("component/jobs/reconciler.c: adopt_in_transaction")
def test_other_groups_are_adopted(env, own, cut_at_once, eyes):
    phone, lamp = bound(env)
    own.server.stop()
    cut_at_once("meta_set")
    own.server.start({"REGISTRARD_ROSTER_GROUPS_DEVICE": f"Group {time.time_ns()}", "REGISTRARD_RECONCILE_PER_SECOND": "50"},
                     wait=False)
    cut_at_once.wait()
    own.server.wait_ready()
    recovered(env.calls)
    group = own.server.changed["REGISTRARD_ROSTER_GROUPS_DEVICE"]
    client = eyes.connect(phone.jid, phone.jid_password)
    client.wait(lambda: client.items[lamp.jid]["groups"] == [group], 15, "the other group")


# Other processes, other schemas


@at("sql/instances.c: instances_mourn")
def test_a_dead_process_is_mourned(env, cut_at_once):
    epoch = env.one("select value from meta where key = 'token_epoch'")
    cut_at_once("instances_mourn")
    env.truth.one("insert into instances (name, process, component, version, seen_at) values ('dead', 'x', 'dead', '', "
                  "now() - interval '1 day') returning 1")
    cut_at_once.wait()
    wait_until(lambda: env.truth.rows("select 1 from instances where name = 'dead'") == [], 10, "the dead one gone")
    assert env.one("select value from meta where key = 'token_epoch'") != epoch


@at("sql/migrate.c: migrate_in_transaction")
def test_the_schema_is_made(own, cut_at_once):
    name = own.databases.new()
    empty = {"REGISTRARD_POSTGRES_URL": own.proxy.url(name)}
    cut_at_once("migration_remember")
    first = own.server.command("--migrate", changed=empty)
    cut_at_once.wait()
    assert own.server.command("--migrate", changed=empty).returncode == 0, first.stderr
    versions = own.databases.run(name, "select version from schema_versions order by version")
    assert [version for version, in versions] == list(range(1, len(versions) + 1)) and len(versions) > 1


def test_the_schema_is_made_by_a_start(env, own, cut):
    """It goes on when Postgres is there again."""
    name = own.databases.new()
    own.server.stop()
    cut("migration_remember")
    own.server.start({"REGISTRARD_POSTGRES_URL": own.proxy.url(name)}, wait=False)
    cut.wait()
    own.server.wait_ready()


# The administrator's


def do(ctl, cut, statement, *words, alone=False):
    """As he would: again, when it was not done or nobody knows."""
    cut(statement, alone)
    answer = ctl.run(*words)
    cut.wait()
    if answer.status != status.DONE:
        assert answer.status == status.FAILED, answer
        ctl.do(*words)


@at("component/service/bans.c: account_ban", "component/service/bans.c: account_unban")
def test_a_ban_and_its_end(env, ctl, cut_at_once):
    lamp = env.new()
    do(ctl, cut_at_once, "doors_ban", "ban", lamp.name)
    recovered(env.calls)
    assert result(env.calls.login(lamp)) == 100
    wait_until(lambda: ended(env, lamp), 5, "its token ended")
    do(ctl, cut_at_once, "doors_unban", "unban", lamp.name)
    recovered(env.calls)
    assert result(env.calls.login(lamp)) == 0
    env.truth.settle()


@at("component/service/bans.c: account_end_sessions")
def test_sessions_end(env, ctl, cut_at_once):
    lamp = env.new()
    do(ctl, cut_at_once, "sessions_end_all", "end-sessions", lamp.name)
    recovered(env.calls)
    wait_until(lambda: ended(env, lamp), 5, "its token ended")
    assert result(env.calls.login(lamp)) == 0


@at("component/service/bans.c: accounts_rotate")
def test_a_password_is_rotated(env, ctl, cut_at_once, eyes):
    lamp = env.new()
    do(ctl, cut_at_once, "doors_set_next", "rotate", lamp.name)
    recovered(env.calls)
    env.truth.settle()
    old = lamp.jid_password
    env.calls.log_in(lamp)
    assert lamp.jid_password != old
    assert eyes.exists(lamp.jid, lamp.jid_password) and not eyes.exists(lamp.jid, old)


@at("component/service/resealing.c: run_batch")
def test_values_are_sealed_anew(env, own, ctl, cut_at_once):
    lamp = env.new()
    both = sealing_with(own.next_seal_key, own.seal_key)
    cut_at_once("sealed_put_jid")
    first = ctl.run("key", "reseal", changed=both)
    cut_at_once.wait()
    if first.status != status.DONE:
        ctl.do("key", "reseal", changed=both)
    assert env.one("select count(*) from accounts where jid_key <> 9 and jid_password is not null") == 0
    ctl.do("key", "reseal")
    recovered(env.calls)
    assert result(env.calls.login(lamp)) == 0


@at("component/service/reconcile.c: reconcile_go_on")
def test_mending_is_let_go_on(env, own, ctl, cut_at_once):
    own.expected.append("event=reconcile_brake_on")
    env.truth.one("update reconcile_brake set braked_at = now() returning 1")
    try:
        do(ctl, cut_at_once, "brake_let_go", "reconcile", "go-on")
        assert env.one("select let_go_at is not null from reconcile_brake")
    finally:
        env.truth.one("update reconcile_brake set braked_at = null, let_go_at = null, let_go_until = null returning 1")


def test_a_role_is_given(env, ctl, cut_at_once):
    lamp = env.new()
    do(ctl, cut_at_once, "administration_set_role", "role", lamp.name, "service", alone=True)
    assert ctl.do("show", lamp.name).facts["role"] == "service"


@pytest.mark.parametrize("statement", ["sessions_end_some", "meta_raise_epoch"])
def test_everybodys_sessions_end(statement, env, ctl, cut_at_once):
    lamp = env.new()
    do(ctl, cut_at_once, statement, "end-sessions", "--all", alone=True)
    recovered(env.calls)
    assert ended(env, lamp)
    assert result(env.calls.login(lamp)) == 0


# Statements that stand for themselves

TAKING_OVER = ["meta_claim_domain", "meta_live", "meta_raise_epoch", "outbox_release"]


@pytest.mark.parametrize("statement", TAKING_OVER if ALL else TAKING_OVER[-1:])
def test_a_start_takes_over(statement, env, own, cut_at_once):
    """What its killed predecessor left."""
    lamp = Account(DEVICE, new_name(), "x")
    env.link.stall()
    with meanwhile(attempt, env.calls.register, lamp):
        wait_until(lambda: [row for row in env.truth.outbox() if row[3] == 1], 5, "somebody making the JID")
        own.server.kill()
    env.link.heal()
    cut_at_once(statement, alone=True)
    own.server.start(wait=False)
    cut_at_once.wait()
    own.server.wait_ready()
    recovered(env.calls)
    env.truth.settle()
    assert result(env.calls.register(lamp)) == 0
    env.expect_accounts(lamp.name, 1)


def test_a_sign_of_life(env, cut_at_once):
    cut_at_once("instances_beat", alone=True).wait()
    last = env.one("select max(seen_at) from instances")
    wait_until(lambda: env.one("select max(seen_at) from instances") > last, 10, "another one")


def test_a_process_leaves(env, own, cut_at_once):
    cut_at_once("instances_leave", alone=True)
    own.server.stop()
    cut_at_once.wait()
    own.server.start()
    recovered(env.calls)


def test_what_was_done_over_a_lost_link_is_compared(env, cut_at_once):
    lamp = env.new()
    env.truth.settle()
    compared = "select count(*) from comparisons where account_id = %s and compared_at > %s"
    number, before = env.one("select id from accounts where name = %s", lamp.name), env.one("select now()")
    cut_at_once("comparisons_wish_recent", alone=True)
    env.link.cut()
    cut_at_once.wait()
    wait_until(lambda: env.one(compared, number, before) == 1, 10, "the comparison")


def test_a_password_is_stored_at_another_cost(env, own, cut_at_once):
    lamp = env.new()
    own.server.restart({"REGISTRARD_PASSWORD_PASSES": "2"})
    recovered(env.calls)
    cut_at_once("verifiers_renew", alone=True)
    assert env.calls.login(lamp).status == 503
    cut_at_once.wait()
    recovered(env.calls)
    assert result(env.calls.login(lamp)) == 0
    assert ",t=2," in env.one(
        "select verifier from verifiers v join accounts a on a.id = v.account_id where a.name = %s and kind = 1", lamp.name)


# Nothing is forgotten


BEGINS = re.compile(r"\b(pg_begin|wishes_commit)\(")
WRAPPERS = {ROOT / "sql/pg.c", ROOT / "component/service/wishes.c"}


def transactions_of(path):
    """file: function, for each that begins one."""
    function = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"(?:[A-Za-z_][\w ]*[ *]+)?(\w+)\(", line):
            function = found[1]
        elif BEGINS.search(line):
            yield f"{path.relative_to(ROOT)}: {function}"


def test_every_transaction_of_the_source_is_cut():
    sources = {path for folder in ("component", "http", "sql", "xmpp") for path in (ROOT / folder).rglob("*.c")}
    there = {site for path in sources - WRAPPERS for site in transactions_of(path)}
    assert there == SITES | {case.site for case in CASES if not case.alone}
