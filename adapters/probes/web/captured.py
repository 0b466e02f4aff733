"""The judgement of one step of several: its conditions, and the values that it captures for later ones."""

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from ....domain.conditions.condition import compile_condition
from ....domain.conditions.expression import Expression
from ....domain.conditions.facts import Facts
from ....domain.conditions.grammar import parse_placeholder
from ....domain.conditions.judgement import Expectation
from ....domain.conditions.operand import Placeholder
from ....domain.conditions.value import Missing, text_of
from ....domain.limits import CAPTURE_CHARACTERS_MAX
from ....domain.observation.observation import Observation
from ....domain.specification.probes.web.http_steps import HttpCapture, HttpStep


class CaptureError(Exception):  # a fault of an answer, not of this program
    """A value is not in an answer; the text says what is missing."""


class ReadyCapture(msgspec.Struct, frozen=True):
    """A capture that is ready to be read."""

    name: str
    place: Placeholder
    expression: Expression | None
    shown: bool

    def read(self, facts: Facts) -> str:
        """Returns the value. Raises: CaptureError."""
        value = self.place.read(facts)
        match value:
            case Missing():
                raise CaptureError(f"{self.name} cannot be captured: {value.reason}")
            case (str() as found,) if isinstance(value, tuple):
                pass
            case tuple() | list() | dict():
                kind = "an object" if isinstance(value, dict) else f"a list of {len(value)}"
                raise CaptureError(
                    f"{self.name} cannot be captured: {self.place.text} is {kind}: name one value of it"
                )
            case None:
                raise CaptureError(f"{self.name} cannot be captured: {self.place.text} is null")
            case _:
                found = text_of(value)
        return self._bounded(self._matched(found))

    def _matched(self, text: str) -> str:
        if self.expression is None:
            return text
        found = self.expression.search(text.encode("utf-8", "replace"))
        if found is None:
            raise CaptureError(
                f"{self.name} cannot be captured: its expression finds nothing in {self.place.text}"
            )
        part = found.group(1 if found.re.groups else 0)
        return "" if part is None else part.decode("utf-8", "replace")

    def _bounded(self, text: str) -> str:
        if not text:
            raise CaptureError(f"{self.name} cannot be captured: {self.place.text} is empty")
        if len(text) > CAPTURE_CHARACTERS_MAX:
            most = f"{len(text):,} characters, and {CAPTURE_CHARACTERS_MAX:,} are the most"
            raise CaptureError(f"{self.name} cannot be captured: it has {most}")
        return text


class ReadyStep(msgspec.Struct, frozen=True):
    """A step that is ready to be carried out."""

    step: HttpStep
    expectation: Expectation
    captures: tuple[ReadyCapture, ...]

    def captured(self, seen: Observation) -> dict[str, str]:
        """Returns the values of an answer by name. Raises: CaptureError."""
        facts = Facts(seen)
        return {each.name: each.read(facts) for each in self.captures}

    def secrets(self, seen: Observation) -> Iterator[str]:
        """Yields the values of an answer that no sample shows, as far as they are there."""
        facts = Facts(seen)
        for each in self.captures:
            if not each.shown:
                with suppress(CaptureError):
                    yield each.read(facts)


def ready(step: HttpStep) -> ReadyStep:
    """Returns a validated step, compiled."""
    conditions = [compile_condition(text) for text in step.expect]
    return ReadyStep(step, Expectation(conditions), tuple(_capture(*each) for each in step.captures))


def _capture(name: str, capture: HttpCapture) -> ReadyCapture:
    expression = None if capture.matches is None else Expression.compile(capture.matches)
    return ReadyCapture(name, parse_placeholder(capture.of), expression, capture.shown)
