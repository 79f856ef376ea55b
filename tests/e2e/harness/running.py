"""What runs while tests do, each as a generator for a fixture: the servers, the way to the XMPP server, registrard and
stock clients. conftest.py has them once for the whole session; a file of tests that needs others has its own."""

from harness.link import Link
from harness.process import Registrard
from harness.stack import Stack
from harness.xmpp_client import XmppClients


def servers(xmpp=None):
    stack = Stack(xmpp)
    try:
        stack.open()
        yield stack
    finally:
        stack.close()


def way(stack):
    link = Link(stack)
    yield link
    link.close()


def registrard(stack, link):
    server = Registrard(stack, link.settings)
    server.start()
    yield server
    mark = server.log.mark()
    server.stop()
    assert not server.log.complaints(mark)


def clients(stack):
    found = XmppClients(stack.client_address, stack.certificate if stack.owns_xmpp else None)
    yield found
    found.close()
