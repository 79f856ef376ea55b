"""docs/api-v1.md against the tables it describes: routes, members, statuses, defaults."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/api-v1.md").read_text(encoding="utf-8")
DIALECT = (ROOT / "http/dialects/v1.c").read_text(encoding="utf-8")
ERRORS = (ROOT / "component/base/err.h").read_text(encoding="utf-8")
SETTINGS = (ROOT / "component/settings.def").read_text(encoding="utf-8")
UNAVAILABLE = 503  # by http/dispatch.c, whatever the dialect


def calls():
    """Method and path to the text of its section."""
    parts = re.split(r"^### `(\w+ /\S+)`$", REFERENCE.split("## Settings")[0], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def routes():
    """Method and path to decoder and renderer, in the order of the table."""
    table = re.search(r"struct route routes\[\] = \{(.*?)\};", DIALECT, re.S).group(1)
    rows = re.findall(r'\{"([^"]+)", METHOD_(\w+), OVER_HTTP, &\w+, (\w+), (\w+)\}', table)
    assert len(rows) == table.count('{"')
    return {f"{method} {path}": (decode, render) for path, method, decode, render in rows}


def function(name):
    return re.search(rf"^static [\w ]*\*?{name}\([^;]*?\)\n\{{\n.*?\n\}}", DIALECT, re.M | re.S).group(0)


def test_every_call_is_described():
    assert list(calls()) == list(routes())


def test_every_member_is_described_where_it_is_read():
    everything = set()
    for call, (decode, _) in routes().items():
        body = function(decode)
        for helper in re.findall(r"\b(decode_(?:picture|jid))\(", body):
            body += function(helper)
        read = set(re.findall(r'(?:text_of\(request|params_find\(&request->params), "(\w+)"', body))
        described = set(re.findall(r"^\| `(\w+)` \|", calls()[call], re.M))
        assert described == read, call
        everything |= read
    assert {"code", "format", "consent", "id", "accept", "jid", "nickname"} == everything


def test_every_member_of_an_answer_is_described():
    for call, (_, render) in routes().items():
        body = function(render)
        body += function("binding_of") if "binding_of(" in body else ""
        for packed in re.findall(r'json_pack\("[^"]+", (.*?)\)\)?;', body, re.S):
            for member in set(re.findall(r'(?:^|, )"(\w+)"(?=, )', re.sub(r"\s+", " ", packed))):
                assert f"`{member}`" in calls()[call], (call, member)
        for header in re.findall(r'reply_header\(reply, "([\w-]+)"', body):
            assert f"`{header}`" in calls()[call], header
    for member in re.findall(r'"(\w+)"', function("peer_of")):
        assert f"`{member}`" in REFERENCE.split("## The calls")[0], member


def test_every_status_is_described():
    names = dict(re.findall(r'X\((ERR_\w+), "(\w+)"', ERRORS))
    table = re.search(r"statuses\[ERR_COUNT\] = \{(.*?)\};", DIALECT, re.S).group(1)
    own = {(int(status), names[err]) for err, status in re.findall(r"\[(ERR_\w+)\] = (\d+)", table)}
    described = set()
    for status, errors in re.findall(r"^\| (\d+) \| ([^|]+) \|", REFERENCE, re.M):
        described |= {(int(status), error) for error in re.findall(r"`(\w+)`", errors)}
    answered = {(status, error) for status, error in described if status not in (415, UNAVAILABLE)}
    assert answered == own
    assert all(error in names.values() for _, error in described)


def test_defaults_are_the_settings_own():
    defaults = {f"{group}.{key}": value for group, key, value in re.findall(r'^SETTING\((\w+), (\w+), \w+, "([^"]*)"', SETTINGS, re.M)}
    described = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \|", REFERENCE, re.M))
    for name, value in described.items():
        assert defaults[name] == value, name
    assert {name for name in defaults if re.match(r"(v1|claims|asks)\.", name)} == set(described)
