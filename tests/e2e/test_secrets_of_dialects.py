"""The secrets of dialects 000, 001, 002 and 004 (003's: test_003_secrets.py) and of the SMS providers reach neither the log,
at its most talkative, nor the metrics, nor what the servers behind write down: every call is made with values found nowhere
else, well, badly, and while everything behind it fails; then all that was written is searched."""

import hashlib
import json
import re
import secrets

import pytest

from harness import d000, d004
from harness.calls import DEVICE, PHONE, Account, new_phone
from harness.canaries import Canaries, keep_configuration
from harness.d003 import Accounts, code, metric, wait_until
from harness.encodings import ENCODINGS
from harness.outage import recovered
from harness.process import ROOT
from harness.reg_user import Handset, said
from harness.sms_provider import APPLICATION, SID, TEMPLATE, TOKEN, Generic, Yuntongxun, refuses

HEADER, BODY = secrets.token_hex(20), secrets.token_hex(20)  # of the second provider
MODULI = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def identity_card():
    """A random one whose checksum is right (GB 11643)."""
    digits = "110105" + "".join(str(secrets.randbelow(10)) for _ in range(11))
    rest = sum(int(digit) * weight for digit, weight in zip(digits, MODULI)) % 11
    return digits + "10X98765432"[rest]


def mistyped(card):
    return card[:-1] + ("1" if card[-1] == "0" else "0")


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class World:
    """Servers, canaries, and two providers of SMS of which the first may fail."""

    def __init__(self, server, stack, link, plain_http, calls, canaries):
        self.server, self.stack, self.link, self.http, self.calls, self.canaries = server, stack, link, plain_http, calls, canaries
        self.first, self.second = Yuntongxun(), Generic(lambda _path, _headers, body: tuple(json.loads(body)["to"]))
        self.settings = {
            "REGISTRARD_LOG_LEVEL": "debug",
            **self.first.settings(REGISTRARD_SMS_PROVIDERS="yuntongxun,http"),
            "REGISTRARD_SMSHTTP_URL": self.second.url + "/send?key=" + BODY,
            "REGISTRARD_SMSHTTP_HEADERS": f"Authorization: Bearer {HEADER}|X-Team: registrar",
            "REGISTRARD_SMSHTTP_BODY": '{"to": ["{national}", "{code}"], "key": "' + BODY + '"}',
        }
        canaries.add("a provider's token", TOKEN)
        canaries.add("a provider's header", HEADER)
        canaries.add("a provider's body", BODY)

    def new_phone(self):
        return self.canaries.add("a phone number", new_phone())

    def password(self):
        password = self.canaries.add("a password", "pw-" + secrets.token_hex(12))
        self.canaries.add("a password's MD5", md5(password))
        return password

    def code(self, phone):
        """The latest that either provider was given."""
        sent = [code for to, code in self.first.sent + self.second.sent if to == phone]
        return self.canaries.add_code(sent[-1])

    def wrong_code(self, phone):
        return self.canaries.add_code(f"{(int(self.code(phone)) + 1) % 10**6:06d}")

    def echo(self, handler, message):
        """A refusal that says all that was sent."""
        self.canaries.add_code(message["datas"][0])
        refuses("160038", f"{handler.path} {handler.headers} {message}")(handler, message)

    def close(self):
        self.first.close()
        self.second.close()
        assert not self.first.wrong and not self.second.wrong


# One class a dialect: `converse` makes every call as it should be, `pairs` are parameters for calls that are not.


class In000:
    paths = tuple(d000.ROUTES)
    as_json = False

    def __init__(self, world):
        self.world = world
        self.app = d000.Android(world.http, world, world.new_phone(), world.password())
        self.app.account = world.canaries.add("an account's name", "app-" + secrets.token_hex(8))

    def ask(self):
        self.app.get_mes("1")

    def keep(self):
        app, add = self.app, self.world.canaries.add
        for what in ("chat_token", "token"):
            add(what, getattr(app, what))
        add("a salted password", d000.salted(app.password, app.salt))

    def verified(self, kind):
        temp_id, code = self.app.temp_id(kind)
        self.world.canaries.add("a temp_id", temp_id)
        assert d000.status(self.app.verify(temp_id, self.world.wrong_code(self.app.phone))) == 500
        assert d000.status(self.app.verify(temp_id, code)) == 200
        return temp_id

    def converse(self):
        app = self.app
        assert d000.status(app.register(self.verified("0"))) == 200
        self.keep()
        assert d000.status(app.login()) == 200
        self.keep()
        assert d000.status(app.login("wrong " + app.password)) == 500
        nickname = self.world.canaries.add("a nickname", "nick-" + secrets.token_hex(8))
        assert d000.status(app.rename(nickname, **app.with_cookie)) == 200
        app.password, temp_id = self.world.password(), self.verified("1")
        assert d000.status(app.reset(temp_id, app.password)) == 200
        assert d000.status(app.login()) == 200
        self.keep()
        self.temp_id = temp_id

    def pairs(self):
        app = self.app
        return {
            "phone": app.phone, "type": app.token, "temp_id": self.temp_id, "sms_code": self.world.code(app.phone),
            "account": app.account, "password": app.password, "salt": app.chat_token, "id": str(app.id), "nickname": app.account,
            "token": app.token, "verify_id": app.token, "verify_code": app.token,
        }


class ByProvider(Handset):
    """A handset whose codes come through the world's providers."""

    def __init__(self, world, prefix):
        super().__init__(world.http, world.stack.var, prefix, world.new_phone(), world.password())
        self.world = world
        world.canaries.add("an xid", self.xid)

    def codes(self):
        return [self.world.code(self.phone)]


class InRegUser:
    """001 and 002 have most in common."""

    as_json = False
    prefix = None

    def __init__(self, world):
        self.world = world
        self.app = ByProvider(world, self.prefix)
        table = (ROOT / f"http/dialects/{self.file}.c").read_text("utf-8")
        self.paths = re.findall(rf'\{{"({self.prefix}/\w+)", \w+,', table)

    def ask(self):
        self.app.sms()

    def logged_in(self):
        assert said(self.app.login())["code"] == "200"
        self.world.canaries.add("a sec", self.app.sec)

    def new_password(self):
        app = self.app
        app.password = self.world.password()
        assert said(app.pwd(yzm=app.fresh_code()))["code"] == "200"

    def converse(self):
        app = self.app
        sent = app.fresh_code()
        assert said(app.reg(yzm=self.world.wrong_code(app.phone)))["code"] == self.wrong
        given = said(app.reg(yzm=sent, pwd=app.password))
        assert given["code"] == "200"
        if "sec" in given:
            self.world.canaries.add("a sec", given["sec"])
        self.logged_in()
        assert said(app.login(pwd=md5("wrong " + app.password)))["code"] != "200"
        self.own_calls()
        self.new_password()
        self.logged_in()
        assert said(app.own("loginout"))["code"] == "200"
        self.logged_in()

    def pairs(self):
        app = self.app
        return {
            "phone": app.phone, "xid": app.xid, "utime": app.sec, "sec": app.sec, "pwd": md5(app.password), "yzm": self.world.code(app.phone),
            "uid": app.uid, "yaoqing": app.sec, "company_logo": app.sec, "company_name": app.sec, "company_address": app.sec,
            "user_name": app.sec, "identity_card": app.sec, "qq_number": app.sec, "recommend_user_id": app.sec,
            "verify_id": app.sec, "verify_code": app.sec,
        }


class In001(InRegUser):
    prefix, file, wrong = "/reg", "d001", "4003"

    def own_calls(self):
        assert said(self.app.shake())["code"] in ("200", "2001")
        assert said(self.app.shake(xid=self.world.canaries.add("an xid", secrets.token_hex(16))))["code"] == "4000"


class In002(InRegUser):
    prefix, file, wrong = "/user", "d002", "4001"

    def own_calls(self):
        add, app = self.world.canaries.add, self.app
        profile = {
            "company_logo": add("a logo", f"https://example.org/{secrets.token_hex(8)}.png"),
            "company_name": add("a company", "公司 " + secrets.token_hex(8)), "company_address": add("an address", "路 " + secrets.token_hex(8)),
            "user_name": add("a name", "名 " + secrets.token_hex(8)), "identity_card": add("an identity card", identity_card()),
            "qq_number": add("a QQ number", str(10**14 + secrets.randbelow(10**14))),
        }
        assert said(app.own("regDetail", **profile))["code"] == "200"
        assert said(app.own("regDetail", **{**profile, "identity_card": mistyped(profile["identity_card"])}))["code"] == "400"
        assert said(app.own("getUserInfo"))["identity_card"] == profile["identity_card"]
        assert said(app.http.get("/user/checkFinishUserInfo", {"uid": app.uid, "sec": app.sec}))["check_reg"] == "1"


class In004:
    paths = d004.ROUTES
    as_json = True

    def __init__(self, world):
        self.world = world
        self.client = self.app = d004.Client(world.http, world, world.new_phone())
        self.client.password = world.password()

    def ask(self):
        """For a phone that is not registered: for others nothing is sent."""
        d004.Client(self.world.http, self.world, self.world.new_phone()).step_1()

    def login(self, password):
        random_str = self.world.canaries.add("a random_str", secrets.token_hex(8))
        body = d004.challenge(self.client.phone, password, random_str)
        self.world.canaries.add("an encryption_str", body["encryption_str"])
        return self.client.http.post_json(d004.LOGIN, body)

    def converse(self):
        client, add = self.client, self.world.canaries.add
        self.email = add("an e-mail address", f"{secrets.token_hex(8)}@example.org")
        client.step_1()
        assert d004.said(client.step_2(self.world.wrong_code(client.phone)))[0] == 0
        assert d004.said(client.step_2())[0] == 1
        add("a cookie", client.cookie.split("=")[1])
        assert d004.said(client.step_3(client.password, self.world.password()))[0] == 0
        assert d004.said(client.step_3(client.password))[0] == 1
        assert d004.said(client.step_4(self.email))[0] == 1
        self.token = add("a token", self.login(client.password).json["token"])
        assert d004.said(self.login("wrong " + client.password))[0] == 0

    def pairs(self):
        client = self.client
        return {
            "phone_number": client.phone, "validate_number": self.world.code(client.phone), "password": client.password,
            "password_confirm": client.password, "email": self.email, "encryption_str": self.token, "random_str": client.password,
            "time_stamp": self.token, "verify_id": self.token, "verify_code": self.token,
        }


DIALECTS = [In000, In001, In002, In004]


def bad_calls(dialect, http):
    values = dialect.pairs()
    pairs = [(name, value.encode()) for name, value in values.items()]
    whole = json.dumps(values).encode()
    secret = pairs[-1][1].decode()
    for path in dialect.paths:
        for encode in ENCODINGS.values():
            for more in ([], [("x", b"\xff")], pairs):  # wrong as they stand, malformed, everything twice
                http.request(*encode(path, pairs + more))
        for name, value in pairs:  # one that is too long
            http.post(path, {**values, name: value.decode() * 1000})
        http.request("PUT", f"{path}?{secret}={secret}")
        http.request("POST", path, whole[:-5], {"Content-Type": "application/json"})
        http.request("POST", path, whole * 300, {"Content-Type": "application/json"})
        http.request("POST", path, whole, {"Content-Type": f"text/{secret}"})
        http.request("GET", f"{path}?{secret}={secret}", None, {"Cookie": "registrar_session=" + secret, "X": secret * 400})


def all_calls(dialect, http):
    for path in dialect.paths:
        (http.post_json if dialect.as_json else http.post)(path, dialect.pairs())


def faults(world, dialect):
    for behave in (world.first.drop, world.first.says("no JSON", 500), world.echo):
        world.first.behave = behave
        dialect.ask()
    world.first.behave = None
    world.link.refuse()
    wait_until(lambda: metric(world.server, "xmpp_ready") == 0, what="the link down")
    all_calls(dialect, world.http)
    world.link.heal()
    world.server.wait_ready()
    lamp = world.calls.new_account(DEVICE)
    for service in ("redis", "postgres"):
        world.stack.kill(service)
        all_calls(dialect, world.http)
        dialect.ask()
        world.stack.start(service)
        recovered(world.server, world.calls, lamp)


@pytest.fixture
def world(server, stack, link, plain_http, calls):
    one = World(server, stack, link, plain_http, calls, keep_configuration(Canaries(), stack.settings))
    server.restart(one.settings)
    yield one
    one.close()


@pytest.mark.parametrize("kind", DIALECTS)
def test_nothing_secret_is_written_anywhere(world, kind):
    server, canaries = world.server, world.canaries
    mark = server.log.mark()
    server.restart(world.settings)
    dialect = kind(world)
    dialect.converse()
    bad_calls(dialect, world.http)
    faults(world, dialect)
    assert code(world.calls.cancel(Account(PHONE, dialect.app.phone, dialect.app.password))) == 0
    _, metrics = server.get_ops("/metrics")
    server.restart(world.settings)  # also what stopping and starting says

    assert len(canaries.known) > 12 and canaries.codes
    log = server.log.text(mark)
    assert "event=account_registered" in log and "event=sms_refused" in log and "event=stopped" in log
    for text in (log, metrics):
        assert canaries.found_in(text) == []
        assert canaries.codes_in(text) == []
    for service in world.stack.services:
        text = (world.stack.var / "log" / f"{service}.log").read_text(encoding="utf-8", errors="replace")
        assert canaries.found_in(text) == [], service


PERSONAL = {
    "a phone number", "an account's name", "a nickname", "an e-mail address", "a logo", "a company", "an address", "a name", "a QQ number",
}


@pytest.mark.parametrize("kind", DIALECTS)
def test_what_lies_in_the_stores_opens_nothing(world, kind, db, redis):
    """In Postgres stands who somebody is, and in Redis not even that; what opens an account is hashed, sealed or a MAC."""
    redis.flushall()
    dialect = kind(world)
    dialect.converse()
    dialect.ask()
    world.code(dialect.app.phone)
    assert set(world.canaries.found_in(Accounts(db).everything())) <= PERSONAL
    read = {b"string": redis.get, b"hash": redis.hgetall}
    kept = [(key, read[redis.type(key)](key)) for key in redis.scan_iter("*") if redis.type(key) in read]
    assert kept
    assert world.canaries.found_in(repr(kept)) == []
    assert world.canaries.codes_in(repr(kept)) == []


@pytest.mark.parametrize("way", ["--dump-config", "--check-config"])
def test_the_configuration_is_told_without_the_providers_secrets(world, way):
    told = world.server.command(way, changed=world.settings)
    assert told.returncode == 0, told
    assert world.canaries.found_in(told.stdout + told.stderr) == []
    if way == "--dump-config":
        assert SID in told.stdout and APPLICATION in told.stdout and TEMPLATE in told.stdout
