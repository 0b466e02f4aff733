"""Series: the facts of a target's checks, step by step, as the behaviours that a world plays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...domain.observation.observation import Measurement, Phases
from ...domain.observation.outcome import Outcome, Reason
from ...domain.units import NS_PER_MS
from ..script import ANSWER_NS, PLAIN, ScriptedBehaviour, answer, failed

UP = "up"
"""The figure that alone decides whether a check is good (1) or bad (0); a series without a name is this one."""
NO_SAMPLE = failed(Outcome.CANCELLED, Reason.CANCELLED)
"""A step without a value: the check says nothing, which rules of missing samples judge as silence."""
_PHASES = {"dns", "connect", "tls", "first_byte", "transfer"}


def _milliseconds(value: float) -> int:
    return round(value * NS_PER_MS)


_READ: dict[str, tuple[str, str, Callable[[float], int]]] = {
    "status": ("STATUS", "status", round),
    "certificate_expiration": ("CERTIFICATE_EXPIRATION", "certificate_expires_in_ns", _milliseconds),
}
"""Figures that are facts of an answer: the placeholder of conditions, the fact, and how it is made of the value."""


class CheckSeries:
    """The values of one target. Value number n is in force from n steps after the beginning on; the last one lasts for ever."""

    def __init__(
        self,
        figures: Mapping[str, Sequence[float | None]],
        step_ns: int,
        moments_ns: Sequence[int] | None = None,
    ) -> None:
        """`moments_ns` are those at which a target reports by a schedule, in place of steps: since the beginning."""
        self._figures = dict(figures)
        self._moments_ns = moments_ns
        self._step_ns = step_ns
        self._length = max(map(len, self._figures.values()))
        self._made: dict[tuple[float | None, ...], ScriptedBehaviour] = {}

    def at(self, since_start_ns: int) -> ScriptedBehaviour:
        """Returns the behaviour of a check that begins at this time after the start, in nanoseconds."""
        step = min(since_start_ns // self._step_ns, self._length - 1)
        values = tuple(each[min(step, len(each) - 1)] for each in self._figures.values())
        made = self._made.get(values)
        if made is None:
            made = self._made[values] = _behaviour(dict(zip(self._figures, values, strict=True)))
        return made

    def reports(self) -> list[tuple[int, bool]]:
        """Returns the moments at which a target that reports by itself does so, each with whether all is well."""
        values = self._figures[UP]
        moments = self._moments_ns
        if moments is None:
            moments = range(0, len(values) * self._step_ns, self._step_ns)
        return [
            (at_ns, value == 1) for at_ns, value in zip(moments, values, strict=False) if value is not None
        ]


def fault_of(name: str, values: Sequence[float | None]) -> str:
    """Returns what is wrong with the values of a figure; empty for nothing."""
    known = [value for value in values if value is not None]
    if name == UP and any(value not in {0.0, 1.0} for value in known):
        return (
            "a series without a name has 1 for a good check and 0 for a bad one: write other figures with their "
            "names, like {response_time: 120x10 900x5}"
        )
    if name == "status" and any(not value.is_integer() or not 100 <= value <= 999 for value in known):
        return "a status is a whole number from 100 to 999"
    if (name in _PHASES or name == "response_time") and any(value < 0 for value in known):
        return f"{name} is a length in milliseconds: it cannot be below zero"
    return ""


def _behaviour(values: Mapping[str, float | None]) -> ScriptedBehaviour:
    facts = {name: value for name, value in values.items() if value is not None}
    if not facts or (UP in values and UP not in facts):
        return NO_SAMPLE
    if facts.pop(UP, 1) == 0:
        return PLAIN["down"]()
    return _answer_with(facts) if facts else answer()


def _answer_with(facts: Mapping[str, float]) -> ScriptedBehaviour:
    """Returns an answer with these facts; conditions on other ones count as met."""
    said: list[str] = []
    known: dict[str, Any] = {}
    measured = []
    after_ns = ANSWER_NS
    for name, value in facts.items():
        if name == "response_time":
            after_ns = _milliseconds(value)
            said.append("RESPONSE_TIME")
        elif name in _READ:
            placeholder, fact, made_of = _READ[name]
            known[fact] = made_of(value)
            said.append(placeholder)
        elif name not in _PHASES:
            measured.append(Measurement(name, value))
    phases = {f"{name}_ns": _milliseconds(facts[name]) for name in sorted(_PHASES & facts.keys())}
    if phases:
        known["phases"] = Phases(**phases)
    if "STATUS" in said:
        known["body"] = None
    return answer(*said, after_ns=after_ns, measurements=tuple(measured), **known)
