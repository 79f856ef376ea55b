"""docs/api-001.md and docs/api-002.md against the tables they describe: routes, parameters, codes, defaults, lengths."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = (ROOT / "http/dialects/reg_user.c").read_text(encoding="utf-8")
SETTINGS = (ROOT / "component/settings.def").read_text(encoding="utf-8")
METHODS = {"METHOD_POST": "POST", "EITHER": "GET, POST"}
TAKES = {"PHONE": "phone", "XID": "xid", "UTIME": "utime", "UID": "uid", "SECRET": "sec", "CHECK": "sec", "PASSWORD": "pwd", "CODE": "yzm"}


class Dialect:
    def __init__(self, name):
        self.page = (ROOT / f"docs/api-{name}.md").read_text(encoding="utf-8")
        self.code = (ROOT / f"http/dialects/d{name}.c").read_text(encoding="utf-8")

    def table(self, name):
        return re.search(rf"{name}\[\] = \{{(.*?)\}};", self.code, re.S).group(1)

    def routes(self):
        """Path to methods, operation, decoder and renderer, in the table's words."""
        rows = re.findall(r'\{"([^"]+)",\s*(\w+),\s*OVER_HTTP,\s*&(\w+),\s*(\w+),\s*(\w+)\}', self.table("routes"))
        return {row[0]: row[1:] for row in rows}

    def sections(self):
        """Path to the text of its section."""
        parts = re.split(r"^### `(/\S+)`$", self.page.split("## Settings")[0], flags=re.M)
        return dict(zip(parts[1::2], parts[2::2]))

    def function(self, name):
        found = re.search(rf"^(?:static )?\w[\w *]*\b{name}\([^;]*?\)\n\{{\n.*?\n\}}", self.code + SHARED, re.M | re.S)
        return found.group(0) if found else ""

    def parameters(self, decoder):
        """What a decoder reads, itself or by another one."""
        body = self.function(decoder)
        assert body, decoder
        read = {TAKES[name] for name in re.findall(r"TAKES_(\w+)", body)}
        read |= set(re.findall(r'(?:reg_user_text|decode_text)\(request, "(\w+)"', body))
        for other in set(re.findall(r"\b((?:reg_user_)?decode_\w+)\(", body)) - {decoder, "decode_text"}:
            read |= self.parameters(other)
        return read


@pytest.fixture(params=["001", "002"])
def dialect(request):
    return Dialect(request.param)


def test_every_call_is_described_with_its_methods(dialect):
    routes = dialect.routes()
    assert len(routes) == dialect.table("routes").count('{"')
    described = {path: text.strip().split(".")[0] for path, text in dialect.sections().items()}
    assert described == {path: METHODS[row[0]] for path, row in routes.items()}


def test_every_parameter_is_described_where_it_is_read(dialect):
    general = set(re.findall(r"^\| `(\w+)` \|", dialect.page.split("## The calls")[0], re.M))
    everywhere = set()
    for path, (_, _, decoder, _) in dialect.routes().items():
        read = dialect.parameters(decoder)
        assert read, path
        text = dialect.sections()[path]
        listed = re.split(r"[.:]\s", text)[1] + "".join(re.findall(r"^\| `\w+` \|", text, re.M))
        assert set(re.findall(r"`(\w+)`", listed)) == read, path
        everywhere |= read
    profile = set(re.findall(r"^\| `(\w+)` \|", dialect.sections().get("/user/regDetail", ""), re.M))
    assert general | profile == everywhere


def test_every_code_is_described(dialect):
    words = set(re.findall(r'"(\d+)"\}', dialect.table("words")))
    words |= set(re.findall(r'"code", "(\d+)"', dialect.code))  # 001's 2001, which is no error
    described = set()
    for path, text in dialect.sections().items():
        codes = re.findall(r"^\| (\d+) \|", text, re.M)
        assert codes == sorted(codes, key=lambda code: (len(code), code)) or path.endswith("yaoyiyao"), path
        assert {"200", "400"} <= set(codes), path
        described |= set(codes)
    assert described == words


def test_every_member_of_an_answer_is_described(dialect):
    for path, (_, _, _, renderer) in dialect.routes().items():
        body = dialect.function(renderer)
        for helper in re.findall(r"\b(set_\w+)\(object", body):
            body += dialect.function(helper)
        for member in set(re.findall(r'reg_user_set\w*\(object,\s*"(\w+)"', body)) - {"code"}:
            assert f"`{member}`" in dialect.sections()[path], (path, member)


def test_lengths_are_the_tables_own(dialect):
    for limit, name in (("URL_MAX", "company_logo"), ("COMPANY_MAX", "company_name"), ("ADDRESS_MAX", "company_address"),
                        ("NAME_MAX", "user_name"), ("QQ_MAX", "qq_number")):
        if found := re.search(rf"\b{limit} = (\d+)", dialect.code):
            assert re.search(rf"^\| `{name}` \| .*at most {found[1]} characters", dialect.page, re.M), name


def test_defaults_are_the_settings_own(dialect):
    defaults = {f"{group}.{key}": value for group, key, value in re.findall(r'^SETTING\((\w+), (\w+), \w+, "([^"]*)"', SETTINGS, re.M)}
    described = dict(re.findall(r"^\| `(\w+\.\w+)` \| (\S+) \|", dialect.page, re.M))
    assert len(described) >= 6
    for name, value in described.items():
        assert defaults[name] == value.strip('"'), name
    if "d001.enabled" in described:
        assert {name for name in defaults if name.startswith("points.")} <= set(described)
