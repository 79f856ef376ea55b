"""Attacks on phone codes, on the limits that production has: guessing, racing, flooding, looking phones up."""

import secrets

from harness.calls import new_phone
from harness.d000 import Android, status
from harness.d004 import Client, challenge, said
from harness.sms_file import wrong
from harness.strict import Elsewhere, at_once


def counted(redis):
    return sorted(redis.scan_iter("registrar:l:code*"))


# Guessing and racing


def test_a_hundred_right_tries_at_once_one_success(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    statuses = [status(reply) for reply in at_once(100, lambda _: app.verify(temp_id, code))]
    assert sorted(statuses) == [200] + [500] * 99


def test_a_hundred_registrations_at_once_one_account(plain_http, sms, strict, db):
    strict(REGISTRARD_PASSWORD_QUEUE="200")
    app = Android(Elsewhere(plain_http), sms)
    temp_id = app.verified()

    def register(number):
        form = {"phone": app.phone, "account": f"{app.account}-{number}"[-32:], "password": "x", "temp_id": temp_id}
        return status(app.post("register", form))

    statuses = at_once(100, register)
    assert sorted(statuses) == [200] + [270] * 99
    with db.cursor() as cursor:
        cursor.execute("select count(*) from accounts where name = %s and state < 2", ("+86" + app.phone,))
        assert cursor.fetchone() == (1,)


def test_wrong_tries_from_a_thousand_addresses(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    for _ in range(4):
        assert status(app.verify(temp_id, wrong(code))) == 500
    statuses = [status(reply) for reply in at_once(50, lambda _: app.verify(temp_id, wrong(code)))]
    for _ in range(946):
        statuses.append(status(app.verify(temp_id, wrong(code))))
    assert set(statuses) == {500}
    assert status(app.verify(temp_id, code)) == 500  # five were evaluated; the right one is the thousand and first


def test_four_wrong_tries_leave_the_right_one(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    for bad in (wrong(code), code[:-1], code + "0", "abcdef"):
        assert status(app.verify(temp_id, bad)) == 500
    assert status(app.verify(temp_id, code)) == 200


def test_strangers_do_not_take_a_code_of_004_away(plain_http, sms, strict):
    """Nothing but the phone names it, so two of its five tries are anybody's, and the others are who asked's."""
    strict()
    owner = Client(Elsewhere(plain_http, "203.0.113.7"), sms)
    assert said(owner.step_1()) == (1, "发送成功")
    code = sms.code(owner.phone)
    strangers = Client(Elsewhere(plain_http), sms, owner.phone)
    at_once(50, lambda _: strangers.step_2(wrong(code)))
    for _ in range(950):
        assert said(strangers.step_2(wrong(code))) == (0, "验证没有通过")
    assert said(strangers.step_2(code)) == (0, "验证没有通过")  # not looked at
    assert said(owner.step_2(wrong(code))) == (0, "验证没有通过")
    assert said(owner.step_2(wrong(code))) == (0, "验证没有通过")
    assert said(owner.step_2(code)) == (1, "短信验证通过")


def test_five_tries_of_004_whoever_tries(plain_http, sms, strict):
    strict()
    owner = Client(Elsewhere(plain_http, "203.0.113.7"), sms)
    owner.step_1()
    code = sms.code(owner.phone)
    strangers = Client(Elsewhere(plain_http), sms, owner.phone)
    for app in (strangers, strangers, owner, owner, owner):
        assert said(app.step_2(wrong(code))) == (0, "验证没有通过")
    assert said(owner.step_2(code)) == (0, "验证没有通过")


def test_who_has_moved_since_asking_for_a_code_of_004(plain_http, sms, strict):
    strict()
    app = Client(Elsewhere(plain_http), sms)  # each step from somewhere else
    assert said(app.verify().step_3()) == (1, "提交密码成功")


def test_tries_of_an_address(plain_http, sms, strict):
    """For whomever; where the codes are of a registration or a reset, these are limited."""
    strict(REGISTRARD_LIMITS_CODES_TRIED_PER_ADDRESS_HOUR="7")
    here = Elsewhere(plain_http, "203.0.113.7")
    never = "3fae806e-94bb-11e5-a2f2-00163e00067a"
    app, client = Android(Elsewhere(plain_http), sms), Client(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    client.step_1()
    for _ in range(4):
        assert status(Android(here, sms).verify(never, "123456")) == 500
    for _ in range(3):
        assert said(Client(here, sms).step_2("123456")) == (0, "验证没有通过")
    for reply in (Android(here, sms).verify(temp_id, code), Client(here, sms, client.phone).step_2(sms.code(client.phone))):
        assert (reply.json.get("status", 500), reply.json.get("code", 0)) == (500, 0)
        assert int(reply.headers["Retry-After"]) >= 60
    assert status(app.verify(temp_id, code)) == 200
    assert said(client.step_2()) == (1, "短信验证通过")


def test_what_fails_later_costs_nothing(plain_http, sms, strict):
    strict()
    taken = Android(Elsewhere(plain_http), sms).registered()
    app = Android(Elsewhere(plain_http), sms)
    temp_id = app.verified()
    for _ in range(12):
        assert status(app.register(temp_id, account=taken.account)) == 270
    assert status(app.register(temp_id)) == 200


def test_limits_come_before_the_code_and_cost_it_nothing(plain_http, sms, strict):
    strict(REGISTRARD_LIMITS_REGISTRATIONS_PER_HOUR="2")
    http = Elsewhere(plain_http, "203.0.113.7")
    never = "3fae806e-94bb-11e5-a2f2-00163e00067a"
    app = Android(http, sms)
    temp_id = app.verified()
    assert [status(app.register(never)) for _ in range(2)] == [270, 270]
    for call in (lambda: app.register(temp_id), lambda: app.register(never)):
        reply = call()
        assert status(reply) == 250 and int(reply.headers["Retry-After"]) > 60
    assert status(app.reset(temp_id, "x")) == 500
    app.http = Elsewhere(plain_http, "203.0.113.8")
    assert status(app.register(temp_id)) == 200


def test_a_temp_id_that_was_never_given_out(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    never = "3fae806e-94bb-11e5-a2f2-00163e00067a"
    assert status(app.verify(never, "123456")) == 500
    assert status(app.register(never)) == 270
    assert status(app.reset(never, "x")) == 500


def test_four_digits_have_three_tries(server, http, sms, forget):
    refused = server.command("--check-config", changed={"REGISTRARD_D000_CODE_DIGITS": "4"})
    assert refused.returncode != 0 and "code_tries" in refused.stdout + refused.stderr
    server.restart({"REGISTRARD_D000_CODE_DIGITS": "4", "REGISTRARD_D000_CODE_TRIES": "3"})
    app = Android(http, sms)
    temp_id, code = app.temp_id()
    assert len(code) == 4
    for _ in range(3):
        assert status(app.verify(temp_id, wrong(code))) == 500
    assert status(app.verify(temp_id, code)) == 500
    forget()


# Asking


def test_within_the_window_no_temp_id_is_given_out_again(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    replies = at_once(20, lambda _: app.get_mes())
    assert {(status(reply), reply.json["temp_id"]) for reply in replies} == {(250, "")}
    assert all(1 <= int(reply.headers["Retry-After"]) <= 60 for reply in replies)
    assert len(sms.all(app.phone)) == 1
    assert status(app.verify(temp_id, code)) == 200


def test_a_reset_right_after_a_registration(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms).registered()
    assert status(app.get_mes("1")) == 200
    assert status(app.get_mes("1")) == 250


def test_a_crowd_that_asks_gets_one_code(plain_http, sms, strict):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    assert sorted(status(reply) for reply in at_once(50, lambda _: app.get_mes())) == [200] + [250] * 49
    assert len(sms.all(app.phone)) == 1


def test_sends_to_a_phone(plain_http, sms, strict):
    """Per hour and day, whoever asks."""
    strict(REGISTRARD_CODES_WINDOW="0s", REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE="1000")
    app = Android(Elsewhere(plain_http), sms)
    replies = [app.get_mes() for _ in range(8)]
    assert [status(reply) for reply in replies] == [200] * 5 + [250] * 3
    assert 60 < int(replies[-1].headers["Retry-After"]) <= 2 * 3600
    strict(REGISTRARD_CODES_WINDOW="0s", REGISTRARD_LIMITS_CODES_PER_PHONE_MINUTE="1000", REGISTRARD_LIMITS_CODES_PER_PHONE_HOUR="1000")
    app.phone = new_phone()
    assert [status(app.get_mes()) for _ in range(12)] == [200] * 10 + [250] * 2


def test_sends_to_a_country(plain_http, sms, strict):
    http = Elsewhere(plain_http)
    for limit in ("MINUTE", "HOUR", "DAY"):
        strict(**{f"REGISTRARD_LIMITS_CODES_PER_COUNTRY_{limit}": "7"})
        assert [status(Android(http, sms).get_mes()) for _ in range(9)] == [200] * 7 + [250] * 2


def test_asks_of_an_address(plain_http, sms, strict, calls):
    """Sent or not: getMes tells who is registered, so that looking phones up is limited too."""
    known = calls.new_account(1)
    strict(REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")
    here = Elsewhere(plain_http, "203.0.113.7")
    statuses = [status(Android(here, sms).get_mes("1")) for _ in range(12)]
    assert statuses == [400] * 10 + [250] * 2
    assert status(Android(here, sms, known.name).get_mes("1")) == 250
    assert status(Android(Elsewhere(plain_http, "203.0.113.8"), sms).get_mes()) == 200
    for limit, most in (("HOUR", 30), ("DAY", 50)):
        others = {"MINUTE", "HOUR", "DAY"} - {limit}
        strict(REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0",
               **{f"REGISTRARD_LIMITS_CODES_PER_ADDRESS_{other}": "1000" for other in others})
        statuses = [status(Android(here, sms).get_mes("1")) for _ in range(most + 2)]
        assert statuses == [400] * most + [250] * 2


def test_a_64_is_one_address(plain_http, sms, strict):
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="2", REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")
    statuses = [status(Android(Elsewhere(plain_http, f"2001:db8:1:1::{n:x}"), sms).get_mes()) for n in range(1, 5)]
    assert statuses == [200, 200, 250, 250]


def test_salts_of_an_address(plain_http, sms, strict):
    strict()
    here = Elsewhere(plain_http, "203.0.113.7")
    app = Android(Elsewhere(plain_http, "203.0.113.8"), sms).registered()
    for _ in range(60):
        assert status(Android(here, sms).get_salt()) == 500
    assert status(Android(here, sms, app.phone).get_salt()) == 500
    assert status(app.get_salt()) == 200


def test_only_to_countries_that_are_allowed(server, http, sms):
    server.restart({"REGISTRARD_CODES_COUNTRIES": "44,1"})
    app = Android(http, sms)
    assert status(app.get_mes()) == 250 and not sms.all(app.phone)
    server.restart({"REGISTRARD_CODES_COUNTRIES": "1, 86"})
    assert status(app.get_mes()) == 200


# Redis


def test_without_redis_nothing_is_sent_and_no_code_passes(strict, plain_http, sms, stack):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    verified = Android(app.http, sms)
    verified_id = verified.verified()
    stack.kill("redis")
    reply = app.get_mes("1")
    assert (status(reply, 503), reply.json["temp_id"]) == (250, "")
    other = Android(app.http, sms)
    assert status(other.get_mes(), 503) == 250 and not sms.all(other.phone)
    assert status(app.verify(temp_id, code), 503) == 500
    assert status(verified.register(verified_id), 503) == 250
    assert status(verified.reset(verified_id, "x"), 503) == 500
    assert status(app.get_salt(), 503) == 500


def test_without_redis_nobody_is_told_who_is_registered(strict, plain_http, sms, stack):
    """000's login, which answers an unknown phone as a wrong password, goes on."""
    strict()
    known = Android(Elsewhere(plain_http), sms).registered()
    known_004, unknown = Client(plain_http, sms).register(), new_phone()
    stack.kill("redis")
    for phone in (known.phone, unknown):
        form = {"phone": phone, "xid": secrets.token_hex(16), "pwd": "wrong", "utime": "1446455200"}
        for path in ("/reg/login", "/user/login"):
            reply = plain_http.post(path, form)
            assert (reply.status, reply.json) == (503, {"code": "400"}) and int(reply.headers["Retry-After"]) >= 1
        assert status(Android(plain_http, sms, phone).get_mes("1"), 503) == 250
        assert status(Android(plain_http, sms, phone).get_salt(), 503) == 500
    for phone in (known_004.phone, unknown):
        assert said(plain_http.post_json("/client/login", challenge(phone, "wrong")), 503) == (0, "密码错误")
    assert status(known.login()) == 200
    assert status(known.login("wrong")) == 500


def test_limits_and_codes_survive_restarts_of_both(strict, server, plain_http, sms, stack):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    for _ in range(4):
        assert status(app.verify(temp_id, wrong(code))) == 500
    stack.kill("redis")  # its append-only file is written every second at worst
    stack.start("redis")
    server.restart(server.changed)
    assert status(app.get_mes()) == 250 and len(sms.all(app.phone)) == 1
    assert status(app.verify(temp_id, wrong(code))) == 500  # the fifth
    assert status(app.verify(temp_id, code)) == 500


# What is left behind


def test_redis_says_nothing_about_who(strict, plain_http, sms, redis):
    strict()
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    app.verify(temp_id, wrong(code))
    keys = list(redis.scan_iter("*"))
    assert counted(redis)
    for key in keys:
        assert redis.pttl(key) > 0, key
        values = redis.hgetall(key) if redis.type(key) == b"hash" else {b"": redis.get(key)}
        text = key + b"".join(name + value for name, value in values.items())
        for secret in (app.phone, temp_id, temp_id.replace("-", ""), code):
            assert secret.encode() not in text


def test_the_log_says_nothing_about_who(server, strict, plain_http, sms):
    mark = server.log.mark()
    strict(REGISTRARD_LOG_LEVEL="debug")
    app = Android(Elsewhere(plain_http), sms)
    temp_id, code = app.temp_id()
    bad = wrong(code)
    app.verify(temp_id, bad)
    app.verify(temp_id, code)
    app.register(temp_id)
    app.get_mes("1")
    app.login()
    app.login("a wrong password")
    text = server.log.text(mark) + server.get_ops("/metrics")[1]
    for secret in (app.phone, temp_id, app.password + "\n", app.chat_token, app.token, app.salt):
        assert secret not in text
    assert f"={code}" not in text and f'"{code}"' not in text
