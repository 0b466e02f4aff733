"""Recipients: the channels of each rule's incidents before and after a change of the configuration."""

from collections.abc import Iterator

import msgspec

from ..specification.configuration import Configuration
from ..specification.matcher import Subject
from ..specification.rule import RuleState, Severity
from ..specification.target import Target
from ..suppression.router import Router
from ..time.duration import format_duration
from .entries import continued

_MILDEST_FIRST = tuple(Severity)


class TellingChange(msgspec.Struct, frozen=True):
    """Incidents of which others are told than before; empty where nobody is."""

    before: tuple[str, ...]
    """The channels, each with its delay, as in `boss after 15m`."""
    after: tuple[str, ...]
    incidents: tuple[str, ...]
    """The rules, as `target/rule`, by their new names."""


def telling_changes(old: Configuration, new: Configuration) -> tuple[TellingChange, ...]:
    """Returns the changes, those that are alike together, with the rules in the order of the new configuration."""
    before, after = _Told(old), _Told(new)
    formers = continued(old, new)
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for target in new.targets:
        was = before.of(formers[target.id])
        now = after.of(target.id)
        for rule in dict.fromkeys((*now, *was)):
            found.setdefault((was.get(rule, ()), now.get(rule, ())), []).append(f"{target.id}/{rule}")
    gone = set(before.targets) - set(formers.values())
    for name in (target.id for target in old.targets if target.id in gone):
        for rule, channels in before.of(name).items():
            found.setdefault((channels, ()), []).append(f"{name}/{rule}")
    return tuple(TellingChange(*pair, tuple(names)) for pair, names in found.items() if pair[0] != pair[1])


class _Told:
    """The channels that are told of each rule's incidents in one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        """The configuration is valid."""
        self.targets = {target.id: target for target in configuration.targets}
        self._router = Router(configuration)
        self._least = {channel.id: channel.min_severity for channel in configuration.channels}
        self._delays = {channel.id: channel.after_ns for channel in configuration.channels}

    def of(self, target: str | None) -> dict[str, tuple[str, ...]]:
        """Returns the channels by active rule; nothing for a target that is not there."""
        found = self.targets.get(target or "")
        if found is None:
            return {}
        active = (rule for rule in found.judged_rules if rule.state is RuleState.ACTIVE)
        return {rule.id: tuple(self._channels(found, rule.id, rule.severity)) for rule in active}

    def _channels(self, target: Target, rule: str, severity: Severity) -> Iterator[str]:
        if target.notify:
            named = [(name, self._delays.get(name, 0)) for name in dict.fromkeys(target.notify)]
        else:
            recipients = self._router.routed(Subject(target.id, target.metadata, rule, severity))
            named = [(recipient.channel, recipient.after_ns) for recipient in recipients]
        for name, after_ns in named:
            if _MILDEST_FIRST.index(self._least.get(name, Severity.INFO)) <= _MILDEST_FIRST.index(severity):
                yield f"{name} after {format_duration(after_ns)}" if after_ns else name
