"""Codes that nobody enters: pumping, its budget, and the pictures that strangers must solve."""

import pytest

from harness.calls import new_phone
from harness.d000 import Android, status
from harness.d003 import metric
from harness.strict import Elsewhere, ask_004, ask_reg

# Pumping: sending to numbers of one's own, for a share of what the message costs


def test_a_pumping_run_is_stopped_within_its_budget(plain_http, sms, strict):
    """Over 50 prefixes of numbers and from as many addresses as it takes; nobody enters a code."""
    strict(REGISTRARD_LIMITS_CODES_UNVERIFIED_PER_COUNTRY_DAY="60")
    http = Elsewhere(plain_http)
    prefixes = [f"1{number}" for number in range(30, 80)]
    phones = [prefix + new_phone()[3:] for prefix in prefixes * 3]
    statuses = [status(Android(http, sms, phone).get_mes()) for phone in phones]
    assert statuses == [200] * 60 + [250] * 90
    honest = Android(http, sms, phones[0])
    assert status(honest.get_mes("1")) == 400  # still told the truth


def test_codes_that_are_entered_do_not_count(plain_http, sms, strict):
    strict(REGISTRARD_LIMITS_CODES_UNVERIFIED_PER_COUNTRY_DAY="3", REGISTRARD_LIMITS_CODES_PER_ADDRESS_HOUR="1000")
    http = Elsewhere(plain_http)
    for _ in range(10):
        Android(http, sms).verified()
    apps = [Android(http, sms) for _ in range(4)]
    replies = [app.get_mes() for app in apps]
    assert [status(reply) for reply in replies] == [200] * 3 + [250]
    assert status(apps[0].verify(replies[0].json["temp_id"], sms.code(apps[0].phone))) == 200


# A network's share of the budget

SMALL = {
    "REGISTRARD_LIMITS_CODES_UNVERIFIED_PER_COUNTRY_DAY": "40",
    "REGISTRARD_LIMITS_CODES_UNVERIFIED_PER_NETWORK_DAY": "10",
    "REGISTRARD_LIMITS_CODES_SOFT_PER_NETWORK_DAY": "2",
    "REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE": "0",
}


class Network(Elsewhere):
    """Each call from another address of one network."""

    def __init__(self, http, network):
        super().__init__(http)
        self.network = network

    def _from(self, headers):
        return {"X-Forwarded-For": self.network.format(next(self.addresses)), **(headers or {})}


def send(http, sms, count, **more):
    return [status(Android(http, sms).get_mes(**more)) for _ in range(count)]


@pytest.mark.parametrize("network", ["203.0.113.{}", "2001:db8:7:{:x}::1"])
def test_a_network_cannot_use_up_the_budget(plain_http, sms, strict, network, server):
    strict(**SMALL)
    refused = metric(server, "codes_refused_total", by="network_budget")
    here = Network(plain_http, network)
    assert send(here, sms, 14) == [200] * 10 + [250] * 4
    assert int(Android(here, sms).get_mes().headers["Retry-After"]) <= 24 * 3600
    assert metric(server, "codes_refused_total", by="network_budget") == refused + 5
    assert send(Elsewhere(plain_http), sms, 5) == [200] * 5


def test_where_codes_are_entered_more_are_sent(plain_http, sms, strict):
    strict(**SMALL)
    here = Network(plain_http, "203.0.113.{}")
    for _ in range(6):
        Android(here, sms).verified()
    assert send(here, sms, 18) == [200] * 16 + [250] * 2


def test_a_cheap_flood_does_not_stop_the_others(plain_http, sms, strict, server, picture):
    """Half of the budget is for everybody; the other half for who solves pictures, or whose network asked for few."""
    strict(**SMALL)
    mark = server.log.mark()
    for number in (1, 2, 3):
        send(Network(plain_http, f"203.0.{number}.{{}}"), sms, 50)
    flood = Network(plain_http, "203.0.1.{}")
    assert send(flood, sms, 3) == [250] * 3
    late = Network(plain_http, "203.0.4.{}")
    assert send(late, sms, 4) == [200] * 2 + [250] * 2
    honest = Elsewhere(plain_http)  # each in a network of its own
    assert send(honest, sms, 5) == [200] * 5
    phone = new_phone()
    for _ in range(3):  # what is refused for want of a picture is not counted against the phone
        assert status(Android(late, sms, phone).get_mes()) == 250
    for _ in range(2):
        verify_id, answer = picture()
        assert send(late, sms, 1, verify_id=verify_id, verify_code=answer) == [200]
    verify_id, answer = picture()
    assert send(late, sms, 1, verify_id=verify_id, verify_code="wrong") == [250]
    assert status(Android(late, sms, phone).get_mes(verify_id=verify_id, verify_code=answer)) == 250  # one try a picture
    verify_id, answer = picture()
    assert status(Android(late, sms, phone).get_mes(verify_id=verify_id, verify_code=answer)) == 200
    assert len(server.log.events("codes_budget_half_used", mark)) == 1
    assert not server.log.events("codes_budget_used", mark)


@pytest.mark.parametrize("ask, sent, refused", [
    (lambda http, **more: ask_reg(http, "/reg/sms", **more), "200", "400"),
    (lambda http, **more: ask_reg(http, "/user/sms", **more), "200", "4021"),
    (ask_004, "发送成功", "短信发送失败"),
])
def test_the_other_dialects_carry_these_pictures_too(plain_http, sms, strict, picture, ask, sent, refused):
    strict(**SMALL)
    for number in (1, 2):
        assert send(Network(plain_http, f"203.0.{number}.{{}}"), sms, 10) == [200] * 10
    here = Network(plain_http, "203.0.3.{}")
    assert [ask(here) for _ in range(3)] == [sent] * 2 + [refused]
    verify_id, answer = picture()
    assert ask(here, verify_id=verify_id, verify_code=answer) == sent


def test_a_budget_that_is_spent_is_said_once(plain_http, sms, strict, server, picture):
    strict(**SMALL)
    mark = server.log.mark()
    counted = {share: metric(server, "codes_budget_used_total", share=share) for share in ("half", "all")}
    refused = metric(server, "codes_refused_total", by="country_budget")
    assert send(Elsewhere(plain_http), sms, 50) == [200] * 40 + [250] * 10
    verify_id, answer = picture()
    assert send(Elsewhere(plain_http), sms, 1, verify_id=verify_id, verify_code=answer) == [250]
    assert metric(server, "codes_refused_total", by="country_budget") == refused + 11
    said = [server.log.events(event, mark) for event in ("codes_budget_half_used", "codes_budget_used")]
    assert [(len(lines), lines[0]["level"], lines[0]["country"], lines[0]["budget"]) for lines in said] == [(1, "warn", "86", "40")] * 2
    for share in ("half", "all"):
        assert metric(server, "codes_budget_used_total", share=share) == counted[share] + 1


def test_asks_of_a_network(plain_http, sms, strict):
    """Sent or not, in a day: a customer's /48 has 65,536 /64s."""
    strict(REGISTRARD_LIMITS_CODES_PER_NETWORK_DAY="12")
    for network, other in (("2001:db8:7:{:x}::1", "2001:db8:8::1"), ("203.0.113.{}", "203.0.114.1")):
        here = Network(plain_http, network)
        assert send(here, sms, 14, kind="1") == [400] * 12 + [250] * 2
        assert send(Elsewhere(plain_http, other), sms, 1, kind="1") == [400]


# A picture over the soft limit


def soft(http, sms, address="203.0.113.7"):
    """Somebody who has used up what goes without a picture."""
    here = Elsewhere(http, address)
    assert [status(Android(here, sms).get_mes()) for _ in range(3)] == [200] * 3
    return Android(here, sms)


def test_over_the_soft_limit_a_picture_must_be_solved(plain_http, sms, strict, picture):
    strict()
    app = soft(plain_http, sms)
    reply = app.get_mes()
    assert (status(reply), reply.json["temp_id"]) == (250, "") and not sms.all(app.phone)
    verify_id, answer = picture()
    assert status(app.get_mes(verify_id=verify_id, verify_code="wrong")) == 250
    assert status(app.get_mes(verify_id=verify_id, verify_code=answer)) == 250  # one try a picture
    verify_id, answer = picture()
    reply = app.get_mes(verify_id=verify_id, verify_code=answer)
    assert status(reply) == 200 and len(sms.all(app.phone)) == 1
    other = Android(app.http, sms)
    assert status(other.get_mes(verify_id=verify_id, verify_code=answer)) == 250  # once
    assert status(Android(Elsewhere(plain_http, "203.0.113.8"), sms).get_mes()) == 200  # others need none


@pytest.mark.parametrize("ask, sent, refused", [
    (lambda http, **more: ask_reg(http, "/reg/sms", **more), "200", "400"),
    (lambda http, **more: ask_reg(http, "/user/sms", **more), "200", "4021"),
    (ask_004, "发送成功", "短信发送失败"),
])
def test_the_other_dialects_carry_pictures_too(plain_http, sms, strict, picture, ask, sent, refused):
    strict()
    here = soft(plain_http, sms).http
    verify_id, answer = picture()
    assert ask(here) == refused
    assert ask(here, verify_id=verify_id, verify_code=answer) == sent
    assert ask(here, verify_id=verify_id, verify_code=answer) == refused
    assert ask(Elsewhere(plain_http, "203.0.113.8")) == sent


def test_the_pictures_cookie_will_do(plain_http, sms, strict, picture):
    strict()
    app = soft(plain_http, sms)
    verify_id, answer = picture()
    cookie = {"headers": {"Cookie": f"verify_id={verify_id}"}}
    form = {"phone": app.phone, "type": "0", "verify_code": answer}
    assert status(app.post("getMes", form, **cookie)) == 200


def test_pictures_do_not_lift_the_hard_limit(plain_http, sms, strict, picture):
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="4")
    app = soft(plain_http, sms)
    pictures = [picture(), picture()]
    for (verify_id, answer), expected in zip(pictures, (200, 250)):
        one = Android(app.http, sms)
        reply = one.get_mes(verify_id=verify_id, verify_code=answer)
        assert status(reply) == expected
    assert int(reply.headers["Retry-After"]) >= 1
