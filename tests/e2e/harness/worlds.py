"""A small world of accounts that a client works on at random, and what it knows of them: what was answered, and what
was not because the server died, so that either may be true."""

import itertools
import time

from harness.calls import DEVICE, PHONE, Account, new_name, new_phone
from harness.crashes import attempt
from harness.d003 import code

UNAVAILABLE = (1, 3)  # with 503


class World:
    """States: True, False, or None for "nobody knows"."""

    def __init__(self, calls, dice):
        self.calls = calls
        self.dice = dice
        self.accounts = [Account(PHONE, new_phone(), "x")] + [Account(DEVICE, new_name(), "x") for _ in range(3)]
        self.exists = {one.name: False for one in self.accounts}
        self.bound = {pair: False for pair in self._pairs()}
        self.gone = []  # JIDs of cancelled accounts, with their passwords
        self.done = 0  # calls answered 0

    def _pairs(self):
        return [frozenset(pair) for pair in itertools.combinations([one.name for one in self.accounts], 2)]

    def turn(self):
        """One call, its answer compared with what is known."""
        one, other = self.dice.sample(self.accounts, 2)
        kind = self.dice.choices(("register", "login", "bind", "unbind", "cancel"), (4, 2, 5, 3, 1))[0]
        if kind in ("bind", "unbind"):
            self._change(kind == "bind", one, other)
        else:
            getattr(self, "_" + kind)(one)

    def _result(self, call, *arguments):
        """The code; None when it is not known whether the call did anything."""
        reply = attempt(call, *arguments)
        if reply is None:
            time.sleep(0.02)
            return None
        if reply.status == 503:
            assert code(reply, 503) in UNAVAILABLE, reply
            return None
        result = code(reply)
        self.done += result == 0
        return result

    def _learn(self, one, result, answers):
        """`answers`: what each known state must be answered."""
        known = self.exists[one.name]
        allowed = set().union(*answers.values()) if known is None else answers[known]
        assert result is None or result in allowed, f"{one} which {known}: {result}"

    def _register(self, one):
        result = self._result(self.calls.register, one)
        self._learn(one, result, {True: {103}, False: {0, 101}})
        if result == 0:
            self.exists[one.name] = True
        elif result == 101:
            self.exists[one.name] = False
        elif result is None and self.exists[one.name] is False:
            self.exists[one.name] = None

    def _login(self, one):
        result = self._result(self.calls.login, one)
        if result == 107:  # half-made still
            assert self.exists[one.name] is None
            return
        self._learn(one, result, {True: {0}, False: {102}})
        if result is not None:
            self.exists[one.name] = result == 0

    def _cancel(self, one):
        if one.token:
            self.gone.append((one, one.jid, one.jid_password))
        result = self._result(self.calls.cancel, one)
        if result == 107:
            assert self.exists[one.name] is None
            return
        self._learn(one, result, {True: {0}, False: {102}})
        if result == 0:
            self.exists[one.name] = False
            self._forget_bindings(one, False)
        elif result is None and self.exists[one.name]:
            self.exists[one.name] = None
            self._forget_bindings(one, None)

    def _forget_bindings(self, one, state):
        for pair in self.bound:
            if one.name in pair and self.bound[pair] is not False:
                self.bound[pair] = state

    def _change(self, bind, one, other):
        """Only between accounts that are certain, so that one call has one meaning."""
        if not (self.exists[one.name] and self.exists[other.name]):
            return
        reply = attempt(self.calls.log_in, one) if not one.token else one
        if reply is None:
            return
        pair = frozenset((one.name, other.name))
        known = self.bound[pair]
        result = self._result(self.calls.bind if bind else self.calls.unbind, one, [other.name])
        if result == 4:  # the token of an account that was cancelled
            one.token = ""
            return
        answers = {True: {109}, False: {0}} if bind else {True: {0}, False: {110}}
        allowed = answers[True] | answers[False] if known is None else answers[known]
        assert result is None or result in allowed, f"{one}, {other}, bound {known}: {result}"
        if result is not None:
            self.bound[pair] = bind
        elif known is not bind:
            self.bound[pair] = None

    def check(self, eyes):
        """After everything has come to rest."""
        for one in self.accounts:
            one.token = ""
            self._login(one)
            assert self.exists[one.name] is not None
            if self.exists[one.name]:
                self.calls.log_in(one)
        there = [one for one in self.accounts if self.exists[one.name]]
        rosters = {one.name: eyes.roster(one) for one in there}
        for one, other in itertools.permutations(there, 2):
            known = self.bound[frozenset((one.name, other.name))]
            shown = rosters[one.name].get(other.jid)
            assert shown == rosters[other.name].get(one.jid), (rosters, one, other)
            assert shown in {None: (None, "both"), True: ("both",), False: (None,)}[known], (rosters, one, other)
        for roster in rosters.values():
            assert set(roster) <= {one.jid for one in there}, roster
        for one, jid, password in self.gone[-3:]:
            if not self.exists[one.name] or one.jid != jid:
                assert not eyes.exists(jid, password)
