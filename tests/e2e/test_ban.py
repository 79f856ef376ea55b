"""Bans by registrarctl: sessions and tokens end, the JID is disabled, its clients are thrown out; and back."""

import pytest

from harness import ctl as status
from harness.calls import DEVICE, PHONE
from harness.crashes import DOOR, has_failpoints, restart_to_die
from harness.d003 import code, wait_until
from harness.tcp_client import LineClient


def valid(tcp, token):
    return tcp.call("/verify_access_token", access_token=token)["validate"]


def test_everything_ends_at_once(ctl, calls, tcp, http, xmpp_client):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert code(calls.bind(phone, [lamp.name])) == 0
    tokens = [lamp.token, calls.log_in(lamp).token]
    client, owner = (xmpp_client(one.jid, one.jid_password) for one in (lamp, phone))
    owner.wait_sees(lamp.jid)
    assert all(valid(tcp, token) for token in tokens)

    answer = ctl.ban(lamp.name)
    assert answer.facts["sessions ended"] == "2" and answer.facts["the XMPP server"] == "has followed", answer
    assert [line["action"] for line in answer.audit()] == ["ban"] and answer.audit()[0]["by"], answer
    for token in tokens:
        assert not valid(tcp, token)
        assert http.get("/verify_access_token", {"access_token": token}).json["validate"] is False
    client.wait_lost()
    owner.wait_sees_not(lamp.jid)
    refused = xmpp_client(lamp.jid, lamp.jid_password, wait=False)
    refused.wait_refused()
    assert code(calls.login(lamp)) == 100
    assert code(calls.bind(phone, [calls.new_account(DEVICE).name, lamp.name])) == 108
    assert ctl.do("show", lamp.name).facts["door"] == "locked"


def test_an_end_to_it(ctl, calls, xmpp_client, truth, eyes):
    """As if nothing had been: the same JID, password and roster."""
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert code(calls.bind(phone, [lamp.name])) == 0
    ctl.ban(lamp.name)
    ctl.ban(lamp.name)  # twice is once
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    answer = ctl.unban(lamp.name)
    assert answer.facts["the XMPP server"] == "has followed", answer
    jid, password = lamp.jid, lamp.jid_password
    calls.log_in(lamp)
    assert (lamp.jid, lamp.jid_password) == (jid, password)
    assert xmpp_client(jid, password).wait_item(phone.jid)
    assert ctl.do("show", lamp.name).facts["banned"] == "no"
    truth.settle()


def test_bindings_of_a_banned_account_are_still_kept(ctl, calls, truth, eyes):
    """The other side may end one, and what was wished before the ban is made true."""
    phone, lamp, fan = calls.new_account(PHONE), calls.new_account(DEVICE), calls.new_account(DEVICE)
    assert code(calls.bind(phone, [lamp.name, fan.name])) == 0
    ctl.ban(lamp.name)
    assert calls.unbind(phone, [lamp.name]).json["state"] == "unbound"
    truth.settle()
    assert eyes.roster(phone) == {fan.jid: "both"}
    ctl.unban(lamp.name)
    assert eyes.roster(lamp) == {}


def test_a_login_does_not_open_the_door(ctl, calls, server, db, truth, eyes):
    """Logins have the JID checked, and a password that the server refuses is set again: not a banned one's."""
    lamp = calls.new_account(DEVICE)
    with db.cursor() as cursor:
        cursor.execute("update accounts set jid_state = 2, jid_checked_at = now() - interval '2 days' where jid_local = %s",
                       [lamp.jid.partition("@")[0]])
    calls.login(lamp)  # wishes a check
    ctl.ban(lamp.name)
    assert code(calls.login(lamp)) == 100
    with db.cursor() as cursor:
        cursor.execute("insert into outbox (kind, low, version) select 4, id, nextval('wish_version') from accounts "
                       "where jid_local = %s", [lamp.jid.partition("@")[0]])
    wait_until(lambda: not truth.outbox(), what="the wishes to be done")
    assert not eyes.exists(lamp.jid, lamp.jid_password)


def test_while_the_server_is_away(ctl, calls, link, tcp, server, truth, eyes):
    lamp = calls.new_account(DEVICE)
    link.refuse()
    wait_until(lambda: server.get_ops("/readyz")[0] == 503, what="the link being down")
    answer = ctl.do("ban", lamp.name, "--wait", "1", expect=status.PENDING)
    assert answer.facts["the XMPP server"].startswith("has not followed yet"), answer
    assert not valid(tcp, lamp.token)
    assert "door: account" in ctl.do("outbox").text
    link.heal()
    server.wait_ready()
    truth.settle()
    assert not eyes.exists(lamp.jid, lamp.jid_password)


@pytest.mark.parametrize("point", DOOR)
def test_killed_in_the_middle(point, ctl, calls, server, truth, eyes):
    lamp = calls.new_account(DEVICE)
    if not has_failpoints(server.binary):
        pytest.skip("a build without failpoints")
    restart_to_die(server, point)
    assert ctl.run("ban", lamp.name, "--wait", "0").status in (status.DONE, status.PENDING)
    wait_until(lambda: not server.running(), what="the failpoint")
    server.start()
    truth.settle()
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    restart_to_die(server, point)
    assert ctl.run("unban", lamp.name, "--wait", "0").status in (status.DONE, status.PENDING)
    wait_until(lambda: not server.running(), what="the failpoint")
    server.start()
    truth.settle()
    assert eyes.exists(lamp.jid, lamp.jid_password)


def test_without_redis_tokens_end_within_a_second(ctl, calls, stack, server):
    lamp = calls.new_account(DEVICE)
    with LineClient(server.ports["tcp"]) as tcp:
        assert valid(tcp, lamp.token)
        stack.kill("redis")
        ctl.do("ban", lamp.name, "--wait", "0", expect=status.PENDING)
        wait_until(lambda: not valid(tcp, lamp.token), 1, "the token to end")
        stack.start("redis")
        server.wait_ready()
        assert not valid(tcp, lamp.token)


def test_a_cancelled_account_leaves_no_door(ctl, calls, db, truth):
    lamp = calls.new_account(DEVICE)
    number = ctl.do("show", lamp.name).facts["uid"]
    assert ctl.run("rotate", lamp.name).status in (status.DONE, status.REFUSED)
    assert code(calls.cancel(lamp)) == 0
    truth.settle()
    assert ctl.do("show", "--uid", number).facts["state"] == "cancelled"
    ctl.do("ban", "--uid", number, expect=status.NOT_FOUND)
    assert truth.one("select count(*) from doors where account_id = %s", number) == (0,)
