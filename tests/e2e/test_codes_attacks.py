"""Attacks on phone codes, on the limits that production has: guessing, racing, pumping, flooding, looking phones up."""

import concurrent.futures
import contextlib
import itertools
import re
import secrets

import pytest
import redis as redis_module

from harness.calls import new_phone
from harness.d000 import Android, status
from harness.d004 import Client, challenge, said
from harness.process import ROOT
from harness.sms_file import SmsFile, wrong

PROXIED = {"REGISTRARD_HTTP_PROXIES": "127.0.0.0/8"}


def production():
    """What development loosens, as it is in production."""
    defaults = dict(re.findall(r'^SETTING\((\w+, \w+), \w+, "([^"]*)"', (ROOT / "component/settings.def").read_text("utf-8"), re.M))
    loosened = re.findall(r"^DEVELOPMENT\((\w+), (\w+),", (ROOT / "component/settings_development.def").read_text("utf-8"), re.M)
    return {
        f"REGISTRARD_{group}_{key}".upper(): defaults[f"{group}, {key}"]
        for group, key in loosened if group in ("limits", "codes")
    }


@pytest.fixture
def sms(stack):
    return SmsFile(stack.var)


@pytest.fixture
def forget(redis):
    """Nothing is counted yet, or any more."""

    def everything():
        with contextlib.suppress(redis_module.ConnectionError):
            redis.flushdb()

    yield everything
    everything()


@pytest.fixture
def strict(server, forget):
    """Starts production's limits, behind a proxy so that calls can come from many addresses."""

    def start(**more):
        server.restart({**production(), **PROXIED, **more})
        forget()

    return start


class Elsewhere:
    """An Http whose calls come from an address of choice, or each from another."""

    def __init__(self, http, address=None):
        self.http = http
        self.address = address
        self.cookies = http.cookies
        self.addresses = itertools.count(1)

    def post(self, path, form, headers=None):
        number = next(self.addresses)
        address = self.address or f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}"
        return self.http.post(path, form, {"X-Forwarded-For": address, **(headers or {})})


def at_once(count, act):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


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


# Pumping: sending to numbers of one's own, for a share of what the message costs


def test_a_pumping_run_is_stopped_within_its_budget(plain_http, sms, strict):
    """Over 50 prefixes of numbers and from as many addresses as it takes; nobody enters a code."""
    strict(REGISTRARD_LIMITS_CODES_UNVERIFIED_PER_COUNTRY_DAY="60")
    http = Elsewhere(plain_http)
    prefixes = [f"1{number}" for number in range(30, 80)]
    phones = [prefix + new_phone()[3:] for prefix in prefixes * 3]
    statuses = [status(Android(http, sms, phone).get_mes()) for phone in phones]
    assert statuses == [200] * 60 + [250] * 90
    honest = Android(http, sms, phones[0])
    assert status(honest.get_mes("1")) == 400  # still told the truth


def test_codes_that_are_entered_do_not_count(plain_http, sms, strict):
    strict(REGISTRARD_LIMITS_CODES_UNVERIFIED_PER_COUNTRY_DAY="3", REGISTRARD_LIMITS_CODES_PER_ADDRESS_HOUR="1000")
    http = Elsewhere(plain_http)
    for _ in range(10):
        Android(http, sms).verified()
    apps = [Android(http, sms) for _ in range(4)]
    replies = [app.get_mes() for app in apps]
    assert [status(reply) for reply in replies] == [200] * 3 + [250]
    assert status(apps[0].verify(replies[0].json["temp_id"], sms.code(apps[0].phone))) == 200


# A picture over the soft limit


def soft(http, sms, address="203.0.113.7"):
    """Somebody who has used up what goes without a picture."""
    here = Elsewhere(http, address)
    assert [status(Android(here, sms).get_mes()) for _ in range(3)] == [200] * 3
    return Android(here, sms)


def test_over_the_soft_limit_a_picture_must_be_solved(plain_http, sms, strict, picture):
    strict()
    app = soft(plain_http, sms)
    reply = app.get_mes()
    assert (status(reply), reply.json["temp_id"]) == (250, "") and not sms.all(app.phone)
    verify_id, answer = picture()
    assert status(app.get_mes(verify_id=verify_id, verify_code="wrong")) == 250
    assert status(app.get_mes(verify_id=verify_id, verify_code=answer)) == 250  # one try a picture
    verify_id, answer = picture()
    reply = app.get_mes(verify_id=verify_id, verify_code=answer)
    assert status(reply) == 200 and len(sms.all(app.phone)) == 1
    other = Android(app.http, sms)
    assert status(other.get_mes(verify_id=verify_id, verify_code=answer)) == 250  # once
    assert status(Android(Elsewhere(plain_http, "203.0.113.8"), sms).get_mes()) == 200  # others need none


def ask_reg(http, path, **more):
    phone = new_phone()
    sec = (int(phone) - 1446455200) % 49477
    form = {"phone": phone, "xid": secrets.token_hex(16), "utime": "1446455200", "sec": str(sec), **more}
    return http.post(path, form).json["code"]


def ask_004(http, **more):
    headers = {"X-Forwarded-For": http.address}
    return http.http.post_json("/client/register-step-1", {"phone_number": new_phone(), **more}, headers).json["message"]


@pytest.mark.parametrize("ask, sent, refused", [
    (lambda http, **more: ask_reg(http, "/reg/sms", **more), "200", "400"),
    (lambda http, **more: ask_reg(http, "/user/sms", **more), "200", "4021"),
    (ask_004, "发送成功", "短信发送失败"),
])
def test_the_other_dialects_carry_pictures_too(plain_http, sms, strict, picture, ask, sent, refused):
    strict()
    here = soft(plain_http, sms).http
    verify_id, answer = picture()
    assert ask(here) == refused
    assert ask(here, verify_id=verify_id, verify_code=answer) == sent
    assert ask(here, verify_id=verify_id, verify_code=answer) == refused
    assert ask(Elsewhere(plain_http, "203.0.113.8")) == sent


def test_the_pictures_cookie_will_do(plain_http, sms, strict, picture):
    strict()
    app = soft(plain_http, sms)
    verify_id, answer = picture()
    cookie = {"headers": {"Cookie": f"verify_id={verify_id}"}}
    form = {"phone": app.phone, "type": "0", "verify_code": answer}
    assert status(app.post("getMes", form, **cookie)) == 200


def test_pictures_do_not_lift_the_hard_limit(plain_http, sms, strict, picture):
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="4")
    app = soft(plain_http, sms)
    pictures = [picture(), picture()]
    for (verify_id, answer), expected in zip(pictures, (200, 250)):
        one = Android(app.http, sms)
        reply = one.get_mes(verify_id=verify_id, verify_code=answer)
        assert status(reply) == expected
    assert int(reply.headers["Retry-After"]) >= 1


# X-Forwarded-For


def test_only_a_proxy_is_believed(server, plain_http, sms, forget):
    small = {**production(), "REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE": "2", "REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE": "0"}
    http = Elsewhere(plain_http)
    server.restart(small)
    forget()
    assert [status(Android(http, sms).get_mes()) for _ in range(3)] == [200, 200, 250]
    server.restart({**small, "REGISTRARD_HTTP_PROXIES": "192.0.2.0/24"})  # another one
    forget()
    assert [status(Android(http, sms).get_mes()) for _ in range(3)] == [200, 200, 250]
    server.restart({**small, **PROXIED})
    forget()
    assert [status(Android(http, sms).get_mes()) for _ in range(3)] == [200, 200, 200]


def test_what_a_client_writes_in_front_does_not_count(strict, plain_http, sms):
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="2", REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")
    statuses = [status(Android(Elsewhere(plain_http, f"198.51.100.{n}, 203.0.113.7"), sms).get_mes()) for n in range(4)]
    assert statuses == [200, 200, 250, 250]


def test_a_proxys_own_header_counts_behind_the_clients(strict, plain_http):
    """Some proxies append a header instead of an entry."""
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="2", REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")

    def ask(number):
        connection = plain_http.connection()
        body = f"phone={new_phone()}&type=0".encode()
        connection.putrequest("POST", "/android/getMes")
        for value in (f"198.51.100.{number}", "203.0.113.9"):
            connection.putheader("X-Forwarded-For", value)
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        text = connection.getresponse().read()
        connection.close()
        return b'"status":200' in text

    assert [ask(number) for number in range(4)] == [True, True, False, False]


def test_malformed_proxies_stop_the_start(server):
    for bad in ("localhost", "10.0.0.0/33", "10.0.0.0/8;x", "2001:db8::/129"):
        refused = server.command("--check-config", changed={"REGISTRARD_HTTP_PROXIES": bad})
        assert refused.returncode != 0 and "proxies" in (refused.stdout + refused.stderr).lower(), bad
    assert server.command("--check-config", changed={"REGISTRARD_HTTP_PROXIES": "10.0.0.0/8, ::1"}).returncode == 0


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
