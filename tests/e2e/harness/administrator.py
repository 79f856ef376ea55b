"""An administrator of the XMPP server, behind registrard's back: makes and deletes JIDs by XEP-0133, over the component's
link (XEP-0114), which is taken from registrard meanwhile. Works on every server that registrard works on."""

import contextlib
import hashlib
import pathlib
import socket
import time
from xml.etree import ElementTree

ADMIN = "http://jabber.org/protocol/admin"
COMMANDS, FORMS = "http://jabber.org/protocol/commands", "jabber:x:data"
TIMEOUT = 10


@contextlib.contextmanager
def administrator(stack, link):
    """registrard has no link until the block ends."""
    link.refuse()
    try:
        with contextlib.closing(_connected(stack)) as one:
            yield one
    finally:
        link.heal()


def _connected(stack):
    """The server may take a moment to see that registrard's connection ended."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return Administrator(stack)
        except ConnectionError:
            assert time.monotonic() < deadline, "the server does not take the component"
            time.sleep(0.05)


def _secret(stack):
    file = stack.settings.get("REGISTRARD_XMPP_SECRET_FILE")
    return pathlib.Path(file).read_text(encoding="ascii").strip() if file else stack.settings["REGISTRARD_XMPP_SECRET"]


class Administrator:
    def __init__(self, stack):
        self.domain, self.component = stack.domain, stack.component
        self.socket = socket.create_connection(stack.component_address, timeout=TIMEOUT)
        self.parser = ElementTree.XMLPullParser(["start", "end"])
        self.depth, self.root, self.ids = 0, None, 0
        self._send(f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
                   f"to='{self.component}'>")
        stream_id = self._next(header=True).get("id", "")
        digest = hashlib.sha1((stream_id + _secret(stack)).encode()).hexdigest()
        self._send(f"<handshake>{digest}</handshake>")
        if not self._next().tag.endswith("}handshake"):
            raise ConnectionError("no handshake")

    def close(self):
        self.socket.close()

    def delete(self, *jids):
        for jid in jids:
            self._command("delete-user", accountjids=jid)

    def add(self, jid, password):
        self._command("add-user", accountjid=jid, password=password, **{"password-verify": password})

    def _command(self, name, **fields):
        node = f"node='{ADMIN}#{name}'"
        session = self._ask(f"<command xmlns='{COMMANDS}' {node} action='execute'/>").get("sessionid")
        form = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in fields.items())
        done = self._ask(
            f"<command xmlns='{COMMANDS}' {node} action='complete' sessionid='{session}'><x xmlns='{FORMS}' type='submit'>"
            f"<field var='FORM_TYPE' type='hidden'><value>{ADMIN}</value></field>{form}</x></command>")
        notes = [note.get("type") for note in done.iter(f"{{{COMMANDS}}}note")]
        assert done.get("status") == "completed" and "error" not in notes, ElementTree.tostring(done)

    def _ask(self, command):
        self.ids += 1
        name = f"administrator-{self.ids}"
        self._send(f"<iq type='set' id='{name}' from='{self.component}' to='{self.domain}'>{command}</iq>")
        while True:
            stanza = self._next()
            if stanza.get("id") == name:
                assert stanza.get("type") == "result", ElementTree.tostring(stanza)
                return stanza.find(f"{{{COMMANDS}}}command")

    def _send(self, text):
        self.socket.sendall(text.encode())

    def _next(self, header=False):
        """The next stanza, or the stream's header."""
        while True:
            for event, element in self.parser.read_events():
                self.depth += 1 if event == "start" else -1
                if event == "start" and self.depth == 1 and header:
                    return element
                if event == "end" and self.depth == 1:
                    return element
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self.parser.feed(data)
