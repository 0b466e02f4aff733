"""The shape of a file of rule tests: what may be written, key by key."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from ...domain import limits
from ...domain.specification.construction import Specification
from ...domain.specification.text import DurationText, MatcherText, MomentText, Name, Title

Text = Annotated[str, msgspec.Meta(max_length=limits.SERIES_CHARACTERS_MAX)]
AtText = Annotated[str, msgspec.Meta(max_length=limits.MOMENT_CHARACTERS_MAX)]
"""A length of time since the beginning of the test, or a moment."""
START = "2026-01-01T00:00:00Z"
_FEW = msgspec.Meta(max_length=limits.RULE_TEST_EVENTS_MAX)


class Act(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that an operator, a host or the machine does at a moment."""

    one_of: ClassVar[tuple[str, ...]] = (
        *("silence", "unsilence", "acknowledge", "unacknowledge", "pause", "resume", "check_now"),
        *("heartbeat", "drill", "reload", "restart"),
    )
    harmless: ClassVar[Mapping[str, Any]] = {"restart": "1s"}

    at: AtText
    """When: a length of time since the beginning (`12m`), or a moment (`2026-01-31T12:00:00Z`)."""
    silence: str | None = None
    """The id of a target or a glob such as `shop*`; `*` mutes every target, or those that `match` chooses."""
    unsilence: str | None = None
    """The id of a silence that ends."""
    acknowledge: str | None = None
    """An open incident, as `shop/down`."""
    unacknowledge: str | None = None
    """An acknowledged incident, as `shop/down`."""
    pause: Name | None = None
    """A target that is not checked until `resume`."""
    resume: Name | None = None
    """A target that is checked again."""
    check_now: Name | None = None
    """A target that is checked beside its cadence."""
    heartbeat: Name | None = None
    """A target that reports by itself, and does so now."""
    drill: Name | None = None
    """The id of a route that is tried out."""
    reload: Text | None = None
    """Another configuration that takes the place of the present one: a file, found from the folder of the tests."""
    restart: DurationText | None = None
    """For how long the process is away that ends and starts again."""
    for_: DurationText | None = msgspec.field(default=None, name="for")
    """How long a silence lasts, a drill, or an acknowledgement that ends by itself."""
    until: AtText | None = None
    """When a silence ends, in place of `for`; written as `at`."""
    match: tuple[MatcherText, ...] = ()
    """Matchers such as `group=shop`, which must all hold of what a silence mutes."""
    id: Name | None = None
    """The id of a silence, by which `unsilence` ends it."""
    by: Text = "operator"
    """The author."""
    failed: bool = False
    """Whether a heartbeat reports that all is not well."""


class ExpectedState(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The expectation for one moment; a key that is left out is not compared."""

    at: AtText
    """When, as of an act; what happens at this very moment counts."""
    open: Annotated[tuple[Text, ...], _FEW] | None = None
    """Every open incident as `shop/down`, which may be followed by its severity and by `acknowledged`."""
    notices: Annotated[Mapping[Name, tuple[Text | Mapping[str, tuple[Text, ...]], ...]], _FEW] | None = None
    """By channel every notice that it took since the last expectation that has `notices`, in order: `shop/down opened`, or of a
    digest its members, as `{opened: [shop/down, cart/down]}`. A channel that is left out took none."""
    status: Annotated[Mapping[Name, Text], _FEW] | None = None
    """The status of targets: up, degraded, down, unknown or paused."""


class RuleTest(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One course of events, and what is expected of it."""

    name: Title
    """The name of the test."""
    start: MomentText | None = None
    """When it begins; default: that of the file."""
    interval: DurationText | None = None
    """The time from one value of a series to the next; default: the cadence of its target."""
    series: Annotated[Mapping[Name, Text | Mapping[Text, Text]], _FEW] = {}
    """By target the values of its checks: `1x10 0x5` for good and bad ones, or figures by name: `{response_time: 120x10 900x5}`."""
    scripts: Annotated[Mapping[Name, Text], _FEW] = {}
    """By target the script of its checks, such as `ok 10m, status 503 5m, ok`."""
    channels: Annotated[Mapping[Name, Text], _FEW] = {}
    """By channel the script of its receiver, such as `ok 5m, down 10m, ok`; without one it takes every notice."""
    acts: Annotated[tuple[Act, ...], _FEW] = ()
    """Acts at moments."""
    expect: Annotated[
        tuple[ExpectedState, ...], msgspec.Meta(min_length=1, max_length=limits.RULE_TEST_EVENTS_MAX)
    ]
    """Expectations for moments; the test ends with the last one."""


class RuleTestFile(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rule tests, without the configuration that it has or names."""

    start: MomentText = START
    """When each test begins: moments of windows and maintenance are judged by it."""
    environment: Annotated[Mapping[Text, Text], _FEW] = {}
    """Values for variables that the configuration refers to, in place of those of the process: no secret is needed."""
    tests: Annotated[tuple[RuleTest, ...], msgspec.Meta(min_length=1, max_length=limits.RULE_TESTS_MAX)]
    """The tests."""
