"""docs/new-dialect.md and docs/new-server.md against the code: what they name is there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/new-dialect.md").read_text(encoding="utf-8")
SERVERS = (ROOT / "docs/new-server.md").read_text(encoding="utf-8")
both_pages = pytest.mark.parametrize("page", [PAGE, SERVERS], ids=["dialect", "server"])


def source(*folders):
    return "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in sorted((ROOT / folder).rglob("*.[ch]")))


def test_operations_are_where_they_are_said_to_be():
    rows = re.findall(r"^\| [^|]+ \| (`op_[^|]+) \| ([^|]+) \|$", PAGE, re.M)
    assert len(rows) >= 8
    for operations, headers in rows:
        declared = "".join((ROOT / "component/service" / name).read_text(encoding="utf-8") for name in re.findall(r"`(\w+\.h)`", headers))
        for operation in re.findall(r"`(op_\w+)`", operations):
            assert f"extern const struct op {operation};" in declared, operation


@both_pages
def test_names_are_those_of_the_code(page):
    code = source("component", "http", "sql", "xmpp")
    for name in re.findall(r"`(?:struct |enum )?([a-z]\w*_\w+)`", page):
        if "005" not in name:
            assert re.search(rf"\b{name}\b", code), name


@both_pages
def test_files_are_there(page):
    for name in re.findall(r"`([\w/]+\.(?:py|md|sh|[ch]|def))`", page):
        if "005" not in name:
            assert any(ROOT.rglob(name)) if "/" not in name else (ROOT / name).exists(), name


def test_the_route_that_is_shown_is_one():
    (line,) = re.findall(r"^\{\"/.*\},$", PAGE, re.M)
    assert line in source("http/dialects")


def test_members_of_a_driver_are_told():
    (members,) = re.findall(r"struct xmpp_server \{(.*?)^\};", (ROOT / "xmpp/server.h").read_text(encoding="utf-8"), re.S | re.M)
    names = set(re.findall(r"\(\*(\w+)\)\(|(?:unsigned|char \*)\s*(\w+);", members))
    names = {one or other for one, other in names} - {"name", "reach"}
    assert len(names) >= 12
    assert not {name for name in names if f"`{name}`" not in SERVERS}
