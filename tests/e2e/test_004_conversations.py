"""Dialect 004, as the seed tells it: four steps and a login."""

import pytest

from harness.d004 import Client, said
from harness.http_client import Http
from harness.sms_file import SmsFile, wrong


@pytest.fixture
def app(http, stack):
    """app(): an app on a phone that nobody has registered."""
    return lambda phone=None, over=http: Client(over, SmsFile(stack.var), phone)


@pytest.mark.parametrize("port", ["https", "http"])
def test_from_the_first_step_to_a_token(app, server, stack, port, calls):
    client = app(over=Http(server.ports, stack.certificate, plain=port == "http"))
    assert said(client.step_1()) == (1, "发送成功")
    assert said(client.step_2()) == (1, "短信验证通过")
    assert said(client.step_3("123456")) == (1, "提交密码成功")
    assert said(client.step_4("2214102327@qq.com")) == (1, "注册成功")
    reply = client.login("123456")
    assert said(reply) == (1, "成功登录")
    assert list(reply.json) == ["code", "message", "email", "token"]
    assert reply.json["email"] == "2214102327@qq.com"
    assert calls.http.post("/verify_access_token", {"access_token": reply.json["token"]}).json == {
        "result": 0, "validate": True}


def test_a_phone_that_is_registered(app):
    client = app().register()
    assert said(client.step_1()) == (0, "该用户已经存在,注册失败")
    assert len(client.sms.all(client.phone)) == 1
    assert said(app(phone="+86" + client.phone).step_1()) == (0, "该用户已经存在,注册失败")


def test_a_wrong_code(app):
    client = app()
    client.step_1()
    code = client.sms.code(client.phone)
    assert said(client.step_2(wrong(code))) == (0, "验证没有通过")
    assert said(client.step_2(code)) == (1, "短信验证通过")
    assert said(client.step_2(code)) == (0, "验证没有通过")  # used once


def test_the_password_is_checked(app):
    client = app()
    client.step_1()
    assert said(client.step_3("12345", "123456")) == (0, "验证码没有通过")  # verified comes first
    client.step_2()
    assert said(client.step_3("12345", "123456")) == (0, "密码长度不符合要求")  # then length
    assert said(client.step_3("1" * 65)) == (0, "密码长度不符合要求")
    assert said(client.step_3("123456", "1234567")) == (0, "密码和密码确认不一致")  # then equality
    assert said(client.step_3("密" * 64)) == (1, "提交密码成功")
    assert said(client.step_3("another")) == (1, "提交密码成功")  # before step 4 it may be changed
    assert said(client.step_4()) == (1, "注册成功")
    assert said(client.login("another")) == (1, "成功登录")


@pytest.mark.parametrize("email", ["", "a", "a@", "@b.cn", "a@b", "a b@c.cn", "a@b@c.cn", "a@b..cn", "a@.cn", "a@b.cn.", "a" * 65 + "@b.cn",
                                   "a@" + "b" * 260 + ".cn", 1, None, ["a@b.cn"], True])
def test_a_bad_address_fails_the_registration_and_may_be_mended(app, email):
    client = app().verify()
    client.step_3()
    assert said(client.step_4(email)) == (0, "注册失败")
    assert said(client.step_4("a.b+c@例子.中国")) == (1, "注册成功")
    assert client.login().json["email"] == "a.b+c@例子.中国"


def test_steps_out_of_order(app):
    client = app()
    assert said(client.step_2("123456")) == (0, "验证没有通过")
    assert said(client.step_3()) == (0, "验证码没有通过")
    assert said(client.step_4()) == (0, "验证码没有通过")
    client.step_1()
    assert said(client.step_3()) == (0, "验证码没有通过")
    assert said(client.step_4()) == (0, "验证码没有通过")
    client.step_2()
    assert said(client.step_4()) == (0, "验证码没有通过")  # no password yet
    client.step_3()
    assert said(client.step_4()) == (1, "注册成功")
    assert said(client.step_3()) == (0, "验证码没有通过")
    assert said(client.step_4()) == (0, "验证码没有通过")  # it was registered once


def test_asking_for_another_code_does_not_undo_what_was_verified(app):
    client = app().verify()
    client.step_3()
    for _ in range(2):
        assert said(client.step_1()) == (1, "发送成功")
    assert said(client.step_2("000000" if client.sms.code(client.phone) != "000000" else "1")) == (0, "验证没有通过")
    assert said(client.step_4()) == (1, "注册成功")


def test_a_second_verification_begins_anew(app):
    client = app().verify()
    client.step_3()
    client.verify()
    assert said(client.step_4()) == (0, "验证码没有通过")


def test_numbers_may_come_as_json_numbers(app):
    client = app(phone=int(app().phone))
    phone = str(client.phone)
    client.step_1()
    code = client.sms.code(phone)
    assert said(client.step_2(int(code))) == (1, "短信验证通过")  # a zero at its beginning is lost in a number
    assert said(client.step_3(123456, "123456")) == (1, "提交密码成功")
    assert said(client.step_4()) == (1, "注册成功")
    assert said(client.login("123456", random_str=8127364545, time_stamp=None)) == (1, "成功登录")
    assert said(app(phone=phone).login(123456)) == (1, "成功登录")


def test_the_cookie_is_for_this_alone(app, server, stack):
    for plain in (False, True):
        client = app(over=Http(server.ports, stack.certificate, plain=plain))
        client.step_1()
        cookie = client.step_2().headers["Set-Cookie"]
        assert "; HttpOnly" in cookie and "; SameSite=Lax" in cookie and "; Path=/client;" in cookie and "; Max-Age=1800" in cookie
        assert ("; Secure" in cookie) == (not plain)
        assert len(client.cookie.split("=")[1]) == 64


def test_the_phone_may_be_taken_meanwhile(app):
    first = app().verify()
    first.step_3()
    app(phone=first.phone).register("another")
    # the second verification took the registration's place, so the first one's is gone
    assert said(first.step_4()) == (0, "验证码没有通过")
