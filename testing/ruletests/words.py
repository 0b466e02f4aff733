"""The words of expectations: how incidents and notices are written, and which there may be."""

import re
from collections.abc import Iterable

import msgspec

from ...domain.incidents.incident import Incident, TransitionKind
from ...domain.incidents.notice import Notice
from ...domain.rules.aggregate import Status
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import quoted, suggestion
from ...domain.specification.rule import Severity
from ...domain.specification.target import OWN_NAME

ACKNOWLEDGED = "acknowledged"
CHANGES = (*TransitionKind, "reminder")
_STATES = (*Severity, ACKNOWLEDGED)
_DIGEST = re.compile(r"[0-9]+ of .+")
STATUSES = tuple(Status)


class KnownNames:
    """The names that the configurations of a test have."""

    def __init__(self, configurations: Iterable[Configuration]) -> None:
        self.targets: set[str] = set()
        self.channels: set[str] = set()
        self.routes: set[str] = set()
        self._places: set[str] = set()
        for each in configurations:
            self.targets |= {target.id for target in each.targets}
            self.channels |= {channel.id for channel in each.channels}
            self.routes |= {route.id or f"routes[{at}]" for at, route in enumerate(each.routes)}
            self._places |= {
                f"{target.id}/{rule.id}" for target in each.targets for rule in target.judged_rules
            }

    def target_fault(self, name: str) -> str:
        """Returns what is wrong with the name of a target; empty for nothing."""
        return self._fault("target", name, self.targets)

    def channel_fault(self, name: str) -> str:
        """Returns what is wrong with the name of a channel; empty for nothing."""
        return self._fault("channel", name, self.channels)

    def route_fault(self, name: str) -> str:
        """Returns what is wrong with the name of a route; empty for nothing."""
        return self._fault("route", name, self.routes)

    def place_fault(self, place: str) -> str:
        """Returns what is wrong with `shop/down`; empty for nothing."""
        if place in self._places or place.startswith(f"{OWN_NAME}/"):
            return ""
        close = suggestion(place, self._places)
        return f"{quoted(place)} is no rule of a target{close}: write it like {self._example()}"

    def incident_fault(self, text: str) -> str:
        """Returns what is wrong with an expected open incident; empty for nothing."""
        return self.place_fault(place_of(text))

    def notice_fault(self, text: str) -> str:
        """Returns what is wrong with an expected notice; empty for nothing."""
        subject, _, change = text.rpartition(" ")
        if change not in CHANGES or not subject:
            words = ", ".join(CHANGES)
            return (
                f"{quoted(text)} is no notice: write it like `{self._example()} opened`, with one of {words}"
            )
        return "" if _DIGEST.fullmatch(subject) else self.place_fault(subject)

    def _example(self) -> str:
        return min(self._places, default="shop/down")

    @staticmethod
    def _fault(kind: str, name: str, known: set[str]) -> str:
        if name in known:
            return ""
        there = ", ".join(sorted(known)[:10]) or "none"
        return f"no {kind} is named {quoted(name)}{suggestion(name, known)}: there are {there}"


def place_of(text: str) -> str:
    """Returns `shop/down` of an expected incident, without the words on its state."""
    place, _, word = text.rpartition(" ")
    return place_of(place) if word in _STATES and place else text


def is_expected(text: str, incident: Incident) -> bool:
    """Whether an expected incident is this one: each word on its state must hold."""
    place = place_of(text)
    words = set(text.removeprefix(place).split())
    return place == f"{incident.target}/{incident.rule}" and words <= set(_state(incident))


def incident_text(incident: Incident) -> str:
    """Returns an open incident as an expectation may write it in full."""
    return " ".join((f"{incident.target}/{incident.rule}", *_state(incident)))


def _state(incident: Incident) -> tuple[str, ...]:
    seen = (ACKNOWLEDGED,) if incident.acknowledged_at_ns is not None else ()
    return (incident.severity.value, *seen)


def change_of(notice: Notice) -> str:
    """Returns the last word of a notice."""
    return "reminder" if notice.reminder else notice.change.value


def members_of(notice: Notice) -> list[str]:
    """Returns what a notice is about: the incidents of a digest, or the one of any other."""
    if isinstance(notice.digest, msgspec.UnsetType):
        return [notice.subject]
    return sorted(f"{member.target}/{member.rule}" for member in notice.digest.members)
