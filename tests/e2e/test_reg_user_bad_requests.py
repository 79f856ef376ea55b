"""Every call of 001 and 002 with what it cannot take: the answer is the dialect's, at once."""

import re
import urllib.parse

import pytest

from harness.process import ROOT
from harness.reg_user import Handset, code

FORM = "application/x-www-form-urlencoded"
TABLES = {"/reg": "d001", "/user": "d002"}


def routes(file):
    table = re.search(r"struct route routes\[\] = \{(.*?)\};", (ROOT / f"http/dialects/{file}.c").read_text("utf-8"), re.S)[1]
    return re.findall(r'\{"([^"]+)", (\w+),', table)


ROUTES = [route for file in TABLES.values() for route in routes(file)]
PATHS = [path for path, _ in ROUTES]
# What each call needs.
NEEDS = {
    "sms": ["phone", "xid", "utime", "sec"],
    "login": ["phone", "xid", "pwd", "utime"],
    "loginout": ["uid", "sec", "utime"],
    "reg": ["phone", "xid", "yzm", "pwd", "utime"],
    "pwd": ["phone", "xid", "yzm", "pwd", "utime"],
    "yaoyiyao": ["uid", "xid", "utime", "sec"],
    "checkFinishUserInfo": ["uid", "sec"],
    "regDetail": ["uid", "sec", "utime", "company_name", "company_address", "user_name", "identity_card"],
    "getUserInfo": ["uid", "sec", "utime"],
}
OPTIONAL = {"regDetail": ["company_logo", "qq_number", "recommend_user_id"], "reg": ["yaoqing"]}


@pytest.fixture
def app(plain_http, stack):
    return Handset(plain_http, stack.var, "/reg")


def good(app, path):
    """Parameters that are nothing but unknown or wrong."""
    utime = app.utime()
    values = {
        "phone": app.phone, "xid": app.xid, "utime": utime, "pwd": "0" * 32, "yzm": "000000", "uid": "999999999999",
        "sec": app.check(utime) if path.endswith(("/sms", "/yaoyiyao")) else "0" * 16, "company_name": "n",
        "company_address": "a", "user_name": "u", "identity_card": "11010519491231002X",
    }
    return {name: values[name] for name in NEEDS[path.rsplit("/", 1)[1]]}


def optional(path):
    name = path.rsplit("/", 1)[1]
    return OPTIONAL.get(name, []) if path != "/user/reg" else []


def refused(app, path, body, content_type=FORM):
    return code(app.http.request("POST", path, body, {"Content-Type": content_type}))


def test_the_tables_here_name_every_call():
    assert len(ROUTES) == 14
    assert {path.rsplit("/", 1)[1] for path in PATHS} == set(NEEDS)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_good_is_no_parameter_error(app, path):
    assert code(app.http.post(path, good(app, path))) != "400"


@pytest.mark.parametrize("path", PATHS)
def test_nothing(app, path):
    assert refused(app, path, b"") == "400"
    assert code(app.http.request("POST", path)) == "400"


@pytest.mark.parametrize("path", PATHS)
def test_each_missing_or_empty(app, path):
    form = good(app, path)
    for name in form:
        assert code(app.http.post(path, {key: value for key, value in form.items() if key != name})) == "400", name
        assert code(app.http.post(path, {**form, name: ""})) == "400", name


@pytest.mark.parametrize("path", PATHS)
def test_each_too_long_twice_not_utf_8_or_with_a_nul(app, path):
    form = good(app, path)
    for name in [*form, *optional(path)]:
        assert code(app.http.post(path, {**form, name: "1" * 10000})) == "400", name
        others = urllib.parse.urlencode({key: value for key, value in form.items() if key != name})
        twice = urllib.parse.urlencode([(name, form.get(name, "1"))] * 2)
        for given in (twice, f"{name}=%ff%fe", f"{name}=1%00", f"{name}=%zz"):
            assert refused(app, path, f"{others}&{given}".encode()) == "400", given


SHAPES = {
    "phone": ["1339063369", "133906336955", "+8613390633", "1339063369x", " 13390633695"],
    "xid": ["a" * 31, "a" * 33, "a" * 31 + "-", "a" * 31 + "é"],
    "utime": ["-1", "12345678901234", "1.5", "x"],
    "yzm": ["12345", "1234567", "12345x"],
    "uid": ["0", "-1", "1.0", "x", "9" * 20],
}


@pytest.mark.parametrize("path", PATHS)
def test_each_of_the_wrong_shape(app, path):
    form = good(app, path)
    secs = ["x"] if path.endswith(("/sms", "/yaoyiyao")) else ["0" * 15, "0" * 17, "g" * 16]
    for name, values in {**SHAPES, "sec": secs}.items():
        for value in values if name in form else ():
            assert code(app.http.post(path, {**form, name: value})) == "400", (name, value)


@pytest.mark.parametrize("path,methods", ROUTES)
def test_another_method(app, path, methods):
    assert methods in ("METHOD_POST", "EITHER")
    allowed = {"POST"} if methods == "METHOD_POST" else {"GET", "POST"}
    for method in {"GET", "PUT", "DELETE", "PATCH"} - allowed:
        reply = app.http.request(method, path)
        assert reply.status == 405
        assert {one.strip() for one in reply.headers["Allow"].split(",")} >= allowed


@pytest.mark.parametrize("path", PATHS)
def test_another_body(app, path):
    failure = "4021" if path == "/user/sms" else "400"
    for content_type in ("application/json", "text/plain", "application/octet-stream"):
        reply = app.http.request("POST", path, b"{}", {"Content-Type": content_type})
        assert (reply.status, reply.json) == (415, {"code": failure})
    reply = app.http.request("POST", path, b"a" * 70000, {"Content-Type": FORM})
    assert (reply.status, reply.json) == (413, {"code": failure})
    assert refused(app, path, b"--x\r\n\r\n", "multipart/form-data; boundary=x") == "400"


@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_store_away(app, stack, service):
    """What needs it says so; what does not goes on. A login needs both: it tells who is registered, which is limited."""
    stack.kill(service)
    for path in PATHS:
        reply = app.http.post(path, good(app, path))
        needs_codes = path.endswith(("/sms", "/reg/reg", "/user/reg", "/pwd"))
        if needs_codes == (service == "redis") or path.endswith("/login"):
            assert reply.status == 503, (path, reply)
            assert int(reply.headers["Retry-After"]) > 0
            assert reply.json == {"code": "4021" if path == "/user/sms" else "400"}, path
        else:
            assert code(reply) != "400", path
