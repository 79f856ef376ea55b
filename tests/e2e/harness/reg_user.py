"""Dialects 001 (/reg) and 002 (/user) as their apps speak them: form posts, every value a string both ways."""

import hashlib
import json
import secrets
import time

from harness.calls import new_phone
from harness.log import whole_lines

JSON_TYPE = "application/json; charset=utf-8"
MODULUS = 49477


def said(reply, status=200):
    """The reply as its dialect made it; every value is a string."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == JSON_TYPE, reply
    assert reply.headers["Cache-Control"] == "no-store", reply
    assert all(isinstance(value, str) for value in reply.json.values()), reply
    return reply.json


def code(reply):
    """The code of a reply that has nothing else to say."""
    given = said(reply)
    assert list(given) == ["code"], reply
    return given["code"]


def md5(password):
    return hashlib.md5(password.encode()).hexdigest()


def another_code(sent):
    return f"{(int(sent) + 1) % 10**6:06d}"


class Handset:
    """One app on one phone: what it knows, and the calls under its dialect's prefix ("/reg" or "/user")."""

    def __init__(self, http, var, prefix, phone=None, password="correct horse"):
        self.http = http
        self.sms_file = var / "sms.jsonl"
        self.prefix = prefix
        self.phone = phone or new_phone()
        self.password = password
        self.xid = secrets.token_hex(16)
        self.uid = self.sec = None

    def call(self, name, **form):
        return self.http.post(f"{self.prefix}/{name}", {name: value for name, value in form.items() if value is not None})

    def utime(self):
        return str(int(time.time()))

    def check(self, utime, phone=None):
        """`sec` over phone and time."""
        return str((int(phone or self.phone) - int(utime)) % MODULUS)

    # What the calls take; a test gives what it wants otherwise, None for what it leaves out.

    def sms(self, **more):
        utime = more.get("utime") or "12345678"
        form = {"phone": self.phone, "xid": self.xid, "utime": utime, "sec": self.check(utime)}
        return self.call("sms", **{**form, **more})

    def codes(self):
        """All codes that were sent to the phone, oldest first."""
        lines = whole_lines(self.sms_file).splitlines()
        return [entry["code"] for entry in map(json.loads, lines) if entry["to"].endswith(self.phone)]

    def fresh_code(self, **more):
        assert code(self.sms(**more)) == "200"
        return self.codes()[-1]

    def reg(self, **more):
        form = {"phone": self.phone, "xid": self.xid, "pwd": md5(self.password), "utime": self.utime()}
        return self.call("reg", **{"yzm": None, **form, **more})

    def pwd(self, **more):
        form = {"phone": self.phone, "xid": self.xid, "pwd": md5(self.password), "utime": self.utime()}
        return self.call("pwd", **{"yzm": None, **form, **more})

    def login(self, **more):
        form = {"phone": self.phone, "xid": self.xid, "pwd": md5(self.password), "utime": self.utime()}
        reply = self.call("login", **{**form, **more})
        if reply.json["code"] == "200":
            self.uid, self.sec = reply.json["uid"], reply.json["sec"]
        return reply

    def own(self, name, **more):
        """A call that shows the session."""
        return self.call(name, **{"uid": self.uid, "sec": self.sec, "utime": self.utime(), **more})

    def shake(self, **more):
        utime = more.get("utime") or self.utime()
        form = {"uid": self.uid, "xid": self.xid, "utime": utime, "sec": self.check(utime)}
        return self.call("yaoyiyao", **{**form, **more})

    # What most tests start from.

    def registered(self, **more):
        """With a code of its own, and logged in."""
        given = said(self.reg(yzm=self.fresh_code(), **more))
        assert given["code"] == "200", given
        assert said(self.login())["code"] == "200"
        return self
