"""What fails when, for how long: chosen before the run, by its seed alone.

Up to LANES things fail at once; the same thing never twice at once. A part's process and its links are things of their
own: Postgres may be stopped while the way to Redis is silent.
"""

import dataclasses
import random

from links import KINDS as LINK_KINDS

LANES = 2
PAUSE = 2.5  # seconds between two faults of a lane, on average
KILLED, STOPPED = "kill", "stop"


@dataclasses.dataclass(frozen=True, order=True)
class Fault:
    at: float  # seconds since the beginning
    lasts: float  # until it is started, continued, healed
    target: str
    kind: str


def schedule(seed, seconds, processes, links, lease):
    """The faults of a run in order, the last ones over at `seconds`. `lease`: that of the outbox, past which every third stop of a
    process lasts."""
    dice = random.Random(f"schedule {seed}")
    faults = []
    for _ in range(LANES):
        at = dice.expovariate(1 / PAUSE)
        while at < seconds:
            fault = _fault(dice, at, processes, links, lease)
            if not any(_meet(fault, other) for other in faults):
                faults.append(fault)
                at += fault.lasts
            at += dice.expovariate(1 / PAUSE)
    return sorted(dataclasses.replace(fault, lasts=min(fault.lasts, seconds - fault.at)) for fault in faults)


def _fault(dice, at, processes, links, lease):
    if links and (not processes or dice.random() < 0.45):
        return Fault(at, dice.uniform(0.05, 4), dice.choice(links), dice.choice(LINK_KINDS))
    if dice.random() < 0.5:
        return Fault(at, dice.uniform(0, 1.5), dice.choice(processes), KILLED)
    lasts = lease + dice.uniform(0.5, 3) if dice.random() < 1 / 3 else dice.uniform(0.05, lease)
    return Fault(at, lasts, dice.choice(processes), STOPPED)


def _meet(one, other):
    """With a margin, because starting takes a while."""
    return one.target == other.target and one.at < other.at + other.lasts + 2 and other.at < one.at + one.lasts + 2
