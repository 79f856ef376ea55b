"""A table of bad input for every call, by every way it can come. Nothing here may spend the picture, harm the account
or stay in the server: after each table the good request still succeeds."""

import json

import pytest

from harness.calls import DEVICE, PHONE, Account, Calls, new_name, new_phone
from harness.d003 import ROUTES, code
from harness.encodings import ENCODINGS
from harness.http_client import Reply

# What a call's parameter is worth: the code when it is missing, empty or not what it should be.
CODES = {
    "/verify_code": {},
    "/login": {"user_name": 2, "password": 2, "type": 2, "verify_id": 5, "verify_code": 5},
    "/register": {"user_name": 2, "password": 2, "type": 2, "device_type": 2, "verify_id": 5, "verify_code": 5},
    "/cancel": {"user_name": 2, "password": 2, "type": 2, "verify_id": 5, "verify_code": 5},
    "/get_users": {"access_token": 4, "user_name_ls": 2},
    "/verify_access_token": {"access_token": 4},
    "/set_user_banding": {"access_token": 4, "user_name": 2, "user_name_ls": 2},
    "/set_user_unbanding": {"access_token": 4, "user_name": 2, "user_name_ls": 2},
    "/get_user_banding": {"access_token": 4, "user_name": 2},
}
LONG = b"x" * 10000
# Malformed as text: a parameter error whichever parameter it is, known or not.
MALFORMED = {
    "invalid UTF-8": b"a\xffb",
    "overlong": b"a\xc0\x80",
    "half a character": b"\xe6\xb1",
    "a surrogate": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "NUL": b"a\0b",
}
# Good UTF-8 that no stanza can carry.
NO_XML = {"control": b"a\x01b", "escape": b"\x1b[0m", "U+FFFE": "a\ufffe".encode(), "U+FFFF": "\uffff".encode()}


class Connection:
    """Requests one after the other on one connection, as raw as they are."""

    def __init__(self, http):
        self.connection = http.connection()

    def send(self, method, path, body, headers):
        self.connection.request(method, path, body, headers)
        return Reply(self.connection.getresponse())


@pytest.fixture
def raw(plain_http):
    connection = Connection(plain_http)
    yield connection
    connection.connection.close()


@pytest.fixture
def good(plain_http, read_answer):
    """good(path): a request of the call that succeeds, as pairs of name and bytes."""
    calls = Calls(plain_http, read_answer)
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    verify_id, answer = calls.picture()
    calls.bind(phone, [lamp.name])
    other = calls.new_account(DEVICE)
    new = Account(DEVICE, new_name(), "x")

    def make(path):
        account = {"/register": new, "/login": phone, "/cancel": lamp}.get(path)
        values = {
            "user_name": (account or phone).name,
            "password": (account or phone).password,
            "type": (account or phone).type,
            "device_type": "lamp",
            "verify_id": verify_id,
            "verify_code": answer,
            "access_token": phone.token,
            "user_name_ls": json.dumps([lamp.name if path == "/set_user_unbanding" else other.name]),
        }
        return [(name, str(values[name]).encode()) for name in CODES[path]]

    return make


def test_the_table_names_every_call():
    assert set(CODES) == set(ROUTES)


def replaced(pairs, name, value):
    return [(key, value if key == name else old) for key, old in pairs]


@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("path", CODES)
def test_each_parameter_missing_empty_long_repeated_malformed(good, raw, path, way):
    request, encode = good(path), ENCODINGS[way]

    def assert_code(expected, pairs, what):
        reply = raw.send(*encode(path, pairs))
        assert code(reply) == expected, (path, way, what, reply)

    for name, own_code in CODES[path].items():
        assert_code(own_code, [pair for pair in request if pair[0] != name], f"{name} missing")
        assert_code(own_code, replaced(request, name, b""), f"{name} empty")
        assert_code(2, [*request, (name, dict(request)[name])], f"{name} twice")
        for what, bad in MALFORMED.items():
            assert_code(2, replaced(request, name, bad), f"{name}: {what}")
    for name, own_code in CODES[path].items():
        if own_code == 2:  # a long picture's id or answer would spend the picture, as any wrong one does
            assert_code(2, replaced(request, name, LONG[:7000] if way == "query" else LONG), f"{name} long")
        if own_code == 2 and name != "password":
            for what, bad in NO_XML.items():
                assert_code(2, replaced(request, name, bad), f"{name}: {what}")
    for what, bad in MALFORMED.items():
        assert_code(2, [*request, ("unknown", bad)], f"an unknown parameter: {what}")
    assert_code(2, [*request, *((f"p{number}", b"") for number in range(65))], "65 more parameters")
    assert_code(2, [*request, ("", b"x")], "a parameter without a name")
    # and the good one still succeeds, with the same picture
    reply = raw.send(*encode(path, request))
    assert reply.status == 200
    assert path == "/verify_code" or code(reply) == 0, reply


@pytest.mark.parametrize("path", [path for path in CODES if "verify_id" in CODES[path]])
def test_a_long_or_strange_picture_is_a_wrong_one(calls, raw, good, path):
    request = good(path)
    for name in ("verify_id", "verify_code"):
        for bad in (LONG, b"\x01", "汉字".encode(), b" ", b"' or 1=1 --", b"%00", b"x\r\nSET a b"):
            verify_id, _ = calls.picture()
            pairs = replaced(replaced(request, "verify_id", verify_id.encode()), name, bad)
            assert code(raw.send(*ENCODINGS["form"](path, pairs))) == 5


@pytest.mark.parametrize("path", [path for path in CODES if "access_token" in CODES[path]])
def test_a_long_or_strange_token_is_a_wrong_one(raw, good, path):
    for bad in (LONG, b"\x01", "汉字".encode(), b" ", b"' or 1=1 --", b"=" * 43):
        for way in ("form", "multipart", "json"):
            assert code(raw.send(*ENCODINGS[way](path, replaced(good(path), "access_token", bad)))) == 4


@pytest.mark.parametrize("path", ["/login", "/cancel"])
def test_a_password_with_control_characters_is_a_wrong_one(raw, good, path):
    pairs = [(name, value) for name, value in replaced(good(path), "password", b"\x01\x1b\x7f")]
    assert code(raw.send(*ENCODINGS["json"](path, pairs))) == 102


@pytest.mark.parametrize("name", ["des", "device_type"])
def test_optional_texts_of_a_registration_are_checked_too(raw, good, name):
    request = [pair for pair in good("/register") if pair[0] != name]
    for bad in (LONG, "汉".encode() * 257, *NO_XML.values(), *MALFORMED.values()):
        assert code(raw.send(*ENCODINGS["form"]("/register", [*request, (name, bad)]))) == 2
    longest = [*request, (name, "汉".encode() * 256)]
    if name == "des":
        assert code(raw.send(*ENCODINGS["form"]("/register", longest))) == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"0",
        b"4",
        b"-1",
        b"+1",
        b" 1",
        b"1 ",
        b"01x",
        b"1.0",
        b"1e0",
        b"0x1",
        b"99999999999999999999999",
        b"Phone",
        "１".encode(),
    ],
)
def test_a_type_that_is_none(raw, good, bad):
    for path in ("/login", "/register", "/cancel"):
        assert code(raw.send(*ENCODINGS["form"](path, replaced(good(path), "type", bad)))) == 2
    for path in ("/get_users", "/set_user_banding", "/set_user_unbanding", "/get_user_banding"):
        assert code(raw.send(*ENCODINGS["form"](path, [*good(path), ("type", bad)]))) == 2


@pytest.mark.parametrize("escape", ["%", "%4", "%zz", "%4g", "%%20", "a%"])
@pytest.mark.parametrize("path", ROUTES)
def test_a_broken_escape(plain_http, path, escape):
    assert code(plain_http.request("GET", f"{path}?x={escape}")) == 2
    assert code(plain_http.request("GET", f"{path}?{escape}=x")) == 2
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert code(plain_http.request("POST", path, f"x={escape}".encode(), headers)) == 2


NO_JSON = {
    "nothing but space": b" ",
    "no object": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "cut": b'{"user_name": "x',
    "trailing": b"{} x",
    "two": b"{}{}",
    "single quotes": b"{'a': 1}",
    "comma at the end": b'{"a": 1,}',
    "no quotes": b"{a: 1}",
    "NaN": b'{"a": NaN}',
    "leading zero": b'{"a": 01}',
    "plus": b'{"a": +1}',
    "hex": b'{"a": 0x1}',
    "a comment": b'{"a": 1 /* x */}',
    "bare control": b'{"a": "\x01"}',
    "half a pair": b'{"a": "\\ud800"}',
    "escaped NUL": b'{"a": "\\u0000"}',
    "NUL": b'{"a": "b"}\0',
    "NUL in a name": b'{"a\\u0000": 1}',
    "bad escape": b'{"a": "\\x41"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a name twice": b'{"a": 1, "a": 1}',
    "a name twice inside": b'{"a": {"b": 1, "b": 2}}',
    "inner break": b'{"a": [1, 2}',
    "1,000 deep": b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    "1,000 objects deep": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "1,000 open": b'{"a": ' + b"[" * 1000,
    "30,000 deep": b"[" * 30000 + b"]" * 30000,
}


@pytest.mark.parametrize("what", NO_JSON)
def test_broken_json(plain_http, what):
    for path in ROUTES:
        assert code(plain_http.post_json(path, NO_JSON[what])) == 2, path


@pytest.mark.parametrize("value", [True, False, [], {}, ["x"], {"a": 1}, None])
def test_json_of_another_kind(plain_http, calls, value):
    """null is as if missing; numbers are taken as their digits, nothing else stands for a text."""
    lamp = calls.new_account(DEVICE)
    login = {"user_name": lamp.name, "password": lamp.password, "type": 2}
    assert code(plain_http.post_json("/login", login)) == 0
    for name in login:
        assert code(plain_http.post_json("/login", {**login, name: value})) == 2, name
    for path in ("/set_user_banding", "/get_user_banding"):
        request = {"access_token": lamp.token, "user_name": value, "user_name_ls": ["x"]}
        assert code(plain_http.post_json(path, request)) == 2
    assert code(plain_http.post_json("/verify_access_token", {"access_token": value})) == 4


@pytest.mark.parametrize("number", ["1e400", "-0", "123456789012345678901234567890", "1.5", "1E1", "9" * 60000])
def test_json_numbers_out_of_range(plain_http, calls, number):
    lamp = calls.new_account(DEVICE)
    body = f'{{"user_name": "{lamp.name}", "password": "{lamp.password}", "type": {number}}}'
    assert code(plain_http.post_json("/login", body.encode())) == 2
    body = f'{{"access_token": "{lamp.token}", "unknown": {number}}}'
    assert code(plain_http.post_json("/verify_access_token", body.encode())) == 0


def test_json_numbers_keep_their_digits(calls, plain_http):
    """A phone does not fit a double in every client's hands: the digits count."""
    phone = calls.new_account(PHONE, password="12345678901234567890")
    verify_id, answer = calls.picture()
    body = (
        f'{{"user_name": {phone.name}, "password": 12345678901234567890, "type": 1, "verify_id": "{verify_id}", '
        f'"verify_code": "{answer}"}}'
    )
    assert code(plain_http.post_json("/login", body.encode())) == 0


@pytest.mark.parametrize(
    "name",
    [
        "汉字",
        "a b",
        "a@b/c",
        "<a>&\"'",
        "\ufffe",
        "\x01",
        "x" * 5000,
        "../../etc",
        "%00",
        "'; drop table accounts; --",
        "🙂" * 64,
        "\u202e",
        "00",
        "+",
    ],
)
def test_a_name_that_is_no_jid_is_unknown_and_shown_as_it_was_sent(calls, lamp_and_token, name):
    lamp = lamp_and_token
    for change in (calls.bind, calls.unbind):
        reply = change(lamp, [name])
        assert (code(reply), reply.json["failed"]) == (104, [name])
    assert code(calls.get_users(lamp.token, [name])) == 104


@pytest.fixture
def lamp_and_token(calls):
    return calls.new_account(DEVICE)


MULTIPART = {
    "no boundary": ("multipart/form-data", b"--x\r\n\r\n--x--"),
    "an empty boundary": ('multipart/form-data; boundary=""', b"----"),
    "another boundary": (
        "multipart/form-data; boundary=x",
        b'--y\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--y--',
    ),
    "no end": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'),
    "no name": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"),
    "no header": ("multipart/form-data; boundary=x", b"--x\r\n\r\n1\r\n--x--"),
    "a long boundary": ("multipart/form-data; boundary=" + "x" * 200, b"--" + b"x" * 200 + b"--"),
}


@pytest.mark.parametrize("what", MULTIPART)
def test_broken_multipart(plain_http, what):
    content_type, body = MULTIPART[what]
    for path in ROUTES:
        assert code(plain_http.request("POST", path, body, {"Content-Type": content_type})) == 2, path


def test_after_all_that_it_works(calls):
    phone = calls.new_account(PHONE, new_phone())
    lamp = calls.new_account(DEVICE)
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
