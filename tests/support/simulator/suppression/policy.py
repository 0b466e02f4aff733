"""The part of a case that says who is told and when: routes, windows and planned maintenance; read by the naive judge."""

from datetime import datetime

import msgspec
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.routing import Maintenance, Route, Window
from watchkeeper.domain.time.duration import parse_duration
from watchkeeper.domain.units import NS_PER_MINUTE, NS_PER_S

EVERY_MINUTES = "*/"
HOUR = 60


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of a run that say which channels are told of its incidents, and when not."""

    routes: tuple[Route, ...] = ()
    windows: tuple[Window, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()


def lasts(window: Window | Maintenance, wall_ns: int) -> bool:
    """Whether a window is in force. Of schedules it reads `*/N * * * *` alone, where N divides the hour.

    Such a schedule begins at the same moments in every zone that is ahead of UTC by a multiple of N minutes.
    """
    if window.cron is None:
        return _moment_ns(str(window.from_)) <= wall_ns < _moment_ns(str(window.until))
    minutes, *others = window.cron.removeprefix(EVERY_MINUTES).split()
    if others != ["*"] * 4 or HOUR % int(minutes):
        raise ValueError(f"the naive judge cannot read {window.cron!r}")
    return wall_ns % (int(minutes) * NS_PER_MINUTE) < parse_duration(str(window.length))


def _moment_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * NS_PER_S


def selects(match: tuple[str, ...], texts: dict[str, str]) -> bool:
    """Whether every matcher holds; it reads `name=value` and `name!=value` alone."""
    for said in match:
        name, _, value = said.partition("=")
        is_same = texts.get(name.removesuffix("!"), "") == value
        if is_same is name.endswith("!"):
            return False
    return True


def texts_of(target: str, rule: str, severity: str, metadata: TargetMetadata) -> dict[str, str]:
    """Returns the texts that matchers and groups name."""
    labels = dict(metadata.labels or ())
    return {"group": metadata.group or "", **labels, "target": target, "rule": rule, "severity": severity}
