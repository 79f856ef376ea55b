"""Codes sent per second, beside what Redis answers to the scripts that each of them runs.

The provider is development's, which writes a line to a file. Every phone is a new one, so that each call sends: within the
resend window an old one would be told of the code that it has. The scripts are the daemon's own files, one at a time over
as many connections as it has database lanes. With limits off, a code runs two: code_window.lua and code_put.lua.
"""

import itertools
import pathlib
import secrets
import time
import urllib.parse

import redis

CLIENTS = 32
NUMBERS = 1_000_000
BATCH = 2000  # numbers that one run of crowd.lua makes
TARGET = 5000  # codes a second, or half of what Redis answers, if that is less
LANES = 8  # [postgres] connections by default
MODULUS = 49477  # of `sec` (001)

# More than either could use up.
CODES_MOST = 20_000
RUNS_MOST = 40_000

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "component/cache/scripts"

_numbers = itertools.count(secrets.randbelow(10**7))


def requests(count):
    """Of dialect 001."""
    now = int(time.time())
    for number in itertools.islice(_numbers, count):
        phone = f"138{number % 10**8:08d}"
        form = {"phone": phone, "xid": secrets.token_hex(16), "utime": now, "sec": (int(phone) - now) % MODULUS}
        yield "POST /reg/sms " + urllib.parse.urlencode(form)


def commands(client, count):
    """What the daemon sends for that many codes; `client` loads the scripts."""
    window, put = (client.script_load((SCRIPTS / name).read_text()) for name in ("code_window.lua", "code_put.lua"))
    budget = f"registrar:u:86:{time.strftime('%Y-%m-%d')}"
    for _ in range(count):
        looked, stored, phone, asked = (secrets.token_hex(16) for _ in range(4))
        yield f"EVALSHA {window} 3 registrar:c:{looked} registrar:w:{looked} registrar:g:{phone}"
        keys = f"registrar:c:{stored} registrar:w:{stored} {budget} registrar:g:{phone}"
        yield f"EVALSHA {put} 4 {keys} {asked} 300000 5 2   60000 172800000 127.0.0.0/24 0 0 0 0"


def _connect(bench):
    return redis.Redis(unix_socket_path=bench.stack.redis_socket)


def _sent(bench):
    path = bench.stack.var / "sms.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _redis_rate(bench):
    """Codes per second, if Redis were all there is to them."""
    lanes = int(bench.server.settings.get("REGISTRARD_POSTGRES_CONNECTIONS", LANES))
    with _connect(bench) as client:
        lines = commands(client, int(RUNS_MOST * (bench.seconds + 1)))
        done = bench.load(("redis", bench.stack.redis_socket), lines, "-o", "-c", lanes, "-e", ":0")
    return done["per_second"] / 2


def measure(bench, name):
    """Between two measurements of Redis."""
    before = _redis_rate(bench)
    already = _sent(bench)
    lines = requests(int(CODES_MOST * (bench.seconds + 1)))
    done = bench.load(("http", bench.server.ports["http"]), lines, "-o", "-c", CLIENTS, "-e", '"code":"200"')
    if _sent(bench) - already < done["right"]:
        print(f"  {name}: {done['right']} were promised, {_sent(bench) - already} sent")
    answered = (before + _redis_rate(bench)) / 2
    bench.note(f"{name}: Redis", answered)
    bench.note(name, done["per_second"])
    bench.note(f"{name}, p99 ms", done["p99_ms"])
    bench.note(f"{name}: target", min(TARGET, answered / 2))
    bench.share(f"{name}: share", done["per_second"], min(TARGET, answered / 2))


def crowd(bench):
    """What NUMBERS leave behind."""
    began = time.monotonic()
    with _connect(bench) as client:
        script = client.script_load((HERE / "crowd.lua").read_text())
        for first in range(0, NUMBERS, BATCH):
            keys = client.evalsha(script, 0, first, min(BATCH, NUMBERS - first), time.strftime("%Y-%m-%d"))
        while client.info("persistence")["aof_rewrite_in_progress"] and time.monotonic() - began < 60:
            time.sleep(0.2)
    print(f"  {keys:,} keys in Redis after {time.monotonic() - began:.0f} s", flush=True)
