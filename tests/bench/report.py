"""The table of a run, and the document around it."""

import os
import pathlib
import platform
import re
import subprocess

# What is shown: (line, its figure, its unit, its baseline, the baseline's figure, its share, the least share)
RATES = [
    ("Logins, 003", "logins", "argon2id with the same cost, all cores, nothing else (h)", "argon2id hashes",
     "logins: share", 0.95),
    *((f"Logins, {dialect}", f"logins, {dialect}", "h", f"argon2id hashes, {dialect}", f"logins, {dialect}: share", 0.95)
      for dialect in ("000", "001", "002")),
    ("Token checks over HTTPS", "token checks, HTTPS", "libmicrohttpd “hello” over HTTPS",
     "libmicrohttpd hello, https", "token checks, HTTPS: share", 0.6),
    ("Token checks over TCP, 16 lines ahead", "token checks, TCP, pipelined", "libmicrohttpd “hello” over HTTP",
     "libmicrohttpd hello, http", "token checks, TCP, pipelined: share", 0.6),
    ("Token checks over TCP, one at a time", "token checks, TCP", "libmicrohttpd “hello” over HTTP",
     "libmicrohttpd hello, http", "token checks, TCP: share", 0.6),
    ("Registrations", "registrations", "1/(1/h + 1/x), x = JIDs made by a plain component", None,
     "registrations: share", 0.9),
    ("Bindings that both rosters show", "bindings", "the same stanzas from a plain component",
     "bindings made by a plain component", "bindings: share", 0.9),
    *((line, figure, "5,000/s, or half of what Redis answers to the same scripts if that is less", f"{figure}: target",
       f"{figure}: share", 1)
      for line, figure in (("Codes sent", "codes"), ("Codes sent after 1,000,000 numbers", "codes after 1,000,000"))),
]
MEMORY = [
    ("Memory, idle", "memory, idle", 20),
    ("Memory after the load, with 1,000 HTTPS clients connected", "memory, 1,000 HTTPS clients", 64),
]


def _rows(bench):
    for line, figure, against, baseline, share, least in RATES:
        value = bench.median(figure)
        base = bench.median(baseline) if baseline else value / bench.median(share)
        yield [line, f"{value:,.0f}/s", f"{against}: {base:,.0f}/s", f"{bench.median(share):.2f}", f"≥ {least}"]
    yield ["Logins, 004", f"{bench.median('logins, 004'):,.0f}/s", "a challenge: nothing is hashed slowly", "–", "–"]
    for line, figure, most in MEMORY:
        yield [line, f"{bench.median(figure):.1f} MiB", "", "", f"≤ {most} MiB"]


def table(bench):
    rows = [["What", "Measured", "Beside", "Share", "To reach"], ["---", "--:", "---", "--:", "--:"], *_rows(bench)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _first(pattern, path):
    match = re.search(pattern, pathlib.Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    return match[1].strip() if match else "unknown"


def _package(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
    return f"{name} {done.stdout}" if done.returncode == 0 else None


def machine():
    memory = int(_first(r"^MemTotal: +(\d+) kB", "/proc/meminfo")) / 1024 / 1024
    system = _first(r'^PRETTY_NAME="(.*)"', "/etc/os-release")
    packages = map(_package, ["libmicrohttpd12", "libgnutls30", "libargon2-1", "postgresql-15", "redis-server", "libssl3"])
    return [
        f"{os.cpu_count()} cores, {_first(r'^model name.*: (.*)$', '/proc/cpuinfo')}, {memory:.0f} GiB of memory",
        f"{system}, Linux {platform.release().split('-')[0]}",
        ", ".join(filter(None, packages)),
    ]


def _waits(bench):
    lines = ["logins", "logins, 004", "codes", "codes after 1,000,000", "registrations", "bindings", "token checks, TCP", "token checks, HTTPS"]
    return ", ".join(f"{name} {bench.median(name + ', p99 ms'):.3g} ms" for name in lines)


def _others(bench):
    if not bench.stack.owns_xmpp:
        return ""  # the XMPP server itself is one of them
    return f" Other programs used {100 * bench.others:.0f} % of it during this run."


def document(bench, options, latency):
    """`latency`: the part that make latency wrote."""
    described = "\n".join(f"- {line}" for line in [*machine(), f"XMPP server: {bench.xmpp_server['name']} {bench.xmpp_server['version']}"])
    return f"""# Benchmarks

<!-- Written by `make bench`; do not edit. -->

{table(bench)}

Medians of {options.rounds} rounds of {options.seconds:g} s for each figure, {bench.took_s:.0f} s in all. A share is taken inside each round, beside
the baseline measured right before it (and after it, for logins and codes), so that a machine whose speed wanders does not matter;
the median share need not be the quotient of the medians.

{latency}## The machine

{described}

Load generator, servers and registrard share it, over loopback.{_others(bench)}

## What is measured

- Limits are off, argon2id has the production cost (19,456 KiB, 2 passes, 1 lane), Postgres writes through to the disk,
  connections are kept alive. Everything else is as it is by default.
- Logins, codes, registrations and bindings come from 32 clients at once over HTTP. Devices register with a signature instead of
  a picture; each registration counts when its JID exists. Bindings are asked by a backend and count when both rosters were
  read back (`"state":"bound"`).
- Logins of 000, 001, 002 and 004 are of phones whose password came through 004 and then 000, so that all of them open.
- Codes are asked for through 001, each for another phone, and written to a file by the development provider. For each,
  Redis runs code_window.lua and code_put.lua; alone, without pipelining and over as many connections as there are database
  lanes, it would do so for {bench.median("codes: Redis"):,.0f} codes a second, and after 1,000,000 numbers for
  {bench.median("codes after 1,000,000: Redis"):,.0f}. These numbers' codes, resend windows and counters are put into Redis directly.
- Tokens are checked by 32 clients, 16 tokens. A line over TCP is compared with a plain HTTP “hello”, since nothing plainer
  speaks lines; the “hello” server has a thread a core, registrard one for HTTPS and one for TCP on two cores.
- x and the bindings of a plain component are made with 16 in flight, on the same server, while registrard is down.
- 99 of 100 answers came within: {_waits(bench)}. With 32 clients waiting all the time this is the queue, not the work.
- Memory is what is resident, without the 19 MiB that each hashing thread gives to argon2
  (here {bench.median("memory of argon2 beside it"):.0f} MiB). The clients are connected after all the load above, and each has had an answer.
"""
