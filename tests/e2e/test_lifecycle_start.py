"""Starting: a start that cannot succeed ends with 7 and says why; one that only has to wait for Postgres, Redis or
the XMPP server waits, says so, can be stopped, and goes on by itself."""

import signal
import socket
import time

import pytest

from harness.calls import DEVICE, Account, new_name
from harness.d003 import code, wait_until
from harness.databases import Databases
from harness.idle import Process
from harness.outage import RECOVERY

START_FAILED = 7


@pytest.fixture
def databases(stack):
    one = Databases(stack)
    yield one
    one.close()


def fails_to_start(server, expected_errors, reason, changed):
    """With 7, in time, and `reason` in the log."""
    expected_errors += [r"event=start_failed", reason]
    server.stop()
    mark = server.log.mark()
    server.start(changed, wait=False)
    wait_until(lambda: not server.running(), 10, "the end of a start that cannot succeed")
    assert server.process.returncode == START_FAILED, server.tail()
    text = server.log.text(mark)
    assert reason in text, text
    assert f"code={START_FAILED}" in text, text


@pytest.mark.parametrize("port", ["http", "https", "tcp", "ops"])
def test_a_port_that_is_taken(port, server, expected_errors):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        changed = {f"REGISTRARD_{port.upper()}_PORT": str(number), "REGISTRARD_HTTPS_ADDRESS": "127.0.0.1"}
        fails_to_start(server, expected_errors, "Address already in use", changed)


def test_a_database_of_another_xmpp_domain(server, databases, expected_errors):
    mine = databases.settings(databases.new())
    server.restart(mine)
    fails_to_start(server, expected_errors, "event=wrong_xmpp_domain", {
        **mine, "REGISTRARD_XMPP_DOMAIN": "other.example", "REGISTRARD_XMPP_COMPONENT": "registrar.other.example"})


def test_a_schema_that_is_too_old(server, databases, expected_errors):
    fails_to_start(server, expected_errors, "event=schema_too_old", {
        **databases.settings(databases.new()), "REGISTRARD_SERVER_MIGRATE": "false"})


def test_a_redis_that_may_forget(server, redis, expected_errors):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        fails_to_start(server, expected_errors, "evict", {})
        server.start({"REGISTRARD_REDIS_ALLOW_EVICTION": "true"})
    finally:
        redis.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize("away", [["postgres"], ["redis"], ["postgres", "redis"]], ids="+".join)
def test_started_before_what_it_needs(away, server, stack, calls):
    server.stop()
    for part in away:
        stack.kill(part)
    server.start(wait=False)
    wait_until(lambda: server.get_ops("/livez")[0] == 200, 5, "the ops port")
    for path in ("/readyz", "/readyz/login"):
        status, text = server.get_ops(path)
        assert status == 503 and all(f"{part}: " in text for part in away), text
    time.sleep(1.2)  # it has tried again meanwhile
    assert server.running()
    computed = Process(server.pid).cpu()
    time.sleep(0.3)
    assert Process(server.pid).cpu() - computed < 0.15, "it does not sleep between"
    for part in away:
        stack.start(part)
    server.wait_ready(timeout=RECOVERY)
    calls.new_account(DEVICE)


def test_stopped_while_it_waits(server, stack):
    server.stop()
    stack.kill("postgres")
    server.start(wait=False)
    wait_until(lambda: server.get_ops("/livez")[0] == 200, 5, "the ops port")
    server.kill(signal.SIGTERM)
    wait_until(lambda: not server.running(), 3, "the end")
    assert server.process.returncode == 0


def test_started_before_the_xmpp_server(server, link, calls):
    link.refuse()
    server.stop()
    server.start(wait=False)
    server.wait_ready("/readyz/login")
    lamp = Account(DEVICE, new_name(), "x")
    assert code(calls.register(lamp)) == 101
    link.heal()
    server.wait_ready(timeout=RECOVERY)
    assert code(calls.register(lamp)) == 0


def test_a_stop_during_each_part_of_a_start(server):
    """Whatever has been built by then is taken down."""
    for delay in (0.0, 0.01, 0.02, 0.04, 0.06, 0.09, 0.13, 0.2):
        server.stop()
        server.start(wait=False)
        time.sleep(delay)
        server.kill(signal.SIGTERM)
        wait_until(lambda: not server.running(), 6, "the end")
        assert server.process.returncode in (0, -signal.SIGTERM), (delay, server.tail())  # before it minds signals
