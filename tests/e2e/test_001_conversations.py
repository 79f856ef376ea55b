"""Dialect 001 as the seed tells it: codes, registering, logging in and out, a forgotten password, invitations."""

import re

import pytest

from harness.reg_user import Handset, another_code, code, md5, said


@pytest.fixture
def handset(plain_http, stack):
    """Makes handsets of 001; another prefix makes one of 002 for the same phone."""
    return lambda prefix="/reg", **more: Handset(plain_http, stack.var, prefix, **more)


def test_the_seeds_conversation(handset):
    app = handset()
    assert code(app.sms(utime="12345678")) == "200"  # the seed's own time, of 1970
    assert code(app.reg(yzm=app.codes()[-1], yaoqing="")) == "200"

    logged_in = said(app.login())
    assert set(logged_in) == {"code", "uid", "sec", "pid", "yaoqing"}
    assert re.fullmatch(r"[1-9]\d*", logged_in["uid"])
    assert re.fullmatch(r"[0-9a-f]{16}", logged_in["sec"])
    assert logged_in["pid"] == "0"
    assert re.fullmatch(r"[A-Z2-9]{8}", logged_in["yaoqing"])

    assert code(app.own("loginout")) == "200"
    assert code(app.own("loginout")) == "4000"

    assert code(app.pwd(yzm=app.fresh_code(), pwd=md5("battery staple"))) == "200"
    assert code(app.login()) == "4001"
    assert said(app.login(pwd=md5("battery staple")))["uid"] == logged_in["uid"]


@pytest.mark.parametrize("port", ["https", "http"])
def test_a_multipart_form_will_do(http, plain_http, stack, port):
    class Multipart:
        post = staticmethod((http if port == "https" else plain_http).post_multipart)

    app = Handset(Multipart, stack.var, "/reg").registered()
    assert code(app.own("loginout")) == "200"


@pytest.mark.parametrize("prefix,other,name", [("/reg", "/user", "D001"), ("/user", "/reg", "D002")])
def test_each_can_be_switched_off(handset, server, prefix, other, name):
    server.restart({f"REGISTRARD_{name}_ENABLED": "false"})
    assert handset(prefix).sms().status == 404
    assert code(handset(other).sms()) == "200"


# --- codes


def test_a_wrong_code(handset):
    app = handset()
    sent = app.fresh_code()
    assert code(app.reg(yzm=another_code(sent))) == "4003"
    assert code(app.reg(yzm=sent)) == "200"
    assert code(app.reg(yzm=sent)) == "4003"  # it is spent


def test_a_code_has_five_wrong_tries(handset):
    app = handset()
    sent = app.fresh_code()
    for _ in range(5):
        assert code(app.reg(yzm=another_code(sent))) == "4003"
    assert code(app.reg(yzm=sent)) == "4003"


def test_a_code_is_the_handsets_own(handset):
    app = handset()
    other = handset(phone=app.phone)
    sent = app.fresh_code()
    assert code(other.reg(yzm=sent)) == "4003"
    assert code(app.reg(yzm=sent)) == "200"


def test_a_code_works_under_its_own_dialect_only(handset):
    app = handset()
    user = handset("/user", phone=app.phone)
    user.xid = app.xid
    for_reg, for_user = app.fresh_code(), user.fresh_code()
    if for_reg != for_user:
        assert code(user.reg(yzm=for_reg)) == "4001"
        assert code(app.reg(yzm=for_user)) == "4003"
    assert code(app.reg(yzm=for_reg)) == "200"
    assert code(user.pwd(yzm=for_user, pwd=md5("another one"))) == "4001"  # void since then
    assert code(user.pwd(yzm=user.fresh_code(), pwd=md5("another one"))) == "200"


def test_nobody_says_what_a_code_is_for(handset):
    app = handset().registered()
    assert code(app.pwd(yzm=app.fresh_code(), pwd=md5("x"))) == "200"


def test_within_the_window_nothing_is_sent_again(handset, server):
    server.restart({"REGISTRARD_CODES_WINDOW": "60s"})
    app = handset()
    for _ in range(3):
        assert code(app.sms()) == "200"
    (sent,) = app.codes()
    assert code(app.reg(yzm=sent)) == "200"  # the first one stands


def test_what_fails_later_spends_no_code(handset):
    app = handset()
    sent = app.fresh_code()
    assert code(app.pwd(yzm=sent)) == "4005"
    for _ in range(6):  # nor does it count as a try
        assert code(app.reg(yzm=sent, yaoqing="22222222")) == "4010"
    assert code(app.reg(yzm=sent)) == "200"


def test_limited_and_not_sent_are_parameter_errors(handset, server):
    app = handset()
    server.restart({"REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE": "1"})
    assert code(app.sms()) == "200"
    reply = app.sms(xid="b" * 32)
    assert code(reply) == "400"
    assert int(reply.headers["Retry-After"]) > 0
    server.restart({"REGISTRARD_CODES_COUNTRIES": "49"})
    assert code(handset().sms()) == "400"
    assert len(app.codes()) == 1


# --- registering


def test_registered_already(handset):
    app = handset().registered()
    assert code(app.reg(yzm=app.fresh_code())) == "4004"


def test_a_raw_password_is_hashed_here(handset):
    app = handset(password="pässword & 你")
    assert code(app.reg(yzm=app.fresh_code(), pwd=app.password)) == "200"
    assert said(app.login())["code"] == "200"
    assert said(app.login(pwd=app.password))["code"] == "200"
    assert said(app.login(pwd=md5(app.password).upper()))["code"] == "200"
    assert code(app.login(pwd=app.password + " ")) == "4001"


# --- sessions


def test_each_login_gives_another_sec(handset):
    app = handset().registered()
    first = app.sec
    assert said(app.login())["sec"] != first
    assert code(app.own("loginout", sec=first)) == "4000"
    assert code(app.own("loginout", sec=app.sec.upper())) == "200"


def test_a_login_through_002_does_not_end_001s(handset):
    app = handset().registered()
    user = handset("/user", phone=app.phone)
    user.login()
    assert user.uid == app.uid
    assert code(user.own("loginout", sec=app.sec)) == "4000"
    assert code(app.own("loginout", sec=user.sec)) == "4000"
    assert code(app.own("loginout")) == "200"
    assert code(user.own("loginout")) == "200"


def test_a_sec_is_its_accounts_own(handset):
    app, other = handset().registered(), handset().registered()
    assert code(app.own("loginout", uid=other.uid)) == "4000"
    assert code(app.own("loginout", uid="999999999999")) == "4000"
    assert code(app.own("loginout", sec="0" * 16)) == "4000"


def test_a_new_password_ends_the_session(handset):
    app = handset().registered()
    assert code(app.pwd(yzm=app.fresh_code())) == "200"
    assert code(app.own("loginout")) == "4000"


def test_a_sec_ends_with_its_time(handset, db):
    app = handset().registered()
    with db.cursor() as cursor:
        cursor.execute("update sessions set expires_at = now() - interval '1 second' where account_id = %s", [app.uid])
    assert code(app.own("loginout")) == "4000"


def test_secrets_are_hashed_at_rest(handset, db):
    app = handset().registered()
    with db.cursor() as cursor:
        cursor.execute("select xid_hash from accounts where id = %s", [app.uid])
        assert app.xid not in cursor.fetchone()[0]
        cursor.execute("select encode(hash, 'hex') from sessions where account_id = %s", [app.uid])
        assert app.sec not in cursor.fetchone()[0]


# --- who may not log in


def test_no_such_user(handset):
    assert code(handset().login()) == "4002"


def test_a_banned_account(handset, ctl):
    app = handset().registered()
    ctl.ban(app.phone)
    assert code(app.login()) == "4007"
    assert code(app.login(pwd=md5("wrong"))) == "4001"  # only who knows the password is told
    sent = app.fresh_code()
    assert code(app.pwd(yzm=another_code(sent))) == "4003"
    assert code(app.pwd(yzm=sent)) == "4007"
    assert code(app.own("loginout")) == "4000"
    assert code(app.shake()) == "4000"
    assert code(app.reg(yzm=sent)) == "4004"  # the phone stays registered


# --- invitations


def own_invitation(app):
    return said(app.login())["yaoqing"]


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_who_was_invited_learns_by_whom(handset, spelling):
    inviter = handset().registered()
    invited = handset().registered(yaoqing=spelling(own_invitation(inviter)))
    given = said(invited.login())
    assert given["pid"] == inviter.uid
    assert given["yaoqing"] != own_invitation(inviter)
    assert own_invitation(invited) == given["yaoqing"]  # it stays


@pytest.mark.parametrize("invitation", ["ZZZZ2222", "short", "far too long to be one", "请"])
def test_an_invitation_that_nobody_gave(handset, invitation):
    app = handset()
    assert code(app.reg(yzm=app.fresh_code(), yaoqing=invitation)) == "4010"


def test_the_invitation_of_who_is_banned_or_gone(handset, ctl, calls):
    for way in ("banned", "gone"):
        inviter, app = handset().registered(), handset()
        invitation = own_invitation(inviter)
        if way == "banned":
            ctl.ban(inviter.phone)
        else:
            verify_id, answer = calls.picture()
            gone = calls.http.post("/cancel", {"user_name": inviter.phone, "password": inviter.password, "type": 1,
                                               "verify_id": verify_id, "verify_code": answer})
            assert gone.json["result"] == 0
        assert code(app.reg(yzm=app.fresh_code(), yaoqing=invitation)) == "4010"
