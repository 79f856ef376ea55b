"""make latency: how soon a binding is seen. Two stock clients are online; ten bindings a second are asked for over HTTPS,
and each is timed from the sending of the request to the push that the second of the two clients gets, and ended again.
On ejabberd ten more are made meanwhile by its own add_rosteritem, for both sides at once. Writes its part of
docs/benchmarks.md.

On Prosody and ejabberd, each of the run's own, or on the server that REGISTRARD_XMPP_HOST names.
"""

import argparse
import gc
import http.client
import json
import math
import pathlib
import ssl
import sys
import time
import urllib.parse

import latency_report
from parts import APP_SECRETS, DurableStack, Others, new_registrard

from harness.calls import DEVICE, Calls, answers_of
from harness.d003 import signed
from harness.http_client import Http
from harness.xmpp_client import XmppClients

PERIOD = 0.1  # seconds from one binding to the next of the same kind
GIVE_UP = 5
WARM_UP = 20  # bindings that are not counted
OWN = "add_rosteritem"


class Bindings:
    """What registrard does, over a connection that is kept; a backend asks."""

    name = "registrard"

    def __init__(self, server, certificate, one, other):
        context = ssl.create_default_context(cafile=certificate)
        self.connection = http.client.HTTPSConnection("localhost", server.ports["https"], timeout=GIVE_UP, context=context)
        self.connection.connect()
        names = {"user_name": one.name, "user_name_ls": json.dumps([other.name]), "type": DEVICE, "app_id": "backend"}
        self.bodies = {path: urllib.parse.urlencode(signed(APP_SECRETS["backend"], path, names))
                       for path in ("/set_user_banding", "/set_user_unbanding")}

    def _ask(self, path):
        self.connection.request("POST", path, self.bodies[path], {"Content-Type": "application/x-www-form-urlencoded"})
        answer = json.loads(self.connection.getresponse().read())
        assert answer["result"] == 0, answer

    def bind(self):
        self._ask("/set_user_banding")

    def unbind(self):
        self._ask("/set_user_unbanding")


class OwnCalls:
    """What ejabberd does by itself: a call for each side, both at once, each over a connection that is kept."""

    name = OWN

    def __init__(self, stack, one, other):
        self.path = urllib.parse.urlsplit(stack.settings["REGISTRARD_XMPP_API_URL"]).path
        token = pathlib.Path(stack.settings["REGISTRARD_XMPP_API_SECRET_FILE"]).read_text(encoding="ascii").strip()
        self.headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        self.sides = [self._side(stack, owner.jid, peer.jid) for owner, peer in ((one, other), (other, one))]

    @staticmethod
    def _side(stack, owner, peer):
        connection = http.client.HTTPConnection(*stack.api_address, timeout=GIVE_UP)
        connection.connect()
        names = dict(zip(("localuser", "localhost", "user", "host"), (*owner.split("@"), *peer.split("@"))))
        return connection, {"add_rosteritem": json.dumps({**names, "nick": names["user"], "group": "", "subs": "both"}),
                            "delete_rosteritem": json.dumps(names)}

    def _begin(self, side, command):
        connection, bodies = side
        connection.request("POST", f"{self.path}/{command}", bodies[command], self.headers)

    @staticmethod
    def _end(side):
        reply = side[0].getresponse()
        body = reply.read()
        assert reply.status == 200, (reply.status, body)

    def bind(self):
        for side in self.sides:
            self._begin(side, "add_rosteritem")
        for side in self.sides:
            self._end(side)

    def unbind(self):
        """One after the other: xmpp/servers/ejabberd.c tells why."""
        for side in self.sides:
            self._begin(side, "delete_rosteritem")
            self._end(side)


class Watch:
    """The two clients, and when each was told how the other stands in its roster."""

    def __init__(self, clients, one, other):
        self.sides = [(clients.connect(mine.jid, mine.jid_password), peer.jid) for mine, peer in ((one, other), (other, one))]

    def wait(self, subscription):
        """When the second of them was told so, since the pushes were forgotten."""
        return max(self._wait(client, peer, subscription) for client, peer in self.sides)

    @staticmethod
    def _wait(client, peer, subscription):
        def told():
            return [at for at, jid, what in client.pushes if jid == peer and what == subscription]

        client.wait(told, GIVE_UP, f"a push of {peer} as {subscription}")
        return told()[0]

    def forget(self):
        for client, _ in self.sides:
            with client.changed:
                client.pushes.clear()


def measure(ways, watch, count):
    """Milliseconds by way: `count` bindings of each, by turns, at a pace that those that were slow do not change."""
    found = {way.name: [] for way in ways}
    began = time.monotonic()
    for number in range(WARM_UP + count * len(ways)):
        way = ways[number % len(ways)]
        watch.forget()
        time.sleep(max(0, began + number * PERIOD / len(ways) - time.monotonic()))
        sent = time.monotonic()
        way.bind()
        seen = watch.wait("both")
        if number >= WARM_UP:
            found[way.name].append(1000 * (seen - sent))
        way.unbind()
        watch.wait("remove")
    return found


def percentile(values, share):
    return sorted(values)[math.ceil(share * len(values)) - 1]


def on_server(xmpp, count):
    """A row for the report."""
    stack = DurableStack(xmpp)
    try:
        stack.open()
        others = Others(stack)
        server = new_registrard(stack)
        server.start()
        try:
            name, found = with_registrard(stack, server, count)
        finally:
            server.stop()
        share = others.share() if stack.owns_xmpp else None
    finally:
        stack.close()
    figures = {way: [percentile(values, 0.5), percentile(values, 0.99)] for way, values in found.items()}
    return latency_report.Latency(name, count, figures["registrard"], figures.get(OWN), share)


def with_registrard(stack, server, count):
    """The XMPP server's name and version, and milliseconds by way."""
    said = server.log.events("xmpp_server")[-1]
    calls = Calls(Http(server.ports, stack.certificate), answers_of(stack))
    one, other = (calls.new_account(DEVICE) for _ in range(2))
    clients = XmppClients(stack.client_address, stack.certificate if stack.owns_xmpp else None)
    try:
        watch = Watch(clients, one, other)
        ways = [Bindings(server, stack.certificate, one, other)]
        if stack.api_address:
            ways.append(OwnCalls(stack, one, other))
        return f"{said['name']} {said['version']}", measure(ways, watch, count)
    finally:
        clients.close()
        leave(server, calls, (one, other))


def leave(server, calls, accounts):
    """The XMPP server may not be ours: it gets rid of what was made on it."""
    for account in accounts:
        reply = calls.cancel(account)
        assert reply.json["result"] == 0, reply
    deadline = time.monotonic() + GIVE_UP
    while server.metrics().get('registrar_outbox_done_total{kind="delete_jid"}', 0) < len(accounts):
        assert time.monotonic() < deadline, "the JIDs are still there"
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=400, help="bindings of each kind on each server")
    parser.add_argument("--servers", default="prosody,ejabberd", help="when none is named in the environment")
    parser.add_argument("--report", default=pathlib.Path(__file__).resolve().parents[2] / "docs/benchmarks.md", type=pathlib.Path)
    options = parser.parse_args()
    sys.setswitchinterval(0.0005)  # the clients' thread is what is timed
    gc.disable()
    for xmpp in options.servers.split(",") if DurableStack.owns_xmpp_server() else [None]:
        row = on_server(xmpp, options.count)
        print(latency_report.line_of(row), flush=True)
        latency_report.write(options.report, row)


if __name__ == "__main__":
    main()
