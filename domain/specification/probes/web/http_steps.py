"""The `http_steps` probe as it is written: requests one after the other, of which each may use what earlier ones brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeAlias
from urllib.parse import urlsplit

import msgspec

from .... import limits
from ...construction import Specification
from ...http.given import FACTS, MEASURES
from ...probe import Http
from ...text import CaptureName, Name
from ..networked import NetworkProbe

STEP_MEASURE = "step."
"""The beginning of the measure of one step: its time, in milliseconds."""


class HttpCapture(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of an answer that later steps use."""

    of: Annotated[str, msgspec.Meta(max_length=limits.CONDITION_CHARACTERS_MAX)]
    """The place where it stands: `[BODY].token`, `[HEADERS].location`, `[STATUS]` or another placeholder of conditions."""
    matches: Annotated[str, msgspec.Meta(max_length=limits.CONDITION_CHARACTERS_MAX)] | None = None
    """A regular expression (RE2) that is found there: its first group is the value, or all of it where it has none."""
    shown: bool = False
    """Whether samples and notices may show the value; otherwise it is masked as a secret."""


_ONE: TypeAlias = Annotated[str, msgspec.Meta(max_length=limits.CONDITION_CHARACTERS_MAX)] | HttpCapture
_FEW = msgspec.Meta(max_length=limits.CAPTURES_MAX)
Captures: TypeAlias = (
    Annotated[Mapping[CaptureName, _ONE], _FEW] | Annotated[tuple[tuple[CaptureName, _ONE], ...], _FEW]
)
"""Captures by name, written as a mapping and kept as sorted pairs."""


class HttpStep(Http, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=False):
    """One request of several. In its URL, headers, cookies, body and token, `{{name}}` stands for a value that an earlier step captured."""

    id: Name
    """The name of the step, by which a failure and its measure `step.ID` are known."""
    expect: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.CONDITIONS_PER_TARGET_MAX)] = ()
    """Conditions on its answer; default: a status below 400."""
    capture: Captures = ()
    """The values that later steps use, by name: a placeholder such as `[BODY].token`, or a mapping."""
    always: bool = False
    """Whether it is carried out after a failure of an earlier step, too, such as a logout."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002  # the field's name
        url: str,
        expect: Sequence[str] = ...,
        capture: Mapping[str, str | HttpCapture] = ...,
        always: bool = ...,
        **request: Any,
    ) -> None: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.capture, Mapping):
            pairs = tuple(sorted(self.capture.items(), key=lambda pair: pair[0]))
            msgspec.structs.force_setattr(self, "capture", pairs)

    @property
    def captures(self) -> tuple[tuple[str, HttpCapture], ...]:
        """The values that it captures, each under its name."""
        pairs = self.capture.items() if isinstance(self.capture, Mapping) else self.capture
        return tuple((name, HttpCapture(of=each) if isinstance(each, str) else each) for name, each in pairs)

    def __repr__(self) -> str:
        return f"HttpStep({self.id!r}, {super().__repr__()})"


class HttpSteps(NetworkProbe, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="http_steps"):
    """Several HTTP requests, one after the other, within one deadline. It is up where all succeed.

    The conditions of the target judge the answer to the last one. Cookies that an answer sets last for the later steps.
    """

    facts: ClassVar[frozenset[str]] = FACTS
    measures: ClassVar[tuple[str, ...]] = (*MEASURES, "availability")

    steps: Annotated[tuple[HttpStep, ...], msgspec.Meta(min_length=1, max_length=limits.HTTP_STEPS_MAX)]
    """The requests in their order."""

    def __init__(self, *, steps: Sequence[HttpStep]) -> None: ...

    @property
    def peer(self) -> str:
        try:
            return urlsplit(self.steps[0].url).hostname or ""
        except ValueError:
            return ""

    @property
    def figures(self) -> tuple[str, ...]:
        return (*self.measures, *(f"{STEP_MEASURE}{step.id}" for step in self.steps))

    @property
    def summary(self) -> str:
        return (
            f"{len(self.steps)} HTTP steps from {self.peer} on: {', '.join(step.id for step in self.steps)}"
        )

    def __repr__(self) -> str:
        return f"HttpSteps({[*self.steps]!r})"
