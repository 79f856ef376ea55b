"""Requests of dialect 003 as the load generator reads them, a line each."""

import hashlib
import hmac
import itertools
import json
import secrets
import time
import urllib.parse

from parts import APP_SECRETS

PASSWORD = "benchmark"
DEVICE = 2


def _form(parameters):
    return urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)


def _sign(path, application, parameters):
    """param_sign: HMAC-SHA-256 over the path, a newline, and the sorted parameters."""
    signed = {**parameters, "app_id": application}
    pairs = sorted((urllib.parse.quote(k, safe="-._~"), urllib.parse.quote(str(v), safe="-._~")) for k, v in signed.items())
    text = path + "\n" + "&".join(f"{name}={value}" for name, value in pairs)
    signed["param_sign"] = hmac.new(APP_SECRETS[application].encode(), text.encode(), hashlib.sha256).hexdigest()
    return signed


def device_names(count):
    run = secrets.token_hex(4)
    return [f"bench-{run}-{number}" for number in range(count)]


def registrations(names):
    """Devices that prove themselves by a fresh signature instead of a picture."""
    now = int(time.time())
    for name in names:
        parameters = {
            "user_name": name, "password": PASSWORD, "type": DEVICE, "device_type": "bench", "timestamp": now,
            "nonce": secrets.token_hex(16),
        }
        yield "POST /register " + _form(_sign("/register", "bench", parameters))


def logins(names):
    for name in names:
        yield "POST /login " + _form({"user_name": name, "password": PASSWORD, "type": DEVICE})


def pairs(count):
    """Each with its neighbour, then with the one after that, and so on: as baseline_component does."""
    for distance in range(1, (count + 1) // 2):
        for first in range(count):
            yield first, (first + distance) % count


def bindings(names, most):
    """Asked by the backend, as many as could be needed."""
    for first, second in itertools.islice(pairs(len(names)), most):
        parameters = {"user_name": names[first], "user_name_ls": json.dumps([names[second]]), "type": DEVICE}
        yield "POST /set_user_banding " + _form(_sign("/set_user_banding", "backend", parameters))


def checks(tokens):
    return [f"GET /verify_access_token?access_token={token}" for token in tokens]


def check_lines(tokens):
    return [json.dumps({"path": "/verify_access_token", "access_token": token}) for token in tokens]
