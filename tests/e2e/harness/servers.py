"""What an XMPP server has, read without registrard and without what registrard reads it by where that can be: every JID, and
every JID's roster. Prosody's from its files, ejabberd's by disco and its HTTP API, others' by XEP-0133 through a component
of the run's own.

A roster is a dict: bare JID to (subscription, name, groups).
"""

import http.client
import json
import subprocess
import urllib.parse
from xml.etree import ElementTree

from harness.component import Component, secret_of

# What it writes is separated by characters that no XML holds, and so no name.
PROSODY = """
local function each(folder, what)
    local listing = io.popen("ls '" .. folder .. "' 2>/dev/null")
    for file in listing:lines() do
        local user = file:match("^(.*)%.dat$")
        if user then what(user, folder .. "/" .. file) end
    end
end
local function write(fields) io.write(table.concat(fields, "\\31"), "\\30") end
local store = arg[1]
each(store .. "/accounts", function(user) write({"jid", user}) end)
each(store .. "/roster", function(user, path)
    local load = loadfile(path, "t", {})
    for jid, item in pairs(load and load() or {}) do
        if jid then
            local groups = {}
            for group in pairs(item.groups or {}) do groups[#groups + 1] = group end
            table.sort(groups)
            write({"item", user, jid, item.subscription or "none", item.name or "", table.concat(groups, "\\29")})
        end
    end
end)
"""
ROSTER = "{jabber:iq:roster}"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"


def server_of(stack, component):
    """`component`: a name that no registrard uses."""
    if stack.xmpp == "prosody":
        return Prosody(stack)
    made = Ejabberd if stack.xmpp == "ejabberd" else Openfire
    return made(stack, component, secret_of(stack))


class Prosody:
    def __init__(self, stack):
        self.store = stack.var / "prosody" / stack.domain

    def read(self):
        """Local part to roster, for every JID there is."""
        done = subprocess.run(["lua5.4", "-", str(self.store)], input=PROSODY, capture_output=True, text=True, check=True)
        rosters, items = {}, []
        for line in done.stdout.split("\x1e")[:-1]:
            kind, user, *rest = line.split("\x1f")
            if kind == "jid":
                rosters[user] = {}
            else:
                items.append((user, *rest))
        for user, jid, subscription, name, groups in items:
            if user in rosters:  # a roster without a JID belongs to nobody
                rosters[user][jid] = (subscription, name, tuple(filter(None, groups.split("\x1d"))))
        return rosters

    def close(self):
        pass


class _Asked:
    """One that is asked over a link of ours, which is made when it is wanted and made anew after it failed."""

    def __init__(self, stack, component, secret):
        self.stack, self.name, self.secret = stack, component, secret
        self.link = None

    def read(self):
        if self.link is None:
            self.link = Component(self.stack.component_address, self.name, self.stack.domain, self.secret)
        try:
            return self._read()
        except (OSError, AssertionError):
            self.close()
            raise

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Openfire(_Asked):
    BATCH = 32  # far from the 100 commands that may be open at once

    def _read(self):
        [answer] = self.link.command("get-registered-users-list", [{"max_items": "none"}])
        users = [value.text.partition("@")[0] for value in answer.iter("{jabber:x:data}value") if "@" in (value.text or "")]
        rosters = {}
        for begin in range(0, len(users), self.BATCH):
            batch = users[begin : begin + self.BATCH]
            answers = self.link.command("get-user-roster", [{"accountjids": f"{one}@{self.stack.domain}"} for one in batch])
            rosters.update({user: _items(one) for user, one in zip(batch, answers)})
        return rosters


def _items(answer):
    return {
        item.get("jid"): (item.get("subscription"), item.get("name", ""),
                          tuple(sorted(group.text for group in item.iter(ROSTER + "group"))))
        for item in answer.iter(ROSTER + "item")
    }


class Ejabberd(_Asked):
    def _read(self):
        return {user: self._roster(user) for user in self._users()}

    def _users(self):
        """More than a hundred it lists in parts, each a node of its own."""
        found, parts = [], ["all users"]
        while parts:
            for answer in self.link.ask("get", [f"<query xmlns='{DISCO_ITEMS}' node='{part}'/>" for part in parts]):
                assert answer.get("type") == "result", ElementTree.tostring(answer)
                found += answer.iter("{%s}item" % DISCO_ITEMS)
            parts = [item.get("node") for item in found if item.get("node")]
            found = [item for item in found if not item.get("node")]
        return [item.get("jid").partition("@")[0] for item in found]

    def _roster(self, user):
        url = urllib.parse.urlsplit(self.stack.settings["REGISTRARD_XMPP_API_URL"])
        with open(self.stack.settings["REGISTRARD_XMPP_API_SECRET_FILE"], encoding="ascii") as file:
            token = file.read().strip()
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        try:
            connection.request("POST", url.path + "/get_roster", json.dumps({"user": user, "server": self.stack.domain}),
                               {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
            reply = connection.getresponse()
            body = reply.read()
            assert reply.status == 200, (reply.status, body)
        finally:
            connection.close()
        items = {}
        for item in json.loads(body):
            known = items.setdefault(item["jid"], (item["subscription"], item["nick"], ()))
            items[item["jid"]] = (*known[:2], tuple(sorted({*known[2], *filter(None, [item.get("group")])})))
        return items
