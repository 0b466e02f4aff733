"""The runtime's own problems as incidents: what its health shows for long enough is told as an outage is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from .. import limits
from ..specification.rule import Severity
from ..specification.target import OWN_NAME
from ..time.moment import Moment
from .acknowledgement import acknowledged, unacknowledged
from .incident import RECOVERED, Incident, Transition, TransitionKind, incident_id
from .record import LatestFinding

NETWORK = "network"
"""The part of the runtime by which its health names this machine's own network."""
UNCHECKED = "targets"
"""The part by which it names targets that cannot be checked; these have incidents of their own, by their rule `silent`."""
RULE_STATE = "state of rules"
"""The part by which it names recorded states of rules that could not be read after a restart."""
POLLER = "poller/"
"""The prefix of a poller's name; the rest is the target's id."""
POLLERS = "pollers"
PING = "ping"
"""The part by which it names the dead-man's ping, whose receiver raises the alarm itself: it opens no incident."""
UNSERVED = "shards"
"""The part by which it names shards that no node runs."""
_CHANNEL = "channel "
_NODE = "node "
_SILENT_NODE = "silent node "
_BLINDING = frozenset({NETWORK, "store", UNSERVED})
_UNTOLD = frozenset({UNCHECKED, PING})
_REASON = "own_problem"
_NAMED = 3


class OwnProblem(msgspec.Struct, frozen=True):
    """A problem of a part of the runtime, as its health shows it."""

    part: str
    detail: str
    began: Moment


WithOthers: TypeAlias = Callable[[tuple[OwnProblem, ...]], tuple[OwnProblem, ...]]
"""Takes all own problems of an engine, and returns those of which it tells: among nodes those of other engines, too."""


class OwnProblems:
    """Makes incidents of problems that last, and ends them once they have been gone for a while.

    The target of such an incident is `watchkeeper`, its rule is the part that has the problem. It asks nobody and owns no
    clock: it is told all problems at once, each minute.
    """

    def __init__(self, run: int) -> None:
        self._run = run
        self._count = 0
        self._open: dict[str, Incident] = {}
        self._gone_since: dict[str, Moment] = {}

    def restore(self, incidents: Iterable[Incident]) -> None:
        """Takes over the open incidents of an earlier run: each goes on until its problem has been gone for a while."""
        self._open = {incident.rule: incident for incident in incidents}

    def latest(self) -> tuple[LatestFinding, ...]:
        """Returns the newest text of each open problem."""
        return tuple(LatestFinding(incident.id, incident.latest) for incident in self._open.values())

    def review(
        self, problems: Iterable[OwnProblem], notify: tuple[str, ...], now: Moment
    ) -> tuple[Transition, ...]:
        """Compares all present problems with the open incidents, and returns the steps that follow.

        `notify` names the channels that are told. A channel is not told of its own problem: it could not be. A problem of
        which no channel can be told opens no incident; the health shows it.
        """
        present = _parts(problems)
        made = [
            self._opened(problem, told, now)
            for part, problem in present.items()
            if part not in self._open
            and is_due(problem, now)
            and (told := tuple(channel for channel in notify if channel_part(channel) != part))
        ]
        for part, incident in list(self._open.items()):
            if part in present:
                self._gone_since.pop(part, None)
                self._open[part] = msgspec.structs.replace(incident, latest=present[part].detail)
            elif now.since(self._gone_since.setdefault(part, now)) >= limits.OWN_PROBLEM_GONE_NS:
                made.append(self._resolved(part, now))
        return tuple(made)

    def _opened(self, problem: OwnProblem, notify: tuple[str, ...], now: Moment) -> Transition:
        part, began_ns = problem.part, problem.began.wall_ns
        self._count += 1
        step = Transition(
            id=incident_id(OWN_NAME, part, self._run, self._count, began_ns),
            sequence=1,
            change=TransitionKind.OPENED,
            target=OWN_NAME,
            rule=part,
            severity=Severity.CRITICAL if part in _BLINDING else Severity.WARNING,
            at_ns=now.wall_ns,
            opened_at_ns=began_ns,
            cause=problem.detail,
            latest=problem.detail,
            reason=_REASON,
            explanation=problem.detail,
            notify=notify,
        )
        self._open[part] = step.incident
        return step

    def _resolved(self, part: str, now: Moment) -> Transition:
        incident = self._open.pop(part)
        ended_ns = self._gone_since.pop(part).wall_ns
        return Transition.after(
            incident,
            TransitionKind.RESOLVED,
            now.wall_ns,
            # A wall clock that was set back ends no incident before it began.
            resolved_at_ns=max(ended_ns, incident.acknowledged_at_ns or incident.opened_at_ns),
            reason=RECOVERED,
            explanation="the problem is over",
        )

    def acknowledge(
        self,
        incident: str,
        by: str,
        now: Moment,
        *,
        note: str = "",
        until_ns: int | None = None,
        until_worse: bool | None = None,
    ) -> tuple[Transition, ...]:
        """Acknowledges an open incident, until a wall time or its end: its channels then receive only its end."""
        return self._step(
            incident,
            lambda held: acknowledged(held, by, note, until_ns, now.wall_ns, until_worse=until_worse),
        )

    def unacknowledge(self, incident: str, now: Moment, by: str | None = None) -> tuple[Transition, ...]:
        """Ends the acknowledgement of an incident: `by` withdraws it, or its time is over (None)."""
        return self._step(incident, lambda held: unacknowledged(held, now.wall_ns, by))

    def _step(self, incident: str, make: Callable[[Incident], Transition | None]) -> tuple[Transition, ...]:
        for part, held in self._open.items():
            if held.id == incident:
                step = make(held)
                if step is not None:
                    self._open[part] = step.incident
                    return (step,)
        return ()


def is_due(problem: OwnProblem, now: Moment) -> bool:
    """Whether a problem has lasted for long enough to be told."""
    return now.since(problem.began) >= _patience_ns(problem.part)


def state_lost(targets: Sequence[str]) -> str:
    """Returns the text of the problem that the recorded state of some targets' rules could not be read."""
    first, more = ", ".join(targets[:_NAMED]), len(targets) - _NAMED
    return (
        f"the recorded state of the rules of {first}{f' and {more} more' if more > 0 else ''} could not be read and was set"
        " aside: they count bad samples from zero; open incidents go on"
    )


def channel_part(channel: str) -> str:
    """Returns the part by which the health names a channel."""
    return f"{_CHANNEL}{channel}"


def node_part(node: str) -> str:
    """Returns the part by which the owner of the first shard names what a node says of itself."""
    return f"{_NODE}{node}"


def silent_node_part(node: str) -> str:
    """Returns the part by which it names a node that is silent."""
    return f"{_SILENT_NODE}{node}"


def joined_problems(groups: Iterable[Iterable[OwnProblem]]) -> tuple[OwnProblem, ...]:
    """Returns the problems of several engines by part, without those that are not told. Of one that several have, that which began first."""
    joined: dict[str, OwnProblem] = {}
    for group in groups:
        for part, problem in _parts(group).items():
            known = joined.get(part)
            if known is None or problem.began.monotonic_ns < known.began.monotonic_ns:
                joined[part] = problem
    return tuple(problem for _, problem in sorted(joined.items()))


def _parts(problems: Iterable[OwnProblem]) -> Mapping[str, OwnProblem]:
    """Returns the problems by part; those of pollers are one, as they may be as many as the targets."""
    parts: dict[str, OwnProblem] = {}
    pollers: list[OwnProblem] = []
    for problem in problems:
        if problem.part.startswith(POLLER):
            pollers.append(problem)
        elif problem.part not in _UNTOLD:
            parts[problem.part] = problem
    if pollers:
        first = min(pollers, key=lambda problem: problem.began.monotonic_ns)
        more = f" (and {len(pollers) - 1} more)" if len(pollers) > 1 else ""
        parts[POLLERS] = OwnProblem(POLLERS, f"{first.part}: {first.detail}{more}", first.began)
    return parts


def _patience_ns(part: str) -> int:
    if part.startswith(_CHANNEL):
        return limits.OWN_CHANNEL_PATIENCE_NS
    if part.startswith(_SILENT_NODE):
        return limits.OWN_SILENCE_PATIENCE_NS
    return limits.OWN_NODE_PATIENCE_NS if part.startswith(_NODE) else limits.OWN_PROBLEM_PATIENCE_NS
