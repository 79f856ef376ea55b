"""Access tokens: checked over HTTPS and TCP, from memory, Redis and Postgres, and ended everywhere at once."""

import threading
import time

import pytest

from harness.calls import DEVICE, PHONE
from harness.d003 import Accounts, at_once, code, metric, wait_until
from harness.databases import WAITING, run_on
from harness.http_client import Http
from harness.tcp_client import LineClient

VALID = {"result": 0, "validate": True}
ENDED = {"result": 4, "validate": False}


@pytest.fixture
def second(another_server, stack):
    """Another instance on the same Postgres and Redis; for logins and tokens it needs no XMPP server."""
    instance = another_server("second", {"REGISTRARD_XMPP_COMPONENT": "second." + stack.component})
    instance.start(wait=False)
    instance.wait_ready("/readyz/login")
    return instance


def checked_from(server):
    return {place: metric(server, "token_checks_total", **{"from": place}) for place in ("memory", "redis", "postgres")}


def test_over_tcp_and_https(lamp, tcp, http, plain_http):
    for _ in range(2):  # cold and warm
        assert tcp.call("/verify_access_token", access_token=lamp.token) == VALID
        for client in (http, plain_http):
            assert client.get("/verify_access_token", {"access_token": lamp.token}).json == VALID
            assert client.post_json("/verify_access_token", {"access_token": lamp.token}).json == VALID


def test_answers_over_tcp_come_in_order(lamp, tcp, calls):
    """Pipelined: warm ones, cold ones, wrong ones and look-ups, one line back for each."""
    cold = [calls.log_in(lamp).token for _ in range(5)]
    requests, expected = [], []
    for token in [*cold, "x", *cold, "", *["z" * 43] * 3, *cold]:
        requests.append({"path": "/verify_access_token", "access_token": token})
        expected.append((0 if token in cold else 4, None))
        requests.append({"path": "/get_users", "access_token": cold[0], "user_name_ls": [lamp.name]})
        expected.append((0, lamp.jid))
    for request in requests:
        tcp.send(request)
    answers = [tcp.receive() for _ in requests]
    jids = [answer["user_info_ls"][0]["jid"] if "user_info_ls" in answer else None for answer in answers]
    assert [(answer["result"], jid) for answer, jid in zip(answers, jids)] == expected


def test_many_pipelined_lines_in_one_piece(lamp, tcp):
    line = b'{"path":"/verify_access_token","access_token":"%s"}\n' % lamp.token.encode()
    sender = threading.Thread(target=tcp.send, args=(line * 5000,), daemon=True)
    sender.start()
    assert all(tcp.receive() == VALID for _ in range(5000))
    sender.join()


def test_a_line_may_come_byte_by_byte_and_end_with_crlf(lamp, tcp):
    line = b'{"path":"/verify_access_token","access_token":"%s"}\r\n' % lamp.token.encode()
    for byte in line[:40]:
        tcp.send(bytes([byte]))
    tcp.send(line[40:])
    assert tcp.receive() == VALID


def test_several_at_once_are_good(calls, lamp, tcp):
    tokens = [lamp.token] + [calls.log_in(lamp).token for _ in range(4)]
    assert len(set(tokens)) == 5
    assert all(tcp.call("/verify_access_token", access_token=token) == VALID for token in tokens)


def test_the_oldest_ends_when_there_are_too_many(calls, server):
    server.restart({"REGISTRARD_TOKENS_PER_ACCOUNT": "3"})
    lamp = calls.new_account(DEVICE)
    with LineClient(server.ports["tcp"]) as tcp:
        tokens = [lamp.token] + [calls.log_in(lamp).token for _ in range(2)]
        assert [tcp.call("/verify_access_token", access_token=token) for token in tokens] == [VALID] * 3
        tokens.append(calls.log_in(lamp).token)
        # also though it was warm
        assert [tcp.call("/verify_access_token", access_token=token) for token in tokens] == [ENDED] + [VALID] * 3


def test_a_crowd_of_logins_leaves_no_more_than_allowed(calls, server):
    """Those of the same moment do not see each other; the next login ends what is too many."""
    server.restart({"REGISTRARD_TOKENS_PER_ACCOUNT": "3"})
    lamp = calls.new_account(DEVICE)
    tokens = [reply.json["access_token"] for reply in at_once([lambda: calls.login(lamp)] * 8)]
    tokens.append(calls.log_in(lamp).token)
    with LineClient(server.ports["tcp"]) as tcp:
        good = [token for token in tokens if tcp.call("/verify_access_token", access_token=token) == VALID]
    assert len(good) == 3 and good[-1] == lamp.token


def test_a_token_ends_with_its_account_at_once(calls, lamp, tcp, http):
    tokens = [lamp.token] + [calls.log_in(lamp).token for _ in range(3)]
    for token in tokens[:-1]:  # the last one was never checked
        assert tcp.call("/verify_access_token", access_token=token) == VALID
    assert code(calls.cancel(lamp)) == 0
    for token in tokens:
        assert tcp.call("/verify_access_token", access_token=token) == ENDED
        assert http.get("/verify_access_token", {"access_token": token}).json == ENDED
    assert code(calls.get_users(lamp.token, ["x"])) == 4
    assert code(calls.bindings(lamp)) == 4


def test_checks_while_it_is_cancelled_never_answer_an_end_and_then_valid(calls, server):
    """Checks hammer while the account is cancelled: after the first ENDED there is no VALID."""
    phone = calls.new_account(PHONE)
    stop, seen = threading.Event(), [[] for _ in range(3)]

    def hammer(answers):
        with LineClient(server.ports["tcp"]) as tcp:
            while not stop.is_set():
                answers.append(tcp.call("/verify_access_token", access_token=phone.token)["result"])

    threads = [threading.Thread(target=hammer, args=(answers,), daemon=True) for answers in seen]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(seen), what="answers to all")
    assert code(calls.cancel(phone)) == 0
    with LineClient(server.ports["tcp"]) as tcp:
        assert tcp.call("/verify_access_token", access_token=phone.token) == ENDED
    wait_until(lambda: all(answers[-1] == 4 for answers in seen), what="the end in all")
    stop.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    for answers in seen:
        assert set(answers) == {0, 4} and answers == sorted(answers)


@pytest.mark.alone
def test_a_warm_check_asks_neither_redis_nor_postgres(lamp, tcp, server, stack):
    known = checked_from(server)["memory"]
    wait_until(lambda: tcp.call("/verify_access_token", access_token=lamp.token) == VALID and
               checked_from(server)["memory"] > known, what="the memory, which is open once it hears of revocations")
    before = checked_from(server)
    assert all(tcp.call("/verify_access_token", access_token=lamp.token) == VALID for _ in range(50))
    after = checked_from(server)
    assert after["memory"] - before["memory"] == 50
    assert (after["redis"], after["postgres"]) == (before["redis"], before["postgres"])
    stack.stop("redis")
    stack.stop("postgres")  # whoever asked them would hang
    begun = time.monotonic()
    assert all(tcp.call("/verify_access_token", access_token=lamp.token) == VALID for _ in range(20))
    assert time.monotonic() - begun < 2
    assert checked_from(server)["memory"] - after["memory"] == 20


def test_redis_answers_what_memory_forgot(calls, server):
    server.restart({"REGISTRARD_TOKENS_MEMORY_LIFETIME": "50ms"})
    lamp = calls.new_account(DEVICE)
    with LineClient(server.ports["tcp"]) as tcp:
        assert tcp.call("/verify_access_token", access_token=lamp.token) == VALID
        first = checked_from(server)
        time.sleep(0.1)
        assert tcp.call("/verify_access_token", access_token=lamp.token) == VALID
    second = checked_from(server)
    assert first["postgres"] == second["postgres"] == 1
    assert second["redis"] - first["redis"] == 1


def test_without_memory_redis_serves_alone(calls, server):
    server.restart({"REGISTRARD_TOKENS_MEMORY_ENTRIES": "0"})
    lamp = calls.new_account(DEVICE)
    with LineClient(server.ports["tcp"]) as tcp:
        assert all(tcp.call("/verify_access_token", access_token=lamp.token) == VALID for _ in range(5))
        assert code(calls.cancel(lamp)) == 0
        assert tcp.call("/verify_access_token", access_token=lamp.token) == ENDED
    assert checked_from(server)["memory"] == 0


def test_without_redis_postgres_answers_the_cold_ones(calls, lamp, tcp, stack):
    other = calls.new_account(DEVICE)
    stack.kill("redis")
    for account in (lamp, other):
        assert tcp.call("/verify_access_token", access_token=account.token) == VALID
    assert tcp.call("/verify_access_token", access_token="x" * 43) == ENDED


@pytest.mark.alone
def test_other_instances_stop_within_a_second(calls, lamp, second):
    with LineClient(second.ports["tcp"]) as there:
        assert there.call("/verify_access_token", access_token=lamp.token) == VALID
        assert there.call("/verify_access_token", access_token=lamp.token) == VALID  # warm there
        assert code(calls.cancel(lamp)) == 0
        wait_until(lambda: there.call("/verify_access_token", access_token=lamp.token) == ENDED, timeout=1)


def test_a_token_of_one_instance_is_good_on_the_other(lamp, second, stack, tcp):
    with LineClient(second.ports["tcp"]) as there:
        assert there.call("/verify_access_token", access_token=lamp.token) == VALID
    login = Http(second.ports, stack.certificate).post(
        "/login", {"user_name": lamp.name, "password": lamp.password, "type": DEVICE}
    )
    assert tcp.call("/verify_access_token", access_token=login.json["access_token"]) == VALID


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_redis_is_away_when_the_account_is_cancelled(calls, lamp, server, second, stack, tcp, db, fault):
    """Neither what Redis kept nor the other instance's memory may answer for it again."""
    mark = server.log.mark()
    signed_in = {"user_name": lamp.name, "password": lamp.password, "type": lamp.type}
    verify_id, answer = calls.picture()
    assert tcp.call("/verify_access_token", access_token=lamp.token) == VALID
    with LineClient(second.ports["tcp"]) as there:
        assert there.call("/verify_access_token", access_token=lamp.token) == VALID
        # The proof is looked up in Redis, so Redis goes away between that and the commit: the row is held until then.
        with db.cursor() as cursor:
            cursor.execute("begin; select 1 from accounts where name = %s for update", (lamp.name,))
        cancelled = threading.Thread(
            target=calls.http.post, args=("/cancel", {**signed_in, "verify_id": verify_id, "verify_code": answer})
        )
        cancelled.start()
        wait_until(lambda: run_on(stack.postgres_dsn(), WAITING), what="the cancelling at its commit")
        getattr(stack, fault)("redis")
        with db.cursor() as cursor:
            cursor.execute("rollback")
        cancelled.join(15)
        assert server.log.events("token_cache_renewed", mark)  # Redis was not told: all that it holds is old
        assert tcp.call("/verify_access_token", access_token=lamp.token) == ENDED
        wait_until(lambda: there.call("/verify_access_token", access_token=lamp.token) == ENDED, timeout=2.5)
        if fault == "kill":
            stack.start("redis")
        else:
            stack.cont("redis")
        for _ in range(20):
            assert tcp.call("/verify_access_token", access_token=lamp.token) == ENDED
            assert there.call("/verify_access_token", access_token=lamp.token) == ENDED
            time.sleep(0.05)


def test_tokens_are_kept_as_hashes_only(lamp, tcp, db, redis):
    assert tcp.call("/verify_access_token", access_token=lamp.token) == VALID
    assert lamp.token not in Accounts(db).everything()
    for key in redis.scan_iter("*"):
        assert lamp.token.encode() not in key
        if redis.type(key) == b"string":
            assert lamp.token.encode() not in redis.get(key)
