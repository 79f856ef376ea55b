"""One client: it works on its own accounts at random, in every dialect, and compares each answer with what it knows.

What was not answered it asks for again, as an app would, until an answer says what is so: that answer must fit. What
is never settled may be either in the end.
"""

import collections
import secrets
import threading
import time

from hands import Hand003, Unexpected, hand_of
from harness.calls import DEVICE, PHONE, WECHAT, new_name, new_phone
from model import PHONES, Subject, World
from wire import NeverAnswered, NotBegun, Unknown, Wire

KINDS = ("device", "phone", "wechat", None, None)  # a client's subjects; None: by turns a phone of the other dialects
OTHERS = ("000", "001", "002", "004")
TRIES = 5
SETTLED = 2.5  # seconds after which an ended token is refused everywhere
WEIGHTS = {"bind": 30, "unbind": 18, "churn": 8, "look": 8, "check": 6, "login": 8, "cancel": 6, "renew": 5, "reset": 4,
           "prove": 4, "rename": 4}


class Client(threading.Thread):
    """`say(...)` counts; `violations` collects answers that cannot be."""

    def __init__(self, number, run, dice):
        super().__init__(daemon=True, name=f"client {number}")
        self.number, self.run_, self.dice = number, run, dice
        self.wire = Wire(run.instances, run.tls, dice, run.stopping)
        subjects = []
        for position, kind in enumerate(KINDS):
            subjects.append(self._subject(kind or OTHERS[(number + position) % len(OTHERS)]))
        self.world = World(subjects, run.hubs)
        self.counts = collections.Counter()
        self.violations = []

    def _subject(self, kind):
        if kind in PHONES:
            one = Subject(new_phone(), PHONE, kind)
        else:
            one = Subject(new_name(kind), DEVICE if kind == "device" else WECHAT, kind)
        return self.equip(one)

    def equip(self, one):
        one.hand = hand_of(one.kind, self.wire, self.run_.post, one.name)
        one.keeper = one.hand if isinstance(one.hand, Hand003) else Hand003(self.wire, self.run_.post, one.name, one.type)
        return one

    def run(self):
        while not self.run_.stopping.is_set():
            try:
                self.turn()
            except NotBegun:
                self.pause()
            except (Unexpected, NeverAnswered, AssertionError, KeyError, ValueError) as failure:
                self.violations.append(f"{self.name}: {failure!r}; last at {self.wire.last}")
                self.run_.stopping.wait(1)

    def pause(self):
        self.run_.stopping.wait(self.dice.uniform(0.05, 0.4))

    def turn(self):
        one = self.dice.choice(self.world.subjects)
        if not one.exists:
            self.register(one)
            return
        possible = {what: weight for what, weight in WEIGHTS.items() if self._can(what, one)}
        what = self.dice.choices(list(possible), possible.values())[0]
        getattr(self, what)(one)

    def _can(self, what, one):
        if what in ("unbind", "look"):
            return bool(self.world.peers(one))
        if what == "reset":
            return one.kind in ("000", "001", "002")
        return {"prove": one.kind == "phone", "rename": one.kind == "000", "check": one.entered or one.ended_tokens}.get(
            what, True)

    # What every call goes through

    def ask(self, one, what, call, *arguments):
        """The answer; "unknown" when nobody knows. NotBegun goes on to the caller."""
        try:
            answer = call(*arguments)
        except NotBegun as failure:
            self.note(one, what, "not begun", f"{arguments} {failure}")
            raise
        except Unknown as failure:
            self.note(one, what, "unknown", f"{arguments} {failure}")
            return "unknown"
        self.note(one, what, answer, f"{arguments}")
        return answer

    def note(self, one, what, answer, details=""):
        self.counts[one.kind if what in ("register", "login", "reset", "rename") else "003", what, str(answer)] += 1
        one.history.append(f"{self.run_.clock():8.3f} {self.wire.last:24} {what}: {answer} {details}")

    def wrong(self, one, text):
        self.violations.append(f"{one}: {text}\n  " + "\n  ".join(one.history[-12:]))

    def again(self):
        """Whether what is unknown is to be asked for again; after a pause."""
        self.pause()
        return not self.run_.stopping.is_set()

    # Accounts

    def register(self, one):
        password = one.passwords[-1] if one.exists is None else secrets.token_hex(6)
        one.passwords = [password]
        while True:
            try:
                answer = self.ask(one, "register", one.hand.register, password)
            except NotBegun:
                if one.exists is False:
                    raise
                answer = "unknown"
            if answer == "done":
                self._made(one)
                return
            if answer == "taken" and one.exists is False:
                self.wrong(one, "taken, though it does not exist")
                return
            if answer == "unknown":
                one.exists = None
            elif answer == "taken" and self.look_in(one):  # made by a try that was not answered, perhaps only half
                return
            if one.exists is False or not self.again():
                return

    def _made(self, one):
        one.exists, one.entered, one.jid, one.nicknames = True, False, None, [None]

    def look_in(self, one):
        """Logs in through 003 until that says whether there is such an account; whether it could be settled."""
        while True:
            try:
                answer = one.keeper.login(one.passwords[-1])
                self.note(one, "enter", answer)
                if answer == "in":
                    self._made(one)
                    self._entered(one)
                    return True
                if answer == "out":  # it was undone
                    one.exists = False
                    self.world.all_ended(one)
                    return True
            except NotBegun:
                pass
            if not self.again():
                return False

    def _entered(self, one):
        one.entered, one.jid = True, one.keeper.account.jid

    def enter(self, one):
        """With a token for 003. False: not now."""
        if one.entered:
            return True
        answer = self.ask(one, "enter", one.keeper.login, one.passwords[-1])
        if answer == "in":
            self._entered(one)
        elif answer != "later":
            self.wrong(one, f"003 says {answer} to who exists")
        return answer == "in"

    def login(self, one):
        if one.hand is one.keeper:
            one.entered = False  # the token before stays good, but is not kept
            self.enter(one)
            return
        answer = self.ask(one, "login", one.hand.login, one.passwords[-1])
        if answer != "in":
            self.wrong(one, f"login: {answer}, with the right password")

    def cancel(self, one):
        first = True
        while True:
            try:
                answer = self.ask(one, "cancel", one.keeper.cancel, one.passwords[-1])
            except NotBegun:
                if first:
                    raise
                answer = "later"
            if answer == "out" and first:
                self.wrong(one, "cannot be cancelled, though it exists")
            if answer in ("done", "out"):
                one.exists = False
                one.ended()
                self.world.all_ended(one)
                return
            if answer == "unknown":
                first, one.exists = False, None
                one.entered = False
                self.world.all_ended(one, certain=False)
            if (first and answer == "later") or not self.again():
                return

    def renew(self, one):
        """Cancelled, and registered again at once."""
        self.cancel(one)
        if one.exists is False:
            self.register(one)

    def reset(self, one):
        password = secrets.token_hex(6)
        first = True
        while True:
            try:
                answer = self.ask(one, "reset", one.hand.reset, password)
            except NotBegun:
                if first:
                    raise
                answer = "unknown"
            if answer == "done":
                one.passwords = [password]
                one.ended()
                return
            if answer == "unknown":
                first = False
                one.entered = False
                one.passwords = [one.passwords[0], password]
            if first or not self.again():
                return

    def prove(self, one):
        """The phone's owner registers elsewhere with a code: another account takes the place of the unproved one."""
        kind = self.dice.choice(OTHERS)
        hand, password, first = hand_of(kind, self.wire, self.run_.post, one.name), secrets.token_hex(6), True
        while True:
            try:
                answer = self.ask(one, f"prove {kind}", hand.register, password)
            except NotBegun:
                if first:
                    raise
                answer = "unknown"
            if answer == "taken" and first:
                self.wrong(one, "an unproved phone is taken")
                return
            if answer in ("done", "taken"):
                one.ended()
                one.kind, one.hand, one.passwords = kind, hand, [password]
                self.world.all_ended(one)
                self._made(one)
                if answer == "taken":
                    one.exists = None
                    self.look_in(one)
                return
            first, one.exists, one.entered = False, None, False  # "failed": the old one may have gone already
            one.passwords = [one.passwords[0], password]
            self.world.all_ended(one, certain=False)
            if not self.again():
                return

    def rename(self, one):
        if one.hand.app.cookie is None and self.ask(one, "login", one.hand.login, one.passwords[-1]) != "in":
            return
        nickname, first = f"nick {self.dice.getrandbits(32):x}", True
        while True:
            try:
                answer = self.ask(one, "rename", one.hand.rename, nickname)
            except NotBegun:
                if first:
                    raise
                answer = "unknown"
            if answer == "done":
                one.nicknames = [nickname]
                return
            if answer == "failed":  # the session ended with the account, or with a reset
                one.hand.app.cookie = None
                return
            first = False
            one.nicknames = [one.nicknames[0], nickname]
            if not self.again():
                return

    # Bindings

    def _partner(self, one):
        there = [other for other in self.world.subjects if other is not one and other.exists]
        if self.world.hubs and (not there or self.dice.random() < 0.25):
            return self.dice.choice(self.world.hubs)
        return self.dice.choice(there) if there else None

    def bind(self, one):
        others = {self._partner(one) for _ in range(self.dice.choice((1, 1, 1, 2, 3)))} - {None}
        others = sorted(others, key=lambda other: other.name)
        self._change(one, others, True)

    def unbind(self, one):
        peers = sorted(self.world.peers(one), key=lambda other: other.name)
        self._change(one, [self.dice.choice(peers)], False)

    def churn(self, one):
        """In quick succession; the last one counts."""
        other = self._partner(one)
        if other is None:
            return
        state = self.world.is_bound(one, other)
        for _ in range(self.dice.choice((2, 3, 5))):
            if state is None or not one.exists or self.run_.stopping.is_set():
                return
            self._change(one, [other], not state)
            state = self.world.is_bound(one, other)

    def _change(self, one, others, wanted):
        if not others or not self.enter(one):
            return
        before = {self.world.is_bound(one, other) for other in others}
        call = one.keeper.bind if wanted else one.keeper.unbind
        what, names = "bind" if wanted else "unbind", [other.name for other in others]
        first = True
        while True:
            try:
                answer = self.ask(one, what, call, names)
            except NotBegun:
                if first:
                    raise
                answer = "unknown"
            if not self._weigh(one, others, wanted, before, answer, first):
                return
            if answer == "unknown":
                first = False
            if not self.again():
                return

    def _weigh(self, one, others, wanted, before, answer, first):
        """Whether it is to be asked again."""
        already = 109 if wanted else 110
        if answer == 0:
            if first and before not in ({not wanted}, {None}):
                self.wrong(one, f"{'bound' if wanted else 'unbound'} a second time")
            self._set(one, others, wanted)
            return False
        if answer == already:
            if first and wanted not in before and None not in before:
                self.wrong(one, f"{already}, which is not so")
            if not first and before == {not wanted}:  # the try before, that was not answered, had done it
                self._set(one, others, wanted)
            return False
        if answer == "unknown":
            if before == {not wanted}:  # else it would have been refused anyway
                self._set(one, others, None)
            return True
        if answer == 106:  # a JID that the server has just forgotten
            return not first
        self.wrong(one, f"binding answered {answer}")
        one.entered = False
        return False

    def _set(self, one, others, state):
        for other in others:
            self.world.set_bound(one, other, state)

    def look(self, one):
        """The list of those bound, as far as their JIDs are known."""
        if not self.enter(one):
            return
        result, jids = one.keeper.bound()
        self.note(one, "list", result)
        if result != 0:
            if result != 106:  # as above
                self.wrong(one, f"its list is answered {result}")
            return
        for other in self.world.subjects:
            known = self.world.is_bound(one, other)
            if other is not one and other.jid and other.exists and known is not None and (other.jid in jids) != known:
                self.wrong(one, f"its list says otherwise of {other}: {sorted(jids)}")

    def check(self, one):
        """Tokens: the one that is good, and one that ended a while ago."""
        if one.entered:
            result = one.keeper.check(one.keeper.account.token)
            self.note(one, "check", result)
            if result not in (0, 106):  # as above; that it has a JID again is seen at the end
                self.wrong(one, f"a good token is answered {result}")
        if one.ended_tokens:
            token = self.dice.choice(one.ended_tokens)
            begun = time.monotonic()
            while (result := one.keeper.check(token)) == 0 and time.monotonic() < begun + SETTLED:
                time.sleep(0.1)
            self.note(one, "check ended", result)
            if result != 4:
                self.wrong(one, f"an ended token is answered {result}")

    # When everything has come to rest

    def last_words(self):
        """What was acknowledged opens, and what ended does not."""
        for one in self.world.subjects:
            self._open(one)
            if one.exists and one.entered:
                self.surely(self.check, one)

    @staticmethod
    def surely(call, *arguments):
        """The answer, also of servers that 64 clients ask at once."""
        for _ in range(TRIES):
            try:
                return call(*arguments)
            except NotBegun:
                time.sleep(0.5)
        return call(*arguments)

    def _open(self, one):
        found = [self.surely(one.keeper.login, password) for password in one.passwords]
        self.note(one, "enter at the end", found)
        expected = {True: [1], False: [0], None: [0, 1]}[one.exists]
        if found.count("in") not in expected:
            self.wrong(one, f"exists: {one.exists}; its passwords: {found}")
        if one.exists and one.hand is not one.keeper:
            if "in" not in [self.surely(one.hand.login, password) for password in one.passwords]:
                self.wrong(one, "the login of its own dialect is refused")
