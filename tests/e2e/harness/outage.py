"""Parts that are away: settings that shorten every wait, calls with the time they took, and recovery."""

import http.client
import threading
import time

from harness.calls import DEVICE
from harness.d003 import code, wait_until

# The defaults are seconds; the proportions stay.
SHORT = {
    "REGISTRARD_POSTGRES_CONNECT_TIMEOUT": "400ms",
    "REGISTRARD_POSTGRES_STATEMENT_TIMEOUT": "600ms",
    "REGISTRARD_REDIS_TIMEOUT": "200ms",
    "REGISTRARD_XMPP_REQUEST_TIMEOUT": "1s",
    "REGISTRARD_XMPP_CONNECT_TIMEOUT": "1s",
    "REGISTRARD_XMPP_PING_INTERVAL": "500ms",
    "REGISTRARD_BINDING_WAIT": "300ms",
    "REGISTRARD_BINDING_REGISTER_WAIT": "1500ms",
    "REGISTRARD_HTTP_CALL_TIMEOUT": "2s",
    "REGISTRARD_OUTBOX_LEASE": "3s",
}
PATIENCE = 4  # seconds; twice the call's deadline, for a busy machine
RECOVERY = 10  # seconds


def timed(call, *arguments, **named):
    """The reply; it must come within the call's deadline."""
    begun = time.monotonic()
    reply = call(*arguments, **named)
    took = time.monotonic() - begun
    assert took < PATIENCE, f"{took:.1f} s: {reply}"
    return reply


def unavailable(reply, result):
    """503 with the dialect's own failure and a time to come back."""
    assert code(reply, 503) == result, reply
    assert int(reply.headers["Retry-After"]) >= 1, reply


def check(calls, account):
    return code(timed(calls.http.get, "/verify_access_token", {"access_token": account.token}))


def login(calls, device):
    """A Device's login needs no picture."""
    form = {"user_name": device.name, "password": device.password, "type": DEVICE}
    return timed(calls.http.post, "/login", form)


def fresh_token(calls, device):
    """A token that no cache has seen."""
    reply = login(calls, device)
    assert code(reply) == 0, reply
    return reply.json["access_token"]


def says(server, path, status, *parts):
    """Waits until the ops port answers so, naming each of the parts."""

    def is_so():
        now, text = server.get_ops(path)
        return now == status and all(f"{part}: " in text for part in parts)

    wait_until(is_so, RECOVERY, f"{path} {status} {parts}; it says {server.get_ops(path)}")


def recovered(server, calls, device):
    """Ready again, by itself, and every worker serves: each finds out for itself, within a second."""
    deadline = time.monotonic() + RECOVERY
    server.wait_ready(timeout=RECOVERY)
    in_a_row = 0
    while in_a_row < 20:
        replies = login(calls, device), timed(calls.http.get, "/verify_code")
        if all(reply.status == 200 for reply in replies):
            in_a_row += 1
            assert code(replies[0]) == 0, replies
        else:
            in_a_row = 0
            assert time.monotonic() < deadline, replies


def at_once(*attempts):
    """The calls, each in a thread; their replies in order, or what they raised."""
    replies = [None] * len(attempts)

    def run(index):
        try:
            replies[index] = timed(attempts[index])
        except (OSError, http.client.HTTPException, AssertionError) as failure:
            replies[index] = failure

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(attempts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a request was never answered"
    for reply in replies:
        if isinstance(reply, AssertionError):
            raise reply
    return replies
