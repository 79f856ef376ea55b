"""A registrard whose Postgres is behind a CommitProxy, and the moments at which its commits are cut. The fixtures `own` and
`env` are for tests that import them."""

import os
import secrets

import pytest

from harness.calls import Calls, answers_of
from harness.commit_cases import Env
from harness.commits import AFTER, BEFORE, LOST, CommitProxy
from harness.crashes import Truth
from harness.d003 import wait_until
from harness.databases import Databases
from harness.http_client import Http
from harness.link import Link
from harness.process import Registrard
from harness.sms_file import SmsFile

LATE = 0.2  # seconds for which Postgres is away, when the answer is known in spite of it
MOMENTS = {
    "before": (BEFORE, 0), "after": (AFTER, 0),
    "before, then away": (BEFORE, LATE), "after, then away": (AFTER, LATE),
    "before, then away for long": (BEFORE, None), "after, then away for long": (AFTER, None),
    "before, the server unaware": (LOST, 0),
}
AT_ONCE = ("before", "after")
UNCERTAIN = (*AT_ONCE, "after, then away for long")
# Tests run every kind of transaction at once, and some where Postgres is away or unaware; with this, all of them.
ALL = os.environ.get("TEST_COMMIT_CUTS") == "all"
SETTINGS = {
    "REGISTRARD_POSTGRES_CONNECTIONS": "1",  # so that there is one who has to find out that Postgres is back
    "REGISTRARD_POSTGRES_CONNECT_TIMEOUT": "600ms",
    "REGISTRARD_BINDING_WAIT": "300ms",
    "REGISTRARD_BINDING_REGISTER_WAIT": "1500ms",
    "REGISTRARD_XMPP_REQUEST_TIMEOUT": "3s",
    "REGISTRARD_XMPP_PING_INTERVAL": "5s",
    "REGISTRARD_RECONCILE_BRAKE_FLOOR": "1000",
    "REGISTRARD_POINTS_PRIZES": "0.01:10000",
    "REGISTRARD_POINTS_DAY_BUDGET": "1000000",
}


def sealing_with(first, *others):
    return {"REGISTRARD_KEYS_SEAL": ",".join([first, *others]), "REGISTRARD_KEYS_SEAL_FILE": None}


class Own:
    def __init__(self, stack):
        self.stack = stack
        self.databases = Databases(stack)
        self.database = self.databases.new()
        self.proxy = CommitProxy(stack.settings["STACK_SOCKETS"] + "/.s.PGSQL.5432")
        self.link = Link(stack)
        self.seal_key = (stack.var / "secrets/seal").read_text(encoding="ascii").strip()
        self.next_seal_key = f"9:{'5ac3' * 16}"
        self.server = Registrard(stack, self.link.settings, "cut", {
            **SETTINGS, **sealing_with(self.seal_key, self.next_seal_key),
            "REGISTRARD_POSTGRES_URL": self.proxy.url(self.database),
            "REGISTRARD_XMPP_COMPONENT": stack.settings["STACK_MORE_COMPONENTS"].split(",")[0]})
        self.mark = self.server.log.mark()  # another file of tests may have had one, too
        self.server.start()
        self.expected = []  # patterns of errors in its log
        self.db = self.databases.connect(self.database)

    def close(self):
        self.server.stop()
        self.link.close()
        self.proxy.close()
        self.db.close()
        self.databases.close()
        complaints = self.server.log.complaints(self.mark, self.expected)
        assert not complaints, complaints


@pytest.fixture(scope="module")
def own(_stack):
    one = Own(_stack)
    yield one
    one.close()


def recovered(calls):
    """The database worker has its connection."""
    wait_until(lambda: calls.http.get("/verify_access_token", {"access_token": secrets.token_hex(32)}).status != 503,
               what="a worker with a connection")


@pytest.fixture
def env(own):  # pylint: disable=redefined-outer-name
    stack = own.stack
    calls = Calls(Http(own.server.ports, stack.certificate), answers_of(stack))
    recovered(calls)
    yield Env(own.server, calls, own.db, Truth(own.db, stack), SmsFile(stack.var), own.link)
    own.link.heal()
    own.proxy.heal()
    own.server.restore(anew=own.proxy.was_away)  # each of its sessions would find out for itself that Postgres is back
    own.proxy.was_away = False
