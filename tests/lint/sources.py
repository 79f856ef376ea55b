"""The project's own files, for the checks beside this one."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("component", "sql", "xmpp", "http", "tests", "examples")


def files(*suffixes, folders=FOLDERS):
    """Paths relative to the root, sorted."""
    found = []
    for folder in folders:
        found += [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    return sorted(found)


def lines(path):
    return (ROOT / path).read_text(encoding="utf-8").splitlines()
