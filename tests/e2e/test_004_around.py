"""What lies around dialect 004: the SMS provider's words, limits, bans, bindings, secrets, the switch."""

import secrets

import pytest

from harness.calls import DEVICE, PHONE, Account
from harness.d003 import Accounts, code, wait_until
from harness.d004 import LOGIN, ROUTES, STEPS, Client, said
from harness.sms_file import SmsFile, wrong
from harness.sms_provider import Yuntongxun, refuses


@pytest.fixture
def app(http, stack):
    return lambda phone=None: Client(http, SmsFile(stack.var), phone)


@pytest.fixture
def yuntongxun():
    provider = Yuntongxun()
    yield provider
    provider.close()
    assert not provider.wrong


# Step 1 and the provider


def test_the_providers_own_text_is_the_message(server, app, yuntongxun):
    server.restart(yuntongxun.settings())
    yuntongxun.behave = refuses("160038", "短信验证码发送过频繁")
    client = app()
    assert said(client.step_1()) == (0, "短信验证码发送过频繁")
    yuntongxun.behave = refuses("112310", '"引号" \\ & <b>')
    assert said(client.step_1()) == (0, '"引号" \\ & <b>')
    yuntongxun.behave = None
    assert said(client.step_1()) == (1, "发送成功")
    assert said(client.step_2(yuntongxun.code(client.phone))) == (1, "短信验证通过")


def test_a_provider_that_says_nothing(server, app, yuntongxun):
    server.restart(yuntongxun.settings())
    for behave in (yuntongxun.says("oops", 500), refuses("112310", ""), yuntongxun.drop):
        yuntongxun.behave = behave
        assert said(app().step_1()) == (0, "短信发送失败")


def test_within_the_window_nothing_is_sent_twice(server, app):
    server.restart({"REGISTRARD_CODES_WINDOW": "60s"})
    client = app()
    assert said(client.step_1()) == (1, "发送成功")
    assert said(client.step_1()) == (0, "短信发送失败")
    assert len(client.sms.all(client.phone)) == 1
    assert said(client.step_2()) == (1, "短信验证通过")  # the first code stands


def test_too_many_registrations(server, app, redis):
    server.restart({"REGISTRARD_LIMITS_REGISTRATIONS_PER_HOUR": "1"})
    for key in redis.scan_iter("*:l:*"):
        redis.delete(key)
    clients = [app().verify(), app().verify()]
    assert [said(client.step_3())[0] for client in clients] == [1, 1]
    assert said(clients[0].step_4()) == (1, "注册成功")
    reply = clients[1].step_4()
    assert said(reply) == (0, "注册失败") and int(reply.headers["Retry-After"]) > 0
    for key in redis.scan_iter("*:l:*"):
        redis.delete(key)
    assert said(clients[1].step_4()) == (1, "注册成功")


# The account


def test_a_banned_account(app, ctl):
    client = app().register()
    ctl.ban(client.phone)
    assert said(client.login()) == (0, "没有此用户")
    assert said(client.login("wrong")) == (0, "密码错误")  # told only to who knows the password
    assert said(client.step_1()) == (0, "该用户已经存在,注册失败")


def test_an_account_of_another_dialect(app, calls):
    phone = calls.new_account(PHONE)
    client = app(phone.name)
    assert said(client.login(phone.password)) == (0, "密码错误")
    # 003 proved nothing: who has the phone registers it
    client.register("654321")
    assert said(client.login("654321")) == (1, "成功登录")
    assert code(calls.login(phone)) == 102
    again = calls.log_in(Account(PHONE, phone.name, "654321"))
    assert again.jid != phone.jid


def test_a_phone_that_registers_elsewhere_meanwhile(app, http, stack):
    client = app().verify()
    client.step_3()
    sent = http.post("/android/getMes", {"phone": client.phone}).json
    http.post("/android/verifyMes", {"temp_id": sent["temp_id"], "sms_code": client.sms.code(client.phone)})
    form = {"phone": client.phone, "account": "a" + client.phone, "password": "x", "temp_id": sent["temp_id"]}
    assert http.post("/android/register", form).json["status"] == 200
    assert said(client.step_4()) == (0, "注册失败")
    assert said(client.login()) == (0, "密码错误")
    assert stack.domain


def test_its_token_and_its_jid_are_those_of_all(app, calls, xmpp_client):
    client = app().register()
    token = client.login().json["token"]
    own = calls.log_in(Account(PHONE, client.phone, "123456"))
    lamp = calls.new_account(DEVICE)
    own.token = token
    assert calls.bind(own, [lamp.name]).json["state"] == "bound"
    xmpp_client(own.jid, own.jid_password).wait_item(lamp.jid, "both", timeout=5)


def test_without_an_xmpp_server_nothing_is_left(app, link, server):
    client = app().verify()
    client.step_3()
    link.refuse()
    wait_until(lambda: server.get_ops("/readyz")[0] != 200, what="the link down")
    assert said(client.step_4()) == (0, "注册失败")
    assert said(client.login()) == (0, "没有此用户")
    link.heal()
    server.wait_ready()
    assert said(client.step_4()) == (1, "注册成功")  # the same request, later


# The operator


def test_nothing_secret_is_logged_or_kept(app, server, stack, db):
    mark = server.log.mark()
    server.restart({"REGISTRARD_LOG_LEVEL": "debug"})
    client = app()
    password, other = secrets.token_hex(12), secrets.token_hex(12)
    client.step_1()
    sent = client.sms.code(client.phone)
    client.step_2(wrong(sent))
    client.step_2(sent)
    client.step_3(password, other)
    client.step_3(password)
    client.step_4("bad " + other)
    client.step_4()
    token = client.login(password).json["token"]
    client.login(other)
    for path in ROUTES:
        client.http.request("POST", f"{path}?password={password}", b"{" + password.encode(), {"Content-Type": "application/json"})
        client.call(path, password=password, encryption_str=password, validate_number=password)
    stack.kill("redis")
    client.login(password)
    stack.start("redis")
    server.wait_ready()
    found = server.log.text(mark) + server.get_ops("/metrics")[1]
    kept = Accounts(db).everything()
    for what in (password, other, token, client.cookie.split("=")[1]):
        assert what not in found and what not in kept, what
    for what in (client.phone, sent):
        assert f"{what}" not in found


def test_it_can_be_switched_off(server, app, http):
    server.restart({"REGISTRARD_D004_ENABLED": "false"})
    for path in STEPS + (LOGIN,):
        assert http.post_json(path, {"phone_number": app().phone}).status == 404
    server.restart({"REGISTRARD_D004_PASSWORD_MIN": "3", "REGISTRARD_D004_PASSWORD_MAX": "4"})
    client = app().verify()
    assert [said(client.step_3(password))[0] for password in ("12", "123", "1234", "12345")] == [0, 1, 1, 0]
