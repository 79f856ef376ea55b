"""Binding, unbinding and listing: the contract of the three calls. What clients see of it: test_003_rosters.py."""

import concurrent.futures
import json

import pytest

from harness.calls import DEVICE, PHONE, WECHAT, Account, new_name, new_phone
from harness.d003 import Accounts, at_once, code, fresh, signed, wait_until

APP, BACKEND = "an-application-secret", "a-backends-own-secret"
SECRETS = {"REGISTRARD_D003_APP_SECRETS": f"app:{APP}", "REGISTRARD_D003_BACKEND_SECRETS": f"backend:{BACKEND}"}


@pytest.fixture
def lamps(calls):
    return [calls.new_account(DEVICE) for _ in range(3)]


def names(accounts):
    return [account.name for account in accounts]


def bound_to(calls, account, **more):
    """User names by what the list shows of them."""
    reply = calls.bindings(account, **more)
    assert code(reply) == 0
    return {item["user_name"]: item["subscriptionType"] for item in reply.json["roster_item"]}


def test_a_binding_belongs_to_both(calls, phone, lamps):
    reply = calls.bind(phone, names(lamps))
    assert (code(reply), reply.json["failed"], reply.json["state"]) == (0, [], "bound")
    assert bound_to(calls, phone) == {lamp.name: "both" for lamp in lamps}
    for lamp in lamps:
        assert bound_to(calls, lamp) == {phone.name: "both"}
    reply = calls.unbind(lamps[0], [phone.name])  # either side may end it
    assert (code(reply), reply.json["failed"], reply.json["state"]) == (0, [], "unbound")
    assert bound_to(calls, phone) == {lamp.name: "both" for lamp in lamps[1:]}
    assert bound_to(calls, lamps[0]) == {}


def test_an_item_has_the_seeds_members(calls, phone, lamps):
    calls.bind(phone, [lamps[0].name])
    assert calls.bindings(phone).json["roster_item"] == [
        {
            "jid": lamps[0].jid,
            "subscriptionType": "both",
            "nickname": lamps[0].name,
            "groups": {},
            "user_name": lamps[0].name,
            "type": DEVICE,
        }
    ]
    (item,) = calls.bindings(lamps[0]).json["roster_item"]
    assert (item["nickname"], item["user_name"], item["type"]) == (phone.name, phone.name, PHONE)


def test_a_nickname_stands_before_the_user_name(calls, phone, lamps, db):
    Accounts(db).set(lamps[0], "nickname = 'Küche <1> & \"2\"'")
    calls.bind(phone, names(lamps[:2]))
    shown = {item["user_name"]: item["nickname"] for item in calls.bindings(phone).json["roster_item"]}
    assert shown == {lamps[0].name: 'Küche <1> & "2"', lamps[1].name: lamps[1].name}


def test_the_list_may_be_json_or_a_string_that_holds_it(calls, phone, lamps, http):
    request = {"access_token": phone.token, "user_name": phone.name}
    assert code(http.post_json("/set_user_banding", {**request, "user_name_ls": [lamps[0].name]})) == 0
    assert code(http.post_json("/set_user_banding", {**request, "user_name_ls": json.dumps([lamps[1].name])})) == 0
    assert code(http.get("/set_user_banding", {**request, "user_name_ls": f' [\n"{lamps[2].name}" ] '})) == 0
    assert set(bound_to(calls, phone)) == set(names(lamps))


@pytest.mark.parametrize("change", ["bind", "unbind"])
@pytest.mark.parametrize(
    "bad",
    [
        "[]",
        "{}",
        '"lamp"',
        "lamp",
        "[1]",
        "[null]",
        '[""]',
        '[["lamp"]]',
        '["a","b"',
        "[" * 40 + "]" * 40,
        '["\\ud800"]',
    ],
)
def test_what_is_no_list_of_names(plain_http, change, bad):
    path = "/set_user_banding" if change == "bind" else "/set_user_unbanding"
    reply = plain_http.post(path, {"access_token": "x", "user_name": "lamp", "user_name_ls": bad})
    assert code(reply) == 2


# The whole list or nothing


def test_one_bad_name_binds_nobody(calls, phone, lamps):
    unknown = new_name()
    reply = calls.bind(phone, [lamps[0].name, unknown, lamps[1].name])
    assert (code(reply), reply.json["failed"]) == (104, [unknown])
    assert "state" not in reply.json
    assert bound_to(calls, phone) == {}


def test_the_first_failing_name_gives_the_code_and_all_of_them_go_to_failed(calls, phone, lamps, db):
    Accounts(db).set(lamps[0], "consent = 2")
    strange = "no name at all!"
    reply = calls.bind(phone, [lamps[1].name, lamps[0].name, strange, phone.name])
    assert (code(reply), reply.json["failed"]) == (108, [lamps[0].name, strange, phone.name])
    reply = calls.bind(phone, [strange, lamps[1].name, lamps[0].name])
    assert (code(reply), reply.json["failed"]) == (104, [strange, lamps[0].name])
    assert bound_to(calls, phone) == {}


def test_failed_names_are_spelled_as_they_were_sent(calls, phone):
    sent = ["+86" + new_phone(), "0086" + new_phone(), "汉字 🙂", "a\\u0041"]
    assert calls.bind(phone, sent).json["failed"] == sent


def test_one_already_bound_binds_nobody(calls, phone, lamps):
    calls.bind(phone, [lamps[0].name])
    reply = calls.bind(phone, names(lamps))
    assert (code(reply), reply.json["failed"]) == (109, [lamps[0].name])
    assert set(bound_to(calls, phone)) == {lamps[0].name}


def test_one_not_bound_unbinds_nobody(calls, phone, lamps):
    calls.bind(phone, names(lamps[:2]))
    reply = calls.unbind(phone, names(lamps))
    assert (code(reply), reply.json["failed"]) == (110, [lamps[2].name])
    assert set(bound_to(calls, phone)) == set(names(lamps[:2]))


def test_oneself(calls, phone):
    for change in (calls.bind, calls.unbind):
        reply = change(phone, [phone.name])
        assert (code(reply), reply.json["failed"]) == (2, [phone.name])


def test_a_name_twice(calls, phone, lamps):
    for twice in ([lamps[0].name] * 2, [lamps[0].name, lamps[1].name, lamps[0].name]):
        reply = calls.bind(phone, twice)
        assert (code(reply), reply.json["failed"]) == (2, [lamps[0].name])
    other = calls.new_account(PHONE)
    reply = calls.bind(phone, [other.name, "+86" + other.name])  # the same in another spelling
    assert (code(reply), reply.json["failed"]) == (2, ["+86" + other.name])
    assert bound_to(calls, phone) == {}


# Names and types


def test_a_name_that_two_types_share_needs_the_type(calls, phone):
    shared = new_name("shared")
    device, wechat = calls.new_account(DEVICE, shared), calls.new_account(WECHAT, shared)
    assert code(calls.bind(phone, [shared])) == 2
    assert code(calls.get_users(phone.token, [shared])) == 2
    assert code(calls.bind(phone, [shared], type=WECHAT)) == 0
    assert [item["jid"] for item in calls.bindings(phone).json["roster_item"]] == [wechat.jid]
    assert code(calls.bind(phone, [shared], type=PHONE)) == 104
    assert code(calls.unbind(phone, [shared])) == 2
    assert code(calls.unbind(phone, [shared], type=DEVICE)) == 110
    assert code(calls.unbind(phone, [shared], type=WECHAT)) == 0
    # a token says which of them asks
    assert code(calls.bind(device, [phone.name])) == 0
    assert bound_to(calls, device) == {phone.name: "both"} and bound_to(calls, wechat) == {}


def test_two_that_share_a_name_may_be_bound_to_each_other(calls):
    shared = new_phone()
    device, phone = calls.new_account(DEVICE, shared), calls.new_account(PHONE, shared)
    assert code(calls.bind(device, [shared], type=PHONE)) == 0
    assert [item["jid"] for item in calls.bindings(device).json["roster_item"]] == [phone.jid]
    assert [item["jid"] for item in calls.bindings(phone).json["roster_item"]] == [device.jid]


def test_a_backend_that_asks_for_a_shared_name_says_the_type(calls, http, server, phone):
    shared = new_name("shared")
    device, wechat = calls.new_account(DEVICE, shared), calls.new_account(WECHAT, shared)
    server.restart(SECRETS)

    def ask(path, **request):
        return http.post(path, signed(BACKEND, path, request))

    assert code(ask("/get_user_banding", user_name=shared)) == 2
    assert code(ask("/set_user_banding", user_name=shared, user_name_ls=f'["{phone.name}"]')) == 2
    assert code(calls.bind(device, [phone.name])) == 0
    for kind, jids in ((DEVICE, [phone.jid]), (WECHAT, [])):
        listed = ask("/get_user_banding", user_name=shared, type=kind)
        assert [item["jid"] for item in listed.json["roster_item"]] == jids
    assert code(ask("/get_user_banding", user_name=shared, type=PHONE)) == 104
    assert wechat.jid not in {item["jid"] for item in calls.bindings(phone).json["roster_item"]}


# Who asks


def test_without_a_credential_nothing_is_said(calls, phone, lamps):
    calls.bind(phone, [lamps[0].name])
    stranger = Account(PHONE, phone.name, "")
    for reply in (
        calls.bind(stranger, [lamps[1].name]),
        calls.unbind(stranger, [lamps[0].name]),
        calls.bindings(stranger),
    ):
        assert code(reply) == 4
        assert reply.json.get("failed", []) == [] and reply.json.get("roster_item", []) == []
    assert set(bound_to(calls, phone)) == {lamps[0].name}


def test_the_own_name_in_another_spelling_is_the_own_name(calls, phone, lamps):
    again = Account(PHONE, "+86" + phone.name, "", token=phone.token)
    assert code(calls.bind(again, [lamps[0].name])) == 0
    assert set(bound_to(calls, again)) == {lamps[0].name}


# Sizes


def test_a_hundred_names_and_not_one_more(calls, plain_http, server, db):
    """A hundred lamps are registered by a backend, bound at once, seen on both sides and unbound at once."""
    server.restart(SECRETS)
    lamps = [new_name() for _ in range(100)]
    phone = calls.new_account(PHONE)

    def register(name):
        form = {"user_name": name, "password": "x", "type": 2, "device_type": "lamp", **fresh()}
        return code(plain_http.post("/register", signed(APP, "/register", form)))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(register, lamps)) == {0}
    found = calls.get_users(phone.token, lamps)
    assert (code(found), [user["user_name"] for user in found.json["user_info_ls"]]) == (0, lamps)
    for reply in (calls.get_users(phone.token, lamps + [phone.name]), calls.bind(phone, lamps + [new_name()])):
        assert code(reply) == 2
    assert code(calls.bind(phone, lamps)) == 0
    wait_until(lambda: bound_to(calls, phone) == dict.fromkeys(lamps, "both"), what="a hundred bindings seen")
    assert code(calls.unbind(phone, lamps)) == 0
    assert bound_to(calls, phone) == {}
    wait_until(lambda: Accounts(db).count("outbox") == 0, what="a hundred bindings undone")


def test_an_account_may_have_so_many(calls, server):
    server.restart({"REGISTRARD_BINDING_PER_ACCOUNT": "2"})
    phone, other = calls.new_account(PHONE), calls.new_account(PHONE)
    lamps = [calls.new_account(DEVICE) for _ in range(3)]
    assert code(calls.bind(phone, names(lamps[:2]))) == 0
    assert code(calls.bind(phone, [lamps[2].name])) == 2
    assert code(calls.bind(other, [phone.name])) == 2  # neither may the other side
    assert code(calls.unbind(phone, [lamps[0].name])) == 0
    assert code(calls.bind(other, [phone.name])) == 0


# While the XMPP server is away


def test_what_is_wished_meanwhile_is_pending_and_comes_true(calls, phone, lamps, link, server):
    assert code(calls.bind(phone, [lamps[0].name])) == 0
    server.restart({"REGISTRARD_BINDING_WAIT": "100ms"})
    link.refuse()
    reply = calls.bind(phone, [lamps[1].name])
    assert (code(reply), reply.json["state"]) == (0, "pending")
    reply = calls.unbind(phone, [lamps[0].name])
    assert (code(reply), reply.json["state"]) == (0, "pending")
    assert bound_to(calls, phone) == {lamps[1].name: "none"}  # as the server last showed it
    assert code(calls.bind(phone, [lamps[1].name])) == 109
    assert code(calls.unbind(phone, [lamps[0].name])) == 110
    link.heal()
    wait_until(lambda: bound_to(calls, phone) == {lamps[1].name: "both"}, what="the wish made true")
    wait_until(lambda: bound_to(calls, lamps[1]) == {phone.name: "both"}, what="the other side as well")


def test_a_change_of_mind_leaves_the_last_wish(calls, phone, lamps, link, server):
    server.restart({"REGISTRARD_BINDING_WAIT": "0ms"})
    link.refuse()
    for _ in range(3):
        assert code(calls.bind(phone, names(lamps[:2]))) == 0
        assert code(calls.unbind(phone, names(lamps[:2]))) == 0
    assert code(calls.bind(phone, [lamps[0].name])) == 0
    link.heal()
    wait_until(lambda: bound_to(calls, phone) == {lamps[0].name: "both"}, what="the last wish")


# All at once


def test_of_many_who_bind_the_same_at_once_one_succeeds(calls, phone, lamps):
    lamp = lamps[0]
    replies = at_once([lambda: calls.bind(phone, [lamp.name]), lambda: calls.bind(lamp, [phone.name])] * 4)
    assert sorted(code(reply) for reply in replies) == [0] + [109] * 7
    assert bound_to(calls, phone) == {lamp.name: "both"}


def test_lists_that_cross_do_not_lock_each_other(calls, lamps):
    def others(one):
        return [lamp.name for lamp in lamps if lamp is not one]

    for _ in range(3):
        replies = at_once(
            [lambda one=one, ls=ls: calls.bind(one, ls) for one in lamps for ls in (others(one), others(one)[::-1])]
        )
        assert {code(reply) for reply in replies} <= {0, 109}
        for one in lamps:
            for other in bound_to(calls, one):
                assert code(calls.unbind(one, [other])) == 0
