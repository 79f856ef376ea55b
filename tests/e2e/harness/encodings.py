"""Parameters put into a request as raw as a client could: values are bytes, names may come twice."""

import json
import urllib.parse

BOUNDARY = "----boundary of the tests"


def query(path, pairs):
    return "GET", f"{path}?{_urlencoded(pairs)}", None, {}


def form(path, pairs):
    return "POST", path, _urlencoded(pairs).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def multipart(path, pairs):
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (BOUNDARY.encode(), name.encode(), value)
        for name, value in pairs
    ]
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return "POST", path, body, {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}


def json_object(path, pairs):
    return "POST", path, json_text(pairs), {"Content-Type": "application/json"}


def json_text(pairs):
    return b"{" + b",".join(json.dumps(name).encode() + b":" + _json_string(value) for name, value in pairs) + b"}"


ENCODINGS = {"query": query, "form": form, "multipart": multipart, "json": json_object}


def _urlencoded(pairs):
    return "&".join(f"{urllib.parse.quote(name)}={urllib.parse.quote(value, safe='')}" for name, value in pairs)


def _json_string(value):
    """What JSON must escape is escaped; bytes that are no UTF-8 stay as they are."""
    text = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + b"".join(b"\\u%04x" % byte if byte < 0x20 else bytes([byte]) for byte in text) + b'"'
