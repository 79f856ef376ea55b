"""002's profile: what must be filled in, what is refused, what comes back, and what is erased."""

import pytest

from harness.reg_user import Handset, code, said

CARD = "11010519491231002X"  # the standard's own example
FILLED_IN = {
    "company_logo": "https://example.org/logo.png",
    "company_name": "创合 & Söhne <GmbH>",
    "company_address": "1 \"Main\" Street\\\n\t北京 🏙",
    "user_name": "张三 \u0001\u007f\u2028\ufeff\U0010ffff",
    "identity_card": CARD,
    "qq_number": "10001",
}


@pytest.fixture
def handset(plain_http, stack):
    return lambda prefix="/user", **more: Handset(plain_http, stack.var, prefix, **more)


@pytest.fixture
def app(handset):
    return handset().registered()


def test_a_profile_is_filled_in_and_read(app, handset):
    friend = handset().registered()
    assert said(app.own("checkFinishUserInfo", utime=None)) == {"code": "200", "check_reg": "2"}
    given = said(app.own("regDetail", **FILLED_IN, recommend_user_id=friend.uid))
    assert given == {"code": "200", "uid": app.uid, "sec": app.sec, "check_reg": "1", "user_role": "1"}
    assert said(app.own("checkFinishUserInfo", utime=None)) == {"code": "200", "check_reg": "1"}
    assert said(app.own("getUserInfo")) == {"code": "200", **FILLED_IN, "recommend_phone": friend.phone}
    assert said(app.own("getUserInfo"))["code"] == "200"  # nothing is ended by it


def test_check_by_get(app):
    assert said(app.http.get("/user/checkFinishUserInfo", {"uid": app.uid, "sec": app.sec}))["check_reg"] == "2"
    assert code(app.http.get("/user/checkFinishUserInfo", {"uid": app.uid, "sec": "0" * 16})) == "4000"
    assert code(app.http.get("/user/checkFinishUserInfo", {"uid": app.uid})) == "400"


def test_nothing_is_filled_in_yet(app):
    empty = dict.fromkeys([*FILLED_IN, "recommend_phone"], "")
    assert said(app.own("getUserInfo")) == {"code": "200", **empty}


def test_what_may_be_left_out(app):
    least = {**FILLED_IN, "company_logo": "", "qq_number": None}
    assert said(app.own("regDetail", **least, recommend_user_id=""))["check_reg"] == "1"
    read = said(app.own("getUserInfo"))
    assert (read["company_logo"], read["qq_number"], read["recommend_phone"]) == ("", "", "")


@pytest.mark.parametrize("name", ["company_name", "company_address", "user_name", "identity_card"])
@pytest.mark.parametrize("value", [None, ""])
def test_what_must_be_filled_in(app, name, value):
    assert code(app.own("regDetail", **{**FILLED_IN, name: value})) == "400"
    assert said(app.own("checkFinishUserInfo"))["check_reg"] == "2"


@pytest.mark.parametrize("card", [CARD, CARD.lower(), "110105491231002", "440524188001010014"])
def test_an_identity_card_is_answered_as_sent(app, card):
    assert said(app.own("regDetail", **{**FILLED_IN, "identity_card": card}))["code"] == "200"
    assert said(app.own("getUserInfo"))["identity_card"] == card


@pytest.mark.parametrize("card", ["110105194912310021", "11010519491231002", "1101054912310022", "1101O5491231002", "x" * 18])
def test_no_identity_card(app, card):
    assert code(app.own("regDetail", **{**FILLED_IN, "identity_card": card})) == "400"


@pytest.mark.parametrize("logo", ["example.org/logo.png", "ftp://example.org/", "javascript:alert(1)", "http://", "https:///x",
                                  "http://example.org/a b", "http://example.org/\n"])
def test_no_web_address(app, logo):
    assert code(app.own("regDetail", **{**FILLED_IN, "company_logo": logo})) == "400"


def test_who_may_recommend(app, handset, db):
    gone = handset().registered()
    with db.cursor() as cursor:
        cursor.execute("update accounts set state = 2, name = null, jid_password = null, jid_key = null, xid_hash = null "
                       "where id = %s", [gone.uid])
    for nobody in (app.uid, gone.uid, "999999999999", "0", "-1", "x"):
        assert code(app.own("regDetail", **FILLED_IN, recommend_user_id=nobody)) == "400", nobody


def test_a_recommendation_is_no_invitation(app, handset):
    friend = handset().registered()
    assert said(app.own("regDetail", **FILLED_IN, recommend_user_id=friend.uid))["code"] == "200"
    reg = handset("/reg", phone=app.phone)
    assert said(reg.login())["pid"] == "0"


@pytest.mark.parametrize("name", ["checkFinishUserInfo", "regDetail", "getUserInfo", "loginout"])
def test_whose_profile(app, handset, name):
    other = handset().registered()
    for wrong in ({"sec": other.sec}, {"uid": other.uid}, {"uid": "999999999999"}, {"sec": "0" * 16}):
        assert code(app.own(name, **{**FILLED_IN, **wrong})) == "4000", wrong


def test_the_identity_card_is_sealed_at_rest(app, db):
    assert said(app.own("regDetail", **FILLED_IN))["code"] == "200"
    with db.cursor() as cursor:
        cursor.execute("select identity_card, identity_key, p::text from profiles p where account_id = %s", [app.uid])
        card, key, row = cursor.fetchone()
    assert CARD.encode() not in bytes(card) and CARD not in row
    assert key > 0


def test_a_cancelled_accounts_profile_is_erased(app, handset, calls, db):
    invited = handset("/reg").registered()
    assert said(app.own("regDetail", **FILLED_IN, recommend_user_id=invited.uid))["code"] == "200"
    assert said(invited.own("loginout"))["code"] == "200"
    verify_id, answer = calls.picture()
    gone = calls.http.post("/cancel", {"user_name": app.phone, "password": app.password, "type": 1, "verify_id": verify_id,
                                       "verify_code": answer})
    assert gone.json["result"] == 0
    with db.cursor() as cursor:
        cursor.execute("select count(*) from profiles where account_id = %s", [app.uid])
        assert cursor.fetchone() == (0,)
        cursor.execute("select xid_hash, inviter from accounts where id = %s", [app.uid])
        assert cursor.fetchone() == (None, None)
