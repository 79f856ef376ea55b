"""Dialect 000 as seed 000 tells it: registering, logging in, a forgotten password, a nickname."""

import hashlib

import pytest

from harness.calls import new_phone
from harness.d000 import SALT, UUID, Android, salted, status
from harness.sms_file import wrong


@pytest.fixture
def app(http, sms):
    return Android(http, sms)


def test_registering(app):
    reply = app.get_mes()  # 点击发送验证码
    assert status(reply) == 200
    temp_id = reply.json["temp_id"]
    assert UUID.fullmatch(temp_id)
    code = app.sms.code(app.phone)
    assert len(code) == 6 and code.isdigit()

    assert status(app.verify(temp_id, code)) == 200  # 点击下一步

    reply = app.register(temp_id)  # 点击注册完成
    assert status(reply) == 200
    assert reply.json["account"] == app.account
    assert isinstance(reply.json["id"], int) and reply.json["id"] > 0
    assert SALT.fullmatch(reply.json["salt"])
    assert reply.json["chat_token"] and reply.json["jid"] and reply.json["token"]


def test_logging_in(app):
    app.registered()
    known, app.salt = app.salt, None
    reply = app.get_salt()
    assert status(reply) == 200 and reply.json["salt"] == known
    app.salt = reply.json["salt"]  # 客户端收到salt后将其缓存
    reply = app.login()
    assert status(reply) == 200
    assert (reply.json["id"], reply.json["account"]) == (app.id, app.account)
    assert status(app.login("54321")) == 500
    assert status(app.login(password=app.password)) == 200


def test_a_forgotten_password(app):
    app.registered()
    old, salt = app.password, app.salt
    temp_id, code = app.temp_id("1")
    assert status(app.verify(temp_id, code)) == 200
    reply = app.reset(temp_id, "new password")
    assert status(reply) == 200 and reply.json["salt"] == salt  # 将salt作为传回给前端; never changes
    assert status(app.login(old)) == 500
    assert status(app.login("new password")) == 200


def test_the_curl_lines_of_the_seed(http, sms):
    """In their shape, with live values."""
    phone = new_phone()
    app = Android(http, sms, phone, password="123456")

    def curl(data, path):
        return http.request("POST", path, data.encode(), {"Content-Type": "application/x-www-form-urlencoded"})

    reply = curl(f"phone={phone}&type=register", "/android/getMes")
    assert status(reply) == 200
    temp_id = reply.json["temp_id"]
    assert status(curl(f"sms_code={sms.code(phone)}&temp_id={temp_id}", "/android/verifyMes")) == 200
    reply = app.keep(curl(f"phone={phone}&account={app.account}&password=123456&temp_id={temp_id}", "/android/register"))
    assert status(reply) == 200
    reply = curl(f"phone={phone}", "/android/getSalt")
    salt = reply.json["salt"]
    assert status(reply) == 200 and salt == app.salt
    md5_encode = hashlib.md5()
    md5_encode.update(("123456" + salt).encode())
    password = md5_encode.hexdigest()
    assert status(curl(f"phone={phone}&password={password}&salt={salt}", "/android/login")) == 200
    assert status(curl(f"phone={phone}&password={password.upper()}&salt={salt}", "/android/login")) == 200
    assert status(curl(f"id={app.id}&nickname=alcohol", "/android/user/modify_information")) == 500  # needs the cookie
    http.cookies["registrar_session"] = app.cookie.value
    assert status(curl(f"id={app.id}&nickname=alcohol", "/android/user/modify_information")) == 200
    http.cookies.clear()
    reply = curl(f"phone={phone}&type=reset", "/android/getMes")
    temp_id = reply.json["temp_id"]
    assert status(curl(f"sms_code={sms.code(phone)}&temp_id={temp_id}", "/android/verifyMes")) == 200
    assert status(curl(f"phone={phone}&password=12345&temp_id={temp_id}", "/android/resetPassword")) == 200
    assert status(curl(f"phone={phone}&password={salted('12345', salt)}&salt={salt}", "/android/login")) == 200


def test_get_mes_tells_who_is_registered(app, http, sms):
    other = Android(http, sms, app.phone)
    reply = app.get_mes("1")
    assert (status(reply), reply.json["temp_id"]) == (400, "")
    app.registered()
    for kind in ("0", "register"):
        reply = other.get_mes(kind)
        assert (status(reply), reply.json["temp_id"]) == (300, "")
    reply = app.post("getMes", {"phone": app.phone})  # no type: registration
    assert (status(reply), reply.json["temp_id"]) == (300, "")
    for kind in ("1", "reset"):
        assert status(app.get_mes(kind)) == 200
    for bad in ({"phone": app.phone, "type": "2"}, {"phone": app.phone[:-1]}, {"phone": "+86" + app.phone}, {}):
        reply = app.post("getMes", bad)
        assert (status(reply), reply.json["temp_id"]) == (250, "")


def test_names_are_one_account_each(app, http, sms):
    app.registered()
    other = Android(http, sms)
    temp_id = other.verified()
    for taken in (app.account, app.account.upper()):
        assert status(other.register(temp_id, account=taken)) == 270
    assert status(other.register(temp_id, phone=app.phone)) == 270  # not verified for this phone
    assert status(other.register(temp_id)) == 200  # failing before cost nothing
    late = Android(http, sms)
    late_id = late.verified()
    assert status(late.register(late_id)) == 200
    assert status(late.register(late_id, account=other.account + "x")) == 270  # spent


def test_a_temp_id_is_good_for_what_it_was_asked_for(app, http, sms):
    app.registered()
    for_reset = app.verified("1")
    other = Android(http, sms)
    assert status(app.register(for_reset, account="a" + app.account)) == 270
    assert status(other.reset(for_reset, "x")) == 500  # another phone
    assert status(other.reset(other.verified("0"), "x")) == 500  # another purpose
    assert status(app.login()) == 200
    assert status(app.reset(for_reset.upper(), "hex in either case")) == 200
    assert status(app.reset(for_reset, "spent")) == 500
    assert status(app.login("hex in either case")) == 200


def test_unverified_is_not_verified(app):
    temp_id, code = app.temp_id()
    assert status(app.register(temp_id)) == 270
    assert status(app.verify(temp_id, wrong(code))) == 500
    assert status(app.register(temp_id)) == 270
    assert status(app.verify(temp_id, code)) == 200
    assert status(app.verify(temp_id, code)) == 500  # once
    assert status(app.register(temp_id)) == 200


def test_account_and_password_have_lengths(app):
    temp_id = app.verified()
    for bad in ({"account": ""}, {"account": "x" * 33}, {"account": "a\x01b"}, {"password": ""}, {"password": "p" * 129},
                {"temp_id": "x"}, {"temp_id": ""}, {"phone": "1"}):
        assert status(app.register(temp_id, **bad)) == 300, bad
    app.password = "密" * 128
    app.account = f"名🙂{app.account:->30}"
    assert len(app.account) == 32
    reply = app.register(temp_id)
    assert status(reply) == 200 and reply.json["account"] == app.account
    assert status(app.login()) == 200
    assert status(app.login(app.password[:-1])) == 500


def test_accounts_of_other_dialects_show_their_phone_but_cannot_log_in(app, calls):
    theirs = calls.new_account(1, app.phone, app.password)
    reply = app.get_salt()
    assert status(reply) == 200 and SALT.fullmatch(reply.json["salt"])
    app.salt = reply.json["salt"]
    assert status(app.login()) == 500
    assert theirs.password == app.password
