"""What one registrard gave out works at the other, and what one ended has ended at the other within a second, whatever
happens to Redis or to the process that ended it."""

import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_phone
from harness.crashes import attempt, has_failpoints, restart_to_die
from harness.d000 import Android, status
from harness.d003 import code, wait_until
from harness.d004 import Client, said
from harness.reg_user import Handset

SECOND = 1.2  # and what a busy machine takes
# The default keeps a token in memory for 2 s; here it would be kept for a minute, if nobody were told.
KEEPS = {"REGISTRARD_TOKENS_MEMORY_LIFETIME": "60s"}


@pytest.fixture
def pair(fleet):
    """Two that keep checked tokens for long."""
    first = fleet.members[0]
    first.server.restart({**first.server.changed, **KEEPS})
    return first, fleet.add(settings=KEEPS)


def ends(member, token, within=SECOND):
    begun = time.monotonic()
    with member.tcp() as line:
        while line.call("/verify_access_token", access_token=token)["validate"]:
            assert time.monotonic() - begun < within, "the token is still valid"
            time.sleep(0.01)


# --- tokens


@pytest.mark.alone
def test_a_token_ends_at_the_other_at_once(pair):
    first, second = pair
    for here, there in (pair, pair[::-1]):
        lamp = first.calls.new_account(DEVICE)
        assert here.valid(lamp.token) and there.valid(lamp.token)  # warm in both
        assert code(here.calls.cancel(lamp)) == 0
        ends(there, lamp.token, 0.3)
        assert not here.valid(lamp.token)
    assert not second.valid(lamp.token)


@pytest.mark.alone
@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_it_ends_while_redis_is_away_and_stays_so(pair, stack, fault):
    first, second = pair
    lamp = first.calls.new_account(DEVICE)
    with first.tcp() as one, second.tcp() as other:
        for line in (one, other):
            assert line.call("/verify_access_token", access_token=lamp.token)["validate"]
    getattr(stack, fault)("redis")
    assert code(first.http.post("/cancel", {"user_name": lamp.name, "password": lamp.password, "type": DEVICE})) in (0, 5)
    stack.cont("redis")
    stack.start("redis")
    gone = code(first.calls.login(lamp)) == 102
    if not gone:  # the cancel needed Redis: then nothing ended
        assert code(first.calls.cancel(lamp)) == 0
    for member in pair:
        ends(member, lamp.token, 2 * SECOND)
    time.sleep(1)
    assert not first.valid(lamp.token) and not second.valid(lamp.token)


@pytest.mark.alone
def test_an_administrator_ends_it_while_redis_is_away(pair, ctl, stack):
    first, second = pair
    lamp = first.calls.new_account(DEVICE)
    assert first.valid(lamp.token) and second.valid(lamp.token)
    stack.stop("redis")
    ctl.run("end-sessions", lamp.name)
    for member in pair:
        ends(member, lamp.token, 2 * SECOND)
    stack.cont("redis")
    for _ in range(5):
        assert not first.valid(lamp.token) and not second.valid(lamp.token)
        time.sleep(0.2)


def is_steady(member, db):
    """It has given signs of life for so long that it says of others that they are dead (component/jobs/keeper.c, STEADY_MS)."""
    with db.cursor() as cursor:
        cursor.execute("select seen_at - started_at > interval '6 seconds' from instances where name = %s",
                       (member.server.settings["REGISTRARD_XMPP_COMPONENT"],))
        row = cursor.fetchone()
    return row and row[0]


def test_who_dies_before_he_could_tell_is_mourned(pair, db):
    """Killed between the commit and Redis: nobody was told that the token ended, and nobody was answered. The other
    process sees that one died, and trusts no cache any more."""
    first, second = pair
    if not has_failpoints(first.server.binary):
        pytest.skip("a build without failpoints")
    lamp = first.calls.new_account(DEVICE)
    restart_to_die(first.server, "cancel.committed")
    mark = second.server.log.mark()
    wait_until(lambda: is_steady(first, db) and is_steady(second, db), what="signs of life of both")
    assert second.valid(lamp.token) and second.valid(lamp.token)
    assert attempt(first.calls.cancel, lamp) is None
    wait_until(lambda: not first.server.running(), what="the failpoint")
    ends(second, lamp.token, 8)
    lost = second.server.log.events("instance_lost", mark)
    assert [line["instance"] for line in lost] == [first.server.settings["REGISTRARD_XMPP_COMPONENT"]]


# --- what else one gives out


def test_pictures_codes_and_sessions(fleet, sms, stack):
    first, second = fleet.members[0], fleet.add()
    # a picture of one at the other; used once for both
    verify_id, answer = first.calls.picture()
    phone = Account(PHONE, new_phone(), "x")
    assert code(second.calls.register(phone, verify_id=verify_id, verify_code=answer)) == 0
    assert code(first.calls.login(phone, verify_id=verify_id, verify_code=answer)) == 5
    # 000: a code asked for at one, verified at the other, used at the first; its cookie at the second
    app = Android(first.http, sms)
    temp_id, sent = app.temp_id()
    app.http = second.http
    assert status(app.verify(temp_id, sent)) == 200
    app.http = first.http
    assert status(app.register(temp_id)) == 200
    app.http = second.http
    assert status(app.rename("from elsewhere", **app.with_cookie)) == 200
    # 001: the sec of one at the other
    handset = Handset(first.http, stack.var, "/reg").registered()
    handset.login()
    handset.http = second.http
    assert handset.own("loginout").json["code"] == "200"
    handset.http = first.http
    assert handset.own("loginout").json["code"] == "4000"
    # 004: the steps in turn; a login counts once for both
    client = Client(first.http, sms)
    said(client.step_1())
    client.http = second.http
    assert said(client.step_2())[0] == 1
    client.http = first.http
    assert said(client.step_3())[0] == 1
    client.http = second.http
    assert said(client.step_4())[0] == 1
    challenge = {"random_str": "12345678", "time_stamp": str(int(time.time()))}
    assert said(client.login(**challenge))[0] == 1
    client.http = first.http
    assert said(client.login(**challenge))[0] == 0


def test_codes_and_wrong_passwords_are_counted_together(fleet, sms):
    limited = {"REGISTRARD_CODES_WINDOW": "60s", "REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE": "1",
               "REGISTRARD_PASSWORD_SLOW_AFTER": "4", "REGISTRARD_PASSWORD_SLOW_DELAY": "1m"}
    first = fleet.members[0]
    first.server.restart({**first.server.changed, **limited})
    second = fleet.add(settings=limited)
    app = Android(first.http, sms)
    assert status(app.get_mes()) == 200
    app.http = second.http
    assert status(app.get_mes()) == 250
    lamp = first.calls.new_account(DEVICE)
    wrong = Account(DEVICE, lamp.name, "wrong")
    for number in range(4):
        assert code(fleet.members[number % 2].calls.login(wrong)) == 102
    for member in (first, second):
        assert code(member.calls.login(lamp)) == 102  # which is right, but comes too soon
