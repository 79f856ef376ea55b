"""What stands behind dialect 000: JIDs, sessions, nicknames in rosters, phones that nobody had proved."""

import statistics
import time

import pytest

from harness.calls import DEVICE, PHONE
from harness.d000 import Android, salted, status
from harness.d003 import code, wait_until

AT_ONCE = 5  # seconds


@pytest.fixture
def app(http, sms):
    return Android(http, sms)


def row(db, statement, *values):
    with db.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


# The JID


def test_chat_token_is_the_jids_password(app, xmpp_client):
    app.registered()
    xmpp_client(app.jid, app.chat_token)
    kept = app.jid, app.chat_token
    assert status(app.login()) == 200
    assert (app.jid, app.chat_token) == kept


def test_the_jid_says_nothing(app, stack):
    app.registered()
    local, domain = app.jid.split("@")
    assert domain == stack.domain
    assert app.phone not in local and app.account not in local and len(local) >= 20 and local == local.lower()


def test_a_reset_keeps_the_jid_and_ends_the_sessions(app, xmpp_client):
    app.registered()
    jid, chat_token, session = app.jid, app.chat_token, app.with_cookie
    assert status(app.rename("before", **session)) == 200
    assert status(app.reset(app.verified("1"), "new")) == 200
    assert status(app.rename("after", **session)) == 500
    assert status(app.post("user/modify_information", {"id": app.id, "nickname": "after", "token": app.token})) == 500
    app.password = "new"
    assert status(app.login()) == 200
    assert (app.jid, app.chat_token) == (jid, chat_token)
    xmpp_client(jid, chat_token)


# Sessions


def test_the_session_cookie_is_careful(http, plain_http, sms):
    over_tls, plain = Android(http, sms).registered(), Android(plain_http, sms).registered()
    for app, secure in ((over_tls, True), (plain, "")):
        assert app.cookie["httponly"] is True
        assert app.cookie["secure"] == secure
        assert app.cookie["samesite"] == "Lax"
        assert app.cookie["path"] == "/android"
        assert int(app.cookie["max-age"]) == 30 * 24 * 3600
        assert app.cookie.value == app.token and len(app.token) >= 43


def test_modify_information_is_for_oneself(app, http, sms, db):
    app.registered()
    other = Android(http, sms).registered()
    assert status(app.rename("n")) == 500  # no credential
    assert status(app.rename("n", headers={"Cookie": "registrar_session=" + "0" * 64})) == 500
    assert status(app.rename("n", account_id=other.id, **app.with_cookie)) == 500
    assert status(app.post("user/modify_information", {"id": app.id, "nickname": "n", "token": other.token})) == 500
    assert status(app.post("user/modify_information", {"id": app.id, "nickname": "by token", "token": app.token})) == 200
    assert row(db, "select nickname from accounts where id = %s", app.id) == ("by token",)
    assert row(db, "select nickname from accounts where id = %s", other.id)[0] is None
    for bad in ("", "x" * 65, "a\x07b"):
        assert status(app.rename(bad, **app.with_cookie)) == 500
    assert status(app.rename("昵" * 64, **app.with_cookie)) == 200


def test_a_session_of_another_dialect_is_none(app, calls):
    app.registered()
    reply = calls.log_in(calls.new_account(DEVICE))
    assert status(app.post("user/modify_information", {"id": app.id, "nickname": "n", "token": reply.token})) == 500
    theirs = calls.http.get("/verify_access_token", {"access_token": app.token})
    assert code(theirs) == 4


def test_no_secret_is_kept_in_clear(app, db):
    app.registered()
    for table in ("accounts", "sessions", "verifiers"):
        with db.cursor() as cursor:
            cursor.execute(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")
            text = cursor.fetchone()[0]
        for secret in (app.token, app.chat_token, salted(app.password, app.salt)):
            assert secret not in text and secret.encode().hex() not in text


# Nicknames


def test_a_nickname_reaches_the_rosters_of_those_bound(app, calls, xmpp_client):
    app.registered()
    lamps = [calls.new_account(DEVICE), calls.new_account(DEVICE)]
    for lamp in lamps:
        assert code(calls.bind(lamp, [app.phone])) == 0
    mine = xmpp_client(app.jid, app.chat_token)
    theirs = [xmpp_client(lamp.jid, lamp.jid_password) for lamp in lamps]
    for client, lamp in zip(theirs, lamps):
        client.wait_item(app.jid)
        mine.wait_item(lamp.jid)
    for nickname in ("alcohol", "<b>&amp; 昵称"):
        assert status(app.rename(nickname, **app.with_cookie)) == 200
        for client in theirs:
            client.wait(lambda client=client: client.items[app.jid]["name"] == nickname, AT_ONCE, "the nickname")
            assert client.items[app.jid]["subscription"] == "both"
    for lamp in lamps:
        assert mine.items[lamp.jid]["name"] == lamp.name


def bound(calls, app):
    """A lamp that is bound to the app."""
    lamp = calls.new_account(DEVICE)
    assert code(calls.bind(lamp, [app.phone])) == 0
    return lamp


def name_seen(db, app):
    """What the roster of who is bound to the app shows, once nothing is left to be done."""
    wait_until(lambda: row(db, "select count(*) from outbox where %s in (low, high)", app.id) == (0,))
    return row(db, "select nickname from roster_seen where peer_id = %s", app.id)[0]


@pytest.mark.parametrize("nickname", [" outer  spaces ", " ", "\u3000", "\U0001f600" * 64, "a\u2028b", "\ufdd0"])
def test_a_nickname_comes_back_from_the_server_as_it_was_given(app, calls, db, nickname):
    bound(calls, app.registered())
    assert status(app.rename(nickname, **app.with_cookie)) == 200
    assert name_seen(db, app) == nickname


def test_what_no_roster_holds_is_refused(app, calls, db):
    bound(calls, app.registered())
    assert status(app.rename("kept", **app.with_cookie)) == 200
    for nickname in ("a\tb", "a\nb", "a\rb", "\x01", "\x1b[31m", "\x7f", "\x85", "\x9b31m", "\ufffe", "\uffff", "x" * 65):
        assert status(app.rename(nickname, **app.with_cookie)) == 500, ascii(nickname)
    assert name_seen(db, app) == "kept"
    # what stands in the database since before it was refused does no harm
    with db.cursor() as cursor:
        cursor.execute("update accounts set nickname = E'a\\tb' where id = %s", [app.id])
    other = calls.new_account(DEVICE)
    reply = calls.bind(other, [app.phone])
    assert (code(reply), reply.json["state"]) == (0, "bound")


def test_an_account_named_by_a_line_break_is_bound_all_the_same(app, calls):
    """`account` is shown to its owner alone, so it may be any text; what stands in rosters is nickname or phone."""
    app.account += "\n\t "
    bound(calls, app.registered())


def test_the_same_nickname_again_writes_nothing(app, calls, db):
    bound(calls, app.registered())
    version = "select max(version) from bindings where %s in (low, high)"
    assert status(app.rename("once", **app.with_cookie)) == 200
    before = row(db, version, app.id)
    for _ in range(30):
        assert status(app.rename("once", **app.with_cookie)) == 200
    assert row(db, version, app.id) == before
    assert status(app.rename("twice", **app.with_cookie)) == 200
    assert row(db, version, app.id) > before


def test_nicknames_are_limited_for_an_account(app, server, http, sms):
    server.restart({"REGISTRARD_LIMITS_NICKNAMES_PER_HOUR": "3"})
    app.registered()
    other = Android(http, sms).registered()
    for number in range(3):
        assert status(app.rename(f"n{number}", **app.with_cookie)) == 200
    reply = app.rename("one too many", **app.with_cookie)
    assert status(reply) == 500 and int(reply.headers["Retry-After"]) >= 1
    assert status(app.rename("n2", **app.with_cookie)) == 200  # which it has
    assert status(other.rename("n", **other.with_cookie)) == 200


# Unproved phones


def displaced(calls, app, xmpp_client):
    """A stranger's account on the app's phone, bound and online; and who is bound to it."""
    stranger, lamp = calls.new_account(PHONE, app.phone, "the stranger's"), calls.new_account(DEVICE)
    assert code(calls.bind(lamp, [app.phone])) == 0
    friend = xmpp_client(lamp.jid, lamp.jid_password)
    friend.wait_item(stranger.jid)
    return stranger, lamp, friend, xmpp_client(stranger.jid, stranger.jid_password)


def assert_gone(calls, stranger, lamp, friend, client):
    friend.wait_no_item(stranger.jid, AT_ONCE)
    client.wait_lost(AT_ONCE)
    assert code(calls.http.get("/verify_access_token", {"access_token": stranger.token})) == 4
    assert code(calls.login(stranger)) == 102
    assert calls.bindings(lamp).json["roster_item"] == []


def test_the_owners_code_displaces_an_unproved_phone(app, calls, xmpp_client, db):
    stranger, lamp, friend, client = displaced(calls, app, xmpp_client)
    app.registered()
    assert app.jid != stranger.jid
    assert_gone(calls, stranger, lamp, friend, client)
    xmpp_client(app.jid, app.chat_token)
    assert row(db, "select phone_proved from accounts where id = %s", app.id) == (True,)
    assert status(app.get_mes()) == 300  # proved now: not free any more
    assert code(calls.register(stranger)) == 103


def test_a_reset_of_an_unproved_phone_makes_a_new_account(app, calls, xmpp_client, db):
    stranger, lamp, friend, client = displaced(calls, app, xmpp_client)
    reply = app.reset(app.verified("1"), "mine")
    assert status(reply) == 200
    app.salt, app.password = reply.json["salt"], "mine"
    assert_gone(calls, stranger, lamp, friend, client)
    assert status(app.login()) == 200
    assert app.jid != stranger.jid
    xmpp_client(app.jid, app.chat_token)
    assert row(db, "select phone_proved from accounts where id = %s", app.id) == (True,)


def test_003_answers_103_for_an_unproved_phone(app, calls):
    stranger = calls.new_account(PHONE, app.phone)
    assert code(calls.register(stranger)) == 103


# Bans


def test_a_banned_account(app, ctl):
    app.registered()
    session, temp_id = app.with_cookie, app.verified("1")
    ctl.ban(app.phone)
    assert status(app.login()) == 500
    assert status(app.login("wrong")) == 500
    assert status(app.rename("n", **session)) == 500
    assert status(app.reset(temp_id, "x")) == 500
    assert status(app.get_mes()) == 300  # the phone stays registered
    ctl.unban(app.phone)
    assert status(app.reset(temp_id, "x")) == 200  # the ban spent no code
    assert status(app.login("x")) == 200


def test_a_banned_unproved_phone_is_not_free(app, calls, ctl):
    calls.new_account(PHONE, app.phone)
    temp_id = app.verified()
    ctl.ban(app.phone)
    assert status(app.get_mes()) == 300
    assert status(app.register(temp_id)) == 270


# Time


def test_an_unknown_phone_takes_as_long_as_a_wrong_password(server, http, sms):
    """On hashing as dear as production's."""
    known = Android(http, sms).registered()
    unknown = Android(http, sms)
    unknown.salt = known.salt
    server.restart({"REGISTRARD_PASSWORD_MEMORY": "19456", "REGISTRARD_PASSWORD_PASSES": "2"})
    known.login()  # made anew for the dearer hash

    def seconds(one):
        begun = time.monotonic()
        assert status(one.login("wrong")) == 500
        return time.monotonic() - begun

    times = [(seconds(known), seconds(unknown)) for _ in range(15)]
    wrong, nobody = (statistics.median(column) for column in zip(*times))
    assert 0.7 < wrong / nobody < 1.4, (wrong, nobody)
