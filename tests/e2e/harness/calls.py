"""The calls of dialect 003 as an application makes them."""

import dataclasses
import itertools
import json
import random
import time

from harness.log import whole_lines

PHONE, DEVICE, WECHAT = 1, 2, 3

_numbers = itertools.count(random.randrange(10**7))


def new_phone():
    """A phone number that no other test has (nor, on a server that is not ours, an earlier run)."""
    return f"139{next(_numbers) % 10**8:08d}"


def new_name(prefix="device"):
    return f"{prefix}-{time.time_ns():x}-{next(_numbers):x}"


@dataclasses.dataclass
class Account:
    type: int
    name: str
    password: str
    token: str = ""
    jid: str = ""
    jid_password: str = ""

    @property
    def jid_local(self):
        return self.jid.partition("@")[0]


def answers_of(stack):
    """A function from a picture's id to what is written on it: the development profile writes that to a file."""

    def read(verify_id, timeout=5):
        deadline = time.monotonic() + timeout
        path = stack.var / "captcha.jsonl"
        while time.monotonic() < deadline:
            for line in reversed(whole_lines(path).splitlines()):
                entry = json.loads(line)
                if entry["id"] == verify_id:
                    return entry["answer"]
            time.sleep(0.01)
        raise AssertionError(f"no answer for picture {verify_id}")

    return read


class Calls:
    """`read_answer` gives the answer of a picture by its id."""

    def __init__(self, http, read_answer):
        self.http = http
        self.read_answer = read_answer

    def picture(self):
        """A picture's id and answer."""
        reply = self.http.get("/verify_code")
        assert reply.status == 200, reply
        assert reply.body.startswith(b"\x89PNG"), reply
        verify_id = reply.headers["X-Verify-Id"]
        return verify_id, self.read_answer(verify_id)

    def _with_picture(self, parameters):
        verify_id, answer = self.picture()
        return {"verify_id": verify_id, "verify_code": answer, **parameters}

    # Each returns the reply; a test looks at what it is about.

    def register(self, account, **more):
        form = {"user_name": account.name, "password": account.password, "type": account.type, "des": ""}
        if account.type == DEVICE:
            form["device_type"] = "lamp"
        return self.http.post("/register", self._with_picture({**form, **more}))

    def login(self, account, **more):
        form = {"user_name": account.name, "password": account.password, "type": account.type}
        return self.http.post("/login", self._with_picture({**form, **more}))

    def cancel(self, account, **more):
        form = {"user_name": account.name, "password": account.password, "type": account.type}
        return self.http.post("/cancel", self._with_picture({**form, **more}))

    def get_users(self, token, names):
        return self.http.post("/get_users", {"access_token": token, "user_name_ls": json.dumps(names)})

    def bind(self, account, names, **more):
        return self._banding("/set_user_banding", account, names, more)

    def unbind(self, account, names, **more):
        return self._banding("/set_user_unbanding", account, names, more)

    def _banding(self, path, account, names, more):
        form = {"access_token": account.token, "user_name": account.name, "user_name_ls": json.dumps(names)}
        return self.http.post(path, {**form, **more})

    def bindings(self, account, **more):
        return self.http.post(
            "/get_user_banding", {"access_token": account.token, "user_name": account.name, **more}
        )

    # What most tests start from.

    def new_account(self, kind, name=None, password="correct horse"):
        """Registered and logged in."""
        account = Account(kind, name or (new_phone() if kind == PHONE else new_name()), password)
        reply = self.register(account)
        assert reply.status == 200 and reply.json["result"] == 0, reply
        return self.log_in(account)

    def log_in(self, account):
        reply = self.login(account)
        assert reply.status == 200 and reply.json["result"] == 0, reply
        account.token = reply.json["access_token"]
        account.jid = reply.json["user_info"]["jid"]
        account.jid_password = reply.json["user_info"]["jid_pwd"]
        return account
