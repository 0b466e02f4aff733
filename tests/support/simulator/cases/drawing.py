"""Draws a case from a seed: targets, scripts and faults, another mixture for every run (swarm testing)."""

import msgspec
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import (
    Consecutive,
    NoData,
    NoDataPolicy,
    Rule,
    RuleState,
    Severity,
    Threshold,
)
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.script import ANSWER_NS

from ..suppression.drawing import suppressed
from ..suppression.drilling import drilled
from .case import Act, Case, Options, Reached, Watched
from .faults import BESIDE, Fault, in_order
from .jobs import with_jobs
from .kinds import with_kinds
from .pinging import pinged
from .tape import Stream, Tape

HTTP = Http(url="http://scripted.example/")
CHANNEL_WORDS: dict[Fault, tuple[str, ...]] = {
    Fault.CHANNEL_DOWN: ("down", "hang"),
    Fault.CHANNEL_SLOW: ("slow 9s", "slow 12s", "slow 40s"),
    Fault.CHANNEL_BUSY: ("status 429", "status 503"),
    Fault.CHANNEL_REFUSES: ("status 400", "status 410"),
}
TARGET_WORDS = ("ok", "ok", "ok", "down", "down", "hang", "status 500", "slow 300ms", "unknown", "degraded")
SCHEDULES = ("pct", "pct", "pct", "pct", "pos", "pos", "random", "random", "random", "fifo")
MICRO_FAULT_EVERY = (60, 200, 800, 3_000)
SQLITE_ONE_IN = 25
"""Seldom, as a case takes 3.8 times as long on SQLite as in memory (median of 12 seeds)."""
CHECKED_ONE_IN = 4
IMPATIENT = "90s"
"""Some channels give a notice up while the faults last."""
LATE_SPELLS = 6
"""Of some two minutes each."""
BYTES_ONE_IN = 8
"""Seldom, as encoding every message makes a run 1.6 times as long (median of 12 seeds)."""


def draw_case(
    seed: int,
    *,
    allowed: tuple[Fault, ...] = tuple(Fault),
    minutes: int = 15,
    targets: int | None = None,
    every_s: int | None = None,
    plain: bool = False,
) -> Case:
    """Returns the case of a seed. The same arguments give the same case in every process of this version.

    `plain` leaves out the options that only some runs have: encoded messages, a drawn schedule, the store on disk.
    """
    tape = Tape(seed)
    checks = tape.stream("checks")
    drawn = tuple(fault for fault in allowed if fault not in BESIDE)
    options = _options(tape.stream("options"), drawn, minutes)
    if plain:
        options = Options(minutes=minutes, faults=options.faults)
    specs = tape.stream("targets")
    count = targets or specs.between(2, 5)
    channels = _late(tape.stream("late"), _channels(tape.stream("receivers"), options), options)
    names = tuple(reached.channel.id for reached in channels)
    watched = tuple(_watched(specs, number, names, every_s) for number in range(count))
    acts = draw_acts(tape.stream("acts"), options, watched)
    if Fault.CHECK_NOW in allowed and checks.one_in(CHECKED_ONE_IN):
        options = msgspec.structs.replace(options, faults=(*options.faults, Fault.CHECK_NOW))
        acts = tuple(sorted([*acts, *_checks(checks, options, watched)], key=lambda act: act.at_ns))
    case = Case(seed=seed, options=options, targets=watched, channels=channels, acts=acts)
    case = with_jobs(with_kinds(case, tape), tape)
    return pinged(drilled(suppressed(case, tape, allowed), tape, allowed), tape, allowed)


def _options(stream: Stream, allowed: tuple[Fault, ...], minutes: int) -> Options:
    # A share of all faults per run, not all of them: one fault hides the effect of another.
    share = stream.between(1, 4)
    faults = in_order(fault for fault in allowed if stream.below(4) < share)
    schedule = SCHEDULES[stream.below(len(SCHEDULES))]
    match schedule:
        case "pct":
            schedule = f"pct:{stream.between(1, 5)}"
        case "fifo":
            schedule = f"fifo:{stream.between(0, 3)}"
        case _:
            pass
    return Options(
        minutes=minutes,
        faults=faults if stream.below(12) else (),
        schedule=schedule,
        store="sqlite" if stream.one_in(SQLITE_ONE_IN) else "memory",
        through_bytes=stream.one_in(BYTES_ONE_IN),
        turn_messages=1 if stream.below(4) else 32,
        in_flight_max=1_000 if stream.below(4) else 2,
        micro_fault_every=MICRO_FAULT_EVERY[stream.below(len(MICRO_FAULT_EVERY))],
    )


def draw_channel_script(stream: Stream, options: Options) -> str:
    """Returns the script of a channel's receiver for a run with these faults."""
    words = [word for fault in options.faults for word in CHANNEL_WORDS.get(fault, ())]
    parts = [
        f"{words[stream.below(len(words))] if words and stream.below(2) else 'ok'} {stream.between(5, 240)}s"
        for _ in range(stream.between(1, 8))
    ]
    return ", ".join([*parts, "ok"])


def _channels(stream: Stream, options: Options) -> tuple[Reached, ...]:
    channels = []
    for name in ("ops", "dev")[: stream.between(1, 2)]:
        script = draw_channel_script(stream, options)
        channel = Channel(
            id=name,
            log=Log(),
            in_flight_max=stream.between(1, 4),
            give_up_after="24h" if stream.below(3) else IMPATIENT,
        )
        dead = name == "dev" and Fault.CHANNEL_DOWN in options.faults and stream.below(2) == 1
        channels.append(Reached(channel=channel, script=script, dead=dead))
    return tuple(channels)


def _late(stream: Stream, channels: tuple[Reached, ...], options: Options) -> tuple[Reached, ...]:
    """Lets some receivers take in a notice after it was given up and its successor was told: chance seldom hits that.

    Their refusals last nearly as long as the patience of the channel, and one slow answer ends them.
    """
    if Fault.CHANNEL_SLOW not in options.faults:
        return channels
    return tuple(
        msgspec.structs.replace(each, script=_late_script(stream))
        if each.channel.give_up_after == IMPATIENT and stream.below(2)
        else each
        for each in channels
    )


def _late_script(stream: Stream) -> str:
    spells = [
        f"status 503 {stream.between(70, 95)}s, slow 40s {stream.between(5, 20)}s, ok {stream.between(30, 60)}s"
        for _ in range(LATE_SPELLS)
    ]
    return ", ".join([*spells, "ok"])


def _rules(stream: Stream) -> tuple[Rule, ...]:
    rules: list[Rule] = [
        Consecutive(
            id="down",
            after=stream.between(1, 4),
            recover=stream.between(1, 3),
            for_="20s" if stream.one_in(5) else "0s",
            keep_firing_for="25s" if stream.one_in(5) else "0s",
        )
    ]
    if stream.one_in(4):
        rules.append(Consecutive(id="weak", after=2, recover=1, on="degraded", severity=Severity.WARNING))
    if stream.one_in(4):
        rules.append(Threshold(id="slow", value=200.0, window=3, severity=Severity.WARNING))
    if stream.one_in(4):
        policies = tuple(NoDataPolicy)
        rules.append(NoData(id="silent", policy=policies[stream.below(len(policies))]))
    if stream.one_in(8):
        rules.append(Consecutive(id="trial", after=1, recover=1, state=RuleState.DRAFT))
    return tuple(rules)


def _allowed(rules: tuple[Rule, ...], *, heartbeat: bool) -> tuple[Rule, ...]:
    """Returns the rules as a configuration may have them: a heartbeat has none that calls silence well."""
    return tuple(
        msgspec.structs.replace(rule, policy=NoDataPolicy.KEEP)
        if heartbeat and isinstance(rule, NoData) and rule.policy is NoDataPolicy.OK
        else rule
        for rule in rules
    )


def _watched(stream: Stream, number: int, channels: tuple[str, ...], every_s: int | None) -> Watched:
    every = every_s or (5, 10, 15, 30)[stream.below(4)]
    is_heartbeat = stream.one_in(6)
    target = Target(
        id=f"target-{number}",
        every=f"{every}s",
        timeout=f"{min(every - 1, stream.between(2, 4))}s",
        retry_every=f"{max(1, every // 3)}s" if stream.one_in(3) else None,
        http=None if is_heartbeat else HTTP,
        heartbeat=Heartbeat(grace="2s") if is_heartbeat else None,
        rules=_allowed(_rules(stream), heartbeat=is_heartbeat),
        default_rules=False,
        notify=channels if stream.below(3) else channels[:1],
    )
    parts = [
        f"{TARGET_WORDS[stream.below(len(TARGET_WORDS))]} {stream.between(1, 14) * every}s"
        for _ in range(stream.between(2, 12))
    ]
    return Watched(
        target=target,
        script=", ".join([*parts, "ok"]),
        finally_="ok" if stream.below(3) else "down",
    )


COMMON: dict[Fault, tuple[str, ...]] = {
    Fault.RECONFIGURE: ("track", "untrack", "pause", "resume", "track", "resume", "track"),
    Fault.SILENCE: ("silence", "silence all", "silence end"),
    Fault.ACKNOWLEDGE: ("acknowledge", "acknowledge for a while", "acknowledge until worse", "unacknowledge"),
    Fault.REDRIVE: ("redrive",),
    Fault.WALL_STEP: ("step wall",),
    Fault.SUSPEND: ("suspend",),
    Fault.STALL: ("stall",),
    Fault.CRASH: ("crash",),
    Fault.DEATH: ("kill",),
    Fault.RESTART: ("restart",),
    Fault.REBOOT: ("reboot",),
    Fault.STORE_FULL: ("fill disk",),
}
WALL_STEPS_S = (-1, 1, -3_600, 3_600, -7, 7, -86_400, 200, -2)
OVER_A_PROBE_NS = (0, 0, 1, ANSWER_NS)
"""Delays of an act: none (at any time), 1 ns (while a probe runs), and the instant of the probe's answer."""
AMID_A_PROBE_NS = (0, 1, 1, ANSWER_NS)
"""The same for a change to a heartbeat, mostly while an attempt runs: chance alone hits that too seldom."""
ACTORS = ("supervisor", "owner", "sink", "recorder", "courier/ops", "poller/target-0", "poller/target-1")


def draw_acts(stream: Stream, options: Options, watched: tuple[Watched, ...]) -> tuple[Act, ...]:
    """Returns the acts of operators, hosts and machines for a run with these faults."""
    kinds = [kind for fault in options.faults for kind in COMMON.get(fault, ())]
    if not kinds:
        return ()
    acts = []
    for _ in range(stream.between(0, 2 + 2 * options.minutes)):
        at_ns = stream.below(options.minutes * 60 * NS_PER_S)
        acts.append(_act(stream, kinds[stream.below(len(kinds))], at_ns, watched))
    return tuple(sorted(acts, key=lambda act: act.at_ns))


def _checks(stream: Stream, options: Options, watched: tuple[Watched, ...]) -> list[Act]:
    moments = [stream.below(options.minutes * 60 * NS_PER_S) for _ in range(stream.between(1, 20))]
    return [_act(stream, "check now", at_ns, watched) for at_ns in moments]


def _act(stream: Stream, kind: str, at_ns: int, watched: tuple[Watched, ...]) -> Act:
    spec = watched[stream.below(len(watched))].target
    match kind:
        case "track":
            changed = spec if stream.below(2) else _changed(stream, spec)
            moments_ns = OVER_A_PROBE_NS if changed.heartbeat is None else AMID_A_PROBE_NS
            length_ns = moments_ns[stream.below(4)]
            return Act(at_ns=at_ns, do=kind, name=spec.id, target=changed, length_ns=length_ns)
        case "untrack" | "pause" | "check now":
            return Act(at_ns=at_ns, do=kind, name=spec.id, length_ns=OVER_A_PROBE_NS[stream.below(4)])
        case "silence" | "silence all" | "silence end":
            length_ns = 0 if kind == "silence end" else stream.between(5, 200) * NS_PER_S
            name = "" if kind == "silence all" else spec.id
            return Act(at_ns=at_ns, do="silence", name=name, length_ns=length_ns)
        case "acknowledge for a while":
            return Act(
                at_ns=at_ns, do="acknowledge", name=spec.id, length_ns=stream.between(5, 200) * NS_PER_S
            )
        case "step wall":
            step_s = WALL_STEPS_S[stream.below(len(WALL_STEPS_S))]
            return Act(at_ns=at_ns, do=kind, length_ns=step_s * NS_PER_S)
        case "suspend":
            return Act(at_ns=at_ns, do=kind, length_ns=stream.between(1, 900) * NS_PER_S)
        case "stall" | "fill disk":
            return Act(at_ns=at_ns, do=kind, length_ns=stream.between(1, 40) * NS_PER_S // 2)
        case "crash":
            return Act(
                at_ns=at_ns, do=kind, name=ACTORS[stream.below(len(ACTORS))], length_ns=stream.below(2)
            )
        case _:
            return Act(at_ns=at_ns, do=kind, name=spec.id)


def _changed(stream: Stream, spec: Target) -> Target:
    every = (5, 10, 20)[stream.below(3)]
    down, *others = _rules(stream)
    if stream.below(2):
        down = msgspec.structs.replace(down, severity=Severity.WARNING)
    is_heartbeat = (spec.heartbeat is not None) is not stream.one_in(3)
    return Target(
        id=spec.id,
        every=f"{every}s",
        timeout=f"{stream.between(1, 4)}s",
        http=None if is_heartbeat else Http(url=f"{HTTP.url}{stream.below(1_000)}"),
        heartbeat=Heartbeat(grace="2s") if is_heartbeat else None,
        rules=_allowed((down, *others), heartbeat=is_heartbeat),
        default_rules=False,
        notify=spec.notify,
        paused=stream.one_in(6),
    )
