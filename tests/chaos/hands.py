"""How a phone or a device registers, logs in and gets a new password in each dialect, all in the same few words.

register: "done", "taken" (there is such an account, perhaps one that is only being made), "failed" (nothing was made by
this request). login: "in" or "out". reset: "done" or "failed". Whatever stands in the way before the request that acts is
NotBegun; whatever stands in the way of its answer, Unknown (wire.py).
"""

import secrets

from harness.calls import DEVICE, PHONE, WECHAT, Account, Calls
from harness.d000 import Android
from harness.d004 import Client, said
from harness.reg_user import Handset
from wire import NotBegun


class Unexpected(Exception):
    """An answer that the dialect has no place for here."""


def _prepared(answer, right):
    if answer != right:
        raise NotBegun(f"{answer} instead of {right}")


def _one_of(answer, words):
    if answer not in words:
        raise Unexpected(f"answered {answer}")
    return words[answer]


class Post:
    """The codes that were sent, and the answers of the pictures."""

    def __init__(self, sms, pictures):
        self.sms, self.pictures = sms, pictures

    def fresh_code(self, phone, ask):
        """ask() has one sent."""
        known = len(self.sms.all("+86" + phone))
        result = ask()
        code = self.sms.wait("+86" + phone, known)
        if code is None:
            raise NotBegun("no code has come")
        return code, result

    def picture(self, verify_id):
        answer = self.pictures.wait(verify_id)
        if answer is None:
            raise NotBegun("no picture has come")
        return answer


class Hand000:
    def __init__(self, wire, post, name):
        self.wire, self.post = wire, post
        self.app = Android(wire, None, name)
        self.app.account = "app-" + secrets.token_hex(8)

    def _verified(self, kind):
        """A temp_id, or the status that getMes answered instead."""

        def ask():
            reply = self.app.get_mes(kind)
            if reply.json["status"] not in (200, 300, 400):
                raise NotBegun(str(reply))
            if reply.json["status"] != 200:
                raise _Answered(reply.json["status"])
            return reply.json["temp_id"]

        code, temp_id = self.post.fresh_code(self.app.phone, ask)
        _prepared(self.app.verify(temp_id, code).json["status"], 200)
        return temp_id

    def register(self, password):
        try:
            temp_id = self._verified("0")
        except _Answered as answer:
            return _one_of(answer.args[0], {300: "taken"})
        self.app.password = password
        with self.wire.acting():
            reply = self.app.register(temp_id)
        # 270 may be a code's claim that nobody ended; that the phone is taken getMes says
        return _one_of(reply.json["status"], {200: "done", 250: "failed", 270: "failed"})

    def login(self, password):
        reply = self.app.get_salt()
        if reply.json["status"] != 200:
            return "out"
        self.app.salt = reply.json["salt"]
        return _one_of(self.app.login(password).json["status"], {200: "in", 500: "out"})

    def reset(self, password):
        try:
            temp_id = self._verified("1")
        except _Answered as answer:
            raise Unexpected(f"reset: {answer.args[0]}") from None
        with self.wire.acting():
            reply = self.app.reset(temp_id, password)
        return _one_of(reply.json["status"], {200: "done", 500: "failed"})

    def rename(self, nickname):
        with self.wire.acting():
            reply = self.app.rename(nickname, **self.app.with_cookie)
        return _one_of(reply.json["status"], {200: "done", 500: "failed"})


class _Answered(Exception):
    pass


class HandRegUser:
    """001 and 002."""

    def __init__(self, wire, post, name, prefix):
        self.wire, self.post = wire, post
        self.app = Handset(wire, _NO_FILES, prefix, name)

    def _code(self):
        return self.post.fresh_code(self.app.phone, lambda: _prepared(self.app.sms().json["code"], "200"))[0]

    def register(self, password):
        code = self._code()
        self.app.password = password
        with self.wire.acting():
            reply = self.app.reg(yzm=code)
        wrong_code = {"/reg": "4003", "/user": "4001"}[self.app.prefix]
        return _one_of(reply.json["code"], {"200": "done", "4004": "taken", "400": "failed", wrong_code: "failed"})

    def login(self, password):
        self.app.password = password
        reply = self.app.login()
        wrong = {"/reg": "4001", "/user": "4003"}[self.app.prefix]
        return _one_of(reply.json["code"], {"200": "in", "4002": "out", wrong: "out"})

    def reset(self, password):
        code = self._code()
        self.app.password = password
        with self.wire.acting():
            reply = self.app.pwd(yzm=code)
        same = {"4006": "done"} if self.app.prefix == "/user" else {}  # by a try that was not answered
        wrong_code = {"/reg": "4003", "/user": "4001"}[self.app.prefix]
        return _one_of(reply.json["code"], {"200": "done", "400": "failed", wrong_code: "failed", **same})


class _NoFiles:
    def __truediv__(self, _):
        return None


_NO_FILES = _NoFiles()


class Hand004:
    def __init__(self, wire, post, name):
        self.wire, self.post = wire, post
        self.app = Client(wire, None, name)

    def register(self, password):
        def ask():
            answer = said(self.app.step_1())
            if answer == (0, "该用户已经存在,注册失败"):
                raise _Answered()
            _prepared(answer, (1, "发送成功"))

        try:
            code, _ = self.post.fresh_code(self.app.phone, ask)
        except _Answered:
            return "taken"
        _prepared(said(self.app.step_2(code))[0], 1)
        _prepared(said(self.app.step_3(password))[0], 1)
        with self.wire.acting():
            reply = self.app.step_4()
        return _one_of(said(reply), {(1, "注册成功"): "done", (0, "注册失败"): "failed", (0, "验证码没有通过"): "failed"})

    def login(self, password):
        return _one_of(said(self.app.login(password)), {
            (1, "成功登录"): "in", (0, "没有此用户"): "out", (0, "密码错误"): "out"})


class Hand003:
    """Phones with a picture alone, devices, Wechat accounts; and what only 003 has, for accounts of every dialect."""

    def __init__(self, wire, post, name, kind):
        self.wire = wire
        self.calls = Calls(wire, post.picture)
        self.account = Account(kind, name, "")

    def _form(self, password):
        self.account.password = password
        more = {"device_type": "lamp"} if self.account.type == DEVICE else {}
        return {"user_name": self.account.name, "password": password, "type": self.account.type, "des": "", **more}

    def _with_picture(self, path, form):
        verify_id, answer = self._picture()
        with self.wire.acting():
            return self.wire.post(path, {"verify_id": verify_id, "verify_code": answer, **form}).json["result"]

    def _picture(self):
        reply = self.wire.get("/verify_code")
        _prepared(reply.status, 200)
        verify_id = reply.headers["X-Verify-Id"]
        return verify_id, self.calls.read_answer(verify_id)

    def register(self, password):
        return _one_of(self._with_picture("/register", self._form(password)), {
            0: "done", 103: "taken", 101: "failed", 1: "failed", 5: "failed"})

    def cancel(self, password):
        """"done", "out", or "later" while it is only being made."""
        return _one_of(self._with_picture("/cancel", self._form(password)), {
            0: "done", 102: "out", 107: "later", 5: "later"})

    def login(self, password):
        """Also "later", while the account is only being made. Gives a token, and tells the JID."""
        verify_id, answer = self._picture()
        reply = self.wire.post("/login", {"verify_id": verify_id, "verify_code": answer, **self._form(password)})
        found = _one_of(reply.json["result"], {0: "in", 102: "out", 107: "later", 5: "later", 105: "later", 106: "later"})
        if found == "in":
            self.account.token = reply.json["access_token"]
            self.account.jid = reply.json["user_info"]["jid"]
            self.account.jid_password = reply.json["user_info"]["jid_pwd"]
        return found

    def bind(self, names):
        with self.wire.acting():
            return self.calls.bind(self.account, names).json["result"]

    def unbind(self, names):
        with self.wire.acting():
            return self.calls.unbind(self.account, names).json["result"]

    def bound(self):
        """The JIDs on the list of those bound, and the code."""
        reply = self.calls.bindings(self.account).json
        return reply["result"], {item["jid"] for item in reply.get("roster_item", ())}

    def check(self, token):
        return self.wire.get("/verify_access_token", {"access_token": token}).json["result"]


TYPES = {"device": DEVICE, "wechat": WECHAT}


def hand_of(kind, wire, post, name):
    if kind == "000":
        return Hand000(wire, post, name)
    if kind in ("001", "002"):
        return HandRegUser(wire, post, name, {"001": "/reg", "002": "/user"}[kind])
    if kind == "004":
        return Hand004(wire, post, name)
    return Hand003(wire, post, name, TYPES.get(kind, PHONE))
