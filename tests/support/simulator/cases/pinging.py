"""Draws the dead-man's ping, and times in which one part that it vouches for stands still."""

import msgspec
from watchkeeper.domain.time.moment import NS_PER_S

from .case import Act, Case
from .faults import Fault
from .tape import Stream, Tape

PINGED_ONE_IN = 3
STANDSTILLS = ("fill disk", "deafen", "park", "refuse")
"""Committing, polling, judging and sending stand still."""


def pinged(case: Case, tape: Tape, allowed: tuple[Fault, ...]) -> Case:
    """Returns the case with a drawn ping. It has a stream of its own, so that all else of a seed stays."""
    stream = tape.stream("ping")
    if Fault.PING not in allowed or not stream.one_in(PINGED_ONE_IN):
        return case
    more, acts = [Fault.PING], list(case.acts)
    every_s = stream.between(10, 40)
    if stream.below(2) and Fault.STANDSTILL in allowed:
        more.append(Fault.STANDSTILL)
        acts += [_standstill(stream, case.options.minutes, every_s) for _ in range(stream.between(1, 4))]
    options = msgspec.structs.replace(
        case.options, faults=(*case.options.faults, *more), ping_every_s=every_s
    )
    acts.sort(key=lambda act: act.at_ns)
    return msgspec.structs.replace(case, options=options, acts=tuple(acts))


def _standstill(stream: Stream, minutes: int, every_s: int) -> Act:
    """Returns an act that lasts for two to five rounds of the ping: only then does anything show."""
    at_ns = stream.below(minutes * 60 * NS_PER_S)
    do = STANDSTILLS[stream.below(len(STANDSTILLS))]
    length_ns = stream.between(2 * every_s, 5 * every_s) * NS_PER_S
    return Act(at_ns=at_ns, do=do, name="owner" if do == "park" else "", length_ns=length_ns)
