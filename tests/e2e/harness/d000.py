"""Dialect 000 as its app speaks it: form posts, codes by SMS, passwords as md5(password + salt)."""

import hashlib
import re
from http.cookies import SimpleCookie

from harness.calls import new_name, new_phone

JSON_TYPE = "application/json; charset=utf-8"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SALT = re.compile(r"[A-Za-z]{8}")
ROUTES = {
    "/android/getMes": ("phone",),
    "/android/verifyMes": ("temp_id", "sms_code"),
    "/android/register": ("phone", "account", "password", "temp_id"),
    "/android/getSalt": ("phone",),
    "/android/login": ("phone", "salt", "password"),
    "/android/resetPassword": ("phone", "password", "temp_id"),
    "/android/user/modify_information": ("id", "nickname"),
}
# What each call says of a bad parameter.
BAD = {path: 250 if path.endswith("getMes") else 300 if path.endswith("/register") else 500 for path in ROUTES}


def status(reply, http_status=200):
    """The `status` of a reply that the dialect made."""
    assert reply.status == http_status, reply
    assert reply.headers["Content-Type"] == JSON_TYPE, reply
    assert reply.headers["Cache-Control"] == "no-store", reply
    assert type(reply.json["status"]) is int, reply  # pylint: disable=unidiomatic-typecheck
    return reply.json["status"]


def salted(password, salt):
    return hashlib.md5((password + salt).encode()).hexdigest()


class Android:
    """One phone's app. It keeps what the notes tell it to keep."""

    def __init__(self, http, sms, phone=None, password="12345"):
        self.http = http
        self.sms = sms
        self.phone = phone or new_phone()
        self.account = new_name("app")
        self.password = password
        self.id = self.salt = self.chat_token = self.jid = self.token = self.cookie = None

    def post(self, call, form, **more):
        return self.http.post("/android/" + call, form, **more)

    def get_mes(self, kind="0", **more):
        return self.post("getMes", {"phone": self.phone, "type": kind, **more})

    def temp_id(self, kind="0"):
        """A fresh one, with its code."""
        reply = self.get_mes(kind)
        assert status(reply) == 200, reply
        return reply.json["temp_id"], self.sms.code(self.phone)

    def verify(self, temp_id, code, **more):
        return self.post("verifyMes", {"temp_id": temp_id, "sms_code": code}, **more)

    def verified(self, kind="0"):
        temp_id, code = self.temp_id(kind)
        assert status(self.verify(temp_id, code)) == 200
        return temp_id

    def register(self, temp_id, /, **more):
        form = {"phone": self.phone, "account": self.account, "password": self.password, "temp_id": temp_id, **more}
        return self.keep(self.post("register", form))

    def registered(self):
        reply = self.register(self.verified())
        assert status(reply) == 200, reply
        return self

    def get_salt(self):
        return self.post("getSalt", {"phone": self.phone})

    def login(self, password=None, **more):
        form = {"phone": self.phone, "salt": self.salt, "password": salted(password or self.password, self.salt)}
        return self.keep(self.post("login", {**form, **more}))

    def reset(self, temp_id, password):
        return self.post("resetPassword", {"phone": self.phone, "password": password, "temp_id": temp_id})

    def rename(self, nickname, account_id=None, **more):
        return self.post("user/modify_information", {"id": account_id or self.id, "nickname": nickname}, **more)

    def keep(self, reply):
        if reply.status == 200 and reply.json["status"] == 200:
            for name in ("id", "salt", "chat_token", "jid", "token"):
                setattr(self, name, reply.json.get(name, getattr(self, name)))
            self.cookie = SimpleCookie(reply.headers["Set-Cookie"])["registrar_session"]
        return reply

    @property
    def with_cookie(self):
        return {"headers": {"Cookie": f"registrar_session={self.cookie.value}"}}
