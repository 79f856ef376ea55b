"""The parts of an end-to-end test: real servers, a registrard, clients. See harness/ for what each can do.

The stack and one registrard live for the whole session; after each test they are brought back to how they were, so a
test may kill, stop and cut what it likes. Each test answers for what is written to the log while it runs.
"""

import contextlib

import pytest
import redis as redis_module

from harness import running
from harness.calls import DEVICE, PHONE, Calls, answers_of
from harness.crashes import Eyes, Truth
from harness.ctl import Ctl
from harness.databases import connected
from harness.fleet import Fleet
from harness.hostile import HostileServer
from harness.http_client import Http
from harness.incidents import HOSTILE, Incident
from harness.process import Registrard
from harness.sms_file import SmsFile
from harness.stack import Stack
from harness.strict import PROXIED, production
from harness.tcp_client import LineClient
from harness.v1 import V1


def pytest_collection_modifyitems(config, items):
    """A server that is not ours is not killed: such tests are left out."""
    if Stack.owns_xmpp_server():
        return
    left_out = [item for item in items if item.get_closest_marker("owns_xmpp")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def _stack():
    yield from running.servers()


@pytest.fixture(scope="session")
def _link(_stack):
    yield from running.way(_stack)


@pytest.fixture(scope="session")
def _server(_stack, _link):
    yield from running.registrard(_stack, _link)


@pytest.fixture(scope="session")
def _xmpp_clients(_stack):
    yield from running.clients(_stack)


@pytest.fixture
def expected_errors():
    """Patterns of the log's error lines that this test may cause: expected_errors.append("event=...")."""
    return []


@pytest.fixture(autouse=True)
def _afterwards(request, expected_errors):
    """Brings everything back after a test that has a server, then looks at the log it left."""
    if not {"server", "stack"} & set(request.fixturenames):
        yield
        return
    stack, link, server = (request.getfixturevalue(name) for name in ("_stack", "_link", "_server"))
    mark = server.log.mark()
    yield
    disturbed = stack.disturbed
    stack.restore()
    link.heal()
    server.restore(anew=disturbed)  # each session with Postgres or Redis would find out for itself that they are back
    complaints = server.log.complaints(mark, expected_errors)
    assert not complaints, "unexpected in the log:\n" + "\n".join(complaints)


@pytest.fixture
def stack(_stack):
    """The servers: kill, stop, cont, start; addresses."""
    return _stack


@pytest.fixture
def link(_link):
    """The proxies before the XMPP server: cut, refuse, stall, delay, heal."""
    return _link


@pytest.fixture
def server(_server):
    """registrard: ports, kill, stop, start, restart(settings), log, metrics, get_ops."""
    return _server


@pytest.fixture
def hostile(stack, server, db):
    """A link of its own to a server that a test can turn against registrard; see harness/hostile.py."""
    proxy = HostileServer(stack.component_address)
    host, port = proxy.address
    server.stop()
    with db.cursor() as cursor:
        cursor.execute("delete from outbox where kind = 5")  # comparisons that the tests before are due
    server.start({**HOSTILE, "REGISTRARD_XMPP_HOST": host, "REGISTRARD_XMPP_PORT": str(port)})
    yield proxy
    proxy.close()


@pytest.fixture
def incident(server):
    """incident(): what registrard says, and what it costs, from here on."""
    return lambda: Incident(server)


@pytest.fixture
def another_server(_stack, _link, expected_errors):
    """Makes further instances on the same stack: another_server(name, settings); they are stopped afterwards."""
    made = []

    def make(name, settings=None):
        one = Registrard(_stack, _link.settings, name, settings)
        made.append((one, one.log.mark()))  # another test may have had one of that name
        return one

    yield make
    for one, mark in made:
        one.stop()
        complaints = one.log.complaints(mark, expected_errors)
        assert not complaints, complaints


@pytest.fixture
def fleet(server, link, stack, read_answer, expected_errors):
    """fleet.add(): one more registrard on the same stack; see harness/fleet.py. fleet.members[0] is the server."""
    one = Fleet(server, link, stack, read_answer)
    yield one
    one.expected += expected_errors
    one.close()


@pytest.fixture
def ctl(server):
    """registrarctl with the server's configuration: run, do, ban, unban."""
    return Ctl(server)


@pytest.fixture
def http(server, stack):
    """The HTTPS port."""
    return Http(server.ports, stack.certificate)


@pytest.fixture
def plain_http(server, stack):
    return Http(server.ports, stack.certificate, plain=True)


@pytest.fixture
def tcp(server):
    with LineClient(server.ports["tcp"]) as client:
        yield client


@pytest.fixture
def xmpp_client(_xmpp_clients):
    """xmpp_client(jid, password): a client that is online; gone after the test."""
    yield _xmpp_clients.connect
    _xmpp_clients.disconnect_all()


@pytest.fixture
def db(stack):
    """A psycopg2 connection as registrard's own user, each statement a transaction."""
    with contextlib.closing(connected(stack.postgres_dsn())) as connection:
        yield connection


@pytest.fixture
def redis(stack):
    client = redis_module.Redis(unix_socket_path=stack.redis_socket)
    yield client
    client.close()


@pytest.fixture
def read_answer(stack):
    """read_answer(id): what is written on the picture."""
    return answers_of(stack)


@pytest.fixture
def calls(http, read_answer):
    """Dialect 003 over HTTPS."""
    return Calls(http, read_answer)


@pytest.fixture
def v1(http):
    return V1(http)


@pytest.fixture
def lamp(calls):
    return calls.new_account(DEVICE)


@pytest.fixture
def phone(calls):
    return calls.new_account(PHONE)


@pytest.fixture
def truth(db, stack):
    """What Postgres has."""
    return Truth(db, stack)


@pytest.fixture
def eyes(xmpp_client):
    """What clients see."""
    return Eyes(xmpp_client)


@pytest.fixture
def picture(calls):
    return calls.picture


@pytest.fixture
def sms(stack):
    return SmsFile(stack.var)


@pytest.fixture
def forget(redis):
    """Nothing is counted yet, or any more."""

    def everything():
        with contextlib.suppress(redis_module.ConnectionError):
            redis.flushdb()

    yield everything
    everything()


@pytest.fixture
def strict(server, forget):
    """Starts production's limits, behind a proxy so that calls can come from many addresses."""

    def start(**more):
        server.restart({**production(), **PROXIED, **more})
        forget()

    return start
