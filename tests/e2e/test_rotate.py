"""Other passwords for JIDs by registrarctl: none is lost, whatever is killed in between."""

import pytest

from harness import ctl as status
from harness.administrator import administrator
from harness.calls import DEVICE, PHONE
from harness.crashes import ROTATING, has_failpoints, restart_to_die
from harness.d003 import code, wait_until
from harness.stack import Stack

OLD, NEW = "2:" + "5a" * 32, "3:" + "c3" * 32


def may_rotate(ctl, calls):
    """On Openfire only where its operator allows it; on the servers that are started here always."""
    refused = ctl.run("rotate", calls.new_account(DEVICE).name).status == status.REFUSED
    assert not (refused and Stack.owns_xmpp_server())
    return not refused


def test_one(ctl, calls, truth, eyes, xmpp_client):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert code(calls.bind(phone, [lamp.name])) == 0
    jid, old = lamp.jid, lamp.jid_password
    online = xmpp_client(jid, old)
    answer = ctl.run("rotate", lamp.name)
    if answer.status == status.REFUSED:
        assert not Stack.owns_xmpp_server()
        assert "does not let" in answer.facts["jid password"], answer
        assert calls.log_in(lamp).jid_password == old and eyes.exists(jid, old)
        truth.settle()
        return
    assert answer.facts["jid password"] == "replaced", answer
    online.wait_lost()  # whoever came in with the old one
    assert calls.log_in(lamp).jid == jid and lamp.jid_password != old
    assert eyes.exists(jid, lamp.jid_password) and not eyes.exists(jid, old)
    assert eyes.roster(lamp) == {phone.jid: "both"}
    truth.settle()


@pytest.mark.parametrize("point", ROTATING)
def test_killed_in_the_middle(point, ctl, calls, server, truth, eyes, xmpp_client):
    lamp = calls.new_account(DEVICE)
    if not has_failpoints(server.binary) or not may_rotate(ctl, calls):
        pytest.skip("a build without failpoints, or a server that does not allow it")
    truth.settle()
    old = lamp.jid_password
    online = xmpp_client(lamp.jid, old)
    restart_to_die(server, point)
    ctl.run("rotate", lamp.name, "--wait", "0")
    wait_until(lambda: not server.running(), what="the failpoint")
    server.start()
    truth.settle()
    online.wait_lost()
    calls.log_in(lamp)
    assert lamp.jid_password != old and eyes.exists(lamp.jid, lamp.jid_password)


def test_while_the_server_is_away_the_old_one_counts(ctl, calls, link, server, truth, eyes):
    lamp = calls.new_account(DEVICE)
    if not may_rotate(ctl, calls):
        pytest.skip("a server that does not allow it")
    old = lamp.jid_password
    link.refuse()
    wait_until(lambda: server.get_ops("/readyz")[0] == 503, what="the link being down")
    for _ in range(2):  # the second finds one that is to come
        ctl.do("rotate", lamp.name, "--wait", "0", expect=status.PENDING)
        assert ctl.do("show", lamp.name).facts["jid password"] == "another one is to take its place"
        assert calls.log_in(lamp).jid_password == old
    link.heal()
    server.wait_ready()
    truth.settle()
    assert calls.log_in(lamp).jid_password != old and eyes.exists(lamp.jid, lamp.jid_password)


def test_of_a_banned_account(ctl, calls, truth, eyes):
    lamp = calls.new_account(DEVICE)
    if not may_rotate(ctl, calls):
        pytest.skip("a server that does not allow it")
    old = lamp.jid_password
    ctl.ban(lamp.name)
    ctl.do("rotate", lamp.name, expect=status.PENDING)
    assert not eyes.exists(lamp.jid, old)
    ctl.unban(lamp.name)
    truth.settle()
    assert calls.log_in(lamp).jid_password != old and eyes.exists(lamp.jid, lamp.jid_password)


def test_a_jid_that_vanished(ctl, calls, truth, eyes, server, stack, link):
    """It is made again, with the new password and its roster."""
    server.restart({"REGISTRARD_RECONCILE_RECHECK": "0ms", "REGISTRARD_RECONCILE_PER_SECOND": "0"})  # nobody else makes it
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    if not may_rotate(ctl, calls):
        pytest.skip("a server that does not allow it")
    assert code(calls.bind(phone, [lamp.name])) == 0
    with administrator(stack, link) as one:
        one.delete(lamp.jid)
    server.wait_ready()
    assert not eyes.exists(lamp.jid, lamp.jid_password)
    old = lamp.jid_password
    ctl.do("rotate", lamp.name)
    truth.settle()
    assert eyes.exists(lamp.jid, calls.log_in(lamp).jid_password) and lamp.jid_password != old
    assert eyes.roster(lamp) == {phone.jid: "both"}
