"""registrard on the limits that production has, called from wherever a test likes."""

import concurrent.futures
import itertools
import re
import secrets

from harness.calls import new_phone
from harness.process import ROOT

PROXIED = {"REGISTRARD_HTTP_PROXIES": "127.0.0.0/8"}


def production():
    """What development loosens, as it is in production."""
    defaults = dict(re.findall(r'^SETTING\((\w+, \w+), \w+, "([^"]*)"', (ROOT / "component/settings.def").read_text("utf-8"), re.M))
    loosened = re.findall(r"^DEVELOPMENT\((\w+), (\w+),", (ROOT / "component/settings_development.def").read_text("utf-8"), re.M)
    return {
        f"REGISTRARD_{group}_{key}".upper(): defaults[f"{group}, {key}"]
        for group, key in loosened if group in ("limits", "codes")
    }


class Elsewhere:
    """An Http whose calls come from an address of choice, or each from another one in another network."""

    def __init__(self, http, address=None):
        self.http = http
        self.address = address
        self.cookies = http.cookies
        self.addresses = itertools.count(1)

    def _from(self, headers):
        number = next(self.addresses)
        address = self.address or f"10.{number // 256 % 256}.{number % 256}.7"
        return {"X-Forwarded-For": address, **(headers or {})}

    def post(self, path, form, headers=None):
        return self.http.post(path, form, self._from(headers))

    def post_json(self, path, body, headers=None):
        return self.http.post_json(path, body, self._from(headers))


def at_once(count, act):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def ask_reg(http, path, **more):
    phone = new_phone()
    sec = (int(phone) - 1446455200) % 49477
    form = {"phone": phone, "xid": secrets.token_hex(16), "utime": "1446455200", "sec": str(sec), **more}
    return http.post(path, form).json["code"]


def ask_004(http, **more):
    return http.post_json("/client/register-step-1", {"phone_number": new_phone(), **more}).json["message"]
