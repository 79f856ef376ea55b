"""Every command walked through by a stock client: found by service discovery, its form shown, filled in, completed."""

from xml.etree import ElementTree

import pytest

from harness.calls import DEVICE
from harness.commands import COMMANDS, DISCO, Commands, command
from harness.d003 import Accounts, code
from harness.v1 import answer

NAMES = {
    "list": "My devices",
    "bind": "Bind a device by its code",
    "unbind": "Unbind a device",
    "rename": "Rename a device",
    "account": "My account",
    "invite": "Invite somebody by a code",
    "answer": "Answer who wishes to be bound",
}


@pytest.fixture
def commands(xmpp_client, stack):
    """commands(account): its client, ready to ask."""

    def connect(account):
        return Commands(xmpp_client(account.jid, account.jid_password), stack.component)

    return connect


def offers(form):
    return {action.tag.rsplit("}", 1)[1] for action in form.actions}, form.actions.attrib.get("execute")


# Finding them


def test_service_discovery_leads_to_the_commands(commands, phone, stack):
    mine = commands(phone)
    info = mine.disco("info")
    identities = {(one.attrib["category"], one.attrib["type"]) for one in info.findall(f"{{{DISCO}info}}identity")}
    features = {one.attrib["var"] for one in info.findall(f"{{{DISCO}info}}feature")}
    assert {("component", "generic"), ("automation", "command-list")} <= identities
    assert {COMMANDS, "jabber:iq:register", DISCO + "info", DISCO + "items"} <= features
    items = mine.disco("items", COMMANDS).findall(f"{{{DISCO}items}}item")
    assert {one.attrib["node"]: one.attrib["name"] for one in items} == NAMES
    assert {one.attrib["jid"] for one in items} == {stack.component}
    (identity,) = mine.disco("info", COMMANDS).findall(f"{{{DISCO}info}}identity")
    assert (identity.attrib["category"], identity.attrib["type"]) == ("automation", "command-list")
    for node, name in NAMES.items():
        info = mine.disco("info", node)
        (identity,) = info.findall(f"{{{DISCO}info}}identity")
        assert (info.attrib["node"], identity.attrib) == (
            node, {"category": "automation", "type": "command-node", "name": name})
        assert {one.attrib["var"] for one in info.findall(f"{{{DISCO}info}}feature")} == {COMMANDS, "jabber:x:data"}


def test_slixmpps_own_plugin_walks_through_one(phone, lamp, v1, stack, xmpp_client):
    """As an application of slixmpp would, with nothing of ours in between."""
    client = xmpp_client(phone.jid, phone.jid_password)
    shown = v1.new_claim(lamp)

    async def walk():
        for plugin in ("xep_0004", "xep_0030", "xep_0050"):
            client.register_plugin(plugin)
        found = await client["xep_0050"].get_commands(stack.component)
        nodes = {item[1] for item in found["disco_items"]["items"]}
        begun = await client["xep_0050"].send_command(stack.component, "bind")
        form = begun["command"]["form"]
        form["type"] = "submit"
        form.get_fields()["code"]["value"] = shown
        done = await client["xep_0050"].send_command(
            stack.component, "bind", action="complete", payload=form.xml, sessionid=begun["command"]["sessionid"])
        return nodes, done["command"]["status"], done["command"]["notes"]

    nodes, status, notes = client.owner.run(walk())
    assert nodes == set(NAMES)
    assert (status, notes) == ("completed", [("info", f"You are bound to {lamp.name}.")])


# Each of them


def test_list(commands, calls, db, phone, lamp):
    mine = commands(phone)
    empty = mine.ask("list")
    assert (empty.status, empty.note, empty.form) == ("completed", ("info", "You are bound to nobody."), None)
    other = calls.new_account(DEVICE)
    Accounts(db).set(other, "nickname = 'Küche <&> 汉'")
    calls.bind(phone, [lamp.name, other.name])
    listed = mine.ask("list", "execute")
    assert (listed.status, listed.form.attrib["type"]) == ("completed", "result")
    assert sorted(listed.note[1].split("\n")) == sorted(", ".join(row.values()) for row in listed.rows)
    assert sorted(listed.rows, key=lambda row: row["jid"]) == sorted([
        {"name": lamp.name, "jid": lamp.jid, "state": "bound"},
        {"name": f"Küche <&> 汉 ({other.name})", "jid": other.jid, "state": "bound"},
    ], key=lambda row: row["jid"])


def test_bind(commands, v1, phone, lamp):
    mine, other = commands(phone), commands(lamp)
    shown = mine.ask("bind", "execute")
    assert shown.status == "executing" and shown.session and offers(shown) == ({"complete"}, "complete")
    assert shown.form.attrib["type"] == "form" and list(shown.fields) == ["code"]
    done = mine.ask("bind", "complete", shown.session, {"code": v1.new_claim(lamp).lower()})
    assert (done.status, done.note) == ("completed", ("info", f"You are bound to {lamp.name}."))
    for one, peer in ((mine, lamp), (other, phone)):
        one.client.wait_item(peer.jid, "both")
        one.client.wait_sees(peer.jid)


def test_bind_in_one_go(commands, v1, phone, lamp):
    done = commands(phone).ask("bind", "execute", None, {"code": v1.new_claim(lamp)})
    assert done.note == ("info", f"You are bound to {lamp.name}.")


def test_bind_by_a_code_that_is_none(commands, v1, calls, phone, lamp):
    mine = commands(phone)
    assert mine.run("bind", {"code": "00000-00000"}).note == ("error", "The code is wrong, was used, or has run out.")
    own = v1.new_claim(phone)
    assert mine.run("bind", {"code": own}).note == ("error", "That is your own code: it is for somebody else to enter.")
    calls.bind(phone, [lamp.name])
    assert mine.run("bind", {"code": v1.new_claim(lamp)}).note == ("error", "You are bound to that one already.")
    lonely = v1.new_claim(lamp)
    v1.set_consent(lamp, "refuse")
    calls.unbind(phone, [lamp.name])
    assert mine.run("bind", {"code": lonely}).note == ("error", "One of you refuses to be bound.")


def test_invite(commands, stack, phone, lamp):
    """Both sides by XMPP alone: one makes a code, the other enters it."""
    made = commands(lamp).ask("invite")
    assert (made.status, made.form.attrib["type"]) == ("completed", "result")
    assert made.fields["uri"] == f"xmpp:{stack.component}?command;node=bind;code={made.fields['code']}"
    assert made.fields["minutes"] == "10"
    done = commands(phone).run("bind", {"code": made.fields["code"]})
    assert done.note == ("info", f"You are bound to {lamp.name}.")


def test_unbind(commands, calls, phone, lamp):
    mine = commands(phone)
    nothing = mine.ask("unbind")
    assert (nothing.status, nothing.note) == ("completed", ("info", "You are bound to nobody."))
    other = calls.new_account(DEVICE)
    calls.bind(phone, [lamp.name, other.name])
    shown = mine.ask("unbind")
    assert shown.options("jid") == {"(choose one)": "-", lamp.name: lamp.jid, other.name: other.jid}
    assert shown.fields["jid"] == "-"  # who looks no further unbinds nobody
    done = mine.ask("unbind", "complete", shown.session, {"jid": lamp.jid})
    assert (done.status, done.note) == ("completed", ("info", f"{lamp.name} is not bound to you any more."))
    mine.client.wait_no_item(lamp.jid)
    assert set(mine.client.wait_fetched_roster()) == {other.jid}
    again = mine.ask("unbind", "complete", shown.session, {"jid": lamp.jid})
    assert again.note == ("error", "You are not bound to that one.")


def test_rename(commands, calls, phone, lamp):
    mine, other = commands(phone), commands(lamp)
    calls.bind(phone, [lamp.name])
    mine.client.wait_item(lamp.jid, "both")
    shown = mine.ask("rename")
    assert shown.options("jid") == {"(choose one)": "-", lamp.name: lamp.jid} and set(shown.fields) == {"jid", "nickname"}
    done = mine.ask("rename", "complete", shown.session, {"jid": lamp.jid, "nickname": "Küche <&> 汉"})
    assert (done.status, done.note) == ("completed", ("info", "Your contact list has the new name."))
    mine.client.wait(lambda: mine.client.items[lamp.jid]["name"] == "Küche <&> 汉")
    assert other.client.wait_item(phone.jid, "both")["name"] == phone.name  # his own list stays
    assert [row["name"] for row in mine.ask("list").rows] == [f"Küche <&> 汉 ({lamp.name})"]
    mine.run("rename", {"jid": lamp.jid, "nickname": ""})
    mine.client.wait(lambda: mine.client.items[lamp.jid]["name"] == lamp.name)
    wrong = mine.run("rename", {"jid": lamp.jid, "nickname": "x" * 65})
    assert wrong.note[0] == "error" and "too long" in wrong.note[1]


def test_account(commands, v1, calls, phone, lamp):
    calls.bind(phone, [lamp.name])
    mine = commands(phone)
    shown = mine.ask("account")
    fields = shown.fields
    assert (fields["name"], fields["account-jid"], fields["type"], fields["bindings"], fields["consent"]) == (
        f"Name: {phone.name}", f"JID: {phone.jid}", "Kind: phone", "Bound to: 1", "accept")
    assert set(shown.options("consent").values()) == {"accept", "ask", "refuse"}
    done = mine.ask("account", "complete", shown.session, {"consent": "ask"})
    assert (done.status, done.note) == ("completed", ("info", "Who wishes to be bound to you: ask."))
    assert answer(v1.consent(phone)) == {"consent": "ask"}
    assert mine.ask("account").fields["consent"] == "ask"


@pytest.mark.parametrize("says", ["yes", "no"])
def test_answer(commands, v1, calls, phone, lamp, says):
    mine = commands(lamp)
    assert mine.ask("answer").note == ("info", "Nobody asks you anything.")
    v1.set_consent(lamp, "ask")
    assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
    mine.client.wait_messages(1)
    shown = mine.ask("answer")
    (ask,) = v1.asked_by(lamp).values()
    assert shown.options("ask") == {phone.name: str(ask)} and set(shown.options("answer").values()) == {"-", "yes", "no"}
    assert shown.fields == {"ask": str(ask), "answer": "-"}
    done = mine.ask("answer", "complete", shown.session, {"ask": str(ask), "answer": says})
    if says == "yes":
        assert done.note == ("info", f"You are bound to {phone.name}.")
        mine.client.wait_item(phone.jid, "both")
    else:
        assert done.note == ("info", f"{phone.name} was told no.")
        assert code(calls.bind(phone, [lamp.name])) == 108
    again = mine.ask("answer", "complete", shown.session, {"ask": str(ask), "answer": says})
    assert again.note == ("error", "Nobody asks that any more.")


# What clients do


def test_cancelling_changes_nothing(commands, v1, phone):
    mine = commands(phone)
    shown = mine.ask("account")
    done = mine.ask("account", "cancel", shown.session)
    assert (done.status, done.session, done.form) == ("canceled", shown.session, None)
    assert answer(v1.consent(phone)) == {"consent": "accept"}


@pytest.mark.parametrize("action", ["execute", "next", "complete", None])
def test_a_filled_in_form_goes_on_however_the_client_says_so(commands, v1, phone, action):
    mine = commands(phone)
    shown = mine.ask("account")
    done = mine.ask("account", action, shown.session, {"FORM_TYPE": "x", "consent": "refuse"})
    assert done.status == "completed"
    assert answer(v1.consent(phone)) == {"consent": "refuse"}


def test_each_resource_is_answered_itself(commands, calls, phone, lamp):
    calls.bind(phone, [lamp.name])
    clients = [commands(phone), commands(phone)]
    assert clients[0].client.boundjid.full != clients[1].client.boundjid.full
    for one in clients:
        assert one.ask("list").iq.attrib["to"] == one.client.boundjid.full


def test_many_are_cut_and_said_so(commands, db, calls, phone, lamp):
    """A phone with more devices than a form can hold."""
    calls.bind(phone, [lamp.name])
    with db.cursor() as cursor:
        cursor.execute(
            "with a as (insert into accounts (type, state, name, salt, jid_local, jid_state) "
            "select 2, 1, 'many-' || %s || '-' || n, 'abcdEFGH', 'many' || %s || n, 1 from generate_series(1, 120) n "
            "returning id), me as (select id from accounts where name = %s and state = 1) "
            "insert into bindings (low, high, asked_by, wanted, version, seen_version) "
            "select me.id, a.id, me.id, true, nextval('wish_version'), currval('wish_version') from a, me",
            (phone.name, phone.name, "+86" + phone.name))
    mine = commands(phone)
    listed = mine.ask("list")
    assert len(listed.rows) == 100 and listed.note[1].endswith("\nThese are the first 100 of 121.")
    shown = mine.ask("unbind")
    assert len(shown.options("jid")) == 101 and shown.note == ("info", "These are the first 100 of 121.")
    with db.cursor() as cursor:
        cursor.execute("delete from bindings b using accounts a where a.name like 'many-%%' and a.id in (b.low, b.high)")
        cursor.execute("delete from accounts where name like 'many-%%'")


# Registering is told, not done


def test_who_wishes_to_register_is_told_how(commands, server, phone):
    server.restart({"REGISTRARD_COMMANDS_REGISTER_TEXT": "Get the app <&>.", "REGISTRARD_COMMANDS_REGISTER_URL":
                    "https://app.example.org/?a=1&b=2"})
    mine = commands(phone)
    query = mine.send(ElementTree.Element("{jabber:iq:register}query"), "get").find("{jabber:iq:register}query")
    assert query.findtext("{jabber:iq:register}instructions") == "Get the app <&>."
    assert query.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == "https://app.example.org/?a=1&b=2"
    wish = ElementTree.Element("{jabber:iq:register}query")
    for name in ("username", "password"):
        ElementTree.SubElement(wish, "{jabber:iq:register}" + name).text = "x"
    error = mine.send(wish, "set").find("{jabber:client}error")
    assert error.attrib["type"] == "cancel" and error.find("{urn:ietf:params:xml:ns:xmpp-stanzas}not-allowed") is not None


def test_it_can_be_switched_off(commands, server, phone):
    server.restart({"REGISTRARD_COMMANDS_ENABLED": "false"})
    mine = commands(phone)
    assert mine.ask("list").error == ("cancel", "service-unavailable", None)
    features = {one.attrib["var"] for one in mine.disco("info").findall(f"{{{DISCO}info}}feature")}
    assert COMMANDS not in features and "jabber:iq:register" not in features
    assert mine.send(command("list"), "get").attrib["type"] == "error"
