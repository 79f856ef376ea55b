"""The main path, once: a phone and a device register, log in, their tokens verify, one binds the other, and two stock
clients that were online before see each other at once."""

from harness.calls import DEVICE, PHONE


def test_from_registration_to_seeing_each_other(calls, tcp, xmpp_client, stack):
    phone, device = calls.new_account(PHONE), calls.new_account(DEVICE)
    assert phone.jid.endswith("@" + stack.domain) and device.jid.endswith("@" + stack.domain)
    assert phone.jid != device.jid

    for account in (phone, device):
        assert tcp.call("/verify_access_token", access_token=account.token) == {"result": 0, "validate": True}

    one = xmpp_client(phone.jid, phone.jid_password)
    other = xmpp_client(device.jid, device.jid_password)
    bound = calls.bind(phone, [device.name])
    assert bound.json["result"] == 0 and bound.json["state"] == "bound", bound
    for client, peer in ((one, device), (other, phone)):
        client.wait_item(peer.jid, "both", timeout=5)
        client.wait_sees(peer.jid, timeout=5)

    items = calls.bindings(phone).json["roster_item"]
    assert [(item["jid"], item["subscriptionType"]) for item in items] == [(device.jid, "both")]


def test_a_wrong_token_does_not_verify(tcp):
    assert tcp.call("/verify_access_token", access_token="x" * 43) == {"result": 4, "validate": False}
