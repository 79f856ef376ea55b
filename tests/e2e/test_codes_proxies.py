"""Where a code was asked for: X-Forwarded-For."""

from harness.calls import new_phone
from harness.d000 import Android, status
from harness.strict import PROXIED, Elsewhere, production


def test_only_a_proxy_is_believed(server, plain_http, sms, forget):
    small = {**production(), "REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE": "2", "REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE": "0"}
    http = Elsewhere(plain_http)
    server.restart(small)
    forget()
    assert [status(Android(http, sms).get_mes()) for _ in range(3)] == [200, 200, 250]
    server.restart({**small, "REGISTRARD_HTTP_PROXIES": "192.0.2.0/24"})  # another one
    forget()
    assert [status(Android(http, sms).get_mes()) for _ in range(3)] == [200, 200, 250]
    server.restart({**small, **PROXIED})
    forget()
    assert [status(Android(http, sms).get_mes()) for _ in range(3)] == [200, 200, 200]


def test_what_a_client_writes_in_front_does_not_count(strict, plain_http, sms):
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="2", REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")
    statuses = [status(Android(Elsewhere(plain_http, f"198.51.100.{n}, 203.0.113.7"), sms).get_mes()) for n in range(4)]
    assert statuses == [200, 200, 250, 250]


def test_a_proxys_own_header_counts_behind_the_clients(strict, plain_http):
    """Some proxies append a header instead of an entry."""
    strict(REGISTRARD_LIMITS_CODES_PER_ADDRESS_MINUTE="2", REGISTRARD_LIMITS_CODES_SOFT_PER_ADDRESS_MINUTE="0")

    def ask(number):
        connection = plain_http.connection()
        body = f"phone={new_phone()}&type=0".encode()
        connection.putrequest("POST", "/android/getMes")
        for value in (f"198.51.100.{number}", "203.0.113.9"):
            connection.putheader("X-Forwarded-For", value)
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        text = connection.getresponse().read()
        connection.close()
        return b'"status":200' in text

    assert [ask(number) for number in range(4)] == [True, True, False, False]


def test_malformed_proxies_stop_the_start(server):
    for bad in ("localhost", "10.0.0.0/33", "10.0.0.0/8;x", "2001:db8::/129"):
        refused = server.command("--check-config", changed={"REGISTRARD_HTTP_PROXIES": bad})
        assert refused.returncode != 0 and "proxies" in (refused.stdout + refused.stderr).lower(), bad
    assert server.command("--check-config", changed={"REGISTRARD_HTTP_PROXIES": "10.0.0.0/8, ::1"}).returncode == 0
