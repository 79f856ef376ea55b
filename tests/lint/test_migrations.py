"""A migration that databases have is never changed again: they would be refused as made by something else. SHA256SUMS
names what each holds, so that a change is seen as one; what a schema needs later is a file of its own."""

import hashlib

from sources import ROOT

FOLDER = ROOT / "sql/migrations"


def test_what_databases_have_is_as_it_was():
    found = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(FOLDER.glob("*.sql")))
    assert (FOLDER / "SHA256SUMS").read_text(encoding="ascii") == found
