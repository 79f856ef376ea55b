"""A server that does not even get as far as a link, or that is slow beyond measure: said once however often it is
tried, not believed, and forgotten when the real one is back."""

import hashlib
import re
import socket
import struct
import time

import pytest

from harness.calls import DEVICE, Account, new_name
from harness.d003 import code, metric, wait_until
from harness.incidents import works

# Each link that is cut may leave command sessions open on the server, of which an Openfire bears a hundred.
pytestmark = pytest.mark.owns_xmpp

MIB = 1024 * 1024


@pytest.fixture
def is_well(server, calls, truth):
    return lambda: works(server, calls, truth)


# Played servers: functions of the socket, told the stream's header


def header(attributes="id='1'", ns="jabber:component:accept"):
    return (f"<?xml version='1.0'?><stream:stream xmlns='{ns}' "
            f"xmlns:stream='http://etherx.jabber.org/streams' {attributes}>").encode()


def error(condition):
    return f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>".encode()


def hear(sock):
    """What registrard says until it waits for us."""
    sock.recv(4096)


def says(*parts):
    """Says it and hangs up."""

    def play(sock):
        hear(sock)
        for part in parts:
            sock.sendall(part)

    return play


def stays(*parts):
    """Says it and waits until registrard hangs up."""

    def play(sock):
        says(*parts)(sock)
        while sock.recv(4096):
            pass

    return play


def accepts(sock):
    says(header(), b"<handshake/>")(sock)


def resets(sock):
    hear(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def trickles(sock):
    for byte in header():
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


CONFLICT = "conflict: our domain is taken"
TOKEN = "not well-formed (invalid token)"
AT_ONCE = {
    "hangs up": (lambda sock: None, "the server closed the connection"),
    "hangs up after the header": (says(header()), "the server closed the connection"),
    "accepts and hangs up": (accepts, "the server closed the connection"),
    "resets": (resets, "connection reset by peer"),
    "noise": (says(bytes(range(256))), TOKEN),
    "HTTP": (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), TOKEN),
    "TLS": (says(b"\x15\x03\x03\x00\x02\x02\x28"), TOKEN),
    "NUL": (says(b"\x00" * 1000), TOKEN),
    "another root": (says(b"<html>"), "not an XMPP stream"),
    "another namespace": (says(header().replace(b"etherx", b"evil")), "not an XMPP stream"),
    "a handshake without a header": (says(b"<handshake xmlns='jabber:component:accept'/>"), "not an XMPP stream"),
    "a DTD": (says(b"<!DOCTYPE x [<!ENTITY a 'b'>]>", header()), "a DTD"),
    "a comment": (says(b"<!-- -->", header()), "a comment"),
    "a long header": (says(b"<stream:stream a='" + b"a" * 10 * MIB), "a header over 64 KiB"),
    "a long id": (says(header("id='" + "1" * 300 + "'")), "a stream id over 256 bytes"),
    "a second header": (says(header(), header()[21:]), "a second stream header"),
    "features": (says(header(), b"<stream:features/>"), "a stanza before the handshake"),
    "stanzas": (says(header(), b"<iq type='get' id='1' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"),
                "a stanza before the handshake"),
    "10 MiB": (says(header(), b"<message><body>" + b"A" * 10 * MIB), "a stanza over 4 MiB"),
    "levels": (says(header(), b"<a>" * 10000), "elements too deep"),
    "not-authorized": (says(header(), error("not-authorized")), "not-authorized"),
    "host-unknown": (says(header(""), error("host-unknown")), "host-unknown"),
    "conflict": (says(header(), error("conflict")), CONFLICT),
    "no id": (says(header("")), CONFLICT),
    "no id, and conflict": (says(header(""), error("conflict")), CONFLICT),
}
IN_TIME = {
    "silence": (stays(), "no handshake in time"),
    "a header": (stays(header()), "no handshake in time"),
    "half a header": (stays(header()[:60]), "no handshake in time"),
    "a byte now and then": (trickles, "no handshake in time"),
    "no id": (stays(header("")), CONFLICT),
}


def plays(hostile, player, reason, attempts, incident, is_well, server):
    whole = incident()
    hostile.player = player
    hostile.cut()
    whole.wait_grown("xmpp_link_failures_total", 1 + attempts)
    assert reason in server.get_ops("/readyz")[1]
    assert metric(server, "xmpp_ready") == 0
    said = [(line["event"], line["reason"]) for line in whole.complaints()]
    cut = re.compile("the server closed the connection|connection reset by peer|broken pipe")
    assert all(cut.fullmatch(line[1]) for line in said[:1]), said
    assert said[1:] == ([] if said[0][1] == reason else [("xmpp_link_down", reason)]), said
    hostile.heal()
    is_well()
    assert len(whole.complaints()) == len(said), whole.complaints()
    assert int(whole.events("xmpp_link_up")[-1]["failures"]) > attempts
    whole.survived()


def test_servers_that_fail_at_once(server, hostile, incident, is_well):
    for name, (player, reason) in AT_ONCE.items():
        print(name)
        plays(hostile, player, reason, 5, incident, is_well, server)


def test_servers_that_fail_in_time(server, hostile, incident, is_well):
    for name, (player, reason) in IN_TIME.items():
        print(name)
        plays(hostile, player, reason, 2, incident, is_well, server)


def test_nothing_is_made_meanwhile(hostile, calls, truth, is_well):
    hostile.player = says(header(), error("not-authorized"))
    hostile.cut()
    lamp = Account(DEVICE, new_name(), "x")
    assert code(calls.register(lamp)) == 101
    hostile.heal()
    is_well()
    assert code(calls.login(lamp)) == 102
    assert code(calls.register(lamp)) == 0


# Another component with our name and our secret


class Rival:
    """A component on the real server."""

    def __init__(self, stack):
        secret = (stack.var / "secrets/component").read_text(encoding="ascii").strip()
        self.sock = socket.create_connection(stack.component_address, 5)
        self.sock.sendall(header(f"to='{stack.component}'"))
        number = re.search(rb"id='([^']*)'", self._read_to(b">", b"<stream:stream"))[1]
        digest = hashlib.sha1(number + secret.encode()).hexdigest()
        self.sock.sendall(f"<handshake>{digest}</handshake>".encode())
        self._read_to(b"<handshake")

    def _read_to(self, *needles):
        text = b""
        while not all(needle in text for needle in needles):
            got = self.sock.recv(4096)
            assert got, text
            text += got
        return text

    def close(self):
        self.sock.close()


@pytest.mark.owns_xmpp
def test_another_component_has_our_name(server, hostile, stack, calls, incident, is_well):
    whole = incident()
    hostile.refuse()
    whole.wait_grown("xmpp_link_failures_total", 2)
    rival = Rival(stack)
    hostile.heal()
    wait_until(lambda: "conflict" in server.get_ops("/readyz")[1], what="the conflict on /readyz")
    whole.wait_grown("xmpp_link_failures_total", whole.grown("xmpp_link_failures_total") + 5)
    assert code(calls.register(Account(DEVICE, new_name(), "x"))) == 101
    rival.close()
    is_well()
    downs = [line["reason"] for line in whole.complaints() if line["event"] == "xmpp_link_down"]
    assert downs.count(CONFLICT) == 1 and len(downs) <= 3, downs
    assert {line["event"] for line in whole.complaints()} <= {"xmpp_link_down", "wish_failed"}
    whole.survived()


# Slow beyond measure, and broken beyond use


@pytest.fixture
def no_proof(db):
    """The server has to prove itself at the next start."""
    with db.cursor() as cursor:
        cursor.execute("delete from meta where key like 'xmpp_proof:%'")


def has_fresh_proof(db):
    """It is kept a moment after the link is ready."""
    with db.cursor() as cursor:
        cursor.execute("select extract(epoch from now())::bigint - split_part(value, ' ', 1)::bigint between 0 and 60 "
                       "from meta where key like 'xmpp_proof:%'")
        row = cursor.fetchone()
    return row and row[0]


def test_a_proof_lasts_a_day(server, db, no_proof):
    mark = server.log.mark()
    server.restart()
    assert server.log.events("xmpp_self_test_passed", mark)
    wait_until(lambda: has_fresh_proof(db), what="the proof")
    for age, again in ((86000, 0), (86500, 1), (-600, 1)):
        with db.cursor() as cursor:
            cursor.execute(
                "update meta set value = (extract(epoch from now())::bigint - %s) || substr(value, strpos(value, ' ')) "
                "where key like 'xmpp_proof:%%'", [age]
            )
        mark = server.log.mark()
        server.restart()
        assert len(server.log.events("xmpp_self_test_passed", mark)) == again, age
        wait_until(lambda: has_fresh_proof(db) or not again, what="the new proof")


def test_a_self_test_one_byte_at_a_time(server, hostile, no_proof, is_well, incident):
    hostile.slowness = 0
    patience = {name: "15s" for name in ("REGISTRARD_XMPP_REQUEST_TIMEOUT", "REGISTRARD_XMPP_PING_INTERVAL",
                                         "REGISTRARD_BINDING_REGISTER_WAIT", "REGISTRARD_HTTP_CALL_TIMEOUT")}
    mark = server.log.mark()
    server.restart({**server.changed, **patience})
    assert server.log.events("xmpp_self_test_passed", mark)
    whole = incident()
    is_well()
    whole.said_nothing()


def test_too_slow_for_anything(server, hostile, calls, incident, is_well):
    """A byte in 50 ms: the link is given up although there is always something coming."""
    whole = incident()
    hostile.slowness = 0.05
    assert code(calls.register(Account(DEVICE, new_name(), "x"))) == 101
    wait_until(lambda: metric(server, "xmpp_up") == 0, what="the link to be given up")
    whole.wait_grown("xmpp_link_failures_total", 3)
    hostile.heal()
    hostile.cut()
    is_well()
    downs = [line["reason"] for line in whole.complaints() if line["event"] == "xmpp_link_down"]
    assert downs[0] in ("a stanza does not end", "a ping was not answered"), downs
    assert downs[1:2] == ["no handshake in time"] and len(downs) <= 3, downs
    whole.survived()


def test_a_server_that_cannot_be_proved(server, hostile, no_proof, incident, is_well):
    """It answers what it is, and no command; it is asked ever more rarely."""
    hostile.edit = lambda stanza: b"" if b"http://jabber.org/protocol/commands" in stanza else stanza
    mark = server.log.mark()
    server.restart({**server.changed, "REGISTRARD_XMPP_REQUEST_TIMEOUT": "200ms"}, wait=False)
    server.wait_ready("/readyz/login")
    whole = incident()
    wait_until(lambda: sum(b"jabber:iq:version" in one for one in hostile.heard) >= 4, 30, "four attempts")
    assert "self-test failed: remove leftovers (timeout)" in server.get_ops("/readyz")[1]
    hostile.heal()
    server.wait_ready(timeout=15)
    is_well()
    said = [line["detail"] for line in server.log.events("xmpp_not_proved", mark)]
    assert said.count("remove leftovers") == 1 and len(set(said)) == len(said), said
    assert {line["event"] for line in whole.complaints()} <= {"xmpp_not_proved"}, whole.complaints()
    assert whole.grown("xmpp_link_failures_total") == 0
    whole.survived()
