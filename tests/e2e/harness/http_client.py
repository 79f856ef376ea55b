"""An HTTP client that checks the certificate, keeps cookies when asked, and shows a reply as it came."""

import http.client
import json
import ssl
import urllib.parse
import uuid


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:400]!r}>"


class Http:
    """One server's HTTPS port (or its HTTP port: plain=True). A connection for each request."""

    def __init__(self, ports, certificate, plain=False, timeout=20):
        self.port = ports["http" if plain else "https"]
        self.plain = plain
        self.timeout = timeout
        self.tls = None if plain else ssl.create_default_context(cafile=certificate)
        self.cookies = {}

    def connection(self):
        """A raw http.client connection, for what request() cannot say."""
        if self.plain:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        return http.client.HTTPSConnection("localhost", self.port, timeout=self.timeout, context=self.tls)

    def request(self, method, path, body=None, headers=None):
        sent = dict(headers or {})
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        connection = self.connection()
        try:
            connection.request(method, path, body, sent)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, parameters=None, headers=None):
        query = urllib.parse.urlencode(parameters or {})
        return self.request("GET", f"{path}?{query}" if query else path, None, headers)

    def post(self, path, form=None, headers=None):
        """application/x-www-form-urlencoded; `form` is a dict or a list of pairs."""
        body = urllib.parse.urlencode(form or {}).encode()
        return self.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})

    def post_json(self, path, value, headers=None):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    def post_multipart(self, path, form, headers=None):
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form.items()
        ]
        body = ("".join(parts) + f"--{boundary}--\r\n").encode()
        return self.request(
            "POST", path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})}
        )
