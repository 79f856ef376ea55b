"""What strangers cannot take from a phone's owner: a reset code, and with it everything that was proved before."""

import pytest

from harness.d000 import Android, status
from harness.d004 import Client, said
from harness.reg_user import Handset, code, md5
from harness.sms_file import wrong
from harness.strict import Elsewhere

HOME = "203.0.113.7"
NO_WINDOW = {"REGISTRARD_CODES_WINDOW": "0s"}


def use_up(plain_http, sms, phone):
    """Strangers ask until nothing more is sent."""
    strangers = Android(Elsewhere(plain_http), sms, phone)
    statuses = [status(strangers.get_mes("1")) for _ in range(12)]
    assert statuses[0] == 200 and statuses[-1] == 250
    return strangers


# A quota that is the owner's


def test_strangers_leave_the_owner_a_reset_code(plain_http, sms, strict):
    strict(**NO_WINDOW, REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE="1000", REGISTRARD_LIMITS_CODES_PER_PHONE_HOUR="1000",
           REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")
    app = Android(Elsewhere(plain_http, HOME), sms).registered()
    strangers = use_up(plain_http, sms, app.phone)
    app.http = Elsewhere(plain_http, "203.0.113.99")  # the network will do
    temp_id = app.verified("1")
    assert [status(strangers.get_mes("1")) for _ in range(3)] == [250] * 3
    assert status(app.reset(temp_id, "another")) == 200
    assert [status(app.get_mes("1")) for _ in range(6)] == [200] * 4 + [250] * 2  # a quota of its own, and a small one


def test_in_the_same_minute_and_hour_too(plain_http, sms, strict):
    strict(**NO_WINDOW)
    app = Android(Elsewhere(plain_http, HOME), sms).registered()
    use_up(plain_http, sms, app.phone)
    assert [status(app.get_mes("1")) for _ in range(3)] == [200] * 2 + [250]  # two a minute


@pytest.mark.parametrize("prefix", ["/reg", "/user"])
def test_the_handset_is_known_wherever_it_is(plain_http, sms, strict, stack, prefix):
    strict(**NO_WINDOW, REGISTRARD_LIMITS_CODES_PER_HANDLE_MINUTE="1000", REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE="4")
    app = Handset(Elsewhere(plain_http), stack.var, prefix).registered()
    use_up(plain_http, sms, app.phone)
    other = Handset(Elsewhere(plain_http), stack.var, prefix, app.phone)
    assert code(other.sms()) == ("400" if prefix == "/reg" else "4021")
    app.password = "another password"
    assert code(app.pwd(yzm=app.fresh_code())) == "200"
    assert app.login().json["code"] == "200"


def test_who_logged_in_is_known(plain_http, sms, strict):
    strict(**NO_WINDOW)
    app = Android(Elsewhere(plain_http), sms).registered()
    app.http = Elsewhere(plain_http, HOME)
    assert status(app.login("wrong")) == 500
    use_up(plain_http, sms, app.phone)
    assert status(app.get_mes("1")) == 250
    assert status(app.login()) == 200
    assert status(app.get_mes("1")) == 200


def test_after_a_reset_who_logged_in_before_is_not(plain_http, sms, strict):
    strict(**NO_WINDOW, REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE="4")
    app = Android(Elsewhere(plain_http, HOME), sms).registered()
    thief = Android(Elsewhere(plain_http, "198.51.100.7"), sms, app.phone)
    thief.salt, thief.password = app.salt, app.password
    assert status(thief.login()) == 200
    assert status(app.reset(app.verified("1"), "another")) == 200
    use_up(plain_http, sms, app.phone)
    assert status(thief.get_mes("1")) == 250
    assert status(app.get_mes("1")) == 200


def test_who_took_a_number_on_a_picture_is_not_known(plain_http, sms, strict, stack, calls):
    squatter = calls.new_account(1)
    strict(**NO_WINDOW)
    assert calls.login(squatter).json["result"] == 0
    assert Handset(plain_http, stack.var, "/reg", squatter.name, squatter.password).login().json["code"] == "200"
    use_up(plain_http, sms, squatter.name)
    assert status(Android(plain_http, sms, squatter.name).get_mes("1")) == 250


def test_redis_does_not_say_who_is_known(plain_http, sms, strict, redis):
    strict()
    app = Android(Elsewhere(plain_http, HOME), sms).registered()
    keys = list(redis.scan_iter("registrar:k:*"))
    assert len(keys) == 1 and 0 < redis.pttl(keys[0]) <= 90 * 24 * 3600 * 1000
    assert app.phone.encode() not in keys[0] and all(len(who) == 16 for who in redis.zrange(keys[0], 0, -1))


# What a new password ends


@pytest.fixture
def handset(http, stack):
    return lambda prefix, phone: Handset(http, stack.var, prefix, phone)


def test_a_reset_makes_all_other_codes_void(server, http, sms, handset):
    server.restart({})
    app = Android(http, sms).registered()
    verified, used = app.verified("1"), app.verified("1")
    sent, sent_code = app.temp_id("1")
    reg, user = handset("/reg", app.phone), handset("/user", app.phone)
    reg_code, user_code = reg.fresh_code(), user.fresh_code()
    assert status(app.reset(used, "second")) == 200
    assert status(app.reset(verified, "third")) == 500
    assert status(app.verify(sent, sent_code)) == 500
    assert status(app.reset(sent, "third")) == 500
    assert code(reg.pwd(yzm=reg_code, pwd=md5("third"))) == "4003"
    assert code(user.pwd(yzm=user_code, pwd=md5("third"))) == "4001"
    assert status(app.login("second")) == 200
    assert status(app.reset(app.verified("1"), "fourth")) == 200  # what is asked for later is good
    assert code(reg.pwd(yzm=reg.fresh_code(), pwd=md5("fifth"))) == "200"
    assert status(app.login("fourth")) == 500


def test_a_reset_in_001_and_002_too(server, http, sms, handset):
    server.restart({})
    for prefix in ("/reg", "/user"):
        app = Android(http, sms).registered()
        verified = app.verified("1")
        one = handset(prefix, app.phone)
        assert code(one.pwd(yzm=one.fresh_code(), pwd=md5("second"))) == "200"
        assert status(app.reset(verified, "third")) == 500


def test_a_registration_makes_all_other_codes_void(server, http, sms, handset):
    server.restart({})
    app = Android(http, sms)
    other, first = app.verified(), app.verified()
    reg = handset("/reg", app.phone)
    reg_code = reg.fresh_code()
    steps = Client(http, sms, app.phone).verify()
    assert said(steps.step_3()) == (1, "提交密码成功")
    assert status(app.register(first)) == 200
    assert status(app.register(other)) == 270
    assert code(reg.pwd(yzm=reg_code, pwd=md5("third"))) == "4003"
    assert said(steps.step_4()) == (0, "注册失败")


def test_a_registration_in_steps_does_so_at_its_end(server, http, sms, handset):
    server.restart({})
    steps = Client(http, sms)
    reg = handset("/reg", steps.phone)
    reg_code = reg.fresh_code()
    app = Android(http, sms, steps.phone)
    verified = app.verified()
    steps.verify()
    assert said(steps.step_3()) == (1, "提交密码成功")
    assert code(reg.pwd(yzm=wrong(reg_code), pwd=md5("x"))) == "4003"
    assert code(reg.pwd(yzm=reg_code, pwd=md5("x"))) == "4005"  # right still, but there is no account yet
    assert said(steps.step_4()) == (1, "注册成功")
    assert status(app.register(verified)) == 270
    assert code(reg.pwd(yzm=reg_code, pwd=md5("x"))) == "4003"


def test_what_fails_ends_nothing(server, http, sms, handset):
    server.restart({})
    taken = Android(http, sms).registered()
    app = Android(http, sms)
    first, other = app.verified(), app.verified()
    assert status(app.register(first, account=taken.account)) == 270
    reg = handset("/reg", app.phone)
    assert code(reg.pwd(yzm=reg.fresh_code(), pwd=md5("x"))) == "4005"
    assert status(app.register(other)) == 200
