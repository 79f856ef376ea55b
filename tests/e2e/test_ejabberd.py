"""On a real ejabberd, whatever server the other tests run on: it is chosen and proved, JIDs and rosters, what clients see,
and what is wrong when its HTTP API is."""

import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest

from harness import running
from harness.calls import DEVICE
from harness.d003 import Accounts, change_password, code, metric, wait_until
from harness.outage import RECOVERY
from harness.proxy import FaultProxy

# What any server must do, done here as well.
from test_003_rosters import (  # noqa: F401  pylint: disable=unused-import
    test_both_online_see_each_other_at_once,
    test_cancelled_it_is_gone_from_the_others_rosters_and_cannot_log_in,
    test_made_while_the_link_was_cut_they_see_each_other_when_it_is_back,
    test_nicknames_are_the_names_in_rosters, test_unbound_both_are_gone_for_each_other,
)
from test_reconcile import ALWAYS, FOLLOW
from test_roster_names import groups_of, say, wait_shown
from test_smoke import test_from_registration_to_seeing_each_other  # noqa: F401  pylint: disable=unused-import

API_USER = "registrar-api"
SAME = 1  # what comes of comparing what is as it should be


@pytest.fixture(scope="module")
def _stack():
    yield from running.servers("ejabberd")


@pytest.fixture(scope="module")
def _link(_stack):
    yield from running.way(_stack)


@pytest.fixture(scope="module")
def _server(_stack, _link):
    yield from running.registrard(_stack, _link)


@pytest.fixture(scope="module")
def _xmpp_clients(_stack):
    yield from running.clients(_stack)


def secret(stack, name):
    return (stack.var / "secrets" / name).read_text(encoding="ascii").strip()


def log_of(stack):
    return (stack.var / "log/ejabberd.log").read_text(encoding="utf-8", errors="replace")


def says(server, text):
    wait_until(lambda: text in server.get_ops("/readyz")[1], RECOVERY, f"{text!r}; it says {server.get_ops('/readyz')}")


# Chosen and proved


def test_it_is_chosen_by_what_it_says_and_proved_once(server):
    (first,) = server.log.events("xmpp_server")[:1]
    assert (first["name"], first["driver"], first["proved_before"]) == ("ejabberd", "ejabberd", "false")
    proved = server.log.text().partition("event=xmpp_api_fails")[0]  # after which no old proof does
    assert proved.count("event=xmpp_self_test_passed") == 1
    mark = server.log.mark()
    server.restart()
    assert server.log.events("xmpp_server", mark)[0]["proved_before"] == "true"
    assert not server.log.events("xmpp_self_test_passed", mark)


def test_without_its_api_it_is_not_driven(server, calls, phone):
    server.stop()
    mark = server.log.mark()
    server.start({"REGISTRARD_XMPP_API_URL": None}, wait=False)
    server.wait_ready("/readyz/login")
    says(server, "ejabberd needs xmpp.api_url")
    said = wait_until(lambda: server.log.events("xmpp_not_proved", mark), what="the line in the log")
    assert "needs xmpp.api_url" in said[0]["what"]
    assert code(calls.login(phone)) == 0


def may_not_check_passwords(stack):
    return {"REGISTRARD_XMPP_API_USER": f"registrar-blind@{stack.domain}",
            "REGISTRARD_XMPP_API_SECRET_FILE": str(stack.var / "secrets/api-password")}


def test_that_it_may_not_check_passwords_is_no_harm(server, stack, calls, phone, lamp):
    mark = server.log.mark()
    server.restart(may_not_check_passwords(stack))
    assert len(server.log.events("xmpp_self_test_passed", mark)) == 1
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"


def test_whether_a_jid_is_there_is_asked_without_its_roster(server, stack, calls, truth, phone):
    """After a login, where no password may be checked: its user may have made the roster very large."""
    server.restart({**may_not_check_passwords(stack), "REGISTRARD_XMPP_CHECK_INTERVAL": "1ms",
                    "REGISTRARD_RECONCILE_PER_SECOND": "0", "REGISTRARD_RECONCILE_RECHECK": "0s"})
    truth.settle()
    before = len(log_of(stack))

    def asked(command):
        return f'API call {command} [{{<<"user">>,<<"{phone.jid_local}">>}}' in log_of(stack)[before:]

    assert code(calls.login(phone)) == 0
    wait_until(lambda: asked("check_account"), what="its JID to be looked for")
    truth.settle()
    assert not asked("get_roster")


# What clients see


def test_unbound_again_and_again_clients_keep_nothing(calls, phone, lamp, xmpp_client):
    """One removal makes a change on the other side, which must not overtake the removal there."""
    one, other = (xmpp_client(account.jid, account.jid_password) for account in (phone, lamp))
    for _ in range(25):
        assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
        assert calls.unbind(phone, [lamp.name]).json["state"] == "unbound"
        one.wait_no_item(lamp.jid, 2)
        other.wait_no_item(phone.jid, 2)
        one.wait_sees_not(lamp.jid, 2)
        other.wait_sees_not(phone.jid, 2)
    time.sleep(0.2)  # nothing comes late
    assert (one.items, other.items) == ({}, {})


# Behind registrard's back


async def _give_up_account(client):
    iq = client.Iq(stype="set", sto=client.boundjid.domain)
    query = ElementTree.SubElement(iq.xml, "{jabber:iq:register}query")
    ElementTree.SubElement(query, "{jabber:iq:register}remove")
    iq.send(timeout=5)


def test_a_jid_that_vanished_is_made_again_with_its_rosters(server, calls, truth, phone, lamp, xmpp_client, eyes):
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    client = xmpp_client(lamp.jid, lamp.jid_password)
    client.owner.run(_give_up_account(client))
    client.wait_lost()
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    server.restart({"REGISTRARD_XMPP_CHECK_INTERVAL": "1ms"})
    wait_until(lambda: code(calls.login(lamp)) == 0, what="a login")  # 106 while it is known to be gone
    wait_until(lambda: eyes.exists(lamp.jid, lamp.jid_password), what="the JID")
    truth.settle()
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}


def test_a_binding_with_a_jid_that_vanished_is_made_in_the_end(server, stack, calls, truth, phone, lamp, xmpp_client,
                                                               eyes):
    """What was written for nobody is taken back first."""
    client = xmpp_client(lamp.jid, lamp.jid_password)
    client.owner.run(_give_up_account(client))
    client.wait_lost()
    taken_back = f'API call delete_rosteritem [{{<<"localuser">>,<<"{lamp.jid_local}">>}}'
    assert code(calls.bind(phone, [lamp.name])) == 0
    truth.settle()
    assert taken_back in log_of(stack)
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}


def test_a_password_that_a_user_changed_is_set_again(server, calls, lamp, xmpp_client, db, eyes):
    server.restart({"REGISTRARD_XMPP_CHECK_INTERVAL": "1ms"})
    client = xmpp_client(lamp.jid, lamp.jid_password)
    change_password(client, "another password")
    client.close()
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    calls.log_in(lamp)
    wait_until(lambda: eyes.exists(lamp.jid, lamp.jid_password), what="the password")
    wait_until(lambda: Accounts(db).count("outbox") == 0, what="nothing left to do")
    assert Accounts(db).get(lamp, "jid_state") == 1


# Groups


def compared(db, account):
    """Once more, as a whole; what came of it."""
    for _ in range(2):  # the first may have begun before
        with db.cursor() as cursor:
            cursor.execute("select now()")
            since, = cursor.fetchone()
            number = Accounts(db).get(account, "id")

            def outcome(now=since, key=number):
                cursor.execute("select outcome from comparisons where account_id = %s and compared_at > %s", (key, now))
                return cursor.fetchone()

            wait_until(outcome, what="a comparison")
            found, = outcome()
    return found


def test_a_group_that_ejabberd_cannot_be_told_is_its_user_s_own(server, calls, phone, lamp, xmpp_client, db):
    server.restart({**ALWAYS, **FOLLOW})
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    client = xmpp_client(phone.jid, phone.jid_password)
    client.wait_item(lamp.jid)
    client.edit_item(lamp.jid, name="Kitchen", groups=["a;b", "Home"])
    wait_until(lambda: groups_of(calls, phone) == {lamp.name: {"Home"}}, what="the group that it can be told")
    assert compared(db, phone) == SAME
    wait_shown(client, lamp.jid, "Kitchen", {"a;b", "Home"})
    with db.cursor() as cursor:
        # a comparison that is under way has begun its first
        cursor.execute("select count(*) from outbox where attempts > 1 or (attempts > 0 and kind <> 5)")
        assert cursor.fetchone() == (0,)


def test_groups_that_came_with_another_server_are_no_endless_work(server, calls, truth, phone, lamp, xmpp_client, db):
    """Those of an earlier server, to which they could be told."""
    server.restart(ALWAYS)
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    client = xmpp_client(phone.jid, phone.jid_password)
    failed = metric(server, "outbox_failed_total", kind="pair")
    say(db, phone, lamp, "*_nickname = 'Kitchen', *_groups = %s", ["a;b", "Home"])
    wait_shown(client, lamp.jid, "Kitchen", {"Home"})
    truth.settle()
    assert compared(db, phone) == SAME
    assert metric(server, "outbox_failed_total", kind="pair") == failed


# Killed


def test_what_was_wished_while_it_was_dead_comes_true(server, stack, calls, truth, phone, lamp, eyes):
    """And what it forgot (Mnesia has the last moment before a SIGKILL in memory) is made again."""
    fan = calls.new_account(DEVICE)
    assert calls.bind(phone, [fan.name]).json["state"] == "bound"
    stack.kill("ejabberd")
    wait_until(lambda: metric(server, "xmpp_ready") == 0, what="notice")
    assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
    assert calls.unbind(phone, [fan.name]).json["state"] == "pending"
    stack.start("ejabberd")
    server.wait_ready(timeout=RECOVERY)
    truth.settle(RECOVERY)
    assert eyes.roster(phone) == {lamp.jid: "both"}
    assert eyes.roster(lamp) == {phone.jid: "both"} and eyes.roster(fan) == {}


# The HTTP API


def test_an_api_that_is_away_is_seen_and_comes_back(server, link, calls, truth, phone, lamp, eyes):
    """The component's link is up meanwhile."""
    mark, links = server.log.mark(), metric(server, "xmpp_reconnects_total")
    link.api.refuse()
    assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
    says(server, "HTTP API: ")
    assert metric(server, "xmpp_up") == 1 and metric(server, "xmpp_ready") == 0
    time.sleep(1.5)  # it is tried again meanwhile
    link.api.heal()
    server.wait_ready(timeout=RECOVERY)
    truth.settle(RECOVERY)
    assert eyes.roster(phone) == {lamp.jid: "both"} and eyes.roster(lamp) == {phone.jid: "both"}
    assert len(server.log.events("xmpp_api_fails", mark)) == 1
    assert len(server.log.events("xmpp_api_works_again", mark)) == 1
    assert len(server.log.events("xmpp_self_test_passed", mark)) == 1  # no old proof does after that
    assert metric(server, "xmpp_reconnects_total") == links


class Late(FaultProxy):
    """What is said while it holds, and afterwards on the same connection, comes through when it is let go."""

    def __init__(self, target):
        self.holding = False
        self.let_go = threading.Event()
        super().__init__(target)

    def _pump(self, source, sink, forth):
        super()._pump(source, _Held(self, sink) if forth else sink, forth)

    def close(self):
        self.let_go.set()
        super().close()


class _Held:
    def __init__(self, proxy, sink):
        self.proxy, self.sink, self.held = proxy, sink, False

    def sendall(self, data):
        self.held = self.held or self.proxy.holding
        if self.held:
            self.proxy.let_go.wait()
        self.sink.sendall(data)

    def shutdown(self, how):
        self.sink.shutdown(how)

    def close(self):
        self.sink.close()


def test_a_call_that_was_given_up_and_is_done_late_is_mended(server, stack, calls, truth, phone, lamp, eyes):
    """A roster's item is removed after it was made again, by a call of before."""
    api = Late(stack.api_address)
    server.restart({"REGISTRARD_XMPP_API_URL": f"http://{api.address[0]}:{api.address[1]}/api/v0",
                    "REGISTRARD_XMPP_REQUEST_TIMEOUT": "1s", "REGISTRARD_OUTBOX_LEASE": "8s",
                    "REGISTRARD_BINDING_WAIT": "0s"})
    try:
        calls.bind(phone, [lamp.name])
        truth.settle()
        failed = metric(server, "outbox_failed_total", kind="pair")
        api.holding = True
        calls.unbind(phone, [lamp.name])
        wait_until(lambda: metric(server, "outbox_failed_total", kind="pair") > failed, what="the call to be given up")
        api.holding = False
        truth.settle()
        calls.bind(phone, [lamp.name])
        truth.settle()
        assert eyes.roster(phone) == {lamp.jid: "both"}
        api.let_go.set()
        wait_until(lambda: eyes.roster(phone) == {}, what="the late removal")
        wait_until(lambda: eyes.roster(phone) == {lamp.jid: "both"}, 20, "the comparison")
        wait_until(lambda: eyes.roster(lamp) == {phone.jid: "both"}, what="the other side")
    finally:
        api.close()


def test_a_wrong_secret_is_said_once_and_heals(server, stack, calls, truth, phone, lamp, xmpp_client):
    """With a password, of an account that somebody changes on the server."""
    jid, right = f"{API_USER}@{stack.domain}", secret(stack, "api-password")
    server.stop()
    mark = server.log.mark()
    server.start({"REGISTRARD_XMPP_API_USER": jid, "REGISTRARD_XMPP_API_SECRET": "canary-of-tomorrow",
                  "REGISTRARD_XMPP_API_SECRET_FILE": None}, wait=False)
    server.wait_ready("/readyz/login")
    says(server, "HTTP API: api_user or api_secret refused (401)")
    assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
    admin = xmpp_client(jid, right)
    try:
        change_password(admin, "canary-of-tomorrow")
        server.wait_ready(timeout=2 * RECOVERY)
        truth.settle()
        assert len(server.log.events("xmpp_api_fails", mark)) == len(server.log.events("xmpp_not_proved", mark)) == 1

        change_password(admin, "another")  # while all is well
        assert calls.unbind(phone, [lamp.name]).json["state"] == "pending"
        says(server, "HTTP API: api_user or api_secret refused (401)")
        change_password(admin, "canary-of-tomorrow")
        server.wait_ready(timeout=2 * RECOVERY)
        truth.settle()
    finally:
        change_password(admin, right)
    assert "canary-of-tomorrow" not in server.log.text() + log_of(stack)


def test_no_password_and_no_token_is_in_a_log(server, stack, phone, lamp):
    logs = server.log.text() + log_of(stack)
    for account in (phone, lamp):
        assert account.jid_password not in logs
    for name in ("api", "api-password", "component"):
        assert secret(stack, name) not in logs
