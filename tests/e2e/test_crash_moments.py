"""registrard killed at moments that nobody chose: in the middle of what it sends to the XMPP server, right after an
answer, and at random under load. What was answered 0 holds; what was not is either done or not done at all."""

import os
import random
import time

import pytest

from harness.calls import DEVICE, PHONE, Account, new_name
from harness.crashes import Background, attempt
from harness.d003 import code, meanwhile
from harness.partial import PartialLink
from harness.worlds import World


@pytest.fixture
def partial_link(stack, server):
    """A link of its own, that registrard uses until its next start."""
    link = PartialLink(stack)
    server.restart(link.settings)
    yield link
    link.close()


def test_killed_when_half_of_a_binding_has_reached_the_server(server, partial_link, calls, truth, eyes):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    partial_link.hold_roster()
    with meanwhile(attempt, calls.bind, phone, [lamp.name]):
        assert partial_link.reached.wait(5)
        server.kill()
    assert (eyes.roster(phone), eyes.roster(lamp)) != ({lamp.jid: "both"}, {phone.jid: "both"})
    server.start()
    truth.settle()
    assert (eyes.roster(phone), eyes.roster(lamp)) == ({lamp.jid: "both"}, {phone.jid: "both"})


def test_killed_when_half_of_an_unbinding_has_reached_the_server(server, partial_link, calls, truth, eyes):
    phone, lamp = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert calls.bind(phone, [lamp.name]).json["state"] == "bound"
    partial_link.hold_roster()
    with meanwhile(attempt, calls.unbind, phone, [lamp.name]):
        assert partial_link.reached.wait(5)
        server.kill()
    server.start()
    truth.settle()
    assert (eyes.roster(phone), eyes.roster(lamp)) == ({}, {})


def test_killed_when_half_of_a_registration_has_reached_the_server(server, partial_link, calls, truth, eyes):
    lamp = Account(DEVICE, new_name(), "x")
    partial_link.hold_command()  # which stays open on the server
    with meanwhile(attempt, calls.register, lamp):
        assert partial_link.reached.wait(5)
        server.kill()
    _, _, jid, password = truth.newest()
    server.start()
    truth.settle()
    assert not eyes.exists(jid, password)
    assert code(calls.login(lamp)) == 102
    calls.new_account(DEVICE, lamp.name)


def test_what_was_answered_0_holds(server, calls, truth, eyes):
    def revived():
        server.kill()
        server.start()

    phone, lamp, fan = calls.new_account(PHONE), calls.new_account(DEVICE), calls.new_account(DEVICE)
    door = Account(DEVICE, new_name(), "x")
    assert code(calls.register(door)) == 0
    revived()
    calls.log_in(door)
    assert eyes.roster(door) == {}

    server.restart({"REGISTRARD_BINDING_WAIT": "0ms"})  # answered as soon as it is committed
    assert calls.bind(phone, [lamp.name, fan.name, door.name]).json == {
        "result": 0, "failed": [], "state": "pending", "sign": ""}
    revived()
    assert code(calls.bind(phone, [lamp.name])) == 109
    truth.settle()
    assert eyes.roster(phone) == {one.jid: "both" for one in (lamp, fan, door)}

    assert code(calls.unbind(phone, [lamp.name])) == 0
    revived()
    assert code(calls.unbind(phone, [lamp.name])) == 110
    truth.settle()
    assert eyes.roster(lamp) == {}

    assert code(calls.cancel(fan)) == 0
    revived()
    assert code(calls.http.get("/verify_access_token", {"access_token": fan.token})) == 4
    assert code(calls.login(fan)) == 102
    truth.settle()
    assert not eyes.exists(fan.jid, fan.jid_password)
    assert eyes.roster(phone) == {door.jid: "both"}
    for one in (phone, lamp, door):
        calls.log_in(one)


def test_killed_at_random_under_load(server, calls, truth, eyes):
    seed = int(os.environ.get("TEST_SEED", time.time_ns() % 10**9))
    print(f"TEST_SEED={seed} makes the same choices again")
    dice = random.Random(seed)
    worlds = [World(calls, random.Random(dice.random())) for _ in range(3)]
    with Background(*(world.turn for world in worlds)):
        for _ in range(6):
            time.sleep(dice.uniform(0.05, 0.7))
            server.kill()
            server.start()
        time.sleep(0.3)
    truth.settle()
    for world in worlds:
        world.check(eyes)
    assert sum(world.done for world in worlds) >= 20, "too little happened to prove anything"
