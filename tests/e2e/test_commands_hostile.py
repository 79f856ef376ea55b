"""Commands that are wrong, forged, replayed, too many or too much: each is refused in XMPP's own words, and the link stays."""

import random
import time
from xml.etree import ElementTree

import pytest

from harness.commands import DATA, Commands, command
from harness.d003 import Accounts, code, meanwhile, metric, wait_until
from harness.v1 import answer


@pytest.fixture
def commands(xmpp_client, stack):
    def connect(account):
        return Commands(xmpp_client(account.jid, account.jid_password), stack.component)

    return connect


@pytest.fixture(autouse=True)
def the_link_stays(server):
    reconnects = metric(server, "xmpp_reconnects_total")
    yield
    if metric(server, "xmpp_up"):  # a restart counts anew
        assert metric(server, "xmpp_reconnects_total") <= max(reconnects, 1)


# Who asks


def test_a_jid_without_an_account_is_told_to_register(commands, calls, db, phone):
    """A user of the server whom registrard does not know; here one whose account went."""
    mine = commands(phone)
    shown = mine.ask("account")
    with db.cursor() as cursor:
        cursor.execute("update accounts set jid_local = 'another-' || jid_local where jid_local = %s",
                       (phone.jid_local,))
    for node in ("list", "bind", "unbind", "rename", "account", "invite", "answer"):
        assert mine.ask(node).error == ("auth", "registration-required", None), node
    late = mine.ask("account", "complete", shown.session, {"consent": "refuse"})
    assert late.error == ("auth", "registration-required", None)
    with db.cursor() as cursor:
        cursor.execute("update accounts set jid_local = replace(jid_local, 'another-', '') where jid_local like 'another-%%'")
    assert mine.ask("list").status == "completed"


def test_a_banned_account_may_do_nothing(commands, db, phone):
    mine = commands(phone)
    Accounts(db).set(phone, "banned_at = now()")
    for node in ("list", "bind", "unbind", "rename", "account", "invite", "answer"):
        assert mine.ask(node).error == ("auth", "forbidden", None), node


def test_a_cancelled_account_is_gone(commands, calls, phone):
    mine = commands(phone)
    shown = mine.ask("account")
    assert code(calls.cancel(phone)) == 0
    try:
        late = mine.ask("account", "complete", shown.session, {"consent": "refuse"})
    except AssertionError:
        return  # its session with the server ended first
    assert late.error[0] == "auth"


def _command(stack, sender, number, payload="", node="list"):
    sender = f"from='{sender}'" if sender is not None else ""
    return (f"<iq type='set' id='forged-{number}' {sender} to='{stack.component}'><command "
            f"xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'>{payload}</command></iq>")


def _answer_to(hostile, number):
    mark = f"forged-{number}".encode()
    return wait_until(lambda: next((stanza for stanza in hostile.heard if mark in stanza), None), what=f"answer {number}")


def test_a_jid_of_another_domain_is_refused(hostile, stack, server, calls, phone):
    """As a federated server would have it through; the local part is a real account's."""
    local, domain = phone.jid.split("@")
    hostile.heard.clear()
    senders = [f"{local}@evil.example", f"{local}@{domain}.evil.example", f"{local}@x{domain}", f"{local}@{domain[:-1]}",
               f"{local}@{stack.component}", f"{local}@evil.example/{domain}", f"@{domain}", domain, stack.component,
               f"evil.example/{local}@{domain}", f"{local}@{domain.upper()}", f"{local}@"]
    for number, sender in enumerate(senders):
        hostile.inject(_command(stack, sender, number).encode())
        reply = _answer_to(hostile, number)
        assert b"<forbidden " in reply and b'type="error"' in reply, (sender, reply)
        assert f'to="{sender}"'.encode() in reply
    hostile.inject(_command(stack, f"{local}@{domain}/home", "last").encode())
    assert b'status="completed"' in _answer_to(hostile, "last")


def test_a_command_from_nobody_is_not_answered(hostile, stack, phone):
    hostile.heard.clear()
    hostile.inject(_command(stack, None, "nobody").encode())
    hostile.inject(_command(stack, phone.jid, "after").encode())
    _answer_to(hostile, "after")
    assert not any(b"forged-nobody" in stanza for stanza in hostile.heard)


def test_a_form_as_large_as_the_server_lets_through(hostile, stack, phone):
    """What is over our limits is refused before anything is made of it."""
    hostile.heard.clear()
    field = "<field var='code'><value>{}</value></field>"
    form = "<x xmlns='jabber:x:data' type='submit'>{}</x>"
    for number, content in enumerate([field.format("x" * 1025), field.format("x" * 1000000), field.format("x") * 17,
                                      field.format("x") * 10000]):
        hostile.inject(_command(stack, phone.jid, number, form.format(content), "bind").encode())
        assert b"<bad-payload " in _answer_to(hostile, number)
    hostile.inject(_command(stack, phone.jid, "node", node="x" * 1025).encode())
    assert b"<bad-payload " in _answer_to(hostile, "node")


@pytest.mark.parametrize("id_", ["a&#9;b", "a&#10;b", "&#13;", "\"" * 60000])
def test_ids_that_no_answer_can_have_fill_no_log(hostile, stack, incident, phone, id_):
    """Some servers pass on line breaks of a user's own as they were written."""
    seen = incident()
    hostile.heard.clear()
    for _ in range(50):
        hostile.inject(_command(stack, phone.jid, "odd", node="nothing").replace("forged-odd", id_).encode())
    hostile.inject(_command(stack, phone.jid, "after").encode())
    assert b'status="completed"' in _answer_to(hostile, "after")
    seen.said_nothing()


# Sessions


def test_a_session_is_its_own_jids_and_commands(commands, v1, calls, phone, lamp):
    mine, other, again = commands(phone), commands(lamp), commands(phone)
    shown = mine.ask("account")
    for thief in (other, again):  # the other resource is another client
        stolen = thief.ask("account", "complete", shown.session, {"consent": "refuse"})
        assert stolen.error == ("modify", "bad-request", "bad-sessionid")
        assert thief.ask("account", "cancel", shown.session).error == ("modify", "bad-request", "bad-sessionid")
    assert mine.ask("unbind", "complete", shown.session, {"jid": lamp.jid}).error == (
        "modify", "bad-request", "bad-sessionid")
    for made_up in ("x", shown.session[:-1], shown.session + "0", "9" * len(shown.session), shown.session.upper(),
                    "0" + shown.session[1:], "é" * 30):
        if made_up != shown.session:
            assert mine.ask("account", "complete", made_up, {"consent": "refuse"}).error == (
                "modify", "bad-request", "bad-sessionid"), made_up
    assert answer(v1.consent(phone)) == answer(v1.consent(lamp)) == {"consent": "accept"}
    assert mine.ask("account", "complete", shown.session, {"consent": "ask"}).status == "completed"


def test_a_session_runs_out(commands, server, v1, phone):
    mine = commands(phone)
    server.restart({"REGISTRARD_COMMANDS_SESSION_LIFETIME": "1s"})
    shown = mine.ask("account")
    made = time.monotonic()
    wait_until(lambda: time.monotonic() - made > 2.1, what="the end of the session")
    late = mine.ask("account", "complete", shown.session, {"consent": "refuse"})
    assert late.error == ("cancel", "not-allowed", "session-expired")
    assert answer(v1.consent(phone)) == {"consent": "accept"}


def test_a_session_outlives_a_restart(commands, server, v1, phone):
    mine = commands(phone)
    shown = mine.ask("account")
    server.restart()
    assert mine.ask("account", "complete", shown.session, {"consent": "ask"}).status == "completed"
    assert answer(v1.consent(phone)) == {"consent": "ask"}


def test_sent_again_it_does_nothing_twice(commands, v1, calls, phone, lamp):
    mine = commands(phone)
    shown = mine.ask("bind")
    claim = v1.new_claim(lamp)
    again = [command("bind", "complete", shown.session, {"code": claim}) for _ in range(4)]  # as many as run at once
    told = [one.note[0] for one in mine.many(again) + mine.many(again)]
    assert sorted(told[:4]) == ["error"] * 3 + ["info"] and told[4:] == ["error"] * 4
    assert v1.bound_to(lamp) == {phone.jid}


# What is asked


@pytest.mark.parametrize("node", ["", "nothing", "List", "list ", "http://jabber.org/protocol/commands", "x" * 1024])
def test_no_such_command(commands, phone, node):
    assert commands(phone).ask(node).error == ("cancel", "item-not-found", None)


@pytest.mark.parametrize("action", ["", "Execute", "finish", "x" * 5000])
def test_no_such_action(commands, phone, action):
    mine = commands(phone)
    shown = mine.ask("account")
    for session in (None, shown.session):
        assert mine.ask("account", action, session).error == ("modify", "bad-request", "malformed-action")


def test_actions_that_do_not_fit(commands, phone):
    mine = commands(phone)
    shown = mine.ask("account")
    assert mine.ask("account", "prev", shown.session).error == ("modify", "bad-request", "bad-action")
    for action in ("prev", "next", "cancel", "complete"):
        assert mine.ask("account", action).error == ("modify", "bad-request", "bad-action")
    assert mine.ask("list", "complete", shown.session).error == ("modify", "bad-request", "bad-sessionid")


FORMS = {
    "bind": [None, {}, {"code": ""}, {"codes": "x"}, {"code": "x" * 1025}],
    "unbind": [{}, {"jid": ""}, {"jid": "-"}, {"jid": "lamp"}, {"jid": "lamp@elsewhere.example"}, {"jid": "@localhost"},
               {"jid": "x" * 65 + "@localhost"}, {"jid": "x@localhost/r"}],
    "rename": [{"nickname": "x"}, {"jid": "", "nickname": "x"}],
    "account": [None, {}, {"consent": ""}, {"consent": "perhaps"}, {"consent": "accept", **{f"f{i}": "x" for i in range(16)}}],
    "answer": [{}, {"ask": "1"}, {"answer": "yes"}, {"ask": "x", "answer": "yes"}, {"ask": "1", "answer": "maybe"}, {"ask": "1", "answer": "-"},
               {"ask": "-1", "answer": "no"}, {"ask": "9" * 30, "answer": "no"}],
}


@pytest.mark.parametrize("node, form", [(node, form) for node, forms in FORMS.items() for form in forms])
def test_forms_that_lack_what_is_needed(commands, v1, calls, phone, lamp, node, form):
    mine = commands(phone)
    if node in ("unbind", "rename"):
        calls.bind(phone, [lamp.name])
    if node == "answer":
        v1.set_consent(phone, "ask")
        calls.bind(lamp, [phone.name])
    shown = mine.ask(node)
    assert shown.status == "executing"
    assert mine.ask(node, "complete", shown.session, form).error == ("modify", "bad-request", "bad-payload")


def test_forms_of_an_odd_shape(commands, v1, phone):
    mine = commands(phone)
    shown = mine.ask("account")
    several = ElementTree.Element(f"{{{DATA}}}x", {"type": "submit"})
    field = ElementTree.SubElement(several, f"{{{DATA}}}field", {"var": "consent"})
    for text in ("ask", "refuse"):
        ElementTree.SubElement(field, f"{{{DATA}}}value").text = text
    assert mine.ask("account", "complete", shown.session, several).status == "completed"  # the first one counts
    assert answer(v1.consent(phone)) == {"consent": "ask"}
    for kind in ("form", "result", "cancel", "x"):
        odd = mine.ask("account", "complete", shown.session, {"consent": "accept"}, kind=kind)
        assert odd.error == ("modify", "bad-request", "bad-payload"), kind
    deep = ElementTree.Element(f"{{{DATA}}}x", {"type": "submit"})
    inner = deep
    for _ in range(20):
        inner = ElementTree.SubElement(inner, f"{{{DATA}}}field", {"var": "consent"})
    assert mine.ask("account", "complete", shown.session, deep).error == ("modify", "bad-request", "bad-payload")
    assert answer(v1.consent(phone)) == {"consent": "ask"}


def test_what_is_asked_of_somebody_else(commands, stack, phone):
    mine = commands(phone)
    for to in (f"somebody@{stack.component}", f"{stack.component}/somewhere"):
        assert mine.send(command("list"), to=to).attrib["type"] == "error"
    reply = mine.send(command("list"), "get")
    assert reply.attrib["type"] == "error"


NAMES = ["<a>&\"'", "]]>", "\u202e\u202d", "\u00a0x", "汉字🙂", "&#1;", "a\u0085b"]


@pytest.mark.parametrize("nickname", NAMES)
def test_names_of_odd_text_come_through(commands, calls, phone, lamp, nickname):
    calls.bind(phone, [lamp.name])
    mine = commands(phone)
    done = mine.run("rename", {"jid": lamp.jid, "nickname": nickname})
    assert done.status == "completed" and done.note[0] in ("info", "error")
    if done.note[0] == "info":
        mine.client.wait(lambda: mine.client.items[lamp.jid]["name"] == nickname)
    assert len(mine.ask("list").rows) == 1


# Too many


def test_a_hundred_at_once(commands, server, calls, phone, lamp):
    """Of one account's only a few are worked on at once; the others are told to wait, and all are answered."""
    mine, other = commands(phone), commands(lamp)
    answers = mine.many([command("list") for _ in range(100)])
    done = [one for one in answers if one.error is None]
    assert done and all(one.status == "completed" for one in done)
    assert {one.error for one in answers if one.error} <= {("wait", "resource-constraint", None)}
    assert other.ask("list").status == "completed"
    assert code(calls.bind(phone, [lamp.name])) == 0


def test_slow_ones_of_one_account_leave_room_for_others(commands, server, stack, phone, lamp):
    """Postgres stands still, so that none of them ends."""
    mine, other = commands(phone), commands(lamp)
    assert mine.ask("list").status == other.ask("list").status == "completed"
    stack.stop("postgres")
    with meanwhile(mine.many, [command("list") for _ in range(12)]) as answers:
        wait_until(lambda: metric(server, "commands") == 4, what="a sixteenth of 64")
        with meanwhile(other.many, [command("list")]) as others:
            wait_until(lambda: metric(server, "commands") == 5, what="another one's")
            stack.cont("postgres")
    assert sum(one.error is None for one in answers[0]) == 4
    assert {one.error for one in answers[0] if one.error} == {("wait", "resource-constraint", None)}
    assert others[0][0].status == "completed"


def test_how_many_in_a_minute(commands, server, calls, phone, lamp):
    server.restart({"REGISTRARD_COMMANDS_PER_MINUTE": "5"})
    mine, other = commands(phone), commands(lamp)
    told = [mine.ask("list").error for _ in range(8)]
    assert told == [None] * 5 + [("wait", "policy-violation", None)] * 3
    assert other.ask("list").error is None


def test_a_flood_costs_nobody_else_anything(commands, server, calls, phone, lamp):
    """Commands as fast as the server takes them, good and bad, while others go on."""
    dice = random.Random(7)
    mine, other = commands(phone), commands(lamp)
    kinds = [command("list"), command("nothing"), command("account", "complete", "x", {"consent": "refuse"}),
             command("invite"), command("bind", "execute", None, {"code": "00000-00000"})]
    floods = [mine.many([dice.choice(kinds) for _ in range(300)]) for _ in range(3)]
    assert all(len(flood) == 300 for flood in floods)
    assert other.ask("account").status == "executing"
    assert code(calls.bind(phone, [lamp.name])) == 0


def test_with_no_lane_free_they_are_told_to_wait(commands, server, stack, phone, lamp):
    """Postgres stands still: commands time out, and say so."""
    mine = commands(phone)
    server.restart({"REGISTRARD_COMMANDS_TIMEOUT": "500ms", "REGISTRARD_COMMANDS_IN_FLIGHT": "4",
                    "REGISTRARD_POSTGRES_STATEMENT_TIMEOUT": "1s"})
    stack.stop("postgres")
    answers = mine.many([command("list") for _ in range(20)])
    stack.cont("postgres")
    assert {one.error[0] for one in answers} == {"wait"}
    wait_until(lambda: mine.ask("list").error is None, what="an answer again")


def test_what_is_under_way_when_it_stops_is_answered(commands, server, stack, phone):
    mine = commands(phone)
    assert mine.ask("list").status == "completed"
    stack.stop("postgres")
    with meanwhile(mine.many, [command("list") for _ in range(4)]) as answers:
        wait_until(lambda: metric(server, "commands") == 4, what="commands at work")
        server.stop()
    stack.cont("postgres")
    assert [one.error and one.error[0] for one in answers[0]] == ["wait"] * 4
    server.start()
    wait_until(lambda: mine.ask("list").error is None, what="an answer again")


def test_without_redis_nothing_is_run(commands, stack, phone, expected_errors):
    mine = commands(phone)
    expected_errors.append("event=redis")
    stack.kill("redis")
    assert mine.ask("list").error == ("wait", "internal-server-error", None)
    stack.start("redis")
    wait_until(lambda: mine.ask("list").error is None, what="an answer again")


# What is written down


def test_nothing_secret_in_the_log(commands, server, v1, phone, lamp):
    mine = commands(phone)
    mark = server.log.mark()
    made = commands(lamp).ask("invite").fields["code"]
    shown = mine.ask("bind")
    mine.ask("bind", "complete", shown.session, {"code": made})
    mine.ask("bind", "complete", shown.session, {"code": "CANAR-YCANA"})
    written = "\n".join(server.log.lines()[mark:] if isinstance(mark, int) else server.log.lines())
    for secret in (made, made.replace("-", ""), "CANAR", shown.session):
        assert secret not in written
