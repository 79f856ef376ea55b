"""The picture: what /verify_code gives out, what it opens, and how it ends."""

import struct
import time
import zlib

import pytest

from harness.calls import DEVICE, PHONE, WECHAT, Account, new_name, new_phone
from harness.d003 import at_once, code, wait_until
from harness.http_client import Http

FORMS = {"/register": {"des": ""}, "/login": {}, "/cancel": {}}


def form(account, **more):
    return {"user_name": account.name, "password": account.password, "type": account.type, **more}


def size_of_png(body):
    """Width and height, every chunk's checksum checked."""
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    at, kinds = 8, []
    while at < len(body):
        length, kind = struct.unpack(">I4s", body[at : at + 8])
        data, check = body[at + 8 : at + 8 + length], body[at + 8 + length : at + 12 + length]
        assert struct.unpack(">I", check)[0] == zlib.crc32(kind + data)
        kinds.append((kind, data))
        at += 12 + length
    assert kinds[0][0] == b"IHDR" and kinds[-1][0] == b"IEND"
    return struct.unpack(">II", kinds[0][1][:8])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_is_a_png_with_an_id_in_header_and_cookie(http, method):
    reply = http.request(method, "/verify_code")
    assert (reply.status, reply.headers["Content-Type"], reply.headers["Cache-Control"]) == (
        200,
        "image/png",
        "no-store",
    )
    width, height = size_of_png(reply.body)
    assert 60 <= width <= 400 and 20 <= height <= 200
    verify_id = reply.headers["X-Verify-Id"]
    assert len(verify_id) >= 32
    assert reply.headers["Set-Cookie"].startswith(f"verify_id={verify_id}; Max-Age=300; Path=/;")


def test_no_two_are_alike(http):
    replies = [http.get("/verify_code") for _ in range(10)]
    assert len({reply.headers["X-Verify-Id"] for reply in replies}) == 10
    assert len({reply.body for reply in replies}) == 10


def test_the_answer_is_read_in_either_case(calls):
    for change in (str.upper, str.lower):
        verify_id, answer = calls.picture()
        assert (
            code(calls.register(Account(DEVICE, new_name(), "x"), verify_id=verify_id, verify_code=change(answer))) == 0
        )


def test_the_id_may_come_back_as_a_cookie(server, stack, read_answer):
    browser = Http(server.ports, stack.certificate)
    picture = browser.get("/verify_code")
    browser.cookies["verify_id"] = picture.headers["X-Verify-Id"]
    browser.cookies["other"] = "1"
    phone = Account(PHONE, new_phone(), "x")
    answer = read_answer(picture.headers["X-Verify-Id"])
    assert code(browser.post("/register", form(phone, verify_code=answer))) == 0


def test_a_parameter_goes_before_the_cookie(server, stack, calls):
    browser = Http(server.ports, stack.certificate)
    browser.cookies["verify_id"], _ = calls.picture()
    verify_id, answer = calls.picture()
    phone = Account(PHONE, new_phone(), "x")
    assert code(browser.post("/register", form(phone, verify_id=verify_id, verify_code=answer))) == 0


@pytest.mark.parametrize("kind", [PHONE, WECHAT])
@pytest.mark.parametrize("path", FORMS)
def test_without_one_nothing_goes(calls, plain_http, path, kind):
    account = calls.new_account(kind) if path != "/register" else Account(kind, new_phone(), "x")
    verify_id, answer = calls.picture()
    for missing in (
        {},
        {"verify_id": verify_id},
        {"verify_code": answer},
        {"verify_id": "", "verify_code": ""},
        {"verify_id": "x" * 32, "verify_code": answer},
        {"verify_id": "x" * 10000, "verify_code": answer},
    ):
        assert code(plain_http.post(path, form(account, **FORMS[path], **missing))) == 5


def test_a_device_logs_in_without(calls, plain_http):
    lamp = calls.new_account(DEVICE)
    assert code(plain_http.post("/login", form(lamp))) == 0
    assert (
        code(plain_http.post("/login", form(lamp, verify_code="wrong", verify_id="0" * 32))) == 5
    )  # if it sends one, it counts
    assert code(plain_http.post("/login", form(lamp, verify_code="wrong"))) == 5


def test_a_device_registers_and_cancels_with_one_only(calls, plain_http):
    lamp = calls.new_account(DEVICE)
    assert code(plain_http.post("/cancel", form(lamp))) == 5
    assert code(plain_http.post("/register", form(Account(DEVICE, new_name(), "x"), device_type="lamp"))) == 5


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_it_is_used_once_whatever_comes_of_it(calls, password):
    phone = calls.new_account(PHONE, password="right")
    verify_id, answer = calls.picture()
    tried = Account(PHONE, phone.name, password)
    assert code(calls.login(tried, verify_id=verify_id, verify_code=answer)) == (0 if password == "right" else 102)
    assert code(calls.login(phone, verify_id=verify_id, verify_code=answer)) == 5


def test_a_wrong_answer_burns_it(calls):
    phone = calls.new_account(PHONE)
    verify_id, answer = calls.picture()
    assert code(calls.login(phone, verify_id=verify_id, verify_code="?????")) == 5
    assert code(calls.login(phone, verify_id=verify_id, verify_code=answer)) == 5


def test_of_many_at_once_one_may_use_it(calls):
    phone = calls.new_account(PHONE)
    verify_id, answer = calls.picture()
    replies = at_once([lambda: calls.login(phone, verify_id=verify_id, verify_code=answer)] * 12)
    assert sorted(code(reply) for reply in replies) == [0] + [5] * 11


def test_a_parameter_error_does_not_spend_it(calls):
    phone = calls.new_account(PHONE)
    verify_id, answer = calls.picture()
    assert code(calls.login(phone, verify_id=verify_id, verify_code=answer, type=9)) == 2
    assert code(calls.login(phone, verify_id=verify_id, verify_code=answer)) == 0


def test_it_belongs_to_nobody_until_it_is_used(calls):
    """One fetched for a registration may serve a login: it says that there is a person, not which."""
    phone = calls.new_account(PHONE)
    verify_id, answer = calls.picture()
    assert code(calls.cancel(phone, verify_id=verify_id, verify_code=answer)) == 0


def test_it_expires(server, calls, http):
    server.restart({"REGISTRARD_PICTURE_LIFETIME": "1s"})
    phone = calls.new_account(PHONE)
    picture = http.get("/verify_code")
    assert "Max-Age=1;" in picture.headers["Set-Cookie"]
    answer = calls.read_answer(picture.headers["X-Verify-Id"])
    time.sleep(1.05)
    assert code(calls.login(phone, verify_id=picture.headers["X-Verify-Id"], verify_code=answer)) == 5


def test_its_length_is_configuration(server, calls):
    server.restart({"REGISTRARD_PICTURE_LENGTH": "8"})
    assert len(calls.picture()[1]) == 8


def test_redis_does_not_hold_the_answer(calls, redis):
    verify_id, answer = calls.picture()
    keys = [key for key in redis.scan_iter("*") if verify_id.encode() in key]
    assert len(keys) == 1
    assert 0 < redis.pttl(keys[0]) <= 300000
    value = redis.get(keys[0])
    assert answer.upper().encode() not in value.upper()


def test_answers_are_told_in_development_only(server, calls, stack):
    """Without a state directory there is no file: pictures are drawn all the same, and nobody reads their answers."""
    server.restart({"REGISTRARD_SERVER_STATE_DIR": None, "REGISTRARD_SMS_PROVIDERS": ""})
    file = stack.var / "captcha.jsonl"
    before = file.stat().st_size if file.exists() else 0
    assert calls.http.get("/verify_code").status == 200
    assert (file.stat().st_size if file.exists() else 0) == before


def test_pictures_come_back_with_redis(calls, stack):
    stack.kill("redis")
    stack.start("redis")
    wait_until(lambda: calls.http.get("/verify_code").status == 200, what="pictures again")
    assert code(calls.login(calls.new_account(PHONE))) == 0
