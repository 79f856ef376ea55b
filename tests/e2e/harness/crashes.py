"""Crashes: registrard killed with SIGKILL at a step or at any moment, and what must be true when it is back."""

import contextlib
import http.client
import signal
import threading
import time

from harness.d003 import wait_until
from harness.databases import connected, run_on
from harness.sealed import jid_password

PENDING, ACTIVE, CANCELLED = range(3)
# Steps of what an administrator has done to an account (test_ban, test_rotate).
RECORDING = ["record.before_commit", "record.committed"]
DOOR = ["door.before", "door.told", *RECORDING]
ROTATING = ["rotate.before", "rotate.set", *RECORDING]
# What a client sees of a server that was killed under its request, or runs no more.
NO_ANSWER = (OSError, http.client.HTTPException)


def has_failpoints(binary):
    """Only the sanitizer builds have them."""
    content = binary.read_bytes()
    found = b"register.before_commit" in content
    assert found or b"__asan_init" not in content  # or all that needs them would be skipped in CI without a word
    return found


def restart_to_die(server, point, **changed):
    """Restarts it so that it dies at `point`: not for what it would do by itself once it is started, nor for comparisons
    that earlier lives have left. What was changed stays so."""
    server.stop()
    run_on(server.stack.postgres_dsn(), "delete from outbox where kind = 5")
    server.start({**server.changed, "FAILPOINT": point, "REGISTRARD_RECONCILE_RECHECK": "0ms",
                  "REGISTRARD_RECONCILE_PER_SECOND": "0", **changed})


def attempt(call, *arguments, **named):
    """The reply, or None when the server died under the request."""
    try:
        return call(*arguments, **named)
    except NO_ANSWER:
        return None


@contextlib.contextmanager
def dies(server, timeout=10):
    """The block makes the server reach its failpoint, where it is killed."""
    yield
    wait_until(lambda: not server.running(), timeout, "the failpoint")
    assert server.process.returncode == -signal.SIGKILL, server.tail()


def crash(server, point, call, *arguments, **named):
    """Restarts it so that it dies at `point`, and makes the call; nobody is answered."""
    restart_to_die(server, point)
    with dies(server):
        assert attempt(call, *arguments, **named) is None, f"answered before {point}"


class Truth:
    """What Postgres holds of the accounts that were made since, and what must be so whenever nothing is under way."""

    def __init__(self, db, stack):
        self.db = db
        self.stack = stack
        self.since = self.one("select coalesce(max(id), 0) from accounts")[0]

    def reconnect(self):
        """After Postgres was killed."""
        self.db = connected(self.stack.postgres_dsn())

    def rows(self, statement, *values):
        with self.db.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def one(self, statement, *values):
        rows = self.rows(statement, *values)
        return rows[0] if rows else None

    def newest(self):
        """The account that was made last: id, state, JID, the JID's password (None once it is cancelled)."""
        row = self.one(
            "select id, state, jid_local, jid_password from accounts where id > %s order by id desc limit 1",
            self.since)
        if row is None:
            return None
        number, state, local, sealed = row
        password = jid_password(self.stack.var / "secrets/seal", local, sealed) if sealed is not None else None
        return number, state, f"{local}@{self.stack.domain}", password

    def state_of(self, number):
        return self.one("select state from accounts where id = %s", number)[0]

    def outbox(self):
        """What is left to do; not what is to be looked at again later."""
        return self.rows("select kind, low, high, attempts, last_error from outbox where low > %s "
                         "and (kind <> 5 or due_at <= now())", self.since)

    def settle(self, timeout=10):
        """Everything that was wished is made true, without anybody's help; nothing half-made is left."""
        deadline = time.monotonic() + timeout
        while left := self.outbox():
            assert time.monotonic() < deadline, f"not done after {timeout} s: {left}"
            time.sleep(0.01)
        for what, statement in WRONG.items():
            found = self.rows(statement, self.since)
            assert not found, f"{what}: {found}"


WRONG = {
    "accounts half-made": "select id from accounts where id > %s and state = 0",
    "cancelled accounts whose JID is not known to be gone":
        "select id from accounts where id > %s and state = 2 and jid_state <> 0",
    "active accounts whose JID is not known to be there":
        "select id from accounts where id > %s and state = 1 and jid_state <> 1",
    "active accounts without a password":
        "select id from accounts where id > %s and state = 1 and id not in (select account_id from verifiers)",
    "proofs or tokens of cancelled accounts":
        "select id from accounts where id > %s and state = 2 and id in "
        "(select account_id from verifiers union all select account_id from sessions)",
    "bindings that are not as wished":
        "select low, high from bindings where low > %s and (not wanted or seen_version <> version)",
    "bindings of accounts that are not there":
        "select low, high from bindings b join accounts a on a.id in (b.low, b.high) where b.low > %s and a.state <> 1",
    "bindings that a roster does not show":
        "select low, high from bindings where low > %s and (select count(*) from roster_seen where subscription = 3 "
        "and ((account_id, peer_id) = (low, high) or (account_id, peer_id) = (high, low))) <> 2",
    "rosters that show what is not bound":
        "select account_id, peer_id from roster_seen where account_id > %s and not exists (select 1 from bindings "
        "where low = least(account_id, peer_id) and high = greatest(account_id, peer_id))",
}


class Eyes:
    """What the XMPP server has, as its users see it."""

    def __init__(self, connect):
        self.connect = connect

    def roster(self, account):
        """The peers that an account's roster shows, each with its subscription."""
        client = self.connect(account.jid, account.jid_password)
        items = client.wait_fetched_roster()
        client.close()
        return {jid: item["subscription"] for jid, item in items.items()}

    def exists(self, jid, password):
        client = self.connect(jid, password, wait=False)
        client.wait(lambda: client.online or client.refused, what="an answer to the password")
        known = client.online
        client.close()
        return known


class Background:
    """Threads that go on until told to stop; what one of them raises is raised at the end."""

    def __init__(self, *functions):
        self.stopping = threading.Event()
        self.failures = []
        self.threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in functions]

    def _run(self, function):
        try:
            while not self.stopping.is_set():
                function()
        except BaseException as failure:  # pylint: disable=broad-except  # an assertion of the thread's is the test's
            self.failures.append(failure)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, timeout=30):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout)
            assert not thread.is_alive(), "a client waits for ever"
        if self.failures:
            raise self.failures[0]
