"""docs/api-000.md against the tables it describes: routes, parameters and statuses of the dialect, defaults of the
settings."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/api-000.md").read_text(encoding="utf-8")
DIALECT = (ROOT / "http/dialects/d000.c").read_text(encoding="utf-8")


def section(title):
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", REFERENCE, re.M | re.S).group(1)


def described():
    """Path to the text under its heading."""
    return dict(re.findall(r"^### `(/\S+)`$(.*?)(?=^### |\Z)", section("The calls"), re.M | re.S))


def routes():
    """Path to the names of its method, decoder and renderer."""
    table = re.search(r"struct route routes\[\] = \{(.*?)\};", DIALECT, re.S).group(1)
    rows = re.findall(r'\{"([^"]+)", (\w+), (\w+), &\w+, (\w+), (\w+)\}', table)
    assert len(rows) == table.count("{")
    return {path: (method, transport, decode, render) for path, method, transport, decode, render in rows}


def function(name):
    return re.search(rf"^static [^;{{]*\b{name}\([^;]*?\n\{{(.*?)^\}}", DIALECT, re.M | re.S).group(1)


def body_of(name):
    """A function with those of its file that it calls."""
    names, found = [name], ""
    for one in names:
        text = function(one)
        found += text
        names += [other for other in re.findall(r"\b((?:decode|add|get_mes|register|plain)_?\w*)\(", text)
                  if other not in names and re.search(rf"^static .*\b{other}\(", DIALECT, re.M)]
    return found


def parameters(decode):
    text = body_of(decode)
    names = set(re.findall(r'\btext\(request, "(\w+)"\)', text)) | set(re.findall(r'decode_text\(request, "(\w+)"', text))
    if "request_picture(" in text:
        names |= {"verify_id", "verify_code"}
    return names | set(re.findall(r'params_find\(&request->params, "(\w+)"', text))


def test_every_call_is_described():
    assert len(routes()) == 7
    assert set(described()) == set(routes())
    for path, (method, transport, _, _) in routes().items():
        assert (method, transport) == ("METHOD_POST", "OVER_HTTP")
        assert described()[path].startswith("\n\nPOST. "), path


def test_every_parameter_is_described():
    table = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section("How to call"), re.M))))
    read = {path: parameters(decode) for path, (_, _, decode, _) in routes().items()}
    assert set.union(*read.values()) == table
    assert read["/android/login"] == {"phone", "salt", "password"}
    for path, names in read.items():
        for name in names - {"verify_id", "verify_code"}:
            assert f"`{name}`" in described()[path], (path, name)


def test_every_status_is_described():
    for path, (_, _, _, render) in routes().items():
        kind = re.search(r"status_of\((\w+_status)\(", function(render)).group(1)
        text = function(kind)
        used = {int(number) for number in re.findall(r"\b([2-5]\d0)\b", text)}
        told = {int(number) for number in re.findall(r"^\| (\d+) \|", described()[path], re.M)}
        assert used == told and 200 in used, path


def test_every_member_is_described():
    for path, (_, _, _, render) in routes().items():
        text = body_of(render)
        for name in set(re.findall(r'(?:set_text|json_object_set_new)\(object, "(\w+)"', text)) - {"status"}:
            assert f"`{name}`" in described()[path], (path, name)


def test_defaults_are_the_settings_own():
    defaults = {}
    for file, macro in (("settings.def", r"SETTING\((\w+), (\w+), \w+"), ("settings_development.def", r"DEVELOPMENT\((\w+), (\w+)")):
        text = (ROOT / "component" / file).read_text(encoding="utf-8")
        defaults[file] = {f"{group}.{key}": value for group, key, value in re.findall(rf'^{macro}, "([^"]*)"', text, re.M)}
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \| (\S+) \|", section("Limits"), re.M)
    assert {name for name in defaults["settings.def"] if re.match("limits.(codes|nicknames)_", name)} <= {name for name, _, _ in rows}
    for name, production, development in rows:
        assert defaults["settings.def"][name] == production, name
        assert defaults["settings_development.def"][name] == development, name
