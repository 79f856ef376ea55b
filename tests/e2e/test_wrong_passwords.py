"""An account's own safety: wrong passwords slow it down, many stop it until a code, and nobody locks a device out."""

import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.d003 import Accounts, at_once, code
from harness.d004 import Client, challenge, said
from harness.sms_file import SmsFile

QUICK = {
    "REGISTRARD_PASSWORD_SLOW_AFTER": "3",
    "REGISTRARD_PASSWORD_SLOW_DELAY": "300ms",
    "REGISTRARD_PASSWORD_SLOW_DELAY_MAX": "600ms",
    "REGISTRARD_PASSWORD_STOP_AFTER": "6",
}


class Waits:
    """What Postgres knows of wrong passwords."""

    def __init__(self, db):
        self.db = db

    def _all(self, statement, *values):
        with self.db.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else None

    def rows(self, account_id):
        """Source to count and whether tries must wait."""
        found = self._all("select source, count, next_at > now() from wrong_passwords where account_id = %s", account_id)
        return {source: (count, waits) for source, count, waits in found}

    def over(self, account_id):
        """The waiting is over."""
        self._all("update wrong_passwords set next_at = now() where account_id = %s", account_id)


@pytest.fixture
def waits(db):
    return Waits(db)


@pytest.fixture
def account_id(db):
    return lambda account: Accounts(db).get(account, "id")


@pytest.fixture
def login(http, picture):
    """login(account, password): its code, in dialect 003."""

    def log_in(account, password):
        form = {"user_name": account.name, "password": password, "type": account.type}
        if account.type == PHONE:
            verify_id, answer = picture()
            form.update(verify_id=verify_id, verify_code=answer)
        return code(http.post("/login", form))

    return log_in


def test_ten_wrong_passwords_make_the_account_wait(calls, login, waits, account_id):
    phone = calls.new_account(PHONE)
    number = account_id(phone)
    for _ in range(9):
        assert login(phone, "wrong") == 102
    assert waits.rows(number) == {"": (9, False)}
    assert login(phone, "wrong") == 102
    assert waits.rows(number) == {"": (10, True)}
    assert login(phone, phone.password) == 102  # not looked at
    assert login(phone, "wrong") == 102
    assert waits.rows(number)[""][0] == 10  # nor counted
    time.sleep(1.1)
    assert login(phone, phone.password) == 0
    assert waits.rows(number) == {}


def test_a_right_password_begins_anew(calls, login, waits, account_id):
    phone = calls.new_account(PHONE)
    for _ in range(3):
        for _ in range(9):
            assert login(phone, "wrong") == 102
        assert login(phone, phone.password) == 0
    assert waits.rows(account_id(phone)) == {}


def test_the_wait_grows_up_to_its_cap(server, calls, login, waits, account_id, db):
    server.restart({**QUICK, "REGISTRARD_PASSWORD_SLOW_DELAY": "10s", "REGISTRARD_PASSWORD_SLOW_DELAY_MAX": "30s",
                    "REGISTRARD_PASSWORD_STOP_AFTER": "100"})
    phone = calls.new_account(PHONE)
    number = account_id(phone)
    seen = []
    for _ in range(7):
        assert login(phone, "wrong") == 102
        with db.cursor() as cursor:
            cursor.execute("select extract(epoch from next_at - now()) from wrong_passwords where account_id = %s", (number,))
            seen.append(round(float(cursor.fetchone()[0])))
        waits.over(number)
    assert seen == [0, 0, 10, 20, 30, 30, 30]


def test_after_many_no_password_opens_it_until_a_code_does(server, calls, http, stack, login, waits, account_id):
    server.restart(QUICK)
    app = Client(http, SmsFile(stack.var)).register("123456")
    phone = Account(PHONE, app.phone, "123456")
    number = account_id(phone)
    for _ in range(6):
        assert login(phone, "wrong") == 102
        waits.over(number)
    assert waits.rows(number)[""][0] == 6
    assert login(phone, "123456") == 102
    assert said(app.login("123456")) == (0, "密码错误")
    assert code(calls.cancel(phone)) == 102
    # the owner with a code
    sent = http.post("/android/getMes", {"phone": phone.name, "type": 1}).json
    assert http.post("/android/verifyMes", {"temp_id": sent["temp_id"], "sms_code": app.sms.code(phone.name)}).json["status"] == 200
    reset = {"phone": phone.name, "password": "another", "temp_id": sent["temp_id"]}
    assert http.post("/android/resetPassword", reset).json["status"] == 200
    assert waits.rows(number) == {}
    assert login(phone, "123456") == 102
    assert login(phone, "another") == 0
    assert said(app.login("another")) == (1, "成功登录")


def test_every_way_to_guess_counts_together(server, http, stack, login, waits, account_id, calls):
    server.restart({**QUICK, "REGISTRARD_PASSWORD_SLOW_DELAY": "1m", "REGISTRARD_PASSWORD_SLOW_DELAY_MAX": "1m"})
    app = Client(http, SmsFile(stack.var)).register("123456")
    phone = Account(PHONE, app.phone, "123456")
    assert login(phone, "wrong") == 102
    assert said(app.login("wrong")) == (0, "密码错误")
    assert code(calls.cancel(Account(PHONE, phone.name, "wrong"))) == 102
    assert waits.rows(account_id(phone)) == {"": (3, True)}
    assert said(app.login("123456")) == (0, "密码错误")
    assert login(phone, "123456") == 102


def test_what_cannot_be_a_guess_does_not_count(http, stack, login, waits, account_id, calls):
    app = Client(http, SmsFile(stack.var)).register("123456")
    number = account_id(Account(PHONE, app.phone, ""))
    recorded = challenge(app.phone, "123456")
    assert said(http.post_json("/client/login", recorded)) == (1, "成功登录")
    assert said(http.post_json("/client/login", recorded)) == (0, "密码错误")  # sent again
    assert said(app.login("123456", time_stamp=int(time.time()) - 301)) == (0, "密码错误")  # old
    salt = http.post("/android/getSalt", {"phone": app.phone}).json["salt"]
    old = {"phone": app.phone, "salt": salt, "password": "0" * 32}
    assert http.post("/android/login", old).json["status"] == 500  # 000 never opens this account
    assert waits.rows(number) == {}
    assert said(app.login("wrong")) == (0, "密码错误")
    assert said(http.post_json("/client/login", recorded)) == (0, "密码错误")
    assert waits.rows(number) == {"": (1, False)}  # an old login does not begin the count anew


def test_a_device_is_slowed_for_who_guesses_and_for_nobody_else(server, calls, login, waits, account_id, db):
    server.restart({**QUICK, "REGISTRARD_PASSWORD_SLOW_DELAY": "1m", "REGISTRARD_PASSWORD_SLOW_DELAY_MAX": "1m"})
    lamp = calls.new_account(DEVICE)
    number = account_id(lamp)
    for count in range(1, 12):
        assert login(lamp, "wrong") == 102
        assert waits.rows(number) == {"127.0.0.1": (count, count >= 3)}
        waits.over(number)
    assert login(lamp, lamp.password) == 0  # never shut for good
    with db.cursor() as cursor:
        cursor.execute("insert into wrong_passwords values (%s, '192.0.2.7', 1000, now() + interval '1 day')", (number,))
    assert login(lamp, lamp.password) == 0
    assert list(waits.rows(number)) == ["192.0.2.7"]


def test_a_crowd_gets_no_more_guesses(server, calls, http, waits, account_id):
    """While its tries are under way at once, too: whoever finds the password after the limit does not hear of it."""
    server.restart({**QUICK, "REGISTRARD_PASSWORD_SLOW_DELAY": "1m", "REGISTRARD_PASSWORD_SLOW_DELAY_MAX": "1m",
                    "REGISTRARD_PASSWORD_STOP_AFTER": "100"})
    lamp = calls.new_account(DEVICE)

    def guess(password):
        return lambda: code(http.post("/login", {"user_name": lamp.name, "password": password, "type": DEVICE}))

    assert at_once([guess(f"wrong {number}") for number in range(20)]) == [102] * 20
    assert waits.rows(account_id(lamp)) == {"127.0.0.1": (3, True)}


def test_many_right_logins_at_once_are_no_guesses(calls, http):
    lamp = calls.new_account(DEVICE)
    form = {"user_name": lamp.name, "password": lamp.password, "type": DEVICE}
    assert at_once([lambda: code(http.post("/login", form))] * 20) == [0] * 20


def test_cancelling_forgets_who_tried(calls, login, db):
    lamp = calls.new_account(DEVICE)
    assert login(lamp, "wrong") == 102
    assert code(calls.cancel(lamp)) == 0
    with db.cursor() as cursor:
        cursor.execute("select count(*) from wrong_passwords w join accounts a on a.id = w.account_id where a.state = 2")
        assert cursor.fetchone() == (0,)
    assert login(Account(DEVICE, new_name(), "x"), "x") == 102  # nobody's tries are kept
