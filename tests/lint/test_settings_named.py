"""Settings that the documents name are settings that there are."""

import fnmatch
import re

from sources import ROOT

ROW = re.compile(r"^SETTING\((\w+), (\w+), (\w+)", re.M)
NAME = re.compile(r"`([a-z]+)\.([a-z_*]+)(?: = [^`]*)?`")
SOURCES = {"c", "h"}


def test_each_is_a_row_of_the_table():
    rows = ROW.findall((ROOT / "component/settings.def").read_text(encoding="utf-8"))
    there = {f"{section}.{key}" for section, key, _ in rows}
    there |= {f"{section}.{key}_file" for section, key, kind in rows if kind == "SECRET"}
    sections = {section for section, _, _ in rows}
    unknown = [f"{path.name}: {section}.{key}"
               for path in sorted(ROOT.glob("docs/*.md")) + [ROOT / "README.md"]
               for section, key in NAME.findall(path.read_text(encoding="utf-8"))
               if section in sections and key not in SOURCES and not fnmatch.filter(there, f"{section}.{key}")]
    assert len(rows) > 100 and not unknown, unknown
