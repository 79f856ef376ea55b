"""docs/log-events.md lists every event that the log can hold, with its level and fields, and every metric: neither more
nor less than the source has."""

import re

from sources import ROOT, files

DOCUMENT = ROOT / "docs/log-events.md"
CALL = re.compile(r"\blog_(debug|info|warn|error|fatal)\(\s*")
ROW = re.compile(r"^\| `([a-z0-9_]+)` \| ([a-z, ]+) \| ([^|]*) \| (.+) \|$", re.M)
METRIC = re.compile(r'X\(M_\w+, (COUNTER|GAUGE|HISTOGRAM), "(\w+)", "(\w*)",\s*((?:"[^"]*"\s*)+)\)')
# A function that passes on the event it is given: the calls of it name the events.
PASSED_ON = {"component/cache/redis_durable.c": {"redis_may_evict", "redis_has_no_append_only_file"}}


def end_of(text, at, stops):
    """Where one of `stops` stands at this depth of parentheses, outside of strings."""
    depth = 0
    while depth or text[at] not in stops:
        if text[at] == '"':
            at = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at).end() - 1
        elif text[at] in "([":
            depth += 1
        elif text[at] in ")]":
            depth -= 1
        at += 1
    return at


def calls():
    """(event, level, fields) of every call of the program's log."""
    for path in files(".c", folders=("component", "sql", "xmpp", "http")):
        text = (ROOT / path).read_text(encoding="utf-8")
        for match in CALL.finditer(text):
            comma = end_of(text, match.end(), ",)")
            rest = text[comma : end_of(text, match.end(), ")")]
            fields = set(re.findall(r'\bF\("(\w+)"', rest)) | ({"error"} if "F_ERR(" in rest else set())
            names = set(re.findall(r'"([a-z0-9_]+)"', text[match.end() : comma])) or PASSED_ON.get(str(path), set())
            assert names, f"{path}: an event that is no literal"
            for name in names:
                yield name, match[1], fields


def events():
    """Event to (levels, fields), each in order."""
    found = {}
    for name, level, fields in calls():
        levels, all_fields = found.setdefault(name, (set(), set()))
        levels.add("error" if level == "fatal" else level)  # and then it ends
        all_fields.update(fields)
    order = ["debug", "info", "warn", "error"]
    return {name: (", ".join(sorted(levels, key=order.index)), ", ".join(sorted(fields)))
            for name, (levels, fields) in found.items()}


def test_every_event_has_its_row():
    rows = {name: (levels, fields.strip()) for name, levels, fields, _ in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
            if not name.startswith("registrar_")}
    wanted = events()
    missing = [f"| `{name}` | {levels} | {fields} | ... |" for name, (levels, fields) in sorted(wanted.items())
               if rows.get(name) != (levels, fields)]
    assert not missing, "docs/log-events.md lacks, or has otherwise:\n" + "\n".join(missing)
    assert not set(rows) - set(wanted), "docs/log-events.md has events that nothing logs"


def test_every_metric_has_its_row():
    header = (ROOT / "component/base/metrics.h").read_text(encoding="utf-8").replace("\\\n", "\n")
    wanted = {}
    for kind, name, label, texts in METRIC.findall(header):
        wanted[f"registrar_{name}"] = (kind.lower(), label, "".join(re.findall(r'"([^"]*)"', texts)))
    assert len(wanted) == len(re.findall(r"X\(M_", header))
    rows = {name: (kind, label.strip(), text)
            for name, kind, label, text in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
            if name.startswith("registrar_")}
    missing = [f"| `{name}` | {kind} | {label} | {text} |" for name, (kind, label, text) in wanted.items()
               if rows.get(name) != (kind, label, text)]
    assert not missing, "docs/log-events.md lacks, or has otherwise:\n" + "\n".join(missing)
    assert not set(rows) - set(wanted), "docs/log-events.md has metrics that are not there"
