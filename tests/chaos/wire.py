"""A client's way to the registrards: any of them, over HTTP or HTTPS, as its dice say.

A request either was not sent, or was answered, or nobody knows what became of it: then it may have been done, and may still
be done for as long as the process that got it runs on. So a client waits for its answer as long as that process lives;
an impatient one hangs up, and asks nothing more until its request cannot be under way any longer.
"""

import contextlib
import http.client
import urllib.parse

import json as json_module

from harness.http_client import Reply

PATIENCE = 45  # seconds; nothing is stopped for that long
OUTLIVED = 6  # seconds after which a process that runs has no request of before any more


class NotBegun(Exception):
    """Nothing was sent that could have done anything."""


class Unknown(Exception):
    """It was sent, and either was done or was not."""


class NeverAnswered(Exception):
    """By a process that was running all the time."""


class Wire:
    """What the harness's dialects take for an Http. Under `acting()` a request may do something that is compared in the
    end; all others only prepare for it."""

    def __init__(self, instances, tls, dice, stopping, impatience=0.03):
        """`impatience`: the part of the requests that act that is not waited for."""
        self.instances = instances
        self.tls = tls
        self.dice = dice
        self.stopping = stopping
        self.impatience = impatience
        self.is_acting = False
        self.last = ""  # where the last request went

    @contextlib.contextmanager
    def acting(self):
        self.is_acting = True
        try:
            yield
        finally:
            self.is_acting = False

    # As harness.http_client.Http

    def get(self, path, parameters=None, headers=None):
        query = urllib.parse.urlencode(parameters or {})
        return self.request("GET", f"{path}?{query}" if query else path, None, headers)

    def post(self, path, form=None, headers=None):
        body = urllib.parse.urlencode(form or {}).encode()
        return self.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})

    def post_json(self, path, value, headers=None):
        body = json_module.dumps(value).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def request(self, method, path, body=None, headers=None):
        instance = self.dice.choice(self.instances)
        plain = self.dice.random() < 0.7
        hasty = self.dice.uniform(0.005, 0.3) if self.is_acting and self.dice.random() < self.impatience else None
        self.last = instance.name
        moment = instance.moment()
        connection = self._connection(instance, plain)
        try:
            with _as(NotBegun):
                connection.connect()
            with _as(Unknown if self.is_acting else NotBegun):
                try:
                    connection.sock.settimeout(hasty or PATIENCE)
                    connection.request(method, path, body, headers or {})
                    reply = Reply(connection.getresponse())
                except TimeoutError:
                    connection.close()
                    self._outlive(instance, moment, hasty)
                    raise
        finally:
            connection.close()
        if reply.status == 503:
            raise (Unknown if self.is_acting else NotBegun)(str(reply))
        return reply

    def _connection(self, instance, plain):
        if plain:
            return http.client.HTTPConnection("127.0.0.1", instance.ports["http"], timeout=PATIENCE)
        return http.client.HTTPSConnection("localhost", instance.ports["https"], timeout=PATIENCE, context=self.tls)

    def _outlive(self, instance, moment, hasty):
        if hasty is None:
            raise NeverAnswered(f"{instance.name} has not answered within {PATIENCE} s")
        self.last += " (hung up)"
        instance.wait_outlived(moment, OUTLIVED, self.stopping)


@contextlib.contextmanager
def _as(kind):
    try:
        yield
    except (OSError, http.client.HTTPException) as failure:
        raise kind(repr(failure)) from None
