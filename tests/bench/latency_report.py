"""How soon a binding is seen: the part of docs/benchmarks.md that make latency writes, a line an XMPP server."""

import dataclasses
import re


@dataclasses.dataclass
class Latency:
    """Median and 99th percentile in ms, on one XMPP server; `own`: of what it does by itself."""

    server: str  # name and version
    count: int
    registrard: list
    own: list | None
    others: float | None  # as Bench.others; None: not known


PART = re.compile(r"<!-- latency -->\n.*?<!-- /latency -->\n", re.S)
P99, MORE = 50, 3  # ms, to reach
HEAD = """| On | Bindings | p50 | p99 | its own add_rosteritem, p50 | p99 | To reach | Other programs |
| --- | --: | --: | --: | --: | --: | --- | --: |
"""


def line_of(row):
    own = [f"{ms:.1f} ms" for ms in row.own] if row.own else ["–", "–"]
    cells = [row.server, str(row.count), *(f"{ms:.1f} ms" for ms in row.registrard), *own,
             f"p99 < {P99} ms" + (f", at most {MORE} ms more than its own" if row.own else ""),
             "–" if row.others is None else f"{100 * row.others:.0f} %"]
    return "| " + " | ".join(cells) + " |"


def _kept_lines(text):
    """The lines of earlier runs, by the server's name."""
    part = PART.search(text)
    rows = [line for line in part[0].splitlines() if line.startswith("| ")][2:] if part else []
    return {line.split()[1]: line for line in rows}


def _part(lines):
    table = HEAD + "".join(f"{line}\n" for _, line in sorted(lines.items()))
    return f"""<!-- latency -->
## How soon a binding is seen

<!-- Written by `make latency`; do not edit. -->

{table}
From the sending of a request over HTTPS to the push that the second of two stock clients (slixmpp) gets, both online, for ten
bindings a second, each ended again before the next. On ejabberd ten more a second are made in between by its own
add_rosteritem, a call for each side, both at once. As above: limits are off, Postgres writes through to the disk, everything is
on one machine, and the last column says how much of it other programs used; on a server that is not started here that is not
known. So it is measured on Openfire (docs/openfire.md):

    REGISTRARD_XMPP_HOST=127.0.0.1 REGISTRARD_XMPP_PORT=5275 REGISTRARD_XMPP_DOMAIN=example.org \\
    REGISTRARD_XMPP_COMPONENT=bench.example.org REGISTRARD_XMPP_SECRET=… TEST_XMPP_CLIENT_PORT=5222 make latency
<!-- /latency -->
"""


def kept(text):
    """The part of the document, with the empty line after it; nothing when there is none."""
    part = PART.search(text)
    return f"{part[0]}\n" if part else ""


def write(path, row):
    """Into the document, beside the lines of other servers."""
    text = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n\n## The machine\n"
    lines = {**_kept_lines(text), row.server.split()[0]: line_of(row)}
    part = _part(lines)
    if PART.search(text):
        text = PART.sub(lambda _: part, text)
    else:
        text = text.replace("## The machine\n", f"{part}\n## The machine\n", 1)
    path.write_text(text, encoding="utf-8")
