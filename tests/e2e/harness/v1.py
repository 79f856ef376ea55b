"""The calls of dialect v1 as an application makes them."""

import json

JSON_TYPE = "application/json; charset=utf-8"

# path, method, a body that can be understood
CALLS = (
    ("/v1/claims", "POST", {}),
    ("/v1/claims/redeem", "POST", {"code": "00000-00000"}),
    ("/v1/consent", "GET", None),
    ("/v1/consent", "PUT", {"consent": "accept"}),
    ("/v1/asks", "GET", None),
    ("/v1/asks/answer", "POST", {"id": 1, "accept": True}),
    ("/v1/bindings", "GET", None),
    ("/v1/bindings/rename", "POST", {"jid": "nobody@localhost", "nickname": "x"}),
    ("/v1/bindings/rename", "POST", {"jid": "nobody@elsewhere.example", "nickname": "x"}),
)


def error(reply):
    """Status and name of an error."""
    assert reply.status >= 400, reply
    assert reply.headers["Content-Type"] == JSON_TYPE, reply
    assert set(reply.json) == {"error", "message"}, reply
    return reply.status, reply.json["error"]


def answer(reply):
    assert reply.status == 200, reply
    assert reply.headers["Content-Type"] == JSON_TYPE, reply
    assert reply.headers["Cache-Control"] == "no-store", reply
    return reply.json


class V1:
    def __init__(self, http):
        self.http = http

    def call(self, method, path, token=None, body=None, headers=None):
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is None:
            return self.http.request(method, path, None, sent)
        sent.setdefault("Content-Type", "application/json")
        return self.http.request(method, path, body if isinstance(body, bytes) else json.dumps(body).encode(), sent)

    def claim(self, account, headers=None, **body):
        return self.call("POST", "/v1/claims", account.token, body, headers)

    def redeem(self, account, code):
        return self.call("POST", "/v1/claims/redeem", account.token, {"code": code})

    def consent(self, account, wish=None):
        if wish is None:
            return self.call("GET", "/v1/consent", account.token)
        return self.call("PUT", "/v1/consent", account.token, {"consent": wish})

    def asks(self, account):
        return self.call("GET", "/v1/asks", account.token)

    def answer(self, account, ask_id, accept):
        return self.call("POST", "/v1/asks/answer", account.token, {"id": ask_id, "accept": accept})

    def bindings(self, account):
        return self.call("GET", "/v1/bindings", account.token)

    def rename(self, account, jid, nickname):
        return self.call("POST", "/v1/bindings/rename", account.token, {"jid": jid, "nickname": nickname})

    # What most tests look at.

    def new_claim(self, account):
        return answer(self.claim(account))["code"]

    def bound_to(self, account):
        """JIDs."""
        return {one["peer"]["jid"] for one in answer(self.bindings(account))["bindings"]}

    def set_consent(self, account, wish):
        assert answer(self.consent(account, wish)) == {"consent": wish}

    def asked_by(self, account):
        """JID to the ask's id."""
        return {one["peer"]["jid"]: one["id"] for one in answer(self.asks(account))["asks"]}
