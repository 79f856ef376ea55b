"""Backups that are restored, and keys that are lost or leaked: docs/backup.md, tried."""

import os
import re
import shutil
import subprocess

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.cluster import PROGRAMS, Cluster
from harness.crashes import Eyes, Truth
from harness.d000 import Android, status
from harness.d003 import code, wait_until
from harness.d004 import Client, said
from harness.databases import Databases
from harness.reg_user import Handset
from harness.sms_file import SmsFile
from harness.stack import Stack
from harness.tcp_client import LineClient

NEW_KEY = "9:" + "5ac3" * 16


@pytest.fixture
def sms(stack):
    return SmsFile(stack.var)


@pytest.fixture
def eyes(xmpp_client):
    return Eyes(xmpp_client)


def aged(by):
    """A statement that lets the database look as if it had been left so long ago."""
    return (f"update meta set value = (value::bigint - extract(epoch from interval '{by}') * 1000)::bigint::text "
            "where key = 'alive_ms'")


class Backup:
    """A database of the test's own that registrard runs on, dumped and restored as the document says."""

    def __init__(self, stack, databases):
        self.stack = stack
        self.databases = databases
        self.name = databases.new()
        self.settings = {**databases.settings(self.name), "REGISTRARD_RECONCILE_PER_SECOND": "50",
                         "REGISTRARD_RECONCILE_INTERVAL": "1s"}
        self.file = stack.var / "dump"
        self.db = None

    def _run(self, program, *arguments):
        user = {"user": self.stack.user, "group": self.stack.user, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run([f"{PROGRAMS}/{program}", "-h", self.stack.settings["STACK_SOCKETS"], "-U", "registrard", *arguments],
                       check=True, capture_output=True, timeout=60, **user)

    def dump(self):
        self._run("pg_dump", "-Fc", "-f", str(self.file), self.name)

    def restore(self, older_by="1 hour"):
        """In the place of the database; as if the dump were as old as that."""
        self.databases.renew(self.name)
        self._run("pg_restore", "-d", self.name, "--no-owner", str(self.file))
        self.databases.run(self.name, aged(older_by))

    def truth(self):
        self.db = self.databases.connect(self.name)
        return Truth(self.db, self.stack)

    def orphans(self):
        """The document's way of finding JIDs that look like ours and are nobody's, with Prosody's folder of accounts."""
        known = {name for name, in self.databases.run(self.name, "select jid_local from accounts")}
        there = {file.stem for file in (self.stack.var / "prosody/localhost/accounts").iterdir()}
        return {name for name in there - known if re.fullmatch("[a-z2-9]{24}", name)}

    def close(self):
        if self.db:
            self.db.close()


@pytest.fixture
def backup(stack, server):
    databases = Databases(stack)
    one = Backup(stack, databases)
    server.restart(one.settings)
    yield one
    one.close()
    server.stop()
    databases.close()


def local(account):
    return account.jid.partition("@")[0]


def bound(calls, one, other):
    assert code(calls.bind(one, [other.name])) == 0


# --- Postgres is older


def test_an_older_dump(backup, server, calls, eyes, ctl, sms, http):
    """What ended since stays ended, what is there again works, and nothing is half-made."""

    def valid(token):
        with LineClient(server.ports["tcp"]) as line:
            return line.call("/verify_access_token", access_token=token)["validate"]

    phone, lamp, gone, kept = (calls.new_account(kind) for kind in (PHONE, DEVICE, DEVICE, DEVICE))
    app = Android(http, sms).registered()
    bound(calls, phone, lamp)
    backup.truth().settle()
    server.stop()
    backup.dump()
    server.start(backup.settings)

    # since then: a token ended, an account ended, one was made, a password was reset, a binding was made
    ended = lamp.token
    assert ctl.do("end-sessions", lamp.name, changed=backup.settings).facts["sessions ended"] == "1"
    assert code(calls.cancel(gone)) == 0
    newcomer = calls.new_account(DEVICE)
    bound(calls, kept, newcomer)
    assert status(app.reset(app.verified("1"), "a new password")) == 200
    fresh = calls.log_in(Account(DEVICE, lamp.name, lamp.password)).token
    assert valid(newcomer.token)
    backup.truth().settle()

    mark = server.log.mark()
    server.stop()
    backup.restore()
    server.start(backup.settings)
    line = server.log.events("database_set_back", mark)[0]
    assert int(line["seconds"]) > 3500 and int(line["sessions_ended"]) >= 4, line
    # no token of before is good: not the one that had ended, nor those that nobody can tell from it
    for token in (ended, fresh, phone.token, newcomer.token):
        assert not valid(token)
    # who was there then is there again
    assert code(calls.login(newcomer)) == 102
    orphan = local(newcomer)
    assert code(calls.register(newcomer)) == 0
    assert status(app.login()) == 200  # with the password of then
    for account in (phone, lamp, kept, gone):
        assert code(calls.login(account)) in (0, 106), account  # 106: its JID is being made again
    truth = backup.truth()
    truth.since = 0
    truth.settle(30)
    for account in (phone, lamp, kept, gone):
        calls.log_in(account)
        assert eyes.exists(account.jid, account.jid_password)
    assert eyes.roster(phone) == {lamp.jid: "both"}
    if backup.stack.xmpp == "prosody":
        orphans = backup.orphans()
        assert orphan in orphans
        assert not orphans & {local(account) for account in (phone, lamp, kept, gone)}


def test_a_restart_or_a_newer_dump_ends_nothing(backup, server, calls):
    lamp = calls.new_account(DEVICE)
    server.stop()
    backup.dump()
    backup.restore("1 second")
    mark = server.log.mark()
    server.start(backup.settings)
    assert not server.log.events("database_set_back", mark)
    assert code(calls.bindings(lamp)) == 0


def test_with_redis_lost_as_well_an_administrator_ends_the_sessions(backup, server, calls, ctl, redis):
    lamp = calls.new_account(DEVICE)
    server.stop()
    backup.dump()
    backup.restore()
    redis.flushall()
    server.start(backup.settings)
    assert code(calls.bindings(lamp)) == 0  # nothing tells how old the database is
    ctl.do("end-sessions", "--all", changed=backup.settings)
    wait_until(lambda: code(calls.bindings(lamp)) == 4, 2, "the session to end")


@pytest.fixture
def archived(stack, server):
    """A cluster with an archive of its WAL."""
    archive = stack.var / "archive"
    archive.mkdir()
    shutil.chown(archive, stack.user, stack.user)
    clusters = [Cluster(stack, "archived").make("archive_mode = on", f"archive_command = 'cp %p {archive}/%f'")]
    yield clusters, archive
    server.stop()
    for one in clusters:
        one.discard()


def test_a_point_in_time(archived, server, calls, stack, eyes):
    """A base backup and the archive behind it, up to a moment: what was committed before it is there, nothing else."""
    clusters, archive = archived
    original = clusters[0]
    settings = {"REGISTRARD_POSTGRES_URL": original.dsn(), "REGISTRARD_RECONCILE_PER_SECOND": "50",
                "REGISTRARD_RECONCILE_INTERVAL": "1s"}
    server.restart(settings)
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    clusters.append(original.copy("restored", "-X", "none"))
    restored = clusters[1]
    early = calls.new_account(DEVICE)
    for account in (lamp, early):
        bound(calls, phone, account)
    moment = original.run("select clock_timestamp()::text")[0][0]
    late = calls.new_account(DEVICE)
    assert code(calls.cancel(lamp)) == 0
    server.stop()
    log = original.run("select pg_walfile_name(pg_switch_wal())")[0][0]
    wait_until(lambda: (archive / log).exists(), 20, "the archive")
    wait_until(lambda: original.run("select last_archived_wal from pg_stat_archiver")[0][0] >= log, 20, "the archive")
    original.stop()

    restored.configure(f"restore_command = 'cp {archive}/%f %p'", f"recovery_target_time = '{moment}'",
                       "recovery_target_action = 'promote'", "archive_mode = off")
    (restored.data / "recovery.signal").touch()
    shutil.chown(restored.data / "recovery.signal", stack.user, stack.user)
    restored.start()
    wait_until(lambda: restored.run("select pg_is_in_recovery()") == [(False,)], 30, "the end of the recovery")
    restored.run(aged("1 hour"), "registrard")
    mark = server.log.mark()
    server.start({**settings, "REGISTRARD_POSTGRES_URL": restored.dsn()})
    assert server.log.events("database_set_back", mark)
    assert code(calls.bindings(phone)) == 4  # its token
    assert code(calls.login(late)) == 102
    for account in (phone, lamp, early):
        wait_until(lambda one=account: code(calls.login(one)) == 0, 10, "the JID to be made again")
        calls.log_in(account)
    db = restored.connect()
    truth = Truth(db, stack)
    truth.since = 0
    truth.settle(30)
    db.close()
    assert eyes.roster(phone) == {lamp.jid: "both", early.jid: "both"}


def test_redis_emptied_under_way(server, calls, redis, ctl):
    """Tokens are what Postgres says, and whoever was in the middle of something begins again."""
    lamp, ended = calls.new_account(DEVICE), calls.new_account(DEVICE)
    ctl.do("end-sessions", ended.name)
    redis.flushall()
    for account, is_valid in ((lamp, True), (ended, False)):
        with LineClient(server.ports["tcp"]) as line:
            assert line.call("/verify_access_token", access_token=account.token)["validate"] is is_valid
    calls.new_account(PHONE)


# --- the XMPP server is older


@pytest.mark.owns_xmpp
def test_an_older_xmpp_server(backup, server, calls, stack, ctl, eyes, expected_errors):
    """It lacks more accounts than may drift: nothing is mended before an administrator has looked; then all of it is."""
    if stack.xmpp != "prosody":
        pytest.skip("its data is copied as Prosody keeps it")
    expected_errors += ["event=reconcile_brake_on", "event=wish_stuck"]  # bindings of whose JID is not there
    phone = calls.new_account(PHONE)
    data, copy = stack.var / "prosody", stack.var / "prosody.backup"
    stack.kill("prosody")
    server.wait_not_ready()
    shutil.copytree(data, copy)
    stack.start("prosody")
    server.wait_ready()
    lamps = [calls.new_account(DEVICE) for _ in range(14)]  # more than brake_floor
    for lamp in lamps:
        bound(calls, phone, lamp)
    backup.truth().settle(30)

    stack.kill("prosody")
    server.wait_not_ready()
    shutil.rmtree(data / "localhost")
    shutil.copytree(copy / "localhost", data / "localhost")
    for root, folders, names in os.walk(data / "localhost"):
        for name in [root] + [os.path.join(root, one) for one in folders + names]:
            shutil.chown(name, stack.user, stack.user)
    stack.start("prosody")
    shutil.rmtree(copy)
    server.wait_ready()
    wait_until(lambda: "stopped by the brake" in ctl.run("reconcile", "status", changed=backup.settings).facts["mending"],
               30, "the brake")
    assert sum(eyes.exists(lamp.jid, lamp.jid_password) for lamp in lamps) <= 10  # brake_floor
    ctl.do("reconcile", "go-on", changed=backup.settings)
    truth = backup.truth()
    truth.since = 0
    wait_until(lambda: all(eyes.exists(lamp.jid, lamp.jid_password) for lamp in lamps), 60, "the JIDs")
    truth.settle(60)
    assert eyes.roster(phone) == {lamp.jid: "both" for lamp in lamps}


# --- keys


def with_keys(backup, keys):
    return {**backup.settings, "REGISTRARD_KEYS_SEAL": keys, "REGISTRARD_KEYS_SEAL_FILE": None}


def test_a_lost_seal_key(backup, server, calls, ctl, stack, eyes, http, sms, expected_errors):
    """JIDs get other passwords, and all goes on; what only the key could open is gone."""
    expected_errors += ["sealed_by_lost_key"]
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    bound(calls, phone, lamp)
    handset = Handset(http, stack.var, "/reg").registered()
    client = Client(http, sms).register()
    lost = with_keys(backup, NEW_KEY)
    server.restart(lost)
    assert code(calls.login(lamp)) == 1
    assert said(client.login())[0] == 0
    assert handset.login().json["code"] == "400"  # no dialect's login works without the JID's password
    assert "cannot be opened" in ctl.do("key", "status", changed=lost, expect=5).facts["jid passwords"]
    answer = ctl.do("rotate", "--all", "--rate", "1000", changed=lost)
    assert int(answer.facts["jid passwords that are to be replaced"]) >= 4
    truth = backup.truth()
    truth.since = 0
    wait_until(lambda: not truth.outbox() or "unsupported" in str(truth.outbox()), 30, "the passwords")
    if truth.outbox():
        assert not Stack.owns_xmpp_server()
        pytest.skip("a server that does not let the component change passwords")
    for account in (phone, lamp):
        calls.log_in(account)
        assert eyes.exists(account.jid, account.jid_password)
    assert eyes.roster(phone) == {lamp.jid: "both"}
    assert handset.login().json["code"] == "200"
    assert "jid passwords: 4 under key 9 (it seals)" in ctl.run("key", "status", changed=lost).text
    # 004's secret comes back with a password that is set through 000
    app = Android(http, sms, phone=client.phone)
    app.salt = app.get_salt().json["salt"]
    assert status(app.reset(app.verified("1"), "another one")) == 200
    assert said(client.login("another one"))[0] == 1


def test_a_leaked_seal_key(backup, server, calls, ctl, eyes, http, sms, stack):
    """A new key, everything sealed anew, the old one retired, other passwords for all JIDs; and 004's accounts, whose
    passwords were sealed with it, need a code."""
    old = (stack.var / "secrets/seal").read_text(encoding="ascii").strip()
    lamp, client = calls.new_account(DEVICE), Client(http, sms).register()
    was = lamp.jid_password
    both, new = with_keys(backup, f"{NEW_KEY},{old}"), with_keys(backup, NEW_KEY)
    server.restart(with_keys(backup, f"{old},{NEW_KEY}"))
    server.restart(both)
    ctl.do("key", "reseal", changed=both)
    assert "it only opens" not in ctl.do("key", "status", changed=both).text
    server.restart(new)
    if ctl.run("rotate", lamp.name, changed=new).status == 0:
        assert calls.log_in(lamp).jid_password != was and not eyes.exists(lamp.jid, was)
    # as the document says, for those whose password is known to others now
    backup.databases.run(backup.name, "delete from verifiers where account_id in "
                                      "(select account_id from verifiers where kind = 4)")
    ctl.do("end-sessions", "--all", changed=new)
    assert said(client.login())[0] == 0
    app = Android(http, sms, phone=client.phone)
    assert status(app.reset(app.verified("1"), "another one")) == 200
    app.salt, app.password = app.get_salt().json["salt"], "another one"
    assert status(app.login()) == 200


@pytest.mark.owns_xmpp
def test_a_new_component_secret_is_a_restart(backup, server, calls, stack):
    """The server's side first; the link comes back with the new one, and nothing that was wished meanwhile is lost."""
    if stack.xmpp != "prosody":
        pytest.skip("its configuration is written as Prosody's is")
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    secret, configuration = stack.var / "secrets/component", stack.var / "prosody/prosody.cfg.lua"
    old, new = secret.read_text(encoding="ascii"), f"development-{new_name()}"
    try:
        secret.write_text(new, encoding="ascii")
        stack.kill("prosody")
        stack.start("prosody")
        assert new in configuration.read_text(encoding="utf-8")
        wait_until(lambda: "not-authorized" in server.get_ops("/readyz")[1], 15, "the refusal")
        assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
        server.restart({**backup.settings})
        backup.truth().settle()
    finally:
        secret.write_text(old, encoding="ascii")
        stack.kill("prosody")
        stack.start("prosody")
