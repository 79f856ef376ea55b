"""docs/new-dialect.md against the code: the operations, functions and files that it names are there."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/new-dialect.md").read_text(encoding="utf-8")


def source(*folders):
    return "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in sorted((ROOT / folder).rglob("*.[ch]")))


def test_operations_are_where_they_are_said_to_be():
    rows = re.findall(r"^\| [^|]+ \| (`op_[^|]+) \| ([^|]+) \|$", PAGE, re.M)
    assert len(rows) >= 8
    for operations, headers in rows:
        declared = "".join((ROOT / "component/service" / name).read_text(encoding="utf-8") for name in re.findall(r"`(\w+\.h)`", headers))
        for operation in re.findall(r"`(op_\w+)`", operations):
            assert f"extern const struct op {operation};" in declared, operation


def test_names_are_those_of_the_code():
    code = source("component", "http", "sql")
    for name in re.findall(r"`(?:struct |enum )?([a-z]\w*_\w+)`", PAGE):
        if "005" not in name:
            assert re.search(rf"\b{name}\b", code), name


def test_files_are_there():
    for name in re.findall(r"`([\w/]+\.(?:py|md|sh|[ch]|def))`", PAGE):
        if "005" not in name:
            assert any(ROOT.rglob(name)) if "/" not in name else (ROOT / name).exists(), name


def test_the_route_that_is_shown_is_one():
    (line,) = re.findall(r"^\{\"/.*\},$", PAGE, re.M)
    assert line in source("http/dialects")
