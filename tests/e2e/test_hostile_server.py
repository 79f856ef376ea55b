"""A server that is broken or means harm, on a link that is up. What it sends ends the stream, or costs itself alone; it
is said once; and when the server behaves again, so does everything."""

import itertools
import time

import pytest

from harness.d003 import metric, wait_until
from harness.hostile import get, is_answer
from harness.incidents import works

# Each link that is cut may leave command sessions open on the server, of which an Openfire bears a hundred.
pytestmark = pytest.mark.owns_xmpp

MIB = 1024 * 1024
STREAM_ERRORS = (
    "bad-format", "bad-namespace-prefix", "connection-timeout", "host-gone", "host-unknown", "improper-addressing",
    "internal-server-error", "invalid-from", "invalid-namespace", "invalid-xml", "not-authorized", "not-well-formed",
    "policy-violation", "remote-connection-failed", "reset", "resource-constraint", "restricted-xml", "see-other-host",
    "system-shutdown", "undefined-condition", "unsupported-encoding", "unsupported-feature",
    "unsupported-stanza-type", "unsupported-version",
)


@pytest.fixture
def is_well(server, calls, truth):
    return lambda: works(server, calls, truth)


@pytest.fixture
def asks(hostile, stack):
    """asks(): the server asks our domain something; when that is answered, all that came before was looked at."""
    numbers = itertools.count()

    def is_answered(mark):
        begun = time.monotonic()
        while time.monotonic() < begun + 0.5:
            if any(get(one, "id") == mark for one in hostile.heard):
                return True
            time.sleep(0.01)
        return False

    def ask():
        before = hostile.swallow
        hostile.swallow = lambda one: (get(one, "id") or b"").startswith(b"mark-") or (before and before(one))
        for _ in range(20):  # after a flood of requests the first ones may be dropped
            mark = f"mark-{next(numbers)}"
            hostile.inject(f"<iq type='get' id='{mark}' from='{stack.domain}' to='{stack.component}'>"
                           "<ping xmlns='urn:xmpp:ping'/></iq>".encode())
            if is_answered(mark.encode()):
                break
        else:
            raise AssertionError("our domain is not answered")
        hostile.swallow = before

    return ask


# What ends the stream


def stream_error(condition):
    return f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>".encode()


BOMB = b"<!DOCTYPE lolz [<!ENTITY a 'lol'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (name, b"&%c;" % (name - 1) * 10) for name in range(ord("b"), ord("k"))) + b"]>"
ENDS = {
    "stream errors": [(stream_error(name), name) for name in STREAM_ERRORS],
    "other errors": [
        (stream_error("conflict"), "conflict: our domain is taken"),
        (stream_error("a-condition-of-its-own"), "a-condition-of-its-own"),
        (b"<stream:error/>", "a stream error without a condition"),
        (b"<stream:error>" + b"<a>" * 10000, "a stream error without a condition"),
        (b"</stream:stream>", "closed by the server"),
    ],
    "what XMPP forbids": [
        (BOMB + b"<message><body>&j;</body></message>", "a DTD"),
        (b"<message>" + BOMB, "a DTD"),
        (b"<!-- hello -->", "a comment"),
        (b"<message><!-- hello --></message>", "a comment"),
        (b"<?xml version='1.0'?><stream:stream id='2'>", "a processing instruction"),
        (b"<message><?php evil() ?></message>", "a processing instruction"),
        (b"<stream:stream id='2' xmlns='jabber:component:accept'>", "a second stream header"),
        (b"<message></presence>", "mismatched tag"),
        (b"<message/></message>", "mismatched tag"),
        (b"text", "text between stanzas"),
        (b"<![CDATA[text]]>", "text between stanzas"),
        (b"\x00", r"not well-formed \(invalid token\)"),
        (b"\xff\xfe", r"not well-formed \(invalid token\)"),
    ],
}


@pytest.mark.parametrize("rows", ENDS.values(), ids=ENDS.keys())
def test_what_ends_the_link(rows, server, hostile, incident, is_well):
    whole = incident()
    for data, reason in rows:
        one = incident()
        hostile.inject(data)
        one.wait_grown("xmpp_link_failures_total")
        is_well()
        one.said_once("xmpp_link_down", reason=reason)
        assert one.grown("xmpp_link_failures_total") == one.grown("xmpp_reconnects_total") == 1
    whole.survived()


def test_conditions_without_number_do_not_fill_the_log(server, hostile, incident, is_well):
    """Each of them is new, and the link never lasts."""
    whole, links = incident(), 30
    for number in range(links):
        hostile.inject(stream_error(f"condition-{number}"))
        whole.wait_grown("xmpp_link_failures_total", number + 1)
        wait_until(lambda: metric(server, "xmpp_up") == 1, what="the next link")
    is_well()
    assert 1 <= len(whole.complaints()) <= 12, whole.complaints()
    whole.survived()


# What costs itself alone


def message(payload):
    return b"<message from='user@example.net'>" + payload + b"</message>"


SKIPPED = {
    "10 MiB of text": message(b"<body>" + b"A" * 10 * MIB + b"</body>"),
    "10 MiB of an attribute": message(b"<body a='" + b"A" * 10 * MIB + b"'/>"),
    "10 MiB of a name": message(b"<" + b"a" * 10 * MIB + b"/>"),
    "10 MiB of CDATA": message(b"<body><![CDATA[" + b"]" * 10 * MIB + b"]]></body>"),
    "10,000 levels": message(b"<a>" * 10000 + b"</a>" * 10000),
    "10,000 attributes": message(b"<a %s/>" % b" ".join(b"a%d=''" % i for i in range(10000))),
    "10,000 namespaces": message(b"<a %s/>" % b" ".join(b"xmlns:a%d='x'" % i for i in range(10000))),
    "200,000 elements": message(b"<a/>" * 200000),
    "entities that nobody declared": message(b"<body>" + b"&lol;" * 10000 + b"</body>"),
    "an entity without a name": message(b"<body>&;</body>"),
    "NUL": message(b"<body>\x00</body>"),
    "NUL as a reference": message(b"<body>&#0;</body>"),
    "a control character": message(b"<body>\x01</body>"),
    "UTF-8 that is none": message(b"<body>\xff\xfe</body>"),
    "UTF-8 that is too long": message(b"<body>\xc0\xaf</body>"),
    "half a pair of surrogates": message(b"<body>\xed\xa0\x80</body>"),
    "a prefix that was not declared": message(b"<p:body/>"),
    "a prefix that is taken back": message(b"<body xmlns:stream=''/>"),
    "another meaning of xml": message(b"<body xmlns:xml='x'/>"),
    "another name of xml's namespace": message(b"<body xmlns:x='http://www.w3.org/XML/1998/namespace'/>"),
    "xmlns as a prefix": message(b"<body xmlns:xmlns='x'/>"),
    "an attribute twice": message(b"<body a='' a=''/>"),
    "an attribute twice by its namespace": message(b"<body xmlns:a='x' xmlns:b='x' a:c='' b:c=''/>"),
}


def test_what_costs_itself_alone(server, hostile, incident, asks, is_well):
    whole, begun = incident(), time.monotonic()
    for name, stanza in SKIPPED.items():
        one = incident()
        hostile.inject(stanza)
        asks()
        assert one.grown("xmpp_input_refused_total") == 1, name
        assert one.grown("xmpp_reconnects_total") == one.grown("xmpp_link_failures_total") == 0, name
    lines = whole.complaints()
    assert {line["event"] for line in lines} == {"xmpp_stanza_skipped"}, lines
    assert lines[0]["reason"] == "a stanza over 4 MiB" and len(lines) <= 1 + (time.monotonic() - begun) / 10, lines
    is_well()
    whole.survived()


# What is nobody's business

IGNORED = {
    "another namespace": b"<iq xmlns='jabber:client' type='get' id='x' from='example.net'>"
                         b"<ping xmlns='urn:xmpp:ping'/></iq>",
    "no namespace": b"<iq xmlns='' type='get' id='x' from='example.net'><ping xmlns='urn:xmpp:ping'/></iq>",
    "a prefix for another": b"<c:iq xmlns:c='jabber:server' type='get' id='x' from='example.net'/>",
    "a handshake again": b"<handshake/>",
    "an unknown stanza": b"<iqx type='get' id='x' from='example.net'/>",
    "no id": b"<iq type='get' from='example.net'><ping xmlns='urn:xmpp:ping'/></iq>",
    "no from": b"<iq type='get' id='x'><ping xmlns='urn:xmpp:ping'/></iq>",
    "no type": b"<iq id='x' from='example.net'><ping xmlns='urn:xmpp:ping'/></iq>",
    "an error": b"<iq type='error' id='x' from='example.net'><error type='cancel'/></iq>",
    "a subscription": b"<presence type='subscribe' from='user@example.net' to='registrar.localhost'/>",
    "a privilege from another": b"<message from='example.net'><privilege xmlns='urn:xmpp:privilege:2'>"
                                b"<perm access='roster' type='none'/></privilege></message>",
    "features": b"<stream:features/>",
    "CDATA in a message": message(b"<body><![CDATA[<iq type='get' id='x' from='example.net'/>]]></body>"),
    "white space": b" \r\n\t" * 10000,
}


def test_what_is_nobodys_business(server, hostile, incident, asks, is_well):
    whole = incident()
    asks()
    for name, stanza in IGNORED.items():
        hostile.heard.clear()
        hostile.inject(stanza)
        asks()
        said = [one for one in hostile.heard if is_answer(one) or b"example.net" in one]
        assert len(said) == 1, (name, said)
    assert whole.grown("xmpp_input_refused_total") == whole.grown("xmpp_link_failures_total") == 0
    is_well()
    whole.said_nothing()
    whole.survived()


# Floods

FLOOD = 10000
FLOODS = {  # and whether each is to be answered
    "messages": (b"<message from='u%d@example.net' to='registrar.localhost'><body>x</body></message>", False),
    "errors": (b"<message type='error' from='u%d@example.net'><error type='cancel'/></message>", False),
    "presences": (b"<presence from='u%d@example.net' to='registrar.localhost'/>", False),
    "subscriptions": (b"<presence type='subscribe' from='u%d@example.net' to='registrar.localhost'/>", False),
    "probes": (b"<presence type='probe' from='u%d@example.net' to='registrar.localhost'/>", False),
    "results": (b"<iq type='result' id='%d' from='example.net' to='registrar.localhost'/>", False),
    "iq errors": (b"<iq type='error' id='%d' from='example.net' to='registrar.localhost'/>", False),
    "gets": (b"<iq type='get' id='f' from='u%d@example.net' to='registrar.localhost'>"
             b"<ping xmlns='urn:xmpp:ping'/></iq>", True),
    "sets": (b"<iq type='set' id='f' from='u%d@example.net' to='registrar.localhost'><x xmlns='y'/></iq>", True),
    "gets in our own name": (b"<iq type='get' id='%d' from='registrar.localhost' to='registrar.localhost'/>", True),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood(kind, server, hostile, stack, incident, asks, is_well):
    """Not more than one answer a request, however fast they come, and none to what is no request."""
    stanza, answered = FLOODS[kind]
    own = stack.component.encode()

    def is_reply(one):
        return (get(one, "to") or b"").split(b"@")[-1] in (b"example.net", own)

    hostile.swallow = is_reply
    whole = incident()
    hostile.inject(b"".join(stanza % i for i in range(FLOOD)).replace(b"registrar.localhost", own))
    asks()
    is_well()
    replies = [one for one in hostile.heard if is_reply(one)]
    assert (0 < len(replies) <= FLOOD) if answered else not replies, len(replies)
    assert all(get(one, "type") in (b"result", b"error") for one in replies)
    assert whole.grown("xmpp_reconnects_total") == 0
    whole.said_nothing()
    whole.survived()


# Two that want one name


def test_a_name_that_another_takes_again_and_again(server, hostile, incident, is_well):
    """As soon as we have it, it is taken: one warning, and not as many attempts as the machine can make."""
    server.restart({**server.changed, "REGISTRARD_XMPP_BACKOFF_MAX": "1s"})
    whole, begun = incident(), time.monotonic()
    taken = 0
    while time.monotonic() < begun + 4:
        wait_until(lambda: metric(server, "xmpp_ready") == 1, what="the name is ours")
        hostile.inject(stream_error("conflict"))
        taken += 1
        whole.wait_grown("xmpp_link_failures_total", taken)
    assert "conflict" in server.get_ops("/readyz")[1]
    assert 3 <= taken <= 40, taken
    whole.said_once("xmpp_link_down", reason="conflict: our domain is taken")
    assert len(whole.events("xmpp_link_up")) == len(whole.events("xmpp_link_unsteady")) == 1
    is_well()
    wait_until(lambda: len(whole.events("xmpp_link_up")) == 2, what="the line that says that it lasts")
    whole.said_once("xmpp_link_down")
    whole.survived()
