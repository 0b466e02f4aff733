"""Jobs of a run: heartbeats by a schedule, and ones whose runs report their start."""

from msgspec.structs import replace
from watchkeeper.domain.specification.probe import Heartbeat
from watchkeeper.domain.specification.target import Target

from .case import Case
from .tape import Stream, Tape

GRACE_S = 2
RUN_MAX_S = 4
PERIODS_S = (5, 10, 20)
"""Each divides a minute, so that a moment of a schedule shows by its second."""


def with_jobs(case: Case, tape: Tape) -> Case:
    """Returns the case with its heartbeats as jobs. They have a stream of their own, so that all else of a seed stays."""
    stream = tape.stream("jobs")
    watched = tuple(replace(each, target=_job(stream, each.target)) for each in case.targets)
    before = {each.target.id: each.target for each in case.targets}
    after = {each.target.id: each.target for each in watched}
    acts = []
    for act in case.acts:
        target = act.target
        if target is not None:
            target = after[act.name] if target == before.get(act.name) else _job(stream, target)
        acts.append(replace(act, target=target))
    return replace(case, targets=watched, acts=tuple(acts))


def _job(stream: Stream, target: Target) -> Target:
    if target.heartbeat is None:
        return target
    kind = stream.below(3)
    heartbeat = Heartbeat(grace=f"{GRACE_S}s")
    if kind and stream.below(2):
        heartbeat = replace(heartbeat, run_max=f"{RUN_MAX_S}s")
    if kind < 2:
        return replace(target, heartbeat=heartbeat)
    schedule = f"*:*:0/{PERIODS_S[stream.below(len(PERIODS_S))]}"
    heartbeat = replace(heartbeat, schedule=schedule, zone="Europe/Berlin")
    return replace(target, every="30s", retry_every=None, heartbeat=heartbeat)
