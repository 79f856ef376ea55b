"""TLS on the link against one who stands in between: nothing is said to him, not even the handshake, which one could
try secrets against; it is said once; and when the right server answers again the link is back."""

import re
import shutil
import ssl

import pytest

from harness.crashes import Truth
from harness.d003 import metric
from harness.hostile import HostileServer
from harness.incidents import HOSTILE, works
from harness.tls_front import Authority, TlsFront

NAME = "xmpp.example.org"


@pytest.fixture
def is_well(server, calls, db, stack):
    truth = Truth(db, stack)
    return lambda: works(server, calls, truth)


@pytest.fixture(scope="module")
def certificates(_stack):
    """right, and what is wrong in one thing each; all of them but `foreign` by the CA that is trusted."""
    directory = _stack.var / "hostile-tls"
    ca = Authority(directory)
    ca.issue("right", NAME)
    ca.issue("renewed", NAME)
    ca.issue("expired", NAME, days=-1)
    ca.issue("other-name", "evil.example.org")
    foreign = Authority(directory / "foreign")
    foreign.issue("foreign", NAME)
    for file in ("foreign.pem", "foreign.key"):
        shutil.copy(foreign.directory / file, directory / file)
    return ca


@pytest.fixture
def front(stack, certificates):
    front = TlsFront(stack.component_address, certificates.context("right"))
    yield front
    front.close()


@pytest.fixture
def connect(server, front, certificates):
    """connect(): registrard's link goes through the front, which it knows by CA and name; connect(pin=...) by that."""

    def start(pin=None):
        host, port = front.address
        trust = {"TLS_PIN": pin} if pin else {"TLS_CA": str(certificates.certificate), "TLS_NAME": NAME}
        server.restart({**HOSTILE, "REGISTRARD_XMPP_HOST": host, "REGISTRARD_XMPP_PORT": str(port),
                        "REGISTRARD_XMPP_TLS": "true", **{f"REGISTRARD_XMPP_{name}": v for name, v in trust.items()}})

    return start


def stands_in(front, context, reason, server, incident, is_well, attempts=5):
    """From one moment on another answers, until the right one does again."""
    whole, right = incident(), front.context
    front.context = context
    front.cut()
    front.heard = b""
    whole.wait_grown("xmpp_link_failures_total", 1 + attempts)
    status, text = server.get_ops("/readyz")
    assert status == 503 and re.search(reason, text), text
    assert metric(server, "xmpp_up") == 0
    assert b"stream" not in front.heard, front.heard[:200]  # neither inside of TLS nor outside
    said = [line["reason"] for line in whole.complaints()]
    assert len(said) == 2 and re.fullmatch(reason, said[1]), said  # that it was cut, and why it does not come back
    front.context = right
    is_well()
    assert len(whole.complaints()) == 2, whole.complaints()
    whole.survived()


CERTIFICATES = {
    "expired": "certificate: certificate has expired",
    "other-name": "certificate: hostname mismatch",
    "foreign": "certificate: unable to get local issuer certificate",
}


def test_a_certificate_that_is_not_trusted(connect, front, certificates, server, incident, is_well):
    connect()
    is_well()
    for file, reason in CERTIFICATES.items():
        stands_in(front, certificates.context(file), reason, server, incident, is_well)


def test_a_certificate_that_was_renewed_is_fine_by_its_ca(connect, front, certificates, incident, is_well):
    connect()
    whole = incident()
    front.context = certificates.context("renewed")
    front.cut()
    whole.wait_grown("xmpp_link_failures_total")
    is_well()
    whole.said_once("xmpp_link_down")


def test_a_certificate_that_changed_is_not_the_pinned_one(connect, front, certificates, server, incident, is_well):
    """Not even one that the CA would vouch for."""
    connect(certificates.fingerprint("right"))
    is_well()
    for file in ("renewed", "foreign"):
        stands_in(front, certificates.context(file), "the server's certificate is not the pinned one", server, incident,
                  is_well)


def old(certificates, version, ciphers):
    context = certificates.context("right", maximum_version=version)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers(ciphers)
    return context


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
def test_tls_that_is_too_weak(connect, front, certificates, server, incident, is_well):
    connect()
    weak = {
        "TLS 1.1": old(certificates, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        "TLS 1.0": old(certificates, ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"),
        "no authenticated encryption": old(certificates, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256"),
        "no encryption": old(certificates, ssl.TLSVersion.TLSv1_2, "NULL:@SECLEVEL=0"),
    }
    for name, context in weak.items():
        print(name)
        failures = front.failures
        stands_in(front, context, "TLS: .*", server, incident, is_well)
        assert front.failures >= failures + 5


def test_tls_that_is_not_offered_any_more(connect, front, server, incident, is_well):
    """The port speaks plain now. Nothing of the stream is sent in the clear."""
    connect()
    is_well()
    stands_in(front, None, "TLS: .*|the server closed the connection|connection reset by peer|no TLS handshake in time",
              server, incident, is_well, attempts=2)


PLAIN = {
    "a stream": b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                b"xmlns:stream='http://etherx.jabber.org/streams' id='1'>",
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "noise": bytes(range(256)),
    "a long record": b"\x16\x03\x03\xff\xff" + b"A" * 65535,
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


def test_what_is_no_tls_at_all(connect, front, server, certificates, incident, is_well):
    connect(certificates.fingerprint("right"))
    heard = []

    def plays(answer):
        def play(sock):
            heard.append(sock.recv(4096))
            sock.sendall(answer)
            while more := sock.recv(4096):
                heard.append(more)

        return play

    impostor = HostileServer(front.target)
    real = front.target
    front.context, front.target = None, impostor.address
    front.cut()
    for name, answer in PLAIN.items():
        print(name)
        whole = incident()
        impostor.player = plays(answer)
        whole.wait_grown("xmpp_link_failures_total", 4)
        assert len(whole.complaints()) <= 2, whole.complaints()
        whole.survived()
    front.context, front.target = certificates.context("right"), real
    is_well()
    impostor.close()
    assert heard and not any(b"stream" in one for one in heard), heard[:3]
