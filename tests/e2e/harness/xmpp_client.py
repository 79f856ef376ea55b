"""Stock XMPP clients (slixmpp) for tests that are not asynchronous: all run on one event loop in a thread.

A client answers nothing of itself: it neither accepts subscriptions nor asks for them. It records its roster as the
server pushes it, every presence, and every message.
"""

import asyncio
import hashlib
import logging
import ssl
import threading
import time
import types

import slixmpp
from slixmpp.util.sasl.mechanisms import SCRAM

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


def _salted(self, text, salt, iterations):
    """PBKDF2 in C: slixmpp's own, in Python, takes most of the time that a login takes."""
    return hashlib.pbkdf2_hmac(self.hash().name, bytes(text), salt, iterations)


SCRAM.Hi = _salted


def _trusting_nobody():
    """A client is told whom to trust: to read all authorities of the machine before takes longer than the login, too."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


slixmpp.xmlstream.xmlstream.ssl = types.SimpleNamespace(**{**vars(ssl), "create_default_context": _trusting_nobody})


class XmppClients:
    """The loop, and the clients made on it. `certificate` is the server's; without one it is not checked."""

    def __init__(self, address, certificate=None):
        self.address = address
        self.certificate = certificate
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda *_: None)  # a killed server is no news to a test
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="xmpp clients")
        self.thread.start()
        self.clients = []

    def run(self, coroutine, timeout=20):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def connect(self, jid, password, wait=True):
        client = self.run(_make(jid, password, self.address, self.certificate))
        client.owner = self
        self.clients.append(client)
        if wait:
            client.wait_online()
        return client

    def disconnect_all(self):
        clients, self.clients = self.clients, []
        for client in clients:
            client.close()

    def close(self):
        self.disconnect_all()
        self.run(_cancel_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


async def _make(jid, password, address, certificate):
    client = XmppClient(jid, password)
    if certificate:
        client.ca_certs = certificate
    else:
        client.ssl_context.check_hostname = False
        client.ssl_context.verify_mode = ssl.CERT_NONE
    client.connect(address, force_starttls=False)
    return client


async def _cancel_others():
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class XmppClient(slixmpp.ClientXMPP):
    """Methods with `wait` in their name are for the test's thread; everything recorded is read under `changed`."""

    def __init__(self, jid, password):
        super().__init__(jid, password)
        self.auto_authorize = None
        self.auto_subscribe = False
        self.owner = None
        self.changed = threading.Condition()
        self.online = False
        self.refused = False  # the server did not take the password
        self.lost = False  # the connection ended
        self.items = {}  # roster: bare JID -> {"subscription", "name", "groups"}
        self.pushes = []  # (time.monotonic(), bare JID, subscription) as pushed
        self.presences = []  # (time.monotonic(), full JID, type) as received
        self.present = {}  # bare JID -> its resources that are online
        self.messages = []  # elements as received
        for event, handler in {
            "session_start": self._session_start,
            "roster_update": self._roster_update,
            "presence": self._presence,
            "message": self._message,
            "message_error": self._message,
            "failed_auth": lambda _: self._set("refused"),
            "disconnected": lambda _: self._set("lost"),
        }.items():
            self.add_event_handler(event, handler)

    def _set(self, flag):
        with self.changed:
            setattr(self, flag, True)
            if flag == "lost":
                self.online = False
            self.changed.notify_all()

    async def _session_start(self, _):
        await self.get_roster()
        self.send_presence()
        self._set("online")

    def _roster_update(self, iq):
        now = time.monotonic()
        with self.changed:
            for jid, item in iq["roster"]["items"].items():
                self.pushes.append((now, jid.bare, item["subscription"]))
                if item["subscription"] == "remove":
                    self.items.pop(jid.bare, None)
                else:
                    self.items[jid.bare] = {key: item[key] for key in ("subscription", "name", "groups")}
            self.changed.notify_all()

    def _presence(self, presence):
        sender, kind = presence["from"], presence.xml.get("type", "available")
        with self.changed:
            self.presences.append((time.monotonic(), sender.full, kind))
            resources = self.present.setdefault(sender.bare, set())
            if kind == "available":
                resources.add(sender.resource)
            elif kind == "unavailable" and sender.resource:
                resources.discard(sender.resource)
            elif kind == "unavailable":  # in the name of the bare JID: of all of them (RFC 6121, 4.3.2)
                resources.clear()
            self.changed.notify_all()

    def _message(self, message):
        with self.changed:
            self.messages.append(message.xml)
            self.changed.notify_all()

    # For the test's thread

    def wait(self, predicate, timeout=10, what="what the test waits for"):
        """Until predicate(), called again at each change."""
        with self.changed:
            assert self.changed.wait_for(predicate, timeout), (
                f"{self.boundjid.bare}: not within {timeout} s: {what}; roster {self.items}, present {self.present}"
            )

    def wait_online(self, timeout=10):
        self.wait(lambda: self.online or self.refused, timeout, "a session")
        assert not self.refused, f"{self.boundjid.bare}: the server does not take the password"

    def wait_refused(self, timeout=10):
        self.wait(lambda: self.online or self.refused, timeout, "a refusal")
        assert self.refused, f"{self.boundjid.bare}: the server takes the password"

    def wait_lost(self, timeout=10):
        self.wait(lambda: self.lost, timeout, "the end of the connection")

    def wait_item(self, jid, subscription="both", timeout=10):
        self.wait(
            lambda: self.items.get(jid, {}).get("subscription") == subscription, timeout, f"{jid} as {subscription}"
        )
        return self.items[jid]

    def wait_no_item(self, jid, timeout=10):
        self.wait(lambda: jid not in self.items, timeout, f"{jid} gone from the roster")

    def wait_sees(self, jid, timeout=10):
        self.wait(lambda: self.present.get(jid), timeout, f"{jid} online")

    def wait_sees_not(self, jid, timeout=10):
        self.wait(lambda: not self.present.get(jid), timeout, f"{jid} not online")

    def wait_messages(self, count, timeout=10):
        """All that came, when there are so many."""
        self.wait(lambda: len(self.messages) >= count, timeout, f"{count} messages, not {len(self.messages)}")
        return list(self.messages)

    def wait_fetched_roster(self, timeout=10):
        """The roster as the server has it now."""

        async def fetch():
            iq = self.Iq(stype="get")
            iq.enable("roster")
            reply = await iq.send(timeout=timeout)
            return {
                jid.bare: {key: item[key] for key in ("subscription", "name", "groups")}
                for jid, item in reply["roster"]["items"].items()
            }

        return self.owner.run(fetch(), timeout + 1)

    def send_presence_to(self, jid, kind):
        """A subscription asked for or ended. What the loop does not do itself it may not notice, so it is done there."""

        async def send():
            self.send_presence(pto=jid, ptype=kind)

        self.owner.run(send())

    def edit_item(self, jid, **item):
        """The user adds, renames or groups a contact, as any client does it (RFC 6121, 2.3 and 2.4)."""

        async def edit():
            iq = self.Iq(stype="set")
            iq["roster"]["items"] = {jid: {"name": "", "subscription": "", "groups": [], **item}}
            await iq.send(timeout=10)

        self.owner.run(edit())

    def remove_item(self, jid):
        self.edit_item(jid, subscription="remove")

    def close(self):
        async def leave():
            if self.is_connected():
                await self.disconnect(wait=0.5)
            else:
                self.abort()

        try:
            self.owner.run(leave(), 5)
        except Exception:  # pylint: disable=broad-except  # the server may be gone: so is the client then
            self.owner.loop.call_soon_threadsafe(self.abort)
