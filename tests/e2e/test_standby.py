"""A standby of Postgres that takes over while two registrards run: docs/scaling.md, tried."""

import pytest

from harness import fleet as fleets
from harness.calls import DEVICE, PHONE
from harness.cluster import Cluster
from harness.crashes import Eyes, Truth
from harness.d003 import code, wait_until
from harness.outage import RECOVERY, SHORT, recovered


@pytest.fixture
def clusters(stack, server):
    made = []

    def make(synchronous):
        primary = Cluster(stack, "primary")
        made.append(primary.make("max_wal_senders = 4"))
        standby = primary.standby("standby")
        made.append(standby)
        if synchronous:
            primary.run("alter system set synchronous_standby_names = '*'")
            primary.run("select pg_reload_conf()")
            wait_until(lambda: primary.run("select sync_state from pg_stat_replication") == [("sync",)], 20, "the standby")
        return primary, standby

    yield make
    server.stop()
    for one in made:
        one.discard()


@pytest.mark.parametrize("synchronous", [False, True], ids=["asynchronous", "synchronous"])
def test_both_go_on_at_the_standby(synchronous, clusters, server, fleet, stack, xmpp_client):
    primary, standby = clusters(synchronous)
    url = (f"host={primary.sockets},{standby.sockets} dbname=registrard user=registrard "
           "target_session_attrs=read-write")
    settings = {**SHORT, **fleets.SETTINGS, "REGISTRARD_POSTGRES_URL": url}
    mark = server.log.mark()
    server.restart(settings)
    first, second = fleet.members[0], fleet.add(settings=settings)
    phone, lamps = first.calls.new_account(PHONE), [member.calls.new_account(DEVICE) for member in (first, second)]
    assert code(first.calls.bind(phone, [lamps[0].name])) == 0
    if not synchronous:
        primary.wait_replayed()

    primary.kill()
    standby.promote()

    for member in fleet.members:
        for lamp in lamps:
            wait_until(lambda one=member, account=lamp: _logs_in(one, account), RECOVERY, "a login at the new primary")
        recovered(member.server, member.calls, lamps[0])
    second.calls.log_in(phone)
    assert code(second.calls.bind(phone, [lamps[1].name])) == 0
    db = standby.connect()
    truth = Truth(db, stack)
    truth.since = 0
    truth.settle()
    db.close()
    assert Eyes(xmpp_client).roster(phone) == {lamp.jid: "both" for lamp in lamps}
    assert not first.server.log.events("database_set_back", mark)
    assert not second.server.log.events("database_set_back")


def _logs_in(member, account):
    reply = member.calls.login(account)
    return reply.status == 200 and code(reply) == 0
