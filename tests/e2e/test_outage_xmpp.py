"""The XMPP server away: registering is answered 101 with HTTP 200, a binding 0 and `pending`; logins, tokens and
look-ups go on. When it is back, what was wished is made true without anybody's help."""

import itertools
import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import Background
from harness.d003 import code, meanwhile, metric, wait_until
from harness.outage import RECOVERY, SHORT, at_once, check, fresh_token, login, says, timed
from harness.partial import PartialLink


@pytest.fixture(autouse=True)
def short_waits(server):
    server.restart(SHORT)


class Away:
    """Ways to be away; `noticed` says whether registrard is told so, or has to find out."""

    def __init__(self, begin, end, noticed):
        self.begin, self.end, self.noticed = begin, end, noticed


@pytest.fixture(params=[
    pytest.param("killed", marks=pytest.mark.owns_xmpp), pytest.param("stopped", marks=pytest.mark.owns_xmpp),
    "refusing", "stalled",
])
def away(request, stack, link):
    return {
        "killed": Away(lambda: stack.kill(stack.xmpp), lambda: stack.start(stack.xmpp), True),
        "stopped": Away(lambda: stack.stop(stack.xmpp), lambda: stack.cont(stack.xmpp), False),
        "refusing": Away(link.refuse, link.heal, True),
        "stalled": Away(link.stall, link.heal, False),
    }[request.param]


def test_what_is_answered_meanwhile(away, server, calls, truth, eyes):
    phone, lamp, fan, gone = (calls.new_account(kind) for kind in (PHONE, DEVICE, DEVICE, DEVICE))
    assert calls.bind(phone, [fan.name, gone.name]).json["state"] == "bound"
    cold_token, newcomer = fresh_token(calls, lamp), Account(DEVICE, new_name(), "x")
    away.begin()

    registering, binding, unbinding, cancelling, *going_on = at_once(
        lambda: calls.register(newcomer),
        lambda: calls.bind(phone, [lamp.name]),
        lambda: calls.unbind(phone, [fan.name]),
        lambda: calls.cancel(gone),
        lambda: login(calls, lamp),
        lambda: calls.login(phone),
        lambda: calls.get_users(lamp.token, [phone.name]),
        lambda: calls.bindings(lamp),
        lambda: calls.http.get("/verify_access_token", {"access_token": cold_token}),
    )
    assert code(registering) == 101
    assert binding.json["result"] == unbinding.json["result"] == 0
    assert binding.json["state"] == unbinding.json["state"] == "pending"
    assert code(cancelling) == 0
    for reply in going_on:
        assert code(reply) == 0, reply
    assert check(calls, gone) == 4 and check(calls, phone) == 0
    says(server, "/readyz", 503, "xmpp")
    assert server.get_ops("/readyz/login")[0] == 200
    wait_until(lambda: metric(server, "xmpp_up") == metric(server, "xmpp_ready") == 0, what="the same on /metrics")
    assert metric(server, "postgres_up") == metric(server, "redis_up") == 1
    wait_until(lambda: metric(server, "outbox_due", kind="pair") >= 2, what="the wishes on /metrics")
    assert code(timed(calls.register, newcomer)) == 101  # told at once now

    away.end()
    server.wait_ready(timeout=RECOVERY)
    truth.settle(RECOVERY)
    assert metric(server, "xmpp_up") == metric(server, "xmpp_ready") == 1
    assert eyes.roster(phone) == {lamp.jid: "both"}
    assert eyes.roster(lamp) == {phone.jid: "both"} and eyes.roster(fan) == {}
    assert not eyes.exists(gone.jid, gone.jid_password)
    assert code(calls.login(newcomer)) == 102
    assert code(calls.register(newcomer)) == 0
    wait_until(lambda: metric(server, "outbox_due", kind="pair") == 0, what="nothing waiting on /metrics")


@pytest.mark.alone
def test_a_dead_link_is_noticed_within_two_intervals(server, link):
    """20 s by default: an interval until it is pinged, another for the answer."""
    interval = 1.0
    server.restart({"REGISTRARD_XMPP_PING_INTERVAL": f"{interval * 1000:.0f}ms"})
    time.sleep(2.5 * interval)  # pings are answered meanwhile
    assert metric(server, "xmpp_ready") == 1 and metric(server, "xmpp_reconnects_total") == 1
    link.stall()
    begun = time.monotonic()
    wait_until(lambda: metric(server, "xmpp_ready") == 0, 2 * interval + 0.5, "the dead link")
    assert time.monotonic() - begun > 0.3 * interval
    assert "a ping was not answered" in server.log.events("xmpp_link_down")[-1]["reason"]


def test_going_away_again_and_again_under_load(server, link, calls, truth, eyes):
    """What was answered 0 has a JID, what was not leaves none; the wishes all come true."""
    phone = calls.new_account(PHONE)
    made, counter = [], itertools.count()

    def register_and_bind():
        account = Account(DEVICE, new_name(f"load{next(counter)}"), "x")
        registered = code(timed(calls.register, account))
        assert registered in (0, 101), registered
        if registered == 0:
            made.append(account)
            assert code(timed(calls.bind, phone, [account.name])) == 0

    with Background(register_and_bind, register_and_bind):
        for _ in range(6):
            before = len(made)
            wait_until(lambda count=before: len(made) > count, what="one more that is registered")
            time.sleep(0.3)
            link.cut()
    server.wait_ready(timeout=RECOVERY)
    truth.settle(RECOVERY)
    for account in made:
        calls.log_in(account)
    assert eyes.roster(phone) == {account.jid: "both" for account in made}


# In the middle of a request


@pytest.fixture
def partial_link(stack, server, truth):
    """Nothing goes over it but what the test asks for."""
    link = PartialLink(stack)
    server.restart({**SHORT, **link.settings, "REGISTRARD_RECONCILE_RECHECK": "0ms"})
    wait_until(lambda: truth.one("select count(*) from outbox") == (0,), 30, "nothing left to do")
    yield link
    link.close()


def test_cut_in_the_middle_of_a_registration(partial_link, server, calls, truth, eyes):
    lamp = Account(DEVICE, new_name(), "x")
    partial_link.hold_command()
    with meanwhile(timed, calls.register, lamp) as replies:
        assert partial_link.reached.wait(5)
        _, _, jid, password = truth.newest()
        partial_link.release()
        partial_link.cut()
    assert code(replies[0]) == 101
    server.wait_ready(timeout=RECOVERY)
    truth.settle(RECOVERY)
    assert not eyes.exists(jid, password)
    assert code(calls.register(lamp)) == 0


@pytest.mark.parametrize("bind", [True, False], ids=["binding", "unbinding"])
def test_cut_in_the_middle_of_changing_rosters(bind, partial_link, server, calls, truth, eyes):
    """One roster has been written, the other has not."""
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    if not bind:
        assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    partial_link.hold_roster()
    with meanwhile(timed, calls.bind if bind else calls.unbind, phone, [lamp.name]) as replies:
        assert partial_link.reached.wait(5)
        partial_link.release()
        partial_link.cut()
    assert code(replies[0]) == 0
    server.wait_ready(timeout=RECOVERY)
    truth.settle(RECOVERY)
    assert eyes.roster(phone) == ({lamp.jid: "both"} if bind else {})
    assert eyes.roster(lamp) == ({phone.jid: "both"} if bind else {})


# Links that the server does not want


def test_a_wrong_secret(server, calls):
    lamp = calls.new_account(DEVICE)
    server.stop()
    server.start({**SHORT, "REGISTRARD_XMPP_SECRET": "wrong-but-long-enough", "REGISTRARD_XMPP_SECRET_FILE": None},
                 wait=False)
    server.wait_ready("/readyz/login")
    wait_until(lambda: "not-authorized" in server.get_ops("/readyz")[1], what="the reason on /readyz")
    assert code(login(calls, lamp)) == 0
    assert code(calls.register(Account(DEVICE, new_name(), "x"))) == 101
    assert "wrong-but-long-enough" not in server.log.text()
    server.restart()
    assert code(calls.register(Account(DEVICE, new_name(), "x"))) == 0


def test_two_with_one_name(server, another_server, calls, expected_errors):
    """The server keeps one of them connected; the other says why it is not, and takes over when that one is gone.
    (ejabberd connects both, and each gets what is for the other as well: there the second finds out and leaves.)"""
    expected_errors.append("event=instance_name_taken")
    lamp = calls.new_account(DEVICE)
    second = another_server("second", SHORT)
    second.start(wait=False)
    second.wait_ready("/readyz/login")
    wait_until(lambda: "conflict" in second.get_ops("/readyz")[1], what="the reason on /readyz")
    server.wait_ready()
    assert code(login(calls, lamp)) == 0
    server.kill()
    second.wait_ready(timeout=RECOVERY)
    second.stop()
    server.start()
    assert code(calls.register(Account(DEVICE, new_name(), "x"))) == 0
