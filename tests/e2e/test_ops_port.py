"""The ops port: what balancers and Prometheus read. What a page says while a part is away: test_outage_*."""

import http.client
import re
import time

import pytest

from harness.calls import DEVICE, PHONE
from harness.outage import timed

METRIC = re.compile(r'[a-z_]+(\{[a-z_]+="[a-zA-Z0-9_.+]+"(,le="[0-9.+Inf]+")?\})? -?[0-9.e+]+$')


def request(server, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["ops"], timeout=5)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        connection.close()


def test_pages(server):
    for path in ("/livez", "/readyz", "/readyz/login"):
        assert server.get_ops(path) == (200, "ok\n")
    assert request(server, "GET", "/")[0] == request(server, "GET", "/login")[0] == 404
    status, headers, _ = request(server, "POST", "/readyz")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert request(server, "HEAD", "/livez")[::2] == (200, "")


def test_metrics_are_prometheus_text(server, calls):
    lamp = calls.new_account(DEVICE)
    timed(calls.bindings, lamp)
    status, headers, text = request(server, "GET", "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    named, seen = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            named[name] = kind
        elif not line.startswith("# HELP "):
            assert METRIC.match(line), line
            name = line.split("{")[0].split(" ")[0]
            assert name in named or re.sub("_(bucket|sum|count)$", "", name) in named, line
            assert line.rsplit(" ", 1)[0] not in seen, line
            seen.add(line.rsplit(" ", 1)[0])
    for name in ("registrar_postgres_up", "registrar_redis_up", "registrar_xmpp_up", "registrar_xmpp_ready"):
        assert f"{name} 1\n" in text
    assert set(named.values()) == {"counter", "gauge", "histogram"}


def test_metrics_name_nobody(server, calls):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    calls.bind(phone, [lamp.name])
    calls.get_users(phone.token, [lamp.name])
    text = server.get_ops("/metrics")[1]
    for private in (phone.name, lamp.name, phone.token, phone.jid, phone.jid_local, "127.0.0.1"):
        assert private not in text


@pytest.mark.alone
def test_it_answers_while_the_others_are_busy(server, stack, calls):
    """Postgres hangs, every worker with it: /livez answers at once, /readyz within its second."""
    lamp = calls.new_account(DEVICE)
    stack.stop("postgres")
    begun = time.monotonic()
    assert server.get_ops("/livez")[0] == 200
    assert time.monotonic() - begun < 2
    begun = time.monotonic()
    status, text = server.get_ops("/readyz")
    assert status == 503 and "postgres: " in text
    assert time.monotonic() - begun < 3
    stack.cont("postgres")
    server.wait_ready(timeout=10)
    calls.log_in(lamp)
