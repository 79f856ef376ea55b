"""Claim codes: a device makes one, a phone enters it, and both see each other."""

import re
import zlib
from xml.etree import ElementTree

import pytest

from harness.calls import DEVICE, PHONE, Account
from harness.ctl import DONE
from harness.d000 import Android
from harness.d003 import Accounts, at_once, code, meanwhile, wait_until
from harness.databases import changing
from harness.v1 import answer, error

SHOWN = re.compile(r"^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$")


def test_a_phone_enters_what_a_device_shows_and_both_see_each_other(v1, phone, lamp, xmpp_client, stack):
    clients = [xmpp_client(account.jid, account.jid_password) for account in (phone, lamp)]
    claim = answer(v1.claim(lamp))
    assert set(claim) == {"code", "uri", "expires_in"}
    assert SHOWN.match(claim["code"]) and claim["expires_in"] == 600
    assert claim["uri"] == f"xmpp:{stack.component}?command;node=bind;code={claim['code']}"
    bound = answer(v1.redeem(phone, claim["code"]))
    assert bound == {"state": "bound", "peer": {"jid": lamp.jid, "user_name": lamp.name, "type": DEVICE, "name": lamp.name}}
    for client, peer in zip(clients, (lamp, phone)):
        client.wait_item(peer.jid, "both")
        client.wait_sees(peer.jid)
    (binding,) = answer(v1.bindings(lamp))["bindings"]
    assert binding == {
        "peer": {"jid": phone.jid, "user_name": phone.name, "type": PHONE, "name": phone.name},
        "state": "bound", "nickname": phone.name, "subscription": "both", "groups": [],
    }


@pytest.mark.parametrize("typed", [str.lower, lambda shown: shown.replace("-", ""), lambda shown: f" {shown[:3]} {shown[3:]} ",
                                   lambda shown: shown.replace("0", "O").replace("1", "l")])
def test_it_is_read_as_people_type(v1, phone, lamp, typed):
    assert answer(v1.redeem(phone, typed(v1.new_claim(lamp))))["peer"]["jid"] == lamp.jid


def test_it_is_used_once(v1, calls, phone, lamp):
    other = calls.new_account(PHONE)
    shown = v1.new_claim(lamp)
    answer(v1.redeem(phone, shown))
    assert error(v1.redeem(other, shown)) == (404, "code")
    assert error(v1.redeem(phone, shown)) == (404, "code")
    assert v1.bound_to(lamp) == {phone.jid}


def test_of_many_at_once_one_gets_it(v1, calls, lamp):
    phones = [calls.new_account(PHONE) for _ in range(8)]
    shown = v1.new_claim(lamp)
    replies = at_once([lambda phone=phone: v1.redeem(phone, shown) for phone in phones])
    assert sorted(reply.status for reply in replies) == [200] + [404] * 7
    winner = phones[[reply.status for reply in replies].index(200)]
    assert v1.bound_to(lamp) == {winner.jid}


def test_an_account_may_have_several(v1, calls, lamp):
    phones = [calls.new_account(PHONE) for _ in range(3)]
    for phone, shown in zip(phones, [v1.new_claim(lamp) for _ in phones]):
        answer(v1.redeem(phone, shown))
    assert v1.bound_to(lamp) == {phone.jid for phone in phones}


def test_what_is_no_code(v1, phone, lamp):
    v1.new_claim(lamp)
    for wrong in ("00000-00000", "x", "U0000-00000", "-" * 64, "0" * 11):
        assert error(v1.redeem(phone, wrong)) == (404, "code"), wrong


def test_a_code_in_the_address_is_none(v1, phone, lamp):
    shown = v1.new_claim(lamp)
    for body in ({}, None):
        reply = v1.call("POST", f"/v1/claims/redeem?code={shown}", phone.token, body)
        assert error(reply) == (400, "invalid"), body
    assert v1.bound_to(lamp) == set()
    answer(v1.redeem(phone, shown))


def test_failing_for_another_reason_spends_nothing(v1, calls, db, phone, lamp):
    other = calls.new_account(PHONE)
    shown = v1.new_claim(lamp)
    assert error(v1.redeem(lamp, shown)) == (400, "invalid")  # one's own
    Accounts(db).set(lamp, "consent = 2")
    assert error(v1.redeem(phone, shown)) == (403, "refused")
    Accounts(db).set(lamp, "consent = 0")
    Accounts(db).set(phone, "consent = 2")
    assert error(v1.redeem(phone, shown)) == (403, "refused")
    Accounts(db).set(phone, "consent = 0")
    assert code(calls.bind(phone, [lamp.name])) == 0
    assert error(v1.redeem(phone, shown)) == (409, "bound")
    assert answer(v1.redeem(other, shown))["peer"]["jid"] == lamp.jid


def test_a_full_account_is_told(v1, server, calls, phone, lamp):
    other = calls.new_account(PHONE)
    server.restart({"REGISTRARD_BINDING_PER_ACCOUNT": "1"})
    shown = v1.new_claim(lamp)
    answer(v1.redeem(phone, v1.new_claim(lamp)))
    assert error(v1.redeem(other, shown)) == (409, "full")
    assert v1.bound_to(lamp) == {phone.jid}


def test_it_stands_for_the_consent_of_both(v1, phone, lamp):
    v1.set_consent(phone, "ask")
    v1.set_consent(lamp, "ask")
    assert answer(v1.redeem(phone, v1.new_claim(lamp)))["state"] == "bound"


def test_who_refuses_makes_none(v1, lamp):
    v1.set_consent(lamp, "refuse")
    assert error(v1.claim(lamp)) == (403, "refused")


def test_it_goes_with_its_maker(v1, calls, db, phone):
    lamp, banned = calls.new_account(DEVICE), calls.new_account(DEVICE)
    shown, others = v1.new_claim(lamp), v1.new_claim(banned)
    assert code(calls.cancel(lamp)) == 0
    assert error(v1.redeem(phone, shown)) == (404, "code")
    Accounts(db).set(banned, "banned_at = now()")
    assert error(v1.redeem(phone, others)) == (403, "refused")


# What ends the sessions of its maker ends it: whoever had it shown may be who they were taken from


def test_it_goes_with_its_makers_password(v1, calls, http, sms, phone):
    android = Android(http, sms).registered()
    maker = calls.log_in(Account(PHONE, android.phone, android.password))
    shown = v1.new_claim(maker)
    assert android.reset(android.verified("1"), "another one").json["status"] == 200
    assert error(v1.redeem(phone, shown)) == (404, "code")
    maker.password = "another one"
    assert answer(v1.redeem(phone, v1.new_claim(calls.log_in(maker))))["peer"]["jid"] == maker.jid


def test_it_goes_with_its_makers_sessions(v1, calls, ctl, phone, lamp):
    shown = v1.new_claim(lamp)
    ctl.ban(lamp.name)
    ctl.unban(lamp.name)
    assert error(v1.redeem(phone, shown)) == (404, "code")
    shown = v1.new_claim(calls.log_in(lamp))
    ctl.do("end-sessions", lamp.name)
    assert error(v1.redeem(phone, shown)) == (404, "code")
    assert answer(v1.redeem(phone, v1.new_claim(calls.log_in(lamp))))["peer"]["jid"] == lamp.jid


def test_it_goes_with_a_jid_password_that_leaked(v1, ctl, phone, lamp):
    shown = v1.new_claim(lamp)
    rotated = ctl.run("rotate", lamp.name).status == DONE  # not on every server
    assert v1.redeem(phone, shown).status == (404 if rotated else 200)


def test_who_enters_it_while_a_reset_commits_is_too_late(v1, stack, phone, lamp):
    shown = v1.new_claim(lamp)
    reset = "update accounts set claims_since = clock_timestamp() where jid_local = %s"
    with changing(stack, reset, lamp.jid_local) as commit:
        with meanwhile(v1.redeem, phone, shown) as replies:
            commit()
    assert error(replies[0]) == (404, "code")
    assert v1.bound_to(lamp) == set()


def test_a_token_that_only_a_cache_still_knows_makes_none(v1, db, lamp):
    """As for a moment in another process, after the owner has reset his password."""
    answer(v1.consent(lamp))
    with db.cursor() as cursor:
        cursor.execute("delete from sessions using accounts a where a.id = account_id and a.jid_local = %s",
                       (lamp.jid_local,))
    assert answer(v1.consent(lamp)) == {"consent": "accept"}  # from memory
    assert error(v1.claim(lamp)) == (401, "token")


def test_it_runs_out(v1, server, redis, phone, lamp):
    server.restart({"REGISTRARD_CLAIMS_LIFETIME": "1s"})
    before = set(redis.keys("registrar:j:*"))
    claim = answer(v1.claim(lamp))
    assert claim["expires_in"] == 1
    wait_until(lambda: set(redis.keys("registrar:j:*")) <= before, timeout=5, what="the claim gone")
    assert error(v1.redeem(phone, claim["code"])) == (404, "code")


# Pictures


def _png_modules(body):
    """The PNG's pixels as rows of 0 (white) and 1: palette of two colours, no interlacing."""
    assert body.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, width, height, depth = 8, b"", 0, 0, 0
    while at < len(body):
        size, kind = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        content = body[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big"), content[8]
        data += content if kind == b"IDAT" else b""
        at += size + 12
    assert depth == 1 and width == height
    stride, rows, before = (width + 7) // 8, [], None
    raw = zlib.decompress(data)
    for y in range(height):
        line = bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        filtered = raw[y * (stride + 1)]
        for i in range(stride):
            left, up = (line[i - 1] if i else 0), (before[i] if before else 0)
            upleft = before[i - 1] if before and i else 0
            guess = left + up - upleft
            paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - upleft), 2, upleft))[2]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, paeth)[filtered]) & 255
        rows.append([line[x // 8] >> (7 - x % 8) & 1 for x in range(width)])
        before = line
    return [row[4::8] for row in rows[4::8]]


def _svg_modules(body):
    svg = ElementTree.fromstring(body)
    side = int(svg.attrib["viewBox"].split()[2])
    modules = [[0] * side for _ in range(side)]
    path = svg.findall("{http://www.w3.org/2000/svg}path")[1].attrib["d"]
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path):
        for i in range(int(run)):
            modules[int(y)][int(x) + i] = 1
    return modules


FINDER = [[1] * 7, [1, 0, 0, 0, 0, 0, 1], *[[1, 0, 1, 1, 1, 0, 1]] * 3, [1, 0, 0, 0, 0, 0, 1], [1] * 7]


@pytest.mark.parametrize("way", ["format", "accept"])
@pytest.mark.parametrize("kind, media, modules", [("png", "image/png", _png_modules), ("svg", "image/svg+xml", _svg_modules)])
def test_a_picture_with_the_code_beside_it(v1, phone, lamp, kind, media, modules, way):
    reply = v1.claim(lamp, format=kind) if way == "format" else v1.claim(lamp, headers={"Accept": media})
    assert (reply.status, reply.headers["Content-Type"]) == (200, media)
    assert reply.headers["Cache-Control"] == "no-store" and reply.headers["X-Claim-Expires-In"] == "600"
    drawn = modules(reply.body)
    for left, top in ((4, 4), (len(drawn) - 11, 4), (4, len(drawn) - 11)):  # what every QR reader looks for
        assert [row[left : left + 7] for row in drawn[top : top + 7]] == FINDER
    assert not any(map(any, drawn[:4])) and not any(any(row[:4]) for row in drawn)
    assert answer(v1.redeem(phone, reply.headers["X-Claim-Code"]))["peer"]["jid"] == lamp.jid


def test_the_picture_says_what_is_configured(v1, server, phone, lamp):
    server.restart({"REGISTRARD_CLAIMS_URI": "https://app.example.org/bind#{code}"})
    claim = answer(v1.claim(lamp))
    assert claim["uri"] == f"https://app.example.org/bind#{claim['code']}"
    answer(v1.redeem(phone, claim["code"]))


# Limits, and what is away


def test_limits(v1, server, calls, phone, lamp):
    server.restart({"REGISTRARD_CLAIMS_PER_HOUR": "3", "REGISTRARD_CLAIMS_TRIES_PER_HOUR": "4"})
    shown = [v1.new_claim(lamp) for _ in range(3)]
    reply = v1.claim(lamp)
    assert error(reply) == (429, "limited") and int(reply.headers["Retry-After"]) > 0
    v1.new_claim(phone)  # each account for itself
    for _ in range(4):
        assert error(v1.redeem(phone, "00000-00000")) == (404, "code")
    reply = v1.redeem(phone, shown[0])
    assert error(reply) == (429, "limited") and int(reply.headers["Retry-After"]) > 0
    assert v1.bound_to(lamp) == set()
    server.restart({"REGISTRARD_CLAIMS_TRIES_PER_ADDRESS_HOUR": "2"})
    statuses = [v1.redeem(calls.new_account(DEVICE), "00000-00000").status for _ in range(4)]
    assert 429 in statuses  # the tries before count as well


def test_without_redis_nothing_is_made_or_taken(v1, stack, phone, lamp, expected_errors):
    shown = v1.new_claim(lamp)
    expected_errors.append("event=redis")
    stack.kill("redis")
    assert error(v1.claim(lamp))[0] == 503
    reply = v1.redeem(phone, shown)
    assert error(reply)[0] == 503 and reply.headers["Retry-After"]
    stack.start("redis")
    wait_until(lambda: v1.bindings(lamp).status == 200, what="answers again")
    assert v1.bound_to(lamp) == set()


def test_codes_stay_out_of_the_log_and_of_redis(v1, server, redis, phone, lamp):
    shown = v1.new_claim(lamp)
    held = v1.new_claim(lamp)
    answer(v1.redeem(phone, shown))
    v1.redeem(phone, "SECRT-KANAR")
    everything = " ".join(server.log.lines())
    for key in redis.keys("*"):
        everything += repr(key) + repr(redis.dump(key))
    for code_ in (shown, held, "SECRT-KANAR"):
        assert code_ not in everything and code_.replace("-", "") not in everything
    assert phone.token not in everything
