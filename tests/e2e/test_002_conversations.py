"""Dialect 002 as the seed tells it: codes, registering, logging in and out, a forgotten password."""

import re

import pytest

from harness.reg_user import Handset, another_code, code, md5, said


@pytest.fixture
def handset(plain_http, stack):
    """Makes handsets of 002; another prefix makes one of 001 for the same phone."""
    return lambda prefix="/user", **more: Handset(plain_http, stack.var, prefix, **more)


def test_the_seeds_conversation(handset):
    app = handset()
    assert code(app.sms(utime="12345678")) == "200"
    registered = said(app.reg(yzm=app.codes()[-1]))
    assert set(registered) == {"code", "uid", "sec", "user_role"}
    assert re.fullmatch(r"[1-9]\d*", registered["uid"])
    assert re.fullmatch(r"[0-9a-f]{16}", registered["sec"])
    assert (registered["code"], registered["user_role"]) == ("200", "1")

    app.uid, app.sec = registered["uid"], registered["sec"]  # logged in already
    assert said(app.call("checkFinishUserInfo", uid=app.uid, sec=app.sec)) == {"code": "200", "check_reg": "2"}

    assert code(app.pwd(yzm=app.fresh_code(), pwd=md5("battery staple"))) == "200"
    assert code(app.own("loginout")) == "4000"  # one must log in again
    assert code(app.login()) == "4003"
    logged_in = said(app.login(pwd=md5("battery staple")))
    assert set(logged_in) == {"code", "uid", "sec", "user_role"}
    assert (logged_in["uid"], logged_in["user_role"]) == (registered["uid"], "1")
    assert logged_in["sec"] != registered["sec"]
    assert code(app.own("loginout")) == "200"
    assert code(app.own("loginout")) == "4000"


# --- codes


def test_sec_of_sms_is_checked(handset):
    app = handset()
    right = int(app.check("12345678"))
    assert code(app.sms(sec=str((right + 1) % 49477))) == "400"
    assert code(app.sms(sec="x")) == "400"
    assert app.codes() == []
    assert code(app.sms(sec=f"{right:08d}")) == "200"  # it is compared as a number


def test_not_sent(handset, server):
    server.restart({"REGISTRARD_CODES_COUNTRIES": "49"})
    assert code(handset().sms()) == "4021"


def test_limited(handset, server):
    app = handset()
    server.restart({"REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE": "1"})
    assert code(app.sms()) == "200"
    reply = app.sms(xid="b" * 32)
    assert code(reply) == "4021"
    assert int(reply.headers["Retry-After"]) > 0


def test_within_the_window_nothing_is_sent_again(handset, server):
    server.restart({"REGISTRARD_CODES_WINDOW": "60s"})
    app = handset()
    for _ in range(3):
        assert code(app.sms()) == "200"
    (sent,) = app.codes()
    assert said(app.reg(yzm=sent))["code"] == "200"


def test_wrong_codes(handset):
    app = handset()
    sent = app.fresh_code()
    assert code(app.reg(yzm=another_code(sent))) == "4001"
    assert code(app.reg(yzm=sent, xid="a" * 32)) == "4001"
    assert said(app.reg(yzm=sent))["code"] == "200"
    assert code(app.pwd(yzm=sent)) == "4001"


# --- accounts


def test_registered_already(handset):
    app = handset().registered()
    assert code(app.reg(yzm=app.fresh_code())) == "4004"


def test_no_such_user(handset):
    app = handset()
    assert code(app.login()) == "4002"
    assert code(app.pwd(yzm=app.fresh_code())) == "4002"


def test_the_same_password_again(handset):
    app = handset().registered()
    sent = app.fresh_code()
    assert code(app.pwd(yzm=sent)) == "4006"
    assert code(app.pwd(yzm=sent, pwd=app.password)) == "4006"  # however it is sent
    assert code(app.own("checkFinishUserInfo", utime=None, sec="0" * 16)) == "4000"
    assert said(app.own("checkFinishUserInfo"))["code"] == "200"  # nothing has ended
    assert code(app.pwd(yzm=sent, pwd=md5("another"))) == "200"  # nor is the code spent


def test_a_banned_account(handset, ctl):
    app = handset().registered()
    ctl.ban(app.phone)
    assert code(app.login()) == "4007"
    assert code(app.login(pwd=md5("wrong"))) == "4003"
    assert code(app.pwd(yzm=app.fresh_code(), pwd=md5("x"))) == "4007"
    for name in ("checkFinishUserInfo", "getUserInfo", "loginout"):
        assert code(app.own(name)) == "4000"


@pytest.mark.parametrize("role", ["2", "3"])
def test_an_administrator_gives_a_role(handset, ctl, role):
    app = handset().registered()
    ctl.do("role", app.phone, {"2": "service", "3": "superadmin"}[role])
    assert said(app.login())["user_role"] == role
    assert said(app.login(user_role="1"))["user_role"] == role


# --- one account store


def test_001_and_002_are_the_same_accounts(handset):
    app = handset().registered()
    reg = handset("/reg", phone=app.phone)
    assert said(reg.login())["uid"] == app.uid
    assert code(reg.pwd(yzm=reg.fresh_code(), pwd=md5("set through 001"))) == "200"
    assert code(app.own("loginout")) == "4000"
    assert said(app.login(pwd=md5("set through 001")))["code"] == "200"
    assert code(app.reg(yzm=app.fresh_code())) == "4004"


def test_an_account_of_002_can_be_bound_through_003(handset, calls):
    app = handset().registered()
    other = calls.new_account(2)
    bound = calls.bind(other, [app.phone])
    assert (bound.json["result"], bound.json["state"]) == (0, "bound"), bound


def test_an_unproved_phone_is_displaced_by_its_owners_code(handset, calls):
    squatter = calls.new_account(1)
    app = handset(phone=squatter.name, password="the owner's")
    given = said(app.reg(yzm=app.fresh_code()))
    assert given["code"] == "200"
    assert calls.login(squatter).json["result"] == 102
    squatter.password = app.password
    assert calls.log_in(squatter).jid
