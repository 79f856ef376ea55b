"""Everything away at once, under load: every request is answered, nothing is restarted, the log stays readable; when
all is back, in whatever order, so is registrard, and what was promised is true."""

import itertools

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import Background, Eyes, Truth
from harness.d003 import code
from harness.idle import Process
from harness.outage import RECOVERY, SHORT, check, login, recovered, says, timed

LINES_A_SECOND = 50  # of the log, whatever is asked meanwhile


@pytest.mark.parametrize("order", [("postgres", "redis", "link"), ("link", "redis", "postgres")], ids=" ".join)
def test_everything_goes_and_comes_back(order, server, stack, link, calls, db, xmpp_client):
    server.restart(SHORT)
    truth = Truth(db, stack)
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    made, numbers = [], itertools.count()

    def register_and_bind():
        account = Account(DEVICE, new_name(f"load{next(numbers)}"), "x")
        picture = timed(calls.http.get, "/verify_code")
        if picture.status != 200:
            return
        number = picture.headers["X-Verify-Id"]
        reply = timed(calls.http.post, "/register", {
            "user_name": account.name, "password": account.password, "type": DEVICE, "device_type": "lamp",
            "verify_id": number, "verify_code": calls.read_answer(number)})
        if reply.status == 200 and code(reply) == 0:
            made.append(account)
            timed(calls.bind, phone, [account.name])

    def log_in():
        reply = timed(login, calls, lamp)
        assert reply.status == 503 or code(reply) == 0, reply

    leave = {"link": link.refuse, **{part: lambda part=part: stack.kill(part) for part in ("postgres", "redis")}}
    come_back = {"link": link.heal, **{part: lambda part=part: stack.start(part) for part in ("postgres", "redis")}}
    process = Process(server.pid)
    threads, mark = process.threads(), server.log.mark()
    with Background(register_and_bind, register_and_bind, log_in):
        for part in order:
            leave[part]()
        says(server, "/readyz", 503, "postgres", "redis", "xmpp")
        lines = len(server.log.lines(mark))
        assert lines < 5 * LINES_A_SECOND, server.tail(60)
        for part in order:
            come_back[part]()
        recovered(server, calls, lamp)
    truth.reconnect()
    truth.settle(RECOVERY)
    assert process.threads() == threads
    assert check(calls, phone) == 0
    for account in made:
        calls.log_in(account)
    shown = Eyes(xmpp_client).roster(phone)
    assert set(shown.values()) <= {"both"} and set(shown) <= {account.jid for account in made}
