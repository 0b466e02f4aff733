"""Routes, windows, maintenance, dependencies and flapping: the recipients of a notice, and what holds one back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

from .. import limits
from ..time.calendar import CalendarWindow, RecurringWindow, SingleWindow, wall_ns_in
from ..time.duration import Duration, parse_duration
from .construction import Specification
from .text import CronText, DurationText, Matchers, MatcherText, MomentText, Name, SubjectName, ZoneName

Receivers: TypeAlias = Annotated[
    tuple[Name, ...], msgspec.Meta(min_length=1, max_length=limits.RECEIVERS_PER_ROUTE_MAX)
]


class Escalation(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Further channels that are told of an incident which lasts; an acknowledgement or its end stops the step."""

    after: DurationText
    """How long after the opening of the incident they are told."""
    to: Receivers
    """The ids of the channels that are told besides."""

    def __init__(self, *, after: Duration, to: Sequence[str]) -> None: ...

    @property
    def after_ns(self) -> int:
        return parse_duration(self.after)


class Route(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sends the incidents that it matches to channels. Of several routes the first that matches has an incident."""

    id: Name | None = None
    """Its name in status and notices; default: its place in the file, such as `routes[0]`."""
    match: Matchers = ()
    """Matchers such as `group=shop` or `severity=~warning|critical`, which must all hold; without any, every incident."""
    to: Receivers
    """The ids of the channels that are told."""
    group_by: Annotated[tuple[SubjectName, ...], msgspec.Meta(max_length=limits.GROUP_NAMES_MAX)] = ()
    """Incidents with the same texts of these names (`group`, `target`, `rule`, `severity` or a label) share one digest; without any,
    each incident has notices of its own."""
    group_wait: DurationText = "30s"
    """How long the first notice of a group waits for others."""
    group_interval: DurationText = "5m"
    """How long after a digest the next one of its group may leave at the earliest."""
    remind_every: DurationText | None = None
    """How often the channels are told again of an incident that lasts and is not acknowledged; default: never."""
    escalate: Annotated[
        tuple[Escalation, ...], msgspec.Meta(max_length=limits.ESCALATIONS_PER_ROUTE_MAX)
    ] = ()
    """Further channels, each some time after the opening, earliest first."""
    quiet: Annotated[tuple[Name, ...], msgspec.Meta(max_length=limits.WINDOWS_MAX)] = ()
    """The ids of the windows in which its notices wait."""
    continue_: bool = msgspec.field(default=False, name="continue")
    """Whether the next routes are tried, too."""

    def __init__(
        self,
        *,
        id: str | None = ...,  # noqa: A002  # the field's name
        match: Sequence[str] = ...,
        to: Sequence[str],
        group_by: Sequence[str] = ...,
        group_wait: Duration = ...,
        group_interval: Duration = ...,
        remind_every: Duration | None = ...,
        escalate: Sequence[Escalation] = ...,
        quiet: Sequence[str] = ...,
        continue_: bool = ...,
    ) -> None: ...

    @property
    def named(self) -> tuple[str, ...]:
        """The channels of the route and of its steps."""
        return (*self.to, *(channel for step in self.escalate for channel in step.to))

    @property
    def group_wait_ns(self) -> int:
        return parse_duration(self.group_wait)

    @property
    def group_interval_ns(self) -> int:
        return parse_duration(self.group_interval)

    @property
    def remind_every_ns(self) -> int | None:
        return None if self.remind_every is None else parse_duration(self.remind_every)


class Window(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A span of time that comes again and again, such as each night."""

    id: Name
    """The name by which routes name it under `quiet`."""
    cron: CronText
    """When it begins: minute, hour, day of the month, month and day of the week, as in a crontab."""
    length: DurationText
    """How long it lasts, in elapsed time: on the day on which clocks change it ends an hour earlier or later by the clock."""
    zone: ZoneName = "UTC"
    """The time zone in which it begins, such as `Europe/Berlin`."""

    def __init__(self, *, id: str, cron: str, length: Duration, zone: str = ...) -> None: ...  # noqa: A002  # as in the file

    def calendar(self) -> CalendarWindow:
        """Returns when it lasts. Raises: ValueError for a schedule or a zone that means nothing."""
        return RecurringWindow(self.cron, parse_duration(self.length), self.zone)


class Maintenance(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the notices of targets back while they are worked on; checks and the record go on.

    It comes again, by `cron` and `length`, or it happens once, by `from` and `until`.
    """

    id: Name
    """Its name in status and on the page."""
    match: Annotated[tuple[MatcherText, ...], msgspec.Meta(min_length=1, max_length=limits.MATCHERS_MAX)]
    """Matchers such as `group=shop`, which must all hold, of the incidents whose notices wait."""
    cron: CronText | None = None
    """When it begins: minute, hour, day of the month, month and day of the week, as in a crontab."""
    length: DurationText | None = None
    """How long it lasts, in elapsed time; with `cron`."""
    from_: MomentText | None = msgspec.field(default=None, name="from")
    """When it begins, once: `2026-12-24T20:00:00Z`, or without an offset in the time of `zone`."""
    until: MomentText | None = None
    """When it ends, written as `from`."""
    zone: ZoneName | None = None
    """The time zone of `cron`, by default UTC, and of moments that are written without an offset."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        match: Sequence[str],
        cron: str | None = ...,
        length: Duration | None = ...,
        from_: str | datetime | None = ...,
        until: str | datetime | None = ...,
        zone: str | None = ...,
    ) -> None: ...

    def calendar(self) -> CalendarWindow:
        """Returns when it lasts. Raises: ValueError for a schedule, a zone or a moment that means nothing, and without an end."""
        if self.cron is not None and self.length is not None:
            return RecurringWindow(self.cron, parse_duration(self.length), self.zone or "UTC")
        if self.from_ is not None and self.until is not None:
            return SingleWindow(wall_ns_in(self.from_, self.zone), wall_ns_in(self.until, self.zone))
        raise ValueError("needs cron and length, or from and until")


class Dependency(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The targets without which one cannot work. While they are down its incidents open, and nobody is told of them."""

    targets: Annotated[
        tuple[Name, ...], msgspec.Meta(min_length=1, max_length=limits.DEPENDENCIES_PER_TARGET_MAX)
    ]
    """The ids of the targets on which it depends."""
    at_least: Annotated[int, msgspec.Meta(ge=1, le=limits.DEPENDENCIES_PER_TARGET_MAX)] | None = None
    """How many of them must be well for it to work; default: all."""

    def __init__(self, *, targets: Sequence[str], at_least: int | None = ...) -> None: ...

    @property
    def needed(self) -> int:
        """How many of the targets must be well."""
        return len(self.targets) if self.at_least is None else self.at_least


FlappingMethod: TypeAlias = Literal["transitions", "nagios", "icinga"]
_STATED_LEVELS: dict[str, tuple[float, float]] = {"nagios": (20.0, 30.0), "icinga": (25.0, 30.0)}
"""The levels of each method where none are stated: those of the program after which it is named."""


class Flapping(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target that goes down and up again and again stops being told of."""

    method: FlappingMethod = "transitions"
    """`transitions` counts the incidents of a rule that open; `nagios` and `icinga` weigh the changes among the last 21 samples as
    these programs do."""
    opened_max: Annotated[int, msgspec.Meta(ge=2, le=limits.FLAPPING_OPENED_MAX)] = 3
    """With `transitions`: at which incident of one rule that opens within `window` notices begin to wait; each waits until its
    incident has been open for `window` divided by this number."""
    window: DurationText = "1h"
    """With `transitions`: the length of time in which incidents are counted."""
    low: float | None = None
    """With `nagios` or `icinga`: the change in percent at which flapping ends; default: 20 or 25."""
    high: float | None = None
    """With `nagios` or `icinga`: the change in percent at which flapping begins; default: 30."""

    def __init__(
        self,
        *,
        method: FlappingMethod = ...,
        opened_max: int = ...,
        window: Duration = ...,
        low: float | None = ...,
        high: float | None = ...,
    ) -> None: ...

    @property
    def window_ns(self) -> int:
        return parse_duration(self.window)

    @property
    def levels(self) -> tuple[float, float]:
        """The change in percent at which flapping ends, and the one at which it begins; both 0 where incidents are counted."""
        low, high = _STATED_LEVELS.get(self.method, (0.0, 0.0))
        return (low if self.low is None else self.low, high if self.high is None else self.high)


DEFAULT_FLAPPING = Flapping()
