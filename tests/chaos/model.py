"""What a client knows: what was acknowledged to it, what was refused, and what it does not know because no answer came.

An account exists (True), does not (False), or either (None); so with each binding. An unknown outcome stays unknown until
an answer settles it, since what was sent may still be done: a COMMIT can wait in a Postgres that is stopped.
"""

import dataclasses

from harness.calls import PHONE

PHONES = ("000", "001", "002", "004", "phone")


@dataclasses.dataclass(eq=False)
class Subject:
    """A name, and the account that it is while there is one."""

    name: str
    type: int
    kind: str  # the dialect of a phone, "phone" when it is 003's and unproved, "device", "wechat"
    exists: bool | None = False
    passwords: list = dataclasses.field(default_factory=list)  # one of these
    nicknames: list = dataclasses.field(default_factory=lambda: [None])  # likewise
    entered: bool = False  # the hand has a token that must be good
    jid: str | None = None  # as told by the latest login
    ended_tokens: list = dataclasses.field(default_factory=list)
    hand: object = None
    keeper: object = None  # dialect 003's hand: binds, cancels
    history: list = dataclasses.field(default_factory=list)

    @property
    def stored_name(self):
        return "+86" + self.name if self.type == PHONE else self.name

    def ended(self):
        """The account is not any more, or its tokens are not."""
        if self.entered:
            self.ended_tokens.append(self.keeper.account.token)
        self.entered = False

    def __repr__(self):
        return f"{self.kind} {self.name}"


class World:
    """One client's subjects, and the hubs that all clients bind theirs to."""

    def __init__(self, subjects, hubs):
        self.subjects, self.hubs = subjects, hubs
        self.bound = {}  # pair to True or None; a pair that is not there is not bound

    def is_bound(self, one, other):
        return self.bound.get(frozenset((one, other)), False)

    def set_bound(self, one, other, state):
        self.bound[frozenset((one, other))] = state

    def peers(self, one):
        """Those it may be bound to, each with what is known."""
        return {other: state for pair, state in self.bound.items() if one in pair and state is not False
                for other in pair - {one}}

    def all_ended(self, one, certain=True):
        """The bindings of an account that ended, or may have."""
        for other in self.peers(one):
            self.set_bound(one, other, False if certain else None)

    def settle_ended(self):
        """At the end: a binding of what may not exist may not be, either."""
        for pair, state in self.bound.items():
            if state is True and any(one.exists is None for one in pair):
                self.bound[pair] = None
