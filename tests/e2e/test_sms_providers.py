"""SMS providers as registrard sees them: a server that behaves like 容联云, one that is only configured; both failing in
every way; two in order."""

import concurrent.futures
import json
import statistics
import time
import urllib.parse

import pytest

from harness.calls import new_phone
from harness.d000 import Android, status
from harness.d003 import wait_until
from harness.sms_provider import TOKEN, Generic, Yuntongxun, refuses

API_KEY = "Bearer 3f1cb1e8c5d24e0c"
JSON_BODY = '{"mobile":"{phone}","text":"code {code}, {minutes} min"}'


def read_json(path, headers, body):
    message = json.loads(body)
    assert path == "/send" and headers["Authorization"] == API_KEY and headers["X-Team"] == "registrar"
    assert headers["Content-Type"] == "application/json"
    word, code, minutes, unit = message["text"].replace(",", "").split()
    assert (word, minutes, unit) == ("code", "5", "min")
    return message["mobile"], code


def generic_settings(provider, **more):
    return {
        "REGISTRARD_SMS_PROVIDERS": "http",
        "REGISTRARD_SMSHTTP_URL": provider.url + "/send",
        "REGISTRARD_SMSHTTP_HEADERS": f"Authorization: {API_KEY}|X-Team: registrar",
        "REGISTRARD_SMSHTTP_BODY": JSON_BODY,
        "REGISTRARD_SMSHTTP_SUCCESS": '"ok": true',
        **more,
    }


@pytest.fixture
def provide():
    """Providers that are gone after the test, and have nothing to complain of."""
    made = []

    def make(kind, *arguments):
        made.append(kind(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert not one.wrong


@pytest.fixture
def yuntongxun(provide):
    return provide(Yuntongxun)


@pytest.fixture
def generic(provide):
    return provide(Generic, read_json)


def ask(http, phone=None):
    """An answer of getMes, and how long it took."""
    app = Android(http, None, phone)
    begun = time.monotonic()
    return app.get_mes(), time.monotonic() - begun


# 容联云


def test_yuntongxun_takes_a_code_that_then_passes(server, http, yuntongxun):
    server.restart(yuntongxun.settings())
    app = Android(http, None)
    reply = app.get_mes()
    assert status(reply) == 200
    assert yuntongxun.sent == [(app.phone, yuntongxun.code(app.phone))]  # the national form
    message = json.loads(yuntongxun.seen[0][2])
    assert message["datas"][1] == "5"  # minutes
    assert status(app.verify(reply.json["temp_id"], yuntongxun.code(app.phone))) == 200
    assert status(app.register(reply.json["temp_id"])) == 200


@pytest.mark.parametrize("failure", ["refuses", "number", "500", "garbage", "empty", "html", "huge", "drop", "not an object"])
def test_what_it_does_not_take_is_not_sent(server, http, yuntongxun, redis, failure):
    server.restart(yuntongxun.settings())
    behaviours = {
        "refuses": refuses("112310", "应用未上线，模板短信接收号码外呼受限"),
        "number": refuses("160038", "短信验证码发送过频繁"),
        "500": yuntongxun.says("oops", 500),
        "garbage": yuntongxun.says(b"\xff\x00{"),
        "empty": yuntongxun.says(b""),
        "html": yuntongxun.says("<html>statusCode 000000</html>"),
        "huge": yuntongxun.says(json.dumps({"statusCode": "000000", "x": "x" * 100000})),
        "drop": yuntongxun.drop,
        "not an object": yuntongxun.says('["statusCode", "000000"]'),
    }
    yuntongxun.behave = behaviours[failure]
    redis.flushdb()
    reply, took = ask(http)
    assert (status(reply), reply.json["temp_id"]) == (250, "") and took < 4
    if failure not in ("huge", "drop"):  # then it may have been sent, and stands
        assert not list(redis.scan_iter("registrar:c:*"))
    yuntongxun.behave = None
    assert status(ask(http)[0]) == 200


def test_its_secret_is_nowhere(server, http, yuntongxun):
    mark = server.log.mark()
    server.restart(yuntongxun.settings(REGISTRARD_LOG_LEVEL="debug"))
    app = Android(http, None)
    for behave in (None, refuses("111111", TOKEN), yuntongxun.says(TOKEN), yuntongxun.drop):
        yuntongxun.behave = behave
        app.phone = new_phone()
        app.get_mes()
    text = server.log.text(mark) + server.get_ops("/metrics")[1]
    sigs = [urllib.parse.urlsplit(path).query.split("=")[1] for path, _, _ in yuntongxun.seen]
    for secret in [TOKEN, app.phone, yuntongxun.sent[0][1], *sigs]:
        assert secret not in text
    assert "sms_refused" in text and "sms_provider_unreachable" in text


# Any other provider


def test_a_provider_that_is_only_configured(server, http, generic):
    server.restart(generic_settings(generic))
    app = Android(http, None)
    reply = app.get_mes()
    assert status(reply) == 200
    assert status(app.verify(reply.json["temp_id"], generic.code("+86" + app.phone))) == 200


def test_its_form_is_escaped(server, http, provide):
    def read(path, headers, body):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query, strict_parsing=True)
        form = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert query["to"] == form["to"]
        return form["to"][0], form["code"][0]

    provider = provide(Generic, read)
    server.restart(generic_settings(
        provider,
        REGISTRARD_SMSHTTP_URL=provider.url + "/send?to={phone}",
        REGISTRARD_SMSHTTP_METHOD="PUT",
        REGISTRARD_SMSHTTP_CONTENT_TYPE="application/x-www-form-urlencoded",
        REGISTRARD_SMSHTTP_BODY="to={phone}&code={code}&other={other}",
    ))
    app = Android(http, None)
    assert status(app.get_mes()) == 200
    assert provider.sent[0][0] == "+86" + app.phone


@pytest.mark.parametrize("answer", [('{"ok": false}', 200), ('{"ok": true}', 500), ('{"ok": true}', 302), ("", 200)])
def test_what_its_success_looks_like(server, http, generic, answer):
    server.restart(generic_settings(generic))
    generic.behave = generic.says(*answer)
    assert status(ask(http)[0]) == 250


def test_its_secrets_are_nowhere(server, http, generic):
    mark = server.log.mark()
    server.restart(generic_settings(generic, REGISTRARD_LOG_LEVEL="debug"))
    ask(http)
    generic.behave = generic.says(API_KEY, 401)
    ask(http)
    text = server.log.text(mark)
    assert API_KEY not in text and API_KEY.split()[1] not in text and generic.sent[0][1] not in text
    dump = server.command("--dump-config", changed=generic_settings(generic)).stdout
    assert "smshttp" in dump and API_KEY not in dump and "mobile" not in dump


# Two in order


def both(first, second, **more):
    return {**first.settings(), **generic_settings(second), "REGISTRARD_SMS_PROVIDERS": "yuntongxun,http", **more}


@pytest.mark.parametrize("failure", ["refuses", "drop", "hang", "gone"])
def test_the_second_takes_over(server, http, yuntongxun, generic, failure):
    server.restart(both(yuntongxun, generic, REGISTRARD_SMS_TIMEOUT="500ms"))
    assert status(ask(http)[0]) == 200
    assert (len(yuntongxun.sent), len(generic.sent)) == (1, 0)
    if failure == "gone":
        yuntongxun.close()
    yuntongxun.behave = {"refuses": refuses("112310", "x"), "drop": yuntongxun.drop}.get(failure, yuntongxun.hang)
    app = Android(http, None)
    reply = app.get_mes()
    assert status(reply) == 200
    assert [to for to, _ in generic.sent] == ["+86" + app.phone]
    assert status(app.verify(reply.json["temp_id"], generic.code("+86" + app.phone))) == 200


def test_both_fail(server, http, yuntongxun, generic):
    server.restart(both(yuntongxun, generic, REGISTRARD_SMS_TIMEOUT="300ms"))
    yuntongxun.behave, generic.behave = yuntongxun.hang, generic.says("no", 503)
    reply, took = ask(http)
    assert status(reply) == 250 and took < 4


def test_a_provider_that_fails_is_left_alone_and_tried_again(server, http, yuntongxun, generic):
    mark = server.log.mark()
    server.restart(both(yuntongxun, generic, REGISTRARD_SMS_TIMEOUT="800ms", REGISTRARD_SMS_BREAKER_AFTER="3",
                        REGISTRARD_SMS_BREAKER_PAUSE="2s"))
    yuntongxun.behave = yuntongxun.hang
    times = [ask(http)[1] for _ in range(6)]
    assert all(took >= 0.8 for took in times[:3]) and all(took < 0.7 for took in times[3:]), times
    assert (len(yuntongxun.seen), len(generic.sent)) == (3, 6)
    assert len(server.log.events("sms_provider_left_alone", mark)) == 1
    time.sleep(2.1)
    assert status(ask(http)[0]) == 200  # one message tries it
    assert (len(yuntongxun.seen), len(generic.sent)) == (4, 7)
    assert ask(http)[1] < 0.7 and len(yuntongxun.seen) == 4
    yuntongxun.behave = None
    time.sleep(2.1)
    assert status(ask(http)[0]) == status(ask(http)[0]) == 200
    assert (len(yuntongxun.sent), len(generic.sent)) == (2, 8)
    assert len(server.log.events("sms_provider_works_again", mark)) == 1


def test_a_refused_number_says_nothing_against_the_provider(server, http, yuntongxun):
    server.restart(yuntongxun.settings(REGISTRARD_SMS_BREAKER_AFTER="2"))
    yuntongxun.behave = refuses("160042", "号码格式有误")
    assert [status(ask(http)[0]) for _ in range(4)] == [250] * 4
    yuntongxun.behave = None
    assert status(ask(http)[0]) == 200


# Slowness


@pytest.mark.alone
def test_a_provider_that_hangs_delays_nothing_else(server, http, calls, yuntongxun):
    lamp = calls.new_account(2)
    server.restart(yuntongxun.settings(REGISTRARD_SMS_TIMEOUT="3s", REGISTRARD_SMS_WORKERS="2", REGISTRARD_SMS_QUEUE="4",
                                       REGISTRARD_SMS_BREAKER_AFTER="100"))
    yuntongxun.behave = yuntongxun.hang
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asking = [pool.submit(ask, http) for _ in range(20)]
        wait_until(lambda: len(yuntongxun.seen) == 2)
        took = []
        for _ in range(10):
            begun = time.monotonic()
            assert calls.http.get("/verify_access_token", {"access_token": lamp.token}).json["result"] == 0
            assert calls.login(lamp).json["result"] == 0
            assert status(Android(http, None).get_salt()) == 500
            took.append(time.monotonic() - begun)
        assert statistics.median(took) < 0.2 and max(took) < 1, took  # who waited for it would take 3 s
        assert len(yuntongxun.seen) == 2  # at once
        replies = [one.result()[0] for one in asking]
    assert {reply.status for reply in replies} == {200, 503}
    for reply in replies:  # whom the queue has no room for is told so at once
        assert reply.json == {"status": 250, "temp_id": ""}
        assert reply.status == 200 or reply.headers["Retry-After"]


def test_what_waited_too_long_to_be_sent_was_not_asked_for(server, http, yuntongxun, redis):
    """One hangs until its time is over, and with it that of those who wait behind it: no code of theirs stands."""
    server.restart(yuntongxun.settings(REGISTRARD_HTTP_CALL_TIMEOUT="1s", REGISTRARD_SMS_WORKERS="1",
                                       REGISTRARD_SMS_BREAKER_AFTER="100", REGISTRARD_CODES_WINDOW="60s"))
    redis.flushdb()
    yuntongxun.behave = yuntongxun.hang
    apps = [Android(http, None) for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(len(apps)) as pool:
        assert {reply.json["status"] for reply in pool.map(lambda app: app.get_mes(), apps)} == {250}
    assert 1 <= len(yuntongxun.seen) < len(apps)
    assert len(list(redis.scan_iter("registrar:c:*"))) == len(yuntongxun.seen)  # what may have been sent
    yuntongxun.behave = None
    seen = len(yuntongxun.seen)
    assert sorted(status(app.get_mes()) for app in apps) == [200] * (len(apps) - seen) + [250] * seen


# Nothing is sent twice


def test_within_the_window_nothing_is_sent_twice(server, http, yuntongxun):
    server.restart(yuntongxun.settings(REGISTRARD_CODES_WINDOW="60s"))
    app = Android(http, None)
    first = app.get_mes()
    again = app.get_mes()
    assert (status(first), status(again), again.json["temp_id"]) == (200, 250, "")
    assert 1 <= int(again.headers["Retry-After"]) <= 60
    assert len(yuntongxun.seen) == 1
    assert status(app.verify(first.json["temp_id"], yuntongxun.code(app.phone))) == 200
    assert status(app.get_mes()) == 250  # spent, and all the same


def test_what_may_have_been_sent_is_not_sent_again(server, http, yuntongxun):
    """A provider that hangs up has perhaps taken it; one that refuses has not."""
    server.restart(yuntongxun.settings(REGISTRARD_CODES_WINDOW="60s"))
    yuntongxun.behave = yuntongxun.drop
    app = Android(http, None)
    assert status(app.get_mes()) == 250
    seen = len(yuntongxun.seen)
    yuntongxun.behave = None
    assert status(app.get_mes()) == 250 and len(yuntongxun.seen) == seen
    other = Android(http, None)
    yuntongxun.behave = refuses("112310", "x")
    assert status(other.get_mes()) == 250
    yuntongxun.behave = None
    assert status(other.get_mes()) == 200


@pytest.mark.parametrize("settings", [
    {"REGISTRARD_SMS_PROVIDERS": "pigeon"},
    {"REGISTRARD_SMS_PROVIDERS": "yuntongxun"},
    {"REGISTRARD_SMS_PROVIDERS": "http"},
])
def test_a_provider_that_is_unknown_or_lacks_a_setting_stops_the_start(another_server, settings, stack):
    one = another_server("no-provider", {**settings, "REGISTRARD_XMPP_COMPONENT": "third." + stack.component})
    done = one.command(timeout=20)
    assert done.returncode != 0
    assert "sms_provider" in one.log.text() + done.stdout + done.stderr
