"""Dialect 004 as its app speaks it: JSON both ways."""

import hashlib
import secrets
import time

from harness.calls import new_phone

JSON_TYPE = "application/json; charset=utf-8"
STEPS = tuple(f"/client/register-step-{number}" for number in range(1, 5))
LOGIN = "/client/login"
ROUTES = STEPS + (LOGIN,)


def said(reply, status=200):
    """Code and message of a reply that the dialect made."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == JSON_TYPE, reply
    assert reply.headers["Cache-Control"] == "no-store", reply
    assert isinstance(reply.json["code"], int) and set(reply.json) <= {"code", "message", "email", "token"}, reply
    return reply.json["code"], reply.json["message"]


def challenge(phone, password, random_str=None, time_stamp=None):
    """The body of a login, made as the seed says."""
    random_str = secrets.token_hex(8) if random_str is None else random_str
    time_stamp = int(time.time()) if time_stamp is None else time_stamp
    digest = hashlib.sha256(f"{password}{random_str}{time_stamp}".encode()).hexdigest()
    return {"phone_number": phone, "encryption_str": digest, "random_str": random_str, "time_stamp": time_stamp}


class Client:
    """One app on one phone."""

    def __init__(self, http, sms, phone=None):
        self.http = http
        self.sms = sms
        self.phone = phone or new_phone()
        self.cookie = None

    def call(self, path, **members):
        headers = {"Cookie": self.cookie} if self.cookie else None
        reply = self.http.post_json(path, {"phone_number": self.phone, **members}, headers)
        if "Set-Cookie" in reply.headers:
            self.cookie = reply.headers["Set-Cookie"].split(";")[0]
        return reply

    def step_1(self):
        return self.call(STEPS[0])

    def step_2(self, code=None):
        return self.call(STEPS[1], validate_number=self.sms.code(self.phone) if code is None else code)

    def step_3(self, password="123456", confirmation=None):
        return self.call(STEPS[2], password=password, password_confirm=password if confirmation is None else confirmation)

    def step_4(self, email="2214102327@qq.com"):
        return self.call(STEPS[3], email=email)

    def login(self, password="123456", **more):
        return self.http.post_json(LOGIN, challenge(self.phone, password, **more))

    def verify(self):
        """Steps 1 and 2."""
        assert said(self.step_1()) == (1, "发送成功")
        assert said(self.step_2()) == (1, "短信验证通过")
        return self

    def register(self, password="123456", email="2214102327@qq.com"):
        self.verify()
        assert said(self.step_3(password)) == (1, "提交密码成功")
        assert said(self.step_4(email)) == (1, "注册成功")
        return self
