"""Ad-hoc commands (XEP-0050) as a stock client asks for them, over slixmpp's own stanzas."""

import asyncio
from xml.etree import ElementTree

from slixmpp.exceptions import IqError, IqTimeout

COMMANDS = "http://jabber.org/protocol/commands"
DATA = "jabber:x:data"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
DISCO = "http://jabber.org/protocol/disco#"


def _name(element):
    return element.tag.rsplit("}", 1)[1]


class Answer:
    """What came back: `error` is (type, condition, XEP-0050's own condition or None), else None."""

    def __init__(self, iq):
        self.iq = iq
        self.error = None
        command = iq.find(f"{{{COMMANDS}}}command")
        if iq.attrib["type"] == "error":
            error = next(child for child in iq if _name(child) == "error")
            conditions = [_name(child) for child in error if child.tag.startswith(f"{{{STANZAS}}}")]
            details = [_name(child) for child in error if child.tag.startswith(f"{{{COMMANDS}}}")]
            self.error = (error.attrib["type"], conditions[0], details[0] if details else None)
            return
        self.status = command.attrib["status"]
        self.node = command.attrib["node"]
        self.session = command.attrib.get("sessionid")
        self.actions = command.find(f"{{{COMMANDS}}}actions")
        self.notes = [(note.attrib["type"], note.text) for note in command.findall(f"{{{COMMANDS}}}note")]
        self.form = command.find(f"{{{DATA}}}x")

    def __repr__(self):
        return ElementTree.tostring(self.iq, encoding="unicode")

    @property
    def note(self):
        (one,) = self.notes
        return one

    @property
    def fields(self):
        """Field to its value, of a form or a result."""
        return {field.attrib["var"]: field.findtext(f"{{{DATA}}}value") for field in self.form.findall(f"{{{DATA}}}field")}

    def options(self, var):
        """Label to value."""
        (field,) = [one for one in self.form.findall(f"{{{DATA}}}field") if one.attrib["var"] == var]
        assert field.attrib["type"] == "list-single"
        return {option.attrib["label"]: option.findtext(f"{{{DATA}}}value") for option in field.findall(f"{{{DATA}}}option")}

    @property
    def rows(self):
        """The table: a dict a row."""
        reported = [field.attrib["var"] for field in self.form.find(f"{{{DATA}}}reported")]
        rows = []
        for item in self.form.findall(f"{{{DATA}}}item"):
            cells = {field.attrib["var"]: field.findtext(f"{{{DATA}}}value") for field in item}
            assert list(cells) == reported
            rows.append(cells)
        return rows


def command(node, action=None, session=None, form=None, kind="submit"):
    """The element; `form` is a dict, a list of pairs, or an element."""
    element = ElementTree.Element(f"{{{COMMANDS}}}command", {"node": node})
    if action is not None:
        element.attrib["action"] = action
    if session is not None:
        element.attrib["sessionid"] = session
    if isinstance(form, ElementTree.Element):
        element.append(form)
    elif form is not None:
        data = ElementTree.SubElement(element, f"{{{DATA}}}x", {"type": kind})
        for var, value in form.items() if isinstance(form, dict) else form:
            field = ElementTree.SubElement(data, f"{{{DATA}}}field", {"var": var})
            ElementTree.SubElement(field, f"{{{DATA}}}value").text = value
    return element


class Commands:
    """A client that is online, and the component it asks."""

    def __init__(self, client, component):
        self.client = client
        self.component = component

    async def _send(self, payload, kind="set", to=None, timeout=20):
        iq = self.client.Iq(stype=kind, sto=to or self.component)
        iq.append(payload)
        assert not self.client.lost, "the session has ended"
        answer = iq.send(timeout=timeout)
        await asyncio.wait({answer, self.client.disconnected}, return_when=asyncio.FIRST_COMPLETED)
        assert answer.done(), "the session ended first"
        try:
            return answer.result().xml
        except IqError as error:
            return error.iq.xml
        except IqTimeout:
            raise AssertionError("no answer") from None

    def send(self, payload, kind="set", to=None):
        return self.client.owner.run(self._send(payload, kind, to), 30)

    def ask(self, node, action=None, session=None, form=None, **more):
        return Answer(self.send(command(node, action, session, form, **more)))

    def run(self, node, form, action="complete"):
        """Asks for the form, sends it filled in."""
        shown = self.ask(node, "execute")
        assert shown.error is None and shown.status == "executing", shown
        return self.ask(node, action, shown.session, form)

    def many(self, payloads):
        """All at once; the answers in order."""

        async def all_of_them():
            return await asyncio.gather(*[self._send(payload, timeout=60) for payload in payloads])

        return [Answer(iq) for iq in self.client.owner.run(all_of_them(), 90)]

    def disco(self, what, node=None):
        query = ElementTree.Element(f"{{{DISCO}{what}}}query", {"node": node} if node else {})
        return self.send(query, "get").find(f"{{{DISCO}{what}}}query")
