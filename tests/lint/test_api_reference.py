"""docs/api-003.md against the tables it describes: routes and codes of the dialect, defaults of the settings."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs/api-003.md").read_text(encoding="utf-8")
DIALECT = (ROOT / "http/dialects/d003.c").read_text(encoding="utf-8")
SETTINGS = (ROOT / "component/settings.def").read_text(encoding="utf-8")


def section(title):
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", REFERENCE, re.M | re.S).group(1)


def routes():
    """Path to its methods and transports, in the table's words."""
    table = re.search(r"struct route routes\[\] = \{(.*?)\};", DIALECT, re.S).group(1)
    return {
        path: (methods, transports) for path, methods, transports in re.findall(r'\{"([^"]+)", (\S+), ([^,]+),', table)
    }


def test_every_call_is_described_with_its_ways():
    words = {
        "BOTH": "GET, POST",
        "METHOD_GET": "GET",
        "METHOD_POST": "POST",
        "OVER_HTTP": "HTTP",
        "OVER_HTTP | OVER_TCP": "HTTP, TCP",
    }
    expected = {path: f"{words[methods]} · {words[transports]}" for path, (methods, transports) in routes().items()}
    described = dict(re.findall(r"^### `(/\w+)`\n\n(GET[^.]*?)\.", section("The calls"), re.M))
    assert len(expected) == 9
    assert described == expected


def test_every_code_is_described():
    table = re.search(r"int codes\[ERR_COUNT\] = \{(.*?)\};", DIALECT, re.S).group(1)
    codes = {int(code) for code in re.findall(r"= (\d+),", table)} | {1}  # 1 is what the table does not name
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section("Codes"), re.M)} == codes


def test_defaults_are_the_settings_own():
    defaults = {
        f"{group}.{key}": value
        for group, key, value in re.findall(r'^SETTING\((\w+), (\w+), \w+, "([^"]*)"', SETTINGS, re.M)
    }
    described = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \|", section("Limits"), re.M))
    assert len(described) == 9
    for name, value in described.items():
        assert defaults[name] == value, name
    limits = {name for name in defaults if re.match(r"limits\.(?!codes_|nicknames_|enabled)", name)}  # those are the other dialects'
    assert limits <= set(described)


def test_every_parameter_that_is_read_is_described():
    read = set(re.findall(r'(?:params_text|params_find)\(&request->params, "(\w+)"', DIALECT))
    read |= set(re.findall(r'decode_(?:text|optional)\(request, "(\w+)"', DIALECT))
    assert {"user_name", "access_token", "nonce"} <= read
    for name in read | {"param_sign", "app_id"}:
        assert f"`{name}`" in REFERENCE, name
