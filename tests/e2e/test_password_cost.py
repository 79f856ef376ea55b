"""argon2 becomes dearer: a login has its verifier made anew at the new cost, also when several log in at once."""

import re

import pytest

from harness.calls import DEVICE
from harness.d000 import Android, salted, status
from harness.d003 import at_once, code
from harness.reg_user import Handset, said
from harness.sms_file import SmsFile

pytestmark = pytest.mark.alone

LOGINS = 12
CHEAP = {"REGISTRARD_PASSWORD_MEMORY": "512", "REGISTRARD_PASSWORD_PASSES": "1"}
DEARER = {"REGISTRARD_PASSWORD_MEMORY": "1024", "REGISTRARD_PASSWORD_PASSES": "3"}


@pytest.fixture
def costs(db):
    """costs(name, kind): memory and passes of an account's verifier."""

    def read(name, kind):
        with db.cursor() as cursor:
            cursor.execute(
                "select verifier from verifiers v join accounts a on a.id = v.account_id where name = %s and kind = %s",
                [name, kind],
            )
            return re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$", cursor.fetchone()[0]).groups()

    return read


@pytest.fixture
def cheap(server):
    server.restart(CHEAP)
    return server


def test_001_logins_at_once(cheap, plain_http, stack, costs):
    app = Handset(plain_http, stack.var, "/reg").registered()
    assert costs("+86" + app.phone, 1) == ("512", "1")
    cheap.restart(DEARER)
    assert [said(reply)["code"] for reply in at_once([app.login] * LOGINS)] == LOGINS * ["200"]
    assert costs("+86" + app.phone, 1) == ("1024", "3")
    assert said(app.login())["code"] == "200"


def test_003_logins_at_once_and_all_their_tokens_are_good(cheap, plain_http, calls, costs):
    lamp = calls.new_account(DEVICE)
    cheap.restart(DEARER)
    form = {"user_name": lamp.name, "password": lamp.password, "type": DEVICE}
    replies = at_once([lambda: plain_http.post("/login", form)] * LOGINS)
    assert [code(reply) for reply in replies] == LOGINS * [0]
    assert costs(lamp.name, 1) == ("1024", "3")
    for reply in replies:
        token = {"access_token": reply.json["access_token"]}
        assert code(plain_http.post("/verify_access_token", token)) == 0


def test_000_logins_at_once(cheap, plain_http, stack, costs):
    app = Android(plain_http, SmsFile(stack.var)).registered()
    cheap.restart(DEARER)
    form = {"phone": app.phone, "salt": app.salt, "password": salted(app.password, app.salt)}
    assert [status(reply) for reply in at_once([lambda: app.post("login", form)] * LOGINS)] == LOGINS * [200]
    assert costs("+86" + app.phone, 0) == ("1024", "3")
    assert costs("+86" + app.phone, 1) == ("512", "1")  # no login has shown it


def test_a_cost_that_falls_changes_nothing(cheap, calls, costs):
    lamp = calls.new_account(DEVICE)
    cheap.restart({**CHEAP, "REGISTRARD_PASSWORD_MEMORY": "256"})
    calls.log_in(lamp)
    assert costs(lamp.name, 1) == ("512", "1")
