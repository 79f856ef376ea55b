"""Dialect 004 with what no app would send: the answer is the dialect's own, at once, and nothing is changed by it."""

import json
import secrets
import time

import pytest

from harness.calls import new_phone
from harness.d003 import at_once
from harness.d004 import LOGIN, ROUTES, STEPS, Client, challenge, said
from harness.sms_file import SmsFile, wrong

# What each call says when it cannot tell what was meant.
LAST_WORDS = dict(zip(ROUTES, ["短信发送失败", "验证没有通过", "验证码没有通过", "注册失败", "密码错误"]))
WITHOUT_PHONE = {**LAST_WORDS, STEPS[3]: "验证码没有通过", LOGIN: "没有此用户"}
MEMBERS = {
    STEPS[0]: ["phone_number"],
    STEPS[1]: ["phone_number", "validate_number"],
    STEPS[2]: ["phone_number", "password", "password_confirm"],
    STEPS[3]: ["phone_number", "email"],
    LOGIN: ["phone_number", "encryption_str", "random_str", "time_stamp"],
}
CASES = [(path, member) for path in ROUTES for member in MEMBERS[path]]
UNUSABLE = [None, "", "x" * 10000, True, False, 1.5, -1, 1e300, [], ["1"], {}, {"a": 1}, "\u0000", " ", "１３９００００１２３４"]


@pytest.fixture
def app(http, stack):
    return Client(http, SmsFile(stack.var)).register()


def whole(path, app, other):
    """The members of a request that could be answered with success, but for the phone's owner."""
    if path == LOGIN:
        return challenge(app.phone, "123456")
    return {"phone_number": other, "validate_number": "123456", "password": "123456", "password_confirm": "123456",
            "email": "a@b.cn"}


def body(path, app, other):
    return {name: value for name, value in whole(path, app, other).items() if name in MEMBERS[path]}


@pytest.mark.parametrize("path, member", CASES)
def test_a_member_that_cannot_be_used(app, http, path, member):
    for value in UNUSABLE:
        members = body(path, app, new_phone())
        members[member] = value
        code, message = said(http.post_json(path, members))
        assert code == 0 and message in (*LAST_WORDS.values(), "没有此用户"), (value, message)
        if member == "phone_number":
            assert message == WITHOUT_PHONE[path], value
        del members[member]
        assert said(http.post_json(path, members))[0] == 0


@pytest.mark.parametrize("path", ROUTES)
def test_bodies_that_hold_no_request(app, http, path):
    right = json.dumps(body(path, app, new_phone()))
    twice = right[:-1] + ", " + right[1:]
    for text in (b"", b"{}", b"[]", b"null", b"1", b"{", right[:-1].encode(), twice.encode(), b"\xff\xfe", b"{\"a\":\"\xff\"}",
                 b"{\"phone_number\": \"1\\u0000\"}", b"[" * 100, b"{\"a\":" * 100):
        code, message = said(http.post_json(path, text))
        assert (code, message) == (0, WITHOUT_PHONE[path]), text


@pytest.mark.parametrize("path", ROUTES)
def test_what_http_refuses(app, http, path):
    right = json.dumps(body(path, app, new_phone())).encode()
    for method in ("GET", "PUT", "DELETE"):
        reply = http.request(method, path)
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json; charset=gbk"},
                    {"Content-Type": "application/json", "Content-Encoding": "gzip"}):
        assert said(http.request("POST", path, right, headers), 415) == (0, LAST_WORDS[path])
    assert said(http.post_json(path, right + b" " * 70000), 413) == (0, LAST_WORDS[path])
    assert http.post_json(path + "/", right).status == 404


@pytest.mark.parametrize("phone", ["1390000123", "139000012345", "+8613900001", "1390000123x", "0086", "+", 0, 1390000123])
def test_what_is_no_phone(http, phone):
    for path in ROUTES:
        members = {"phone_number": phone, "validate_number": "1", "password": "1", "email": "a@b.cn"}
        assert said(http.post_json(path, members)) == (0, WITHOUT_PHONE[path])


# Attacks


def test_a_login_that_was_recorded_is_refused(app, http):
    recorded = challenge(app.phone, "123456")
    assert said(http.post_json(LOGIN, recorded)) == (1, "成功登录")
    assert said(http.post_json(LOGIN, recorded)) == (0, "密码错误")
    for change in ({"encryption_str": recorded["encryption_str"].upper()}, {"time_stamp": str(recorded["time_stamp"])},
                   {"phone_number": "+86" + app.phone}):
        assert said(http.post_json(LOGIN, {**recorded, **change})) == (0, "密码错误")


def test_a_recorded_login_split_elsewhere_is_the_same(app, http):
    """Nothing in the digest says where the random string ends and the time begins."""
    recorded = challenge(app.phone, "123456", random_str=secrets.token_hex(8) + "00")
    moved = {**recorded, "random_str": recorded["random_str"][:-1], "time_stamp": "0" + str(recorded["time_stamp"])}
    assert said(http.post_json(LOGIN, recorded)) == (1, "成功登录")
    assert said(http.post_json(LOGIN, moved)) == (0, "密码错误")


def test_of_a_recorded_login_sent_by_a_hundred_one_succeeds(app, http):
    recorded = challenge(app.phone, "123456")
    replies = at_once([lambda: http.post_json(LOGIN, recorded)] * 100)
    assert sorted(said(reply)[0] for reply in replies) == [0] * 99 + [1]


@pytest.mark.parametrize("seconds, code", [(-310, 0), (-290, 1), (290, 1), (310, 0), (-10**9, 0), (10**12, 0)])
def test_the_time_of_a_login(app, seconds, code):
    assert said(app.login("123456", time_stamp=int(time.time()) + seconds))[0] == code


def test_a_random_string_counts_for_its_phone_alone(app, http, stack):
    other = Client(http, SmsFile(stack.var)).register()
    text = secrets.token_hex(8)
    assert [said(one.login("123456", random_str=text))[0] for one in (app, other, app)] == [1, 1, 0]


def test_the_right_code_checked_by_a_hundred(http, stack):
    app = Client(http, SmsFile(stack.var))
    app.step_1()
    code = app.sms.code(app.phone)
    replies = at_once([lambda: http.post_json(STEPS[1], {"phone_number": app.phone, "validate_number": code})] * 100)
    assert sorted(said(reply)[0] for reply in replies) == [0] * 99 + [1]


def test_five_wrong_tries_take_a_code_away(http, stack):
    app = Client(http, SmsFile(stack.var))
    app.step_1()
    code = app.sms.code(app.phone)
    for _ in range(5):
        assert said(app.step_2(wrong(code))) == (0, "验证没有通过")
    assert said(app.step_2(code)) == (0, "验证没有通过")


def test_nobody_else_goes_on_with_a_registration(http, stack, redis):
    """From another address and without the cookie; the cookie alone is enough for its owner."""
    app = Client(http, SmsFile(stack.var)).verify()
    for key in redis.scan_iter("registrar:r:*"):
        redis.hset(key, "peer", "192.0.2.7")
    begun = len(list(redis.scan_iter("registrar:r:*")))
    cookie, app.cookie = app.cookie, None
    assert said(app.step_3()) == (0, "验证码没有通过")
    app.cookie = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
    assert said(app.step_3()) == (0, "验证码没有通过")
    app.cookie = cookie
    assert said(app.step_3()) == (1, "提交密码成功")
    app.cookie = None
    assert said(app.step_4()) == (0, "验证码没有通过")
    app.cookie = cookie
    assert said(app.step_4()) == (1, "注册成功")
    assert len(list(redis.scan_iter("registrar:r:*"))) == begun - 1


def test_what_redis_holds_of_a_registration(http, stack, redis):
    app = Client(http, SmsFile(stack.var)).verify()
    password = secrets.token_hex(10)
    app.step_3(password)
    held = b""
    for key in redis.scan_iter("registrar:r:*"):
        held += key + b"".join(redis.hgetall(key).values())
        assert 0 < redis.pttl(key) <= 30 * 60 * 1000
    assert held
    for secret in (password, app.phone, app.cookie.split("=")[1], app.sms.code(app.phone)):
        assert secret.encode() not in held


def test_without_redis_no_step_is_taken(app, http, stack):
    other = Client(http, SmsFile(stack.var)).verify()
    stack.kill("redis")
    for reply, path in ((other.step_1(), STEPS[0]), (other.step_2("123456"), STEPS[1]), (other.step_3(), STEPS[2]),
                        (other.step_4(), STEPS[3]), (app.login(), LOGIN)):
        assert said(reply, 503) == (0, LAST_WORDS[path])
        assert int(reply.headers["Retry-After"]) > 0


def test_a_second_registration_of_the_same_phone_at_once(http, stack):
    app = Client(http, SmsFile(stack.var)).verify()
    app.step_3()
    replies = at_once([app.step_4] * 8)
    assert sorted(said(reply)[0] for reply in replies) == [0] * 7 + [1]
    assert {said(reply)[1] for reply in replies} <= {"注册成功", "注册失败", "验证码没有通过"}
    assert said(app.login()) == (1, "成功登录")
