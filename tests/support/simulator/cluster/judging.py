"""The judgement of a course: no two effective owners, no outage told twice or not at all, no shard that is left."""

from collections import defaultdict
from collections.abc import Iterator

from watchkeeper.domain import limits
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.specification.target import OWN_NAME
from watchkeeper.domain.time.moment import NS_PER_S

from ..invariants.violation import Violation
from .ground import CHANNELS, OUTAGE_NS, OUTAGES, SHARDS, TAKEOVER_NS, TARGETS, Ground, Sent
from .problems import PART, PATIENCE_NS, is_cause

SENT_TWICE_MAX = 2
AFTER_A_REWIND_NS = 2 * limits.TENURE_LEASE_NS
Told = dict[tuple[str, str], list[Sent]]


def check(ground: Ground) -> Iterator[Violation]:
    """Yields what may not have happened in a course that has been lived."""
    for invariant, says in _complaints(ground):
        yield Violation(invariant, says, ground.now_ns)


def _complaints(ground: Ground) -> Iterator[tuple[str, str]]:
    yield from _of_owners(ground)
    yield from _of_end(ground)
    told = _told(ground)
    for target in TARGETS:
        for channel in CHANNELS:
            yield from _of_outages(ground, target.id, told[channel, target.id], channel)
    for channel in CHANNELS:
        of_problem = [one for one in told[channel, OWN_NAME] if one.notice.incident.rule == PART]
        yield from _of_problem(ground, of_problem, channel)
    yield from _of_keys(ground)
    for says in ground.moved:
        yield "L6", says
    for step in ground.database.ended_by_configuration:
        yield "S30", f"{step.target} was ended as {step.reason} although no configuration dropped it"


def _of_keys(ground: Ground) -> Iterator[tuple[str, str]]:
    """A notice on its way at a fault is sent again under its key, once."""
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in ground.sent:
        times[one.notice.channel, one.notice.key].append(one.at_ns)
    for (channel, key), at_ns in times.items():
        # A rewind comes with up to two more faults.
        allowed = SENT_TWICE_MAX + _is_rewound(ground, at_ns[0], OUTAGE_NS)
        if len(at_ns) > allowed:
            yield "S7", f"{channel} was sent {key} {len(at_ns)} times"


def _of_owners(ground: Ground) -> Iterator[tuple[str, str]]:
    """One effective owner: by epochs, in the order in which the database has accepted claims and commits."""
    highest: dict[int, int] = defaultdict(int)
    for claim in ground.database.claims:
        if claim.epoch <= highest[claim.shard]:
            yield "S14", f"epoch {claim.epoch} of shard {claim.shard} was there before {claim.incarnation}"
        highest[claim.shard] = max(claim.epoch, highest[claim.shard])
    latest: dict[int, int] = defaultdict(int)
    for commit in ground.database.commits:
        if commit.epoch < latest[commit.shard]:
            yield "S15", f"shard {commit.shard}: {commit.incarnation} has committed after a later owner"
        latest[commit.shard] = max(commit.epoch, latest[commit.shard])
    for one in ground.sent:
        if one.is_stray and not _is_rewound(ground, one.at_ns, AFTER_A_REWIND_NS):
            yield "S15", f"{one.node} has sent {one.notice.key} although shard {one.shard} was another's"


def _of_end(ground: Ground) -> Iterator[tuple[str, str]]:
    served = ground.served()
    for shard in range(SHARDS):
        if shard not in served:
            yield "L6", f"shard {shard} has no owner at the end"
        elif served[shard] == ground.nodes[-1].name:
            yield "S30", f"shard {shard} is left to an older configuration"
    if ground.latest_served_ns > ground.calm_at_ns + TAKEOVER_NS:
        late_s = (ground.latest_served_ns - ground.calm_at_ns) / NS_PER_S
        yield "L6", f"a shard had no owner until {late_s:.1f} s after the last fault"


def _told(ground: Ground) -> Told:
    """The notices that receivers have applied, each key once, by channel and target."""
    seen: set[tuple[str, str]] = set()
    found: Told = defaultdict(list)
    for one in ground.sent:
        if (one.notice.channel, one.notice.key) not in seen:
            seen.add((one.notice.channel, one.notice.key))
            found[one.notice.channel, one.notice.incident.target].append(one)
    return found


def _of_outages(ground: Ground, target: str, told: list[Sent], channel: str) -> Iterator[tuple[str, str]]:
    """Each outage is told once, and its end. A rewind may have one told again."""
    counted = 0
    for half in range(1, 2 * OUTAGES + 1):
        began_ns, kind = (
            ground.began_ns(target, half),
            TransitionKind.OPENED if half % 2 else TransitionKind.RESOLVED,
        )
        heard = [
            one for one in told if one.notice.change is kind and began_ns <= one.at_ns < began_ns + OUTAGE_NS
        ]
        counted += len(heard)
        may_repeat = _is_rewound(ground, began_ns, OUTAGE_NS)
        if not heard or (len(heard) > 1 and not may_repeat):
            yield "S6", f"{channel} was told {len(heard)} times that {target} had {kind.value} ({half})"
    if counted != len(told):
        yield "S6", f"{channel} was told {len(told) - counted} things of {target} that are not so"


def _of_problem(ground: Ground, told: list[Sent], channel: str) -> Iterator[tuple[str, str]]:
    """The problem of a shard is told once, whichever nodes run it and the first one, and its end once."""
    problem, of_shard = ground.problem, f"the problem of shard {ground.problem.shard}"
    for change, began_ns in (
        (TransitionKind.OPENED, problem.began_ns + PATIENCE_NS),
        (TransitionKind.RESOLVED, problem.ended_ns),
    ):
        heard = [one for one in told if one.notice.change is change]
        may_repeat = _is_rewound(ground, began_ns, ground.now_ns)
        if not heard or (len(heard) > 1 and not may_repeat):
            yield "S6", f"{channel} was told {len(heard)} times that {of_shard} had {change.value}"
        if any(one.at_ns < began_ns for one in heard):
            yield "S6", f"{channel} was told too early that {of_shard} had {change.value}"
    for one in told:
        if one.notice.change is TransitionKind.OPENED and not is_cause(one.notice.incident.cause, one.node):
            yield "S30", f"{one.node} has told {of_shard} as {one.notice.incident.cause!r}"


def _is_rewound(ground: Ground, at_ns: int, within_ns: int) -> bool:
    """Whether a rewind may have forgotten what came within some time after a moment."""
    return any(
        kept_ns - within_ns <= at_ns <= back_ns + AFTER_A_REWIND_NS for kept_ns, back_ns in ground.rewinds
    )
