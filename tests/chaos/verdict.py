"""What was acknowledged against Postgres, Postgres against the XMPP server's JIDs and rosters. Nothing may be lost, extra or
one-sided; what was not acknowledged may be either, but the same everywhere."""

import dataclasses

import psycopg2

from harness.calls import DEVICE, PHONE, WECHAT

GROUPS = {PHONE: ("Phones",), DEVICE: ("At home", "Things"), WECHAT: ()}  # as parts.SETTINGS say
LOST, EXTRA, ONE_SIDED, OTHER = "lost", "extra", "one-sided", "not as it should be"
ACTIVE = 1


@dataclasses.dataclass
class Difference:
    kind: str
    text: str
    subjects: tuple = ()
    jids: tuple = ()  # local parts


@dataclasses.dataclass
class Row:
    number: int
    type: int
    name: str
    state: int
    local: str
    sealed: bytes
    nickname: str | None

    def shown_name(self):
        return self.nickname or (self.name.removeprefix("+86") if self.type == PHONE else self.name)


class Postgres:
    """A look at everything at one time."""

    def __init__(self, dsn):
        connection = psycopg2.connect(dsn)
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection, connection.cursor() as cursor:
            cursor.execute("select id, type, name, state, jid_local, jid_password, nickname from accounts where state < 2")
            self.rows = {row[0]: Row(*row) for row in cursor.fetchall()}
            cursor.execute("select low, high from bindings where wanted")
            self.pairs = {frozenset(pair) for pair in cursor.fetchall()}
        connection.close()

    def rosters(self, domain):
        """What each JID's should be, by local part."""
        found = {row.local: {} for row in self.rows.values() if row.state == ACTIVE}
        for pair in self.pairs:
            for number in pair:
                [other] = pair - {number}
                if number in self.rows and other in self.rows:
                    peer = self.rows[other]
                    found.get(self.rows[number].local, {})[f"{peer.local}@{domain}"] = (
                        "both", peer.shown_name(), GROUPS[peer.type])
        return found


def compare_acknowledged(worlds, hubs, postgres):
    """What the clients know, with Postgres."""
    found = []
    subjects = {(one.type, one.stored_name): one for world in worlds for one in world.subjects}
    subjects.update({(one.type, one.stored_name): one for one in hubs})
    there = {}
    for row in postgres.rows.values():
        one = subjects.get((row.type, row.name))
        if row.state != ACTIVE:
            found.append(Difference(OTHER, f"{row.name} is half-made", (one,), (row.local,)))
        if one is None or one.exists is False:
            found.append(Difference(EXTRA, f"account {row.number}, {row.name}", (one,), (row.local,)))
        elif row.nickname not in one.nicknames and one.exists:
            found.append(Difference(LOST, f"{row.name}: nickname {row.nickname} is none of {one.nicknames}", (one,), (row.local,)))
        there[row.number] = one
    present = set(map(id, there.values()))
    found += [Difference(LOST, f"account of {one}", (one,)) for one in subjects.values()
              if one.exists and id(one) not in present]
    known = {pair: state for world in worlds for pair, state in world.bound.items()}
    wanted = {frozenset(there.get(number) for number in pair) for pair in postgres.pairs}
    found += [Difference(EXTRA, f"binding of {_names(pair)}", tuple(pair)) for pair in wanted if known.get(pair, False) is False]
    found += [Difference(LOST, f"binding of {_names(pair)}", tuple(pair)) for pair, state in known.items()
              if state and pair not in wanted]
    return found


def _names(pair):
    return " and ".join(map(str, pair))


def compare_server(postgres, domain, rosters):
    """Postgres with the XMPP server."""
    should = postgres.rosters(domain)
    found = [Difference(LOST, f"JID {local}", jids=(local,)) for local in should.keys() - rosters.keys()]
    found += [Difference(EXTRA, f"JID {local}", jids=(local,)) for local in rosters.keys() - should.keys()]
    for local in should.keys() & rosters.keys():
        for jid in should[local].keys() | rosters[local].keys():
            wanted, shown = should[local].get(jid), rosters[local].get(jid)
            peer = jid.partition("@")[0]
            other_side = rosters.get(peer, {}).get(f"{local}@{domain}")
            if wanted == shown:
                continue
            if (shown is None) != (other_side is None):
                kind = ONE_SIDED
            else:
                kind = LOST if shown is None else EXTRA if wanted is None else OTHER
            found.append(Difference(kind, f"roster of {local}: {jid} is {shown}, should be {wanted}", jids=(local, peer)))
    return found
