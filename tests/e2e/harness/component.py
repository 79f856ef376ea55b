"""A component of the test's own on the XMPP server (XEP-0114), which asks and commands as registrard does."""

import hashlib
import itertools
import pathlib
import re
import socket
from xml.etree import ElementTree

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = "http://jabber.org/protocol/admin"


def secret_of(stack):
    """Of every component of the stack's."""
    file = stack.settings.get("REGISTRARD_XMPP_SECRET_FILE")
    return pathlib.Path(file).read_text(encoding="ascii").strip() if file else stack.settings["REGISTRARD_XMPP_SECRET"]


class Component:
    """A plain link: IQs sent in one go, answers by id. ConnectionError: the server does not let it in, or has closed it."""

    def __init__(self, address, name, domain, secret):
        self.name, self.domain = name, domain
        self.numbers = itertools.count()
        self.socket = socket.create_connection(address, 10)
        self.socket.settimeout(20)
        self.socket.sendall((
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
            f"xmlns:stream='http://etherx.jabber.org/streams' to='{name}'>").encode())
        head = b""
        while not (found := re.search(rb"<stream:stream[^>]*\sid=['\"]([^'\"]+)['\"][^>]*>", head)):
            head += self._received()
        digest = hashlib.sha1(found[1] + secret.encode()).hexdigest()
        self.parser = ElementTree.XMLPullParser(("start", "end"))
        self.parser.feed(head)
        self.socket.sendall(f"<handshake>{digest}</handshake>".encode())
        self.depth = 0
        self._await(lambda element: element.tag.endswith("}handshake"))

    def _received(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server has closed the link")
        return data

    def _await(self, wanted):
        """The first child of the stream that is wanted."""
        while True:
            for event, element in self.parser.read_events():
                self.depth += 1 if event == "start" else -1
                if event == "end" and self.depth == 1 and wanted(element):
                    return element
            self.parser.feed(self._received())

    def ask(self, kind, payloads):
        """The answers to IQs of a kind, in the order of their payloads."""
        ids = [f"test-{next(self.numbers)}" for _ in payloads]
        for number, payload in zip(ids, payloads):
            self.socket.sendall(
                f"<iq type='{kind}' id='{number}' from='{self.name}' to='{self.domain}'>{payload}</iq>".encode())
        found = {}
        while len(found) < len(ids):
            answer = self._await(lambda element: element.get("id") in ids)
            found[answer.get("id")] = answer
        return [found[number] for number in ids]

    def command(self, node, forms):
        """An XEP-0133 command for each form, which is a dict."""
        execute = f"<command xmlns='{COMMANDS}' node='{ADMIN}#{node}' action='execute'/>"
        begun = self.ask("set", [execute] * len(forms))
        for one in begun:
            assert one.get("type") == "result", ElementTree.tostring(one)
        return self.ask("set", [
            self._complete(node, one.find(f"{{{COMMANDS}}}command"), form) for one, form in zip(begun, forms)])

    @staticmethod
    def _complete(node, begun, form):
        fields = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in {
            "FORM_TYPE": ADMIN, **form}.items())
        return (f"<command xmlns='{COMMANDS}' node='{ADMIN}#{node}' action='complete' "
                f"sessionid='{begun.get('sessionid')}'><x xmlns='jabber:x:data' type='submit'>{fields}</x></command>")

    def close(self):
        self.socket.close()
