"""Targets: what is watched, how often, and by which rules."""

from typing import Annotated

import msgspec

from . import limits
from .duration import parse_duration
from .probe import KINDS, Call, Exec, Heartbeat, Http, Probe, Tcp
from .rule import DEFAULT_RULES, NoData, Rule, RuleState
from .text import DurationText, Name


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing watched. Exactly one of `http`, `tcp`, `exec`, `call` and `heartbeat` is given."""

    id: Name
    every: DurationText = "30s"
    timeout: DurationText = "5s"
    """An attempt never outlives its period: a shorter cadence shortens it."""
    retry_every: DurationText | None = None
    """The cadence while the last sample was bad; default: the same."""
    http: Http | None = None
    tcp: Tcp | None = None
    exec: Exec | None = None
    call: Call | None = None
    heartbeat: Heartbeat | None = None
    expect: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.CONDITIONS_PER_TARGET_MAX)] = ()
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=limits.RULES_PER_TARGET_MAX)] = DEFAULT_RULES
    notify: tuple[Name, ...] = ()
    max_age: DurationText = "0s"
    """How old the result of an equal probe, made for another target, may be to serve this one; 0s shares nothing.

    No result serves one target twice, so a failure counts once however long its result is kept.
    """
    paused: bool = False

    def __post_init__(self) -> None:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            kinds = ", ".join(KINDS)
            raise ValueError(
                f"target {self.id!r} needs exactly one of {kinds}; it has {' and '.join(given) or 'none'}"
            )

    @property
    def kind(self) -> str:
        """The key of the probe that is given: `http`, `tcp`, `exec`, `call` or `heartbeat`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def probe(self) -> Probe:
        """The probe that is given."""
        probe: Probe = getattr(self, self.kind)
        return probe

    @property
    def every_ns(self) -> int:
        return parse_duration(self.every)

    @property
    def retry_every_ns(self) -> int:
        return parse_duration(self.retry_every or self.every)

    @property
    def timeout_ns(self) -> int:
        return min(parse_duration(self.timeout), self.every_ns)

    @property
    def grace_ns(self) -> int:
        return parse_duration(self.heartbeat.grace) if self.heartbeat else 0

    def staleness_ns(self, rule: NoData) -> int:
        """How long silence may last before `rule` speaks: stated, or derived from the cadence."""
        if rule.after is not None:
            return parse_duration(rule.after)
        return self.every_ns * 5 // 2 + self.timeout_ns

    @property
    def stale_after_ns(self) -> int:
        """How old the newest sample may be until it says nothing of how the target is now."""
        spoken = [
            self.staleness_ns(rule)
            for rule in self.rules
            if isinstance(rule, NoData) and rule.state is RuleState.ACTIVE
        ]
        return min([self.every_ns * 5 // 2 + self.timeout_ns + self.grace_ns, *spoken])
