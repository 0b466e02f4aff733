"""Draws who is told and when: routes, windows, maintenance, dependencies, flapping and the options of channels."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.specification.routing import (
    Dependency,
    Escalation,
    Flapping,
    Maintenance,
    Route,
    Window,
)
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.clock import START_WALL_NS

from ..cases.case import Act, Case
from ..cases.faults import SUPPRESSING, Fault
from ..cases.tape import Stream, Tape
from .policy import Policy

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
"""All ahead of UTC or behind it by whole hours, as the naive judge of windows demands."""
GROUPS = ("shop", "office")
FLAPPING: tuple[Flapping | bool | None, ...] = (
    Flapping(opened_max=3, window="6m"),
    Flapping(opened_max=2, window="4m"),
    Flapping(opened_max=2, window="10m"),
    Flapping(opened_max=4, window="8m"),
    Flapping(method="nagios"),
    Flapping(method="icinga"),
    None,
    False,
)
"""None: as every target that states nothing."""


def suppressed(case: Case, tape: Tape, allowed: tuple[Fault, ...]) -> Case:
    """Returns the case with drawn routes and holds. It has a stream of its own, so that all else of a seed stays."""
    stream = tape.stream("suppression")
    drawn = tuple(fault for fault in SUPPRESSING if stream.below(2) and fault in allowed)
    targets = tuple(watched.target for watched in case.targets)
    reached = case.channels
    policy = Policy()
    if Fault.ROUTES in drawn:
        channels = tuple(each.channel for each in reached)
        policy = _policy(stream, tuple(channel.id for channel in channels))
        reached = tuple(
            msgspec.structs.replace(each, channel=_channel(stream, each.channel)) for each in reached
        )
        targets = tuple(_routed(stream, target) for target in targets)
    if Fault.MAINTENANCE in drawn:
        policy = msgspec.structs.replace(
            policy, maintenance=_maintenance(stream, case.options.minutes, targets)
        )
    if Fault.DEPENDENCIES in drawn:
        targets = _depending(stream, targets)
    flapping = Fault.FLAPPING in drawn
    targets = tuple(_flapping(target, stream.below(len(FLAPPING)) if flapping else -1) for target in targets)
    options = msgspec.structs.replace(case.options, faults=(*case.options.faults, *drawn))
    watched = tuple(
        msgspec.structs.replace(each, target=target)
        for each, target in zip(case.targets, targets, strict=True)
    )
    acts = _followed(case.acts, targets)
    return msgspec.structs.replace(
        case, options=options, targets=watched, channels=reached, acts=acts, policy=policy
    )


def _followed(acts: Iterable[Act], targets: tuple[Target, ...]) -> tuple[Act, ...]:
    """Returns the acts with the drawn fields in the specifications to which targets are changed."""
    known = {target.id: target for target in targets}
    return tuple(
        act
        if act.target is None
        else msgspec.structs.replace(act, target=_like(act.target, known[act.target.id]))
        for act in acts
    )


def _like(target: Target, model: Target) -> Target:
    return msgspec.structs.replace(
        target,
        notify=model.notify,
        group=model.group,
        labels=model.labels,
        depends_on=model.depends_on,
        flapping=model.flapping,
    )


def _policy(stream: Stream, channels: tuple[str, ...]) -> Policy:
    windows = tuple(_window(stream, f"quiet-{number}") for number in range(stream.below(2)))
    first = stream.below(len(MATCHES))
    matches = [MATCHES[first], MATCHES[(first + stream.between(1, len(MATCHES) - 1)) % len(MATCHES)]]
    routes = [
        _route(stream, f"route-{number}", match, channels, tuple(window.id for window in windows))
        for number, match in enumerate(matches[: stream.between(1, 2)])
    ]
    last = msgspec.structs.replace(_route(stream, "rest", (), channels, ()), continue_=False)
    return Policy(routes=(*routes, last), windows=windows)


def _window(stream: Stream, name: str) -> Window:
    minutes = (5, 10, 15)[stream.below(3)]
    length_s = stream.between(60, minutes * 30)
    zone = ZONES[stream.below(len(ZONES))]
    return Window(id=name, cron=f"*/{minutes} * * * *", length=f"{length_s}s", zone=zone)


MATCHES: tuple[tuple[str, ...], ...] = (
    ("group=shop",),
    ("severity=critical",),
    ("severity!=critical",),
    ("rule=down", "group!=office"),
    ("tier=front",),
    ("target=target-0",),
)
GROUPED_BY: tuple[tuple[str, ...], ...] = ((), (), ("group",), ("group", "severity"), ("tier",), ("rule",))


def _route(
    stream: Stream, name: str, match: tuple[str, ...], channels: tuple[str, ...], windows: tuple[str, ...]
) -> Route:
    first = channels[stream.below(len(channels))]
    others = tuple(channel for channel in channels if channel != first)
    escalates = stream.below(2)
    return Route(
        id=name,
        match=match,
        to=(first,) if escalates or stream.below(2) else (first, *others),
        group_by=GROUPED_BY[stream.below(len(GROUPED_BY))],
        group_wait=f"{stream.between(0, 40)}s",
        group_interval=f"{stream.between(20, 150)}s",
        remind_every=f"{stream.between(150, 300)}s" if stream.below(2) else None,
        escalate=(Escalation(after=f"{stream.between(20, 240)}s", to=others),)
        if escalates and others
        else (),
        quiet=windows if stream.below(2) else (),
        continue_=stream.one_in(4),
    )


def _channel(stream: Stream, channel: Channel) -> Channel:
    return msgspec.structs.replace(
        channel,
        after=f"{stream.between(10, 90)}s" if stream.one_in(4) else "0s",
        rate=f"{stream.between(2, 6)}/20s" if stream.one_in(5) else None,
        min_severity=Severity.CRITICAL if stream.one_in(5) else Severity.INFO,
    )


def _routed(stream: Stream, target: Target) -> Target:
    return msgspec.structs.replace(
        target,
        notify=() if stream.below(4) else target.notify,
        group=GROUPS[stream.below(2)],
        labels={"tier": ("front", "back")[stream.below(2)]},
    )


def _maintenance(stream: Stream, minutes: int, targets: tuple[Target, ...]) -> tuple[Maintenance, ...]:
    found = []
    for number in range(stream.between(1, 2)):
        name = targets[stream.below(len(targets))].id
        match = (f"target={name}",) if stream.below(3) else ("severity=critical", "group!=office")
        if stream.below(2):
            every = (10, 15, 20)[stream.below(3)]
            found.append(
                Maintenance(
                    id=f"work-{number}",
                    match=match,
                    cron=f"*/{every} * * * *",
                    length=f"{stream.between(60, every * 30)}s",
                    zone=ZONES[stream.below(len(ZONES))],
                )
            )
            continue
        from_s = stream.between(0, minutes * 60)
        until_s = from_s + stream.between(10, 400)
        found.append(
            Maintenance(id=f"work-{number}", match=match, from_=_moment(from_s), until=_moment(until_s))
        )
    return tuple(found)


def _moment(after_s: int) -> str:
    at = datetime.fromtimestamp(START_WALL_NS // NS_PER_S + after_s, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _depending(stream: Stream, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Lets targets depend on some of those before them: there are no circles."""
    found: list[Target] = list(targets[:1])
    for target in targets[1:]:
        count = stream.between(0, min(2, len(found)))
        parents = tuple(parent.id for parent in found[-count:]) if count else ()
        needs = Dependency(targets=parents, at_least=1) if len(parents) == 2 and stream.below(2) else parents
        found.append(msgspec.structs.replace(target, depends_on=needs) if needs else target)
    return tuple(found)


def _flapping(target: Target, choice: int) -> Target:
    wanted = FLAPPING[choice]
    return target if wanted is None else msgspec.structs.replace(target, flapping=wanted)
