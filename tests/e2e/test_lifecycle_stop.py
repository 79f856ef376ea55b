"""SIGTERM: no new work, what is in flight is answered, exit 0 within the configured time; also while a part is away."""

import http.client
import signal
import socket
import time

import pytest

from harness.calls import DEVICE, Account, new_name
from harness.crashes import Background, Truth
from harness.d003 import code, meanwhile, wait_until
from harness.idle import Crowd, Process
from harness.outage import check, timed
from harness.tcp_client import LineClient

STOP = 5.0  # server.stop_timeout
MARGIN = 1.0
SHORT_WAIT = {"REGISTRARD_BINDING_WAIT": "700ms"}


def stops(server, limit=STOP + MARGIN, number=signal.SIGTERM):
    """Sends the signal; the exit status must be 0, within the limit. The seconds it took."""
    begun = time.monotonic()
    server.kill(number)
    wait_until(lambda: not server.running(), limit, f"the end after signal {number}")
    assert server.process.returncode == 0, server.tail()
    return time.monotonic() - begun


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_nothing_to_do(server, number):
    assert stops(server, number=number) < 1
    assert [event["event"] for event in map(_parsed, server.log.lines()[-2:])] == ["stopping", "stopped"]


def _parsed(line):
    return dict(part.split("=", 1) for part in line.split() if "=" in part)


def test_what_is_in_flight_is_answered(server, link, calls, db, stack):
    """A registration, a binding and an unbinding that wait for the XMPP server."""
    server.restart({"REGISTRARD_SERVER_STOP_TIMEOUT": "2s"})
    truth = Truth(db, stack)
    one, other, third = (calls.new_account(DEVICE) for _ in range(3))
    newcomer = Account(DEVICE, new_name(), "x")
    assert calls.bind(one, [third.name]).json["state"] == "bound"
    link.stall()
    with (
        meanwhile(timed, calls.register, newcomer) as registering,
        meanwhile(timed, calls.bind, one, [other.name]) as binding,
        meanwhile(timed, calls.unbind, one, [third.name]) as unbinding,
    ):
        wait_until(lambda: len(truth.outbox()) == 3, what="all three on their way")
        assert stops(server, 2 + MARGIN) <= 2
    assert code(registering[0]) == 101
    for reply in (binding[0], unbinding[0]):
        assert code(reply) == 0 and reply.json["state"] == "pending"
    link.heal()
    server.start()
    truth.settle()
    assert code(calls.register(newcomer)) == 0
    assert [item["jid"] for item in calls.bindings(one).json["roster_item"]] == [other.jid]


class Hammer:
    """Asks without end on one connection that is kept. It goes away when it is told to (Connection: close) or finds the
    connection closed before an answer began: between two requests."""

    def __init__(self, calls, lamp):
        self.connection = calls.http.connection()
        self.form = f"user_name={lamp.name}&password=correct+horse&type=2"
        self.answered, self.ended = 0, False

    def turn(self):
        if self.ended:
            time.sleep(0.01)
            return
        try:
            self.connection.request("POST", "/login", self.form,
                                    {"Content-Type": "application/x-www-form-urlencoded"})
            reply = self.connection.getresponse()
        except (OSError, http.client.RemoteDisconnected):
            self.ended = True  # before the first byte of an answer
            return
        body = reply.read()
        assert reply.status in (200, 503), (reply.status, body)
        self.answered += 1
        self.ended = reply.headers.get("Connection") == "close"


def test_under_load(server, calls):
    lamp = calls.new_account(DEVICE)
    hammers = [Hammer(calls, lamp) for _ in range(6)]
    with Background(*(one.turn for one in hammers)):
        wait_until(lambda: all(one.answered > 5 for one in hammers), what="a load")
        took = stops(server, STOP)
        wait_until(lambda: all(one.ended for one in hammers), what="the clients told")
    assert took < 3
    for one in hammers:
        one.connection.close()


def test_with_idle_connections(server, stack, calls):
    """They do not hold it up."""
    lamp = calls.new_account(DEVICE)
    crowd = Crowd(server.ports["https"], stack.certificate)
    crowd.connect(100)
    lines = [LineClient(server.ports["tcp"]) for _ in range(20)]
    assert lines[0].call("/verify_access_token", access_token=lamp.token)["result"] == 0
    assert stops(server) < 2
    for one in lines:
        assert one.line() is None
        one.close()
    crowd.close()


def lets_in(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError:
        return False
    return True


def test_nobody_new_is_let_in(server, link, calls):
    server.restart(SHORT_WAIT)
    one, other = calls.new_account(DEVICE), calls.new_account(DEVICE)
    link.stall()
    mark = server.log.mark()
    with meanwhile(timed, calls.bind, one, [other.name]) as replies:
        wait_until(lambda: server.log.events("binding_wished", mark), what="the binding on its way")
        time.sleep(0.1)
        server.kill(signal.SIGTERM)
        wait_until(lambda: server.get_ops("/readyz/login")[0] == 503, 2, "balancers told")
        for port in ("https", "http", "tcp"):
            wait_until(lambda number=server.ports[port]: not lets_in(number), 2, f"{port} closed")
        assert server.get_ops("/livez")[0] == 200
        wait_until(lambda: not server.running(), STOP + MARGIN, "the end")
    assert server.process.returncode == 0
    assert code(replies[0]) == 0


@pytest.mark.parametrize("away", [
    ["postgres"], ["redis"], pytest.param(["xmpp"], marks=pytest.mark.owns_xmpp), ["link"],
    pytest.param(["postgres", "redis", "link"], id="everything"),
])
def test_while_a_part_does_not_answer(away, server, stack, link, calls):
    """Each with requests in flight that hang on it; with the settings as they come."""
    lamp, peer = calls.new_account(DEVICE), calls.new_account(DEVICE)
    for part in away:
        if part == "link":
            link.stall()
        else:
            stack.stop(stack.xmpp if part == "xmpp" else part)
    form = {"user_name": lamp.name, "password": lamp.password, "type": DEVICE}
    asking = (lambda: calls.http.post("/login", form), lambda: calls.http.get("/verify_code"),
              lambda: calls.bind(lamp, [peer.name]),
              lambda: calls.http.get("/verify_access_token", {"access_token": "x" * 43}))
    answers = []

    def ask(call):
        def turn():
            try:
                answers.append(call())
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)

        return turn

    with Background(*map(ask, asking)):
        time.sleep(0.4)
        stops(server)
    assert all(reply.status in (200, 503) for reply in answers)


def test_twice(server, link, calls):
    """The second one changes nothing."""
    server.restart(SHORT_WAIT)
    one, other = calls.new_account(DEVICE), calls.new_account(DEVICE)
    link.stall()
    mark = server.log.mark()
    with meanwhile(timed, calls.bind, one, [other.name]) as replies:
        wait_until(lambda: server.log.events("binding_wished", mark), what="the binding on its way")
        time.sleep(0.1)
        server.kill(signal.SIGTERM)
        time.sleep(0.1)
        server.kill(signal.SIGTERM)
        server.kill(signal.SIGINT)
        wait_until(lambda: not server.running(), STOP + MARGIN, "the end")
    assert server.process.returncode == 0
    assert code(replies[0]) == 0


def test_sigpipe(server, calls):
    lamp = calls.new_account(DEVICE)
    process = Process(server.pid)
    server.kill(signal.SIGPIPE)
    for _ in range(20):  # answers to sockets that nobody holds any more
        client = LineClient(server.ports["tcp"])
        client.send(b'{"path": "/verify_access_token", "access_token": "' + lamp.token.encode() + b'"}\n' * 50)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert check(calls, lamp) == 0
    assert server.running() and process.threads() > 1
