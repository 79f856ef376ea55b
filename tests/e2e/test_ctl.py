"""registrarctl: what it shows, sets and refuses, its exit status, and what it may be given of the configuration."""

from harness import ctl as status
from harness.calls import DEVICE, PHONE, Account
from harness.d000 import Android
from harness.d003 import Accounts, code, wait_until
from harness.databases import Databases
from harness.d004 import Client

ADMINISTRATORS = ["show", "ban", "unban", "end-sessions", "role", "consent", "rotate"]
NEW_KEY = "9:" + "5ac3" * 16


def known(answer):
    """Its facts, but for when the account was compared: that may come to pass at any time."""
    return {name: text for name, text in answer.facts.items() if name != "compared"}


def test_show(ctl, calls, stack):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert code(calls.bind(phone, [lamp.name])) == 0
    answer = ctl.do("show", phone.name)
    facts = answer.facts
    assert (facts["type"], facts["state"], facts["proved"]) == ("phone", "active", "no")
    assert (facts["jid"], facts["jid state"], facts["name"]) == (phone.jid, "there", phone.name)
    assert (facts["banned"], facts["consent"], facts["role"]) == ("no", "accept", "user")
    assert (facts["sessions"], facts["bindings"], facts["bindings that are pending"]) == ("1", "1", "0")
    for secret in (phone.token, phone.jid_password, phone.password):
        assert secret not in answer.text + answer.errors
    assert stack.domain in facts["jid"]
    # by any of its names, which are those of the dialects
    for words in ([phone.jid], ["--jid", phone.jid_local]):
        assert known(ctl.do("show", *(["--jid"] if len(words) == 1 else []), *words)) == known(answer)
    for words in (["+86" + phone.name], ["0086" + phone.name], ["--uid", facts["uid"]],
                  [phone.name, "--type", "phone"]):
        assert known(ctl.do("show", *words)) == known(answer)


def test_a_name_of_two_types(ctl, calls):
    phone = calls.new_account(PHONE)
    lamp = calls.new_account(DEVICE, name=phone.name)
    assert "say --type" in ctl.do("show", phone.name, expect=status.USAGE).errors
    assert ctl.do("show", phone.name, "--type", "device").facts["jid"] == lamp.jid
    ctl.do("ban", phone.name, "--type", "device")
    assert code(calls.login(lamp)) == 100 and code(calls.login(phone)) == 0
    ctl.do("show", phone.name, "--type", "wechat", expect=status.NOT_FOUND)


def test_role_and_consent(ctl, calls, db):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    for number, word in enumerate(["user", "service", "superadmin"], 1):
        answer = ctl.do("role", phone.name, word)
        assert (answer.audit()[0]["action"], answer.audit()[0]["detail"]) == ("role", word)
        assert Accounts(db).get(phone, "role") == number
    ctl.do("consent", lamp.name, "refuse")
    assert code(calls.bind(phone, [lamp.name])) == 108
    ctl.do("consent", lamp.name, "accept")
    assert code(calls.bind(phone, [lamp.name])) == 0
    for words in (["role", phone.name, "god"], ["role", phone.name], ["consent", lamp.name, ""]):
        ctl.do(*words, expect=status.USAGE)


def test_end_sessions(ctl, calls, tcp, http, sms, truth):
    lamp, fan = calls.new_account(DEVICE), calls.new_account(DEVICE)
    app = Android(http, sms).registered()

    def checks(one):
        return tcp.call("/verify_access_token", access_token=one.token)["validate"]

    assert checks(lamp) and checks(fan)
    assert ctl.do("end-sessions", lamp.name).facts["sessions ended"] == "1"
    wait_until(lambda: not checks(lamp), 1.5, "the token to end")
    assert checks(fan)
    calls.log_in(lamp)
    answer = ctl.do("end-sessions", "--all")
    assert int(answer.facts["sessions ended"]) >= 3 and answer.audit()[0]["account"] == "0", answer
    assert app.rename("x").json["status"] == 500
    assert truth.one("select count(*) from sessions") == (0,)
    wait_until(lambda: not checks(lamp) and not checks(fan), 1.5, "the tokens to end")
    assert code(calls.login(lamp)) == 0


def test_outbox_and_instances(ctl, calls, link, server, truth):
    truth.settle()
    assert ctl.do("outbox").facts["waiting"] == "0"
    own = f"component {server.settings['REGISTRARD_XMPP_COMPONENT']}"
    seen = wait_until(lambda: own in (text := ctl.do("instances").text) and text, what="its sign of life")
    assert "alive" in seen, seen
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    link.refuse()
    assert calls.bind(phone, [lamp.name]).json["state"] == "pending"
    answer = ctl.do("outbox")
    assert answer.facts["waiting"] == "1" and "\npair: account " in answer.text, answer


def test_reconcile(ctl, truth, expected_errors):
    expected_errors.append("event=reconcile_brake_on")
    answer = ctl.do("reconcile", "status")
    assert answer.facts["mending"] == "on", answer
    assert ctl.do("reconcile", "go-on").facts["mending"] == "was not stopped"
    truth.one("update reconcile_brake set braked_at = now() returning 1")
    try:
        assert "stopped by the brake" in ctl.do("reconcile", "status", expect=status.REFUSED).facts["mending"]
        answer = ctl.do("reconcile", "go-on")
        assert answer.facts["mending"] == "goes on" and answer.audit()[0]["action"] == "reconcile go-on"
    finally:
        truth.one("update reconcile_brake set braked_at = null, let_go_at = null, let_go_until = null returning 1")


def test_keys(ctl, calls, http, sms, server, stack, truth):
    """A new key seals, what the old one sealed is sealed anew, and the old one is not needed any more."""
    old = (stack.var / "secrets/seal").read_text(encoding="ascii").strip()
    both, new = ({"REGISTRARD_KEYS_SEAL": keys, "REGISTRARD_KEYS_SEAL_FILE": None}
                 for keys in (f"{NEW_KEY},{old}", NEW_KEY))
    lamp = calls.new_account(DEVICE)
    client = Client(http, sms).register()
    assert "(it seals)" in ctl.do("key", "status").facts["jid passwords"]
    assert "cannot be opened" in ctl.do("key", "status", changed=new, expect=status.REFUSED).facts["jid passwords"]
    server.restart(both)
    fan = calls.new_account(DEVICE)
    assert "it only opens" in ctl.do("key", "status", changed=both).text
    answer = ctl.do("key", "reseal", changed=both)
    assert "cannot be opened" not in answer.text and len(answer.audit()) == 4, answer
    assert "it only opens" not in ctl.do("key", "status", changed=both).text
    server.restart(new)
    for one in (lamp, fan):
        password = one.jid_password
        assert calls.log_in(one).jid_password == password
    assert client.login().json["code"] == 1
    assert ctl.do("key", "reseal", changed=new).facts["jid passwords"] == "0 sealed anew"
    back = {"REGISTRARD_KEYS_SEAL": f"{old},{NEW_KEY}", "REGISTRARD_KEYS_SEAL_FILE": None}
    ctl.do("key", "reseal", changed=back)
    truth.settle()


def test_wrong_command_lines(ctl, calls):
    lamp = calls.new_account(DEVICE)
    for words in ([], ["nonsense"], ["show"], ["ban"], ["show", lamp.name, "more"], ["show", "--uid", "x"],
                  ["show", "--all"], ["outbox", lamp.name], ["key"], ["key", "status", "--uid", "1"],
                  ["rotate", "--all", "--rate", "0"], ["show", "--jid", "x@example.net"], ["show", "a b"],
                  ["show", lamp.name, "--type", "car"], ["show", "--uid", "1000", "--jid", "x"], ["show", "--frob"]):
        answer = ctl.do(*words, expect=status.USAGE)
        assert answer.text == "" and answer.errors, (words, answer)
    for words in (["show", "nobody-has-this-name"], ["ban", "--uid", "999999999"], ["show", "--jid", "nobody"]):
        ctl.do(*words, expect=status.NOT_FOUND)
    assert "usage:" in ctl.do("--help").text
    assert ctl.do("--version").text.startswith("registrarctl ")
    help_text = ctl.do("--help").text
    assert all(f"  {command}" in help_text for command in ADMINISTRATORS)


def test_only_what_it_needs_of_the_configuration(ctl, calls):
    lamp = calls.new_account(DEVICE)
    without = {"REGISTRARD_XMPP_SECRET_FILE": "/nonexistent", "REGISTRARD_XMPP_SECRET": None,
               "REGISTRARD_HTTPS_CERTIFICATE": "/nonexistent", "REGISTRARD_XMPP_COMPONENT": None}
    ctl.do("show", lamp.name, changed=without)
    answer = ctl.do("show", lamp.name, changed={"REGISTRARD_KEYS_SEAL_FILE": None}, expect=status.CONFIGURATION)
    assert "[keys] seal: must be set" in answer.errors


def test_a_database_that_is_not_this_one(ctl, calls, stack):
    lamp = calls.new_account(DEVICE)
    answer = ctl.do("show", lamp.name, changed={"REGISTRARD_XMPP_DOMAIN": "other.example"}, expect=status.FAILED)
    assert "wrong_xmpp_domain" in answer.errors
    databases = Databases(stack)
    try:
        answer = ctl.do("show", lamp.name, changed=databases.settings(databases.new()), expect=status.FAILED)
        assert "schema_too_old" in answer.errors
    finally:
        databases.close()
    nowhere = {"REGISTRARD_POSTGRES_URL": "host=/nonexistent dbname=x user=x"}
    assert "postgres_unreachable" in ctl.do("show", lamp.name, changed=nowhere, expect=status.FAILED).errors


def test_rotate_all(ctl, calls, truth):
    lamps = [calls.new_account(DEVICE) for _ in range(5)]
    old = [lamp.jid_password for lamp in lamps]
    first = ctl.run("rotate", lamps[0].name)
    answer = ctl.do("rotate", "--all", "--rate", "1000")
    assert int(answer.facts["jid passwords that are to be replaced"]) >= 5, answer
    truth.settle(60)
    for lamp, was in zip(lamps, old):
        assert (calls.log_in(lamp).jid_password == was) == (first.status == status.REFUSED)


def test_nobody_is_banned_before_he_is_there(ctl, db):
    """A registration that is under way is not an account yet."""
    with db.cursor() as cursor:
        cursor.execute("insert into accounts (type, state, name, salt, jid_local) values (2, 0, 'half-made', 'abcdefgh', "
                       "'half-made') returning id")
        number = cursor.fetchone()[0]
        try:
            assert ctl.do("show", Account(DEVICE, "half-made", "").name).facts["state"] == "pending"
            ctl.do("ban", "half-made", expect=status.NOT_FOUND)
        finally:
            cursor.execute("delete from accounts where id = %s", [number])
