"""A local HTTP server that behaves like an SMS provider: 容联云, or any that takes a request over HTTP. It checks what it
is sent as the real one does, and fails, dawdles and talks nonsense when told to."""

import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import socket
import threading
import urllib.parse

SID, TOKEN, APPLICATION, TEMPLATE = "aaf98f894d328b13014d6a6b6be82b6f", "9f02a5c1e1d14ffab0f46dcb3e1a2bd7", "8aaf07086", "101"
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))


class Provider:
    """`behave(handler, message)` answers a good request; it may be replaced. `sent`: the messages that were taken."""

    def __init__(self):
        self.sent = []  # (to, code)
        self.seen = []  # every request: (path, headers, body)
        self.wrong = []  # what was not as it should be
        self.behave = None
        self.released = threading.Event()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                provider.seen.append((self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):
                    provider.handle(self, body)

            do_PUT = do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def handle(self, handler, body):
        raise NotImplementedError

    def code(self, phone):
        return [code for to, code in self.sent if to == phone][-1]

    # What it may do instead of answering as it should

    def hang(self, *_):
        """Answers nothing until the test is over."""
        self.released.wait(60)

    @staticmethod
    def drop(handler, _):
        """Hangs up in the middle."""
        handler.connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def says(text, status=200):
        """Some other answer."""

        def behave(handler, _):
            reply(handler, text if isinstance(text, bytes) else text.encode(), status)

        return behave

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def reply(handler, body, status=200):
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json;charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Yuntongxun(Provider):
    """容联云's TemplateSMS."""

    def settings(self, **more):
        return {
            "REGISTRARD_SMS_PROVIDERS": "yuntongxun",
            "REGISTRARD_YUNTONGXUN_URL": self.url,
            "REGISTRARD_YUNTONGXUN_ACCOUNT": SID,
            "REGISTRARD_YUNTONGXUN_TOKEN": TOKEN,
            "REGISTRARD_YUNTONGXUN_APPLICATION": APPLICATION,
            "REGISTRARD_YUNTONGXUN_TEMPLATE": TEMPLATE,
            **more,
        }

    def handle(self, handler, body):
        refused = self.check(handler, body)
        if refused:
            self.wrong.append(refused)
            reply(handler, json.dumps({"statusCode": "111111", "statusMsg": refused}).encode())
        elif self.behave:
            self.behave(handler, json.loads(body))
        else:
            message = json.loads(body)
            self.sent.append((message["to"], message["datas"][0]))
            sent = {"smsMessageSid": "ff75e0f84f05445ba08efdd0787ad7d0", "dateCreated": "20130201155306"}
            reply(handler, json.dumps({"statusCode": "000000", "templateSMS": sent}).encode())

    @staticmethod
    def check(handler, body):
        """What the real one would complain of; None when nothing is."""
        url = urllib.parse.urlsplit(handler.path)
        if handler.command != "POST" or url.path != f"/2013-12-26/Accounts/{SID}/SMS/TemplateSMS":
            return "path"
        try:
            account, when = base64.b64decode(handler.headers["Authorization"], validate=True).decode().split(":")
            sent_at = datetime.datetime.strptime(when, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
        except (TypeError, ValueError):
            return "Authorization"
        if account != SID or abs((datetime.datetime.now(SHANGHAI) - sent_at).total_seconds()) > 60:
            return "Authorization"
        expected = hashlib.md5(f"{SID}{TOKEN}{when}".encode()).hexdigest().upper()
        if urllib.parse.parse_qs(url.query) != {"sig": [expected]}:
            return "sig"
        if not handler.headers["Content-Type"].startswith("application/json"):
            return "Content-Type"
        message = json.loads(body)
        good = set(message) == {"to", "appId", "templateId", "datas"} and all(isinstance(one, str) for one in message["datas"])
        if not good or (message["appId"], message["templateId"], len(message["datas"])) != (APPLICATION, TEMPLATE, 2):
            return "body"
        return None


def refuses(code, text):
    """容联云's own error."""
    return Provider.says(json.dumps({"statusCode": code, "statusMsg": text}, ensure_ascii=False))


class Generic(Provider):
    """A provider that is only configured. `read(path, headers, body)` gives what was to be sent to whom."""

    def __init__(self, read):
        super().__init__()
        self.read = read

    def handle(self, handler, body):
        if self.behave:
            self.behave(handler, body)
            return
        try:
            self.sent.append(self.read(handler.path, handler.headers, body))
        except (AssertionError, KeyError, ValueError) as error:
            self.wrong.append(repr(error))
            reply(handler, b'{"ok": false}', 400)
        else:
            reply(handler, b'{"ok": true}')
