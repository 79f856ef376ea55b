"""An administrator of the XMPP server, behind registrard's back: makes and deletes JIDs by XEP-0133, over the component's
link (XEP-0114), which is taken from registrard meanwhile. Works on every server that registrard works on."""

import contextlib
import time
from xml.etree import ElementTree

from harness.component import COMMANDS, Component, secret_of

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
            return Administrator(stack.component_address, stack.component, stack.domain, secret_of(stack))
        except ConnectionError:
            assert time.monotonic() < deadline, "the server does not take the component"
            time.sleep(0.05)


class Administrator(Component):
    def delete(self, *jids):
        self._done("delete-user", *({"accountjids": jid} for jid in jids))

    def add(self, jid, password):
        self._done("add-user", {"accountjid": jid, "password": password, "password-verify": password})

    def _done(self, node, *forms):
        for answer in self.command(node, forms):
            done = answer.find(f"{{{COMMANDS}}}command")
            notes = [note.get("type") for note in answer.iter(f"{{{COMMANDS}}}note")]
            assert done is not None and done.get("status") == "completed" and "error" not in notes, ElementTree.tostring(answer)
