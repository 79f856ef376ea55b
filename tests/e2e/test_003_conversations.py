"""Every call of dialect 003, by every way it can come: GET, form, multipart and JSON, over HTTPS and HTTP."""

import pytest

from harness.calls import DEVICE, PHONE, WECHAT, Account, Calls, new_name, new_phone
from harness.d003 import By, code
from harness.http_client import Http


@pytest.mark.parametrize("port", ["https", "http"])
@pytest.mark.parametrize("way", By.WAYS)
def test_a_life_from_registration_to_cancelling(server, stack, read_answer, tcp, way, port):
    calls = Calls(By(Http(server.ports, stack.certificate, plain=port == "http"), way), read_answer)
    phone, lamp = Account(PHONE, new_phone(), "pässword 1"), Account(DEVICE, new_name(), "2 & 2 = 4")
    assert code(calls.register(phone, des="Alice's phone")) == 0
    assert code(calls.register(lamp, des="the lamp")) == 0
    for account in (phone, lamp):
        calls.log_in(account)

    found = calls.get_users(phone.token, [phone.name, lamp.name])
    assert code(found) == 0
    assert [(user["user_name"], user["des"]) for user in found.json["user_info_ls"]] == [
        (phone.name, "Alice's phone"),
        (lamp.name, "the lamp"),
    ]
    assert tcp.call("/get_users", access_token=phone.token, user_name_ls=[phone.name, lamp.name]) == found.json

    bound = calls.bind(phone, [lamp.name])
    assert (code(bound), bound.json["state"], bound.json["failed"]) == (0, "bound", [])
    listed = calls.bindings(phone)
    assert code(listed) == 0
    assert [item["jid"] for item in listed.json["roster_item"]] == [lamp.jid]
    unbound = calls.unbind(phone, [lamp.name])
    assert (code(unbound), unbound.json["state"]) == (0, "unbound")
    assert calls.bindings(phone).json["roster_item"] == []

    valid = calls.http.post("/verify_access_token", {"access_token": phone.token})
    assert valid.json == {"result": 0, "validate": True}
    assert code(calls.cancel(phone)) == 0
    ended = calls.http.post("/verify_access_token", {"access_token": phone.token})
    assert ended.json == {"result": 4, "validate": False}
    assert code(calls.login(phone)) == 102


@pytest.mark.parametrize("kind", [PHONE, DEVICE, WECHAT])
def test_a_login_answers_with_the_seeds_user_info(calls, stack, kind):
    name = {PHONE: new_phone(), DEVICE: "D.1:" + new_name("x_"), WECHAT: "o-" + new_name("x_")}[kind]
    account = Account(kind, name, "p")
    assert code(calls.register(account, des="für <dich> & 你")) == 0
    reply = calls.login(account)
    assert code(reply) == 0
    info = reply.json["user_info"]
    assert set(info) == {"user_name", "password", "des", "jid", "jid_pwd", "type"}
    assert (info["user_name"], info["password"], info["des"], info["type"]) == (name, "", "für <dich> & 你", kind)
    local, domain = info["jid"].split("@")
    assert domain == stack.domain
    assert local == local.lower() and len(local) >= 20 and name.lower() not in info["jid"]
    assert len(info["jid_pwd"]) >= 22
    assert len(reply.json["access_token"]) == 43  # 256 bits in base64url
    assert reply.json["sign"] == ""  # no secret is configured


def test_a_failed_login_has_every_member(calls):
    reply = calls.login(Account(DEVICE, new_name(), "x"))
    assert code(reply) == 102
    assert reply.json == {"result": 102, "user_info": {}, "access_token": "", "sign": ""}


def test_spellings_of_a_phone_are_one_account(calls):
    phone = calls.new_account(PHONE)
    for spelling in ("+86" + phone.name, "0086" + phone.name):
        other = Account(PHONE, spelling, phone.password)
        assert code(calls.register(other)) == 103
        reply = calls.login(other)
        assert code(reply) == 0
        assert (reply.json["user_info"]["user_name"], reply.json["user_info"]["jid"]) == (phone.name, phone.jid)
        found = calls.get_users(phone.token, [spelling])
        assert [user["user_name"] for user in found.json["user_info_ls"]] == [phone.name]


def test_a_phone_of_another_country_is_shown_in_full(calls):
    number = "+49151" + new_phone()[:8]
    account = calls.new_account(PHONE, number)
    assert calls.login(account).json["user_info"]["user_name"] == number
    assert calls.login(Account(PHONE, "00" + number[1:], account.password)).json["user_info"]["jid"] == account.jid


@pytest.mark.parametrize(
    "name", ["1390000123", "139000012345", "+8613900001", "+0139000012", "1390000123x", "１３９００００１２３４"]
)
def test_what_is_no_phone(calls, name):
    assert code(calls.register(Account(PHONE, name, "x"))) == 2


@pytest.mark.parametrize(
    "kind, name",
    [
        (DEVICE, "a" * 65),
        (DEVICE, "a b"),
        (DEVICE, "a@b"),
        (DEVICE, "lämp"),
        (WECHAT, "a.b"),
        (WECHAT, "a:b"),
        (WECHAT, "x" * 65),
    ],
)
def test_what_is_no_name(calls, kind, name):
    assert code(calls.register(Account(kind, name, "x"))) == 2


def test_names_keep_their_case(calls):
    name = new_name("Lamp")
    first = calls.new_account(DEVICE, name)
    second = calls.new_account(DEVICE, name.upper())
    assert first.jid != second.jid


def test_a_name_may_be_taken_once_by_each_type(calls):
    name = new_phone()
    jids = {calls.new_account(kind, name).jid for kind in (PHONE, DEVICE, WECHAT)}
    assert len(jids) == 3


def test_description_may_be_left_out_and_a_devices_type_may_not(calls):
    verify_id, answer = calls.picture()
    form = {"user_name": new_name(), "password": "x", "type": 2, "verify_id": verify_id, "verify_code": answer}
    assert code(calls.http.post("/register", form)) == 2
    assert code(calls.http.post("/register", {**form, "device_type": "lamp"})) == 0  # the picture was not spent
    phone = Account(PHONE, new_phone(), "x")
    verify_id, answer = calls.picture()
    form = {"user_name": phone.name, "password": "x", "type": "1", "verify_id": verify_id, "verify_code": answer}
    assert code(calls.http.post("/register", form)) == 0
    assert calls.login(phone).json["user_info"]["des"] == ""


@pytest.mark.parametrize("password", ["x", "密" * 128, " leading and trailing ", "\t\r\n", '"\\%00&=+', "\u0001\u007f"])
def test_a_password_is_taken_as_it_is(calls, password):
    account = calls.new_account(DEVICE, password=password)
    for other in (password + " ", password[:-1] or "y"):
        assert code(calls.login(Account(DEVICE, account.name, other))) == (2 if len(other) > 128 else 102)


def test_a_cancelled_name_is_free_at_once_and_meets_nothing_of_the_old_account(calls):
    first = calls.new_account(DEVICE)
    friend = calls.new_account(PHONE)
    assert code(calls.bind(first, [friend.name])) == 0
    assert code(calls.cancel(first)) == 0
    assert calls.bindings(friend).json["roster_item"] == []
    second = calls.new_account(DEVICE, first.name, "another")
    assert second.jid != first.jid and second.jid_password != first.jid_password
    assert calls.bindings(second).json["roster_item"] == []
    assert code(calls.login(first)) == 102


def test_cancelling_needs_the_password(calls):
    account = calls.new_account(DEVICE)
    assert code(calls.cancel(Account(DEVICE, account.name, "wrong"))) == 102
    assert code(calls.cancel(Account(DEVICE, new_name(), "x"))) == 102
    assert code(calls.login(account)) == 0


def test_the_jids_of_others_are_shown_and_only_the_own_password(calls):
    one, other = calls.new_account(DEVICE), calls.new_account(DEVICE)
    users = calls.get_users(one.token, [other.name, one.name]).json["user_info_ls"]
    assert [(user["jid"], user["jid_pwd"]) for user in users] == [(other.jid, ""), (one.jid, one.jid_password)]
    assert [user["password"] for user in users] == ["", ""]


def test_parameters_that_no_call_knows_are_ignored(calls, http):
    account = calls.new_account(DEVICE)
    reply = http.get("/verify_access_token", {"access_token": account.token, "extra": "1", "push_id": "汉"})
    assert reply.json == {"result": 0, "validate": True}


def test_query_and_body_are_one_list_of_parameters(calls, http):
    account = calls.new_account(DEVICE)
    reply = http.post(f"/get_user_banding?user_name={account.name}", {"access_token": account.token})
    assert code(reply) == 0
    twice = http.post(
        f"/get_user_banding?user_name={account.name}", {"access_token": account.token, "user_name": account.name}
    )
    assert code(twice) == 2


def test_cookies_are_secure_on_https_only(http, plain_http):
    for client, secure in ((http, True), (plain_http, False)):
        cookie = client.get("/verify_code").headers["Set-Cookie"]
        assert cookie.startswith("verify_id=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
        assert ("Secure" in cookie) == secure
