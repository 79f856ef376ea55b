"""What the tests of dialect 003 share: every way a call can come, signatures made by an implementation of our own, and
looks into Postgres at what no call can bring about."""

import contextlib
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
import urllib.parse
from xml.etree import ElementTree

from harness.calls import PHONE

JSON_TYPE = "application/json; charset=utf-8"

ROUTES = (
    "/verify_code",
    "/login",
    "/register",
    "/cancel",
    "/get_users",
    "/verify_access_token",
    "/set_user_banding",
    "/set_user_unbanding",
    "/get_user_banding",
)
OVER_TCP = ("/get_users", "/verify_access_token")


def code(reply, status=200):
    """The result of a reply that the dialect made."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == JSON_TYPE, reply
    assert reply.headers["Cache-Control"] == "no-store", reply
    assert isinstance(reply.json["result"], int), reply
    return reply.json["result"]


class By:
    """An Http whose calls all go one way: get, form, multipart or json."""

    WAYS = ("get", "form", "multipart", "json")

    def __init__(self, http, way):
        self.get = http.get
        self.post = {"get": http.get, "form": http.post, "multipart": http.post_multipart, "json": _as_json(http)}[way]


def _as_json(http):
    """Lists go as JSON arrays and numbers as JSON numbers, not as strings that hold them."""

    def post(path, parameters):
        native = dict(parameters)
        if isinstance(native.get("user_name_ls"), str):
            native["user_name_ls"] = json.loads(native["user_name_ls"])
        return http.post_json(path, native)

    return post


# Signatures, as dialects.md says and independent of the server's code


def _encoded(value):
    return urllib.parse.quote(value if isinstance(value, bytes) else str(value), safe="-._~")


def signature(secret, path, parameters):
    """HMAC-SHA-256 over the path and the other parameters; `parameters` are texts, numbers, or bytes as sent."""
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in parameters.items())
    text = path + "\n" + "&".join(f"{name}={value}" for name, value in pairs)
    return hmac.new(secret.encode(), text.encode("ascii"), hashlib.sha256).hexdigest()


def signed(secret, path, parameters):
    return {**parameters, "param_sign": signature(secret, path, parameters)}


def fresh():
    """What a signature needs to stand in for a picture."""
    return {"timestamp": int(time.time()), "nonce": secrets.token_hex(16)}


def members_as_sent(body):
    """The members of a JSON object with their values as the bytes that were sent; strings unescaped, without quotes."""
    text = body.decode("utf-8")
    decoder = json.JSONDecoder()
    members, at = {}, 1
    assert text[0] == "{" and text[-1] == "}"
    while at < len(text) - 1:
        name, at = decoder.raw_decode(text, at)
        assert text[at] == ":"
        value, end = decoder.raw_decode(text, at + 1)
        members[name] = value if isinstance(value, str) else text[at + 1 : end].encode()
        at = end + 1
    return members


def is_signed(secret, path, body):
    """Whether a reply's `sign` is right for the bytes that came."""
    members = members_as_sent(body)
    return hmac.compare_digest(members.pop("sign"), signature(secret, path, members))


# Postgres behind the server's back


class Accounts:
    """Rows of accounts by name, changed as an administrator or a failure would."""

    def __init__(self, db):
        self.db = db

    def _run(self, statement, *values):
        with self.db.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def stored_name(self, account):
        return "+86" + account.name if account.type == PHONE else account.name

    def set(self, account, assignment):
        """set(account, "banned_at = now()")"""
        assert (
            self._run(
                f"update accounts set {assignment} where name = %s and type = %s and state < 2",
                self.stored_name(account),
                account.type,
            )
            == 1
        )

    def get(self, account, column):
        rows = self._run(
            f"select {column} from accounts where name = %s and type = %s and state < 2",
            self.stored_name(account),
            account.type,
        )
        return rows[0][0] if rows else None

    def age_tokens(self, account, interval):
        """Moves the end of all its tokens into the past."""
        assert (
            self._run(
                "update sessions s set expires_at = now() - %s::interval from accounts a where a.id = s.account_id and "
                "a.name = %s and a.type = %s and a.state < 2",
                interval,
                self.stored_name(account),
                account.type,
            )
            > 0
        )

    def count(self, table):
        return self._run(f"select count(*) from {table}")[0][0]

    def everything(self):
        """All rows of all tables as one text."""
        tables = [row[0] for row in self._run("select tablename from pg_tables where schemaname = current_schema()")]
        return "\n".join(str(row) for table in tables for row in self._run(f"select t::text from {table} t"))


# A user's own client behind the server's back


def change_password(client, password):
    """The user changes the password of the JID, as any client can where the server allows it (XEP-0077)."""

    async def change():
        query = ElementTree.Element("{jabber:iq:register}query")
        for name, text in (("username", client.boundjid.user), ("password", password)):
            ElementTree.SubElement(query, "{jabber:iq:register}" + name).text = text
        iq = client.Iq(stype="set", sto=client.boundjid.domain)
        iq.append(query)
        await iq.send(timeout=10)

    client.owner.run(change())


# Things that take time


def wait_until(predicate, timeout=10, what="what the test waits for"):
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.01)
    return value


@contextlib.contextmanager
def meanwhile(function, *arguments, **named):
    """Runs a call in a thread while the block runs; the value is a list that holds what it returned, afterwards."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments, **named)), daemon=True)
    thread.start()
    yield results
    thread.join(30)
    assert results, "the call did not return"


def at_once(calls):
    """Runs the functions in a thread each, released together; their results in order."""
    barrier = threading.Barrier(len(calls))
    results = [None] * len(calls)

    def run(index):
        barrier.wait()
        results[index] = calls[index]()

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def metric(server, name, **labels):
    """A value of /metrics; 0 when it was never counted."""
    label = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return server.metrics().get(f"registrar_{name}" + (f"{{{label}}}" if label else ""), 0)


def table_of(source, name):
    """The body of a static table in the C source."""
    found = re.search(rf"\b{name}\[[^\]]*\] = \{{\n(.*?)\n\s*\}};", source, re.S)
    assert found, f"no table {name}"
    return found.group(1)
