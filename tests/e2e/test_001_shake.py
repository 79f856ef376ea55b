"""The shake of dialect 001: who may, what it costs, what it wins, and two hundred at once."""

import concurrent.futures
import re

import pytest

from harness.calls import PHONE, Account, new_phone
from harness.reg_user import Handset, code, said

POINTS, MONEY = 1, 2


@pytest.fixture
def handset(plain_http, stack):
    return lambda prefix="/reg", **more: Handset(plain_http, stack.var, prefix, **more)


@pytest.fixture
def points(server):
    """points(shake=10, prizes="1:10000", …): other settings for this test."""
    return lambda **settings: server.restart({f"REGISTRARD_POINTS_{name.upper()}": str(value) for name, value in settings.items()})


@pytest.fixture
def ledger(db):
    """ledger(uid, currency): the amounts, oldest first; their sum is the last balance, and no balance is below zero."""

    def read(uid, currency):
        with db.cursor() as cursor:
            cursor.execute("select amount, balance from ledger where account_id = %s and currency = %s order by seq", [uid, currency])
            entries = cursor.fetchall()
        assert all(balance >= 0 for _, balance in entries)
        assert not entries or sum(amount for amount, _ in entries) == entries[-1][1]
        return [amount for amount, _ in entries]

    return read


def at_once(app, count):
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        return [said(reply)["code"] for reply in pool.map(lambda _: app.shake(), range(count))]


@pytest.mark.parametrize("prize,money", [("0.50", "0.50"), ("12", "12.00"), ("1234.05", "1234.05")])
def test_a_prize(handset, points, ledger, prize, money):
    points(prizes=f"{prize}:10000", day_budget=10**8)
    app = handset().registered()
    assert said(app.shake()) == {"code": "200", "uid": app.uid, "money": money}
    assert ledger(app.uid, MONEY) == [round(float(money) * 100)]
    assert ledger(app.uid, POINTS) == [100, -10]


def test_no_prize(handset, points, ledger):
    points(prizes="")
    app = handset().registered()
    assert code(app.shake()) == "2001"
    assert ledger(app.uid, POINTS) == [100, -10]
    assert ledger(app.uid, MONEY) == []


def test_not_enough_points(handset, points, ledger):
    points(signing_up=29, prizes="")
    app = handset().registered()
    assert [code(app.shake()) for _ in range(4)] == ["2001", "2001", "4040", "4040"]
    assert ledger(app.uid, POINTS) == [29, -10, -10]


def test_nobody_has_points(handset, points, ledger):
    points(signing_up=0)
    app = handset().registered()
    assert code(app.shake()) == "4040"
    assert ledger(app.uid, POINTS) == []


def test_odds_are_as_configured(handset, points):
    points(signing_up=2000, prizes="0.01:5000", day_budget=10**8)
    codes = at_once(handset().registered(), 200)
    assert 50 < codes.count("200") < 150  # 100 on average; outside once in 10^12
    assert codes.count("200") + codes.count("2001") == 200


def test_two_hundred_at_once_on_points_for_three(handset, points, ledger):
    points(signing_up=30, prizes="0.50:10000", day_budget=10**8)
    app = handset().registered()
    codes = at_once(app, 200)
    assert codes.count("200") == 3 and codes.count("4040") == 197
    assert ledger(app.uid, POINTS) == [30, -10, -10, -10]
    assert ledger(app.uid, MONEY) == [50, 50, 50]


def test_a_days_budget_is_not_overrun(handset, points, ledger, db):
    with db.cursor() as cursor:
        cursor.execute("delete from prize_days")
    points(signing_up=1000, prizes="3:10000", day_budget=1000)
    apps = [handset().registered() for _ in range(3)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        codes = sum(pool.map(lambda app: at_once(app, 30), apps), [])
    assert codes.count("200") == 3 and codes.count("2001") == 87  # 3 of 3 yuan are in 10
    assert sum(sum(ledger(app.uid, MONEY)) for app in apps) == 900
    assert all(ledger(app.uid, POINTS) == [1000] + 30 * [-10] for app in apps)  # it costs points all the same
    with db.cursor() as cursor:
        cursor.execute("select budget, spent from prize_days")
        assert cursor.fetchall() == [(1000, 900)]


def test_points_come_with_every_registration_and_for_inviting(handset, ledger, calls, db):
    inviter = handset().registered()
    invitation = said(inviter.login())["yaoqing"]
    invited = handset().registered(yaoqing=invitation)
    assert ledger(inviter.uid, POINTS) == [100, 50]
    assert ledger(invited.uid, POINTS) == [100]
    other = handset("/user").registered()
    assert ledger(other.uid, POINTS) == [100]
    lamp = calls.new_account(2)
    with db.cursor() as cursor:
        cursor.execute("select id from accounts where name = %s", [lamp.name])
        assert ledger(cursor.fetchone()[0], POINTS) == [100]


def id_of(db, phone):
    with db.cursor() as cursor:
        cursor.execute("select id from accounts where name = %s and state < 2", ["+86" + phone])
        return cursor.fetchone()[0]


def test_a_phone_that_comes_back_is_not_welcomed_again(handset, ledger, calls, server):
    inviter = handset().registered()
    invitation = said(inviter.login())["yaoqing"]
    phone = handset().registered(yaoqing=invitation).phone
    for round_trip in range(3):
        if round_trip == 1:
            server.restart()  # it is not a matter of memory
        assert calls.cancel(Account(PHONE, phone, "correct horse")).json["result"] == 0
        app = handset(phone=phone).registered(yaoqing=invitation)
        assert ledger(app.uid, POINTS) == []
        assert code(app.shake()) == "4040"
    assert ledger(inviter.uid, POINTS) == [100, 50]


def test_an_unproved_phone_shakes_but_wins_nothing(handset, points, ledger, calls):
    """It takes no more than a picture to make one."""
    points(prizes="0.50:10000", day_budget=10**8)
    account = calls.new_account(PHONE)
    app = handset(phone=account.name, password=account.password)
    assert said(app.login())["code"] == "200"
    assert [code(app.shake()) for _ in range(10)] == 10 * ["2001"]
    assert code(app.shake()) == "4040"
    assert ledger(app.uid, MONEY) == []
    app.password = "another one"
    assert code(app.pwd(yzm=app.fresh_code())) == "200"  # its owner: an account of its own
    assert said(app.login())["code"] == "200"
    assert said(app.shake())["money"] == "0.50"


def test_a_stranger_does_not_use_up_the_owners_welcome(handset, ledger, calls, db):
    phone = new_phone()
    for welcome in ([100], []):
        account = calls.new_account(PHONE, phone)
        assert ledger(id_of(db, phone), POINTS) == welcome
        assert calls.cancel(account).json["result"] == 0
    calls.new_account(PHONE, phone)
    assert ledger(handset(phone=phone).registered().uid, POINTS) == [100]


def test_a_registration_that_is_undone_leaves_no_points(handset, ledger, link, server):
    inviter = handset().registered()
    invitation = said(inviter.login())["yaoqing"]
    server.restart({"REGISTRARD_BINDING_REGISTER_WAIT": "500ms"})
    invited = handset()
    sent = invited.fresh_code()
    link.stall()
    assert code(invited.reg(yzm=sent, yaoqing=invitation)) == "400"
    assert ledger(inviter.uid, POINTS) == [100]
    link.heal()
    server.wait_ready()
    assert code(invited.reg(yzm=sent, yaoqing=invitation)) == "200"
    assert ledger(inviter.uid, POINTS) == [100, 50]


def test_who_may_not(handset, ledger):
    app, other = handset().registered(), handset().registered()
    utime = app.utime()
    for wrong in (
        {"uid": "999999999999"},
        {"uid": other.uid},
        {"xid": other.xid},
        {"sec": app.check(utime, other.phone), "utime": utime},
        {"sec": str((int(app.check(utime)) + 1) % 49477), "utime": utime},
        {"sec": "99999", "utime": utime},
    ):
        assert code(app.shake(**wrong)) == "4000", wrong
    assert ledger(app.uid, POINTS) == [100]


def test_the_handset_is_the_one_of_the_latest_login(handset):
    app = handset()
    assert code(app.reg(yzm=app.fresh_code())) == "200"
    old, new = app.xid, "N" * 32
    app.uid = said(app.login())["uid"]
    assert code(app.shake(xid=new)) == "4000"
    user = handset("/user", phone=app.phone)
    user.xid = new
    assert said(user.login())["code"] == "200"  # through 002
    assert code(app.shake(xid=old)) == "4000"
    assert said(app.shake(xid=new))["code"] in ("200", "2001")


def test_registering_makes_it_the_latest(handset, db):
    app = handset()
    assert code(app.reg(yzm=app.fresh_code())) == "200"
    app.uid = str(id_of(db, app.phone))
    assert said(app.shake())["code"] in ("200", "2001")


def test_a_phone_that_another_dialect_made_has_no_handset_yet(handset, calls):
    account = calls.new_account(1)
    app = handset(phone=account.name)
    app.uid = "1"
    user = handset("/user", phone=account.name, password=account.password)
    assert said(user.login())["code"] == "200"
    app.uid = user.uid
    assert code(app.shake()) == "4000"
    app.xid = user.xid
    assert said(app.shake())["code"] in ("200", "2001")


def test_clocks_of_milliseconds_give_either_remainder(handset):
    app = handset().registered()
    utime = "1453000000000"
    difference = int(app.phone) - int(utime)
    assert difference < 0
    floored = difference % 49477
    assert said(app.shake(utime=utime, sec=str(floored)))["code"] in ("200", "2001")
    assert said(app.shake(utime=utime, sec=str(floored - 49477)))["code"] in ("200", "2001")
    assert code(app.shake(utime=utime, sec=str(floored + 49477))) == "4000"
    assert code(app.sms(utime=utime, sec=str(floored - 49477))) == "200"
    assert re.fullmatch(r"\d{6}", app.codes()[-1])
