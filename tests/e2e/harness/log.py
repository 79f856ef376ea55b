"""registrard's log as the tests read it: logfmt lines on its standard error, collected in one file.

Tests state the errors they expect; any other `level=error` line, and any report of a sanitizer, is a failure.
"""

import re

SANITIZER = re.compile(r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed")


def whole_lines(path, since=0):
    """Of a file that somebody appends lines to: not the one that is being written. "" when there is no file yet."""
    try:
        with open(path, "rb") as file:
            file.seek(since)
            content = file.read()
    except FileNotFoundError:
        return ""
    return content[:content.rfind(b"\n") + 1].decode("utf-8", errors="replace")


class Log:
    def __init__(self, path):
        self.path = path
        path.touch()

    def mark(self):
        """A place in the log: give it to text() for what came after."""
        return self.path.stat().st_size if self.path.exists() else 0

    def text(self, since=0):
        return whole_lines(self.path, since)

    def lines(self, since=0):
        return self.text(since).splitlines()

    def events(self, name, since=0):
        """The lines of one event, each as a dict of its fields."""
        return [fields for fields in map(parse, self.lines(since)) if fields.get("event") == name]

    def complaints(self, since=0, expected=()):
        """Lines that no test may cause without saying so; `expected` are patterns of errors that this one may."""
        found = []
        for line in self.lines(since):
            if SANITIZER.search(line):
                found.append(line)
            elif parse(line).get("level") == "error" and not any(re.search(pattern, line) for pattern in expected):
                found.append(line)
        return found


def parse(line):
    """The fields of a logfmt line."""
    fields = {}
    for name, quoted, plain in re.findall(r'([A-Za-z_][\w.]*)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', line):
        fields[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
    return fields
