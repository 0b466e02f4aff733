"""The form of a silence: its fields as they were typed, what they mean for the API, and the words beside a wrong one."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ....domain.specification.matcher import Matcher, MatchOperator
from ...limits import MATCHER_ROWS_MIN
from ...problems import Fault, Refusal
from ..forms import ActForm

PRESETS: Mapping[str, str] = {
    "30m": "30 minutes",
    "1h": "1 hour",
    "4h": "4 hours",
    "8h": "8 hours",
    "1d": "1 day",
    "7d": "1 week",
}
"""The lengths that a person may choose from, with their words."""
OPERATORS: Mapping[str, str] = {
    "=": "is",
    "!=": "is not",
    "=~": "matches",
    "!~": "does not match",
}
"""The operators of matchers, with their words."""
PLACES = {"/until": "end", "/length": "end", "/reason": "reason", "/target": "target"}
"""The fields of the form by the places of the API's body."""


class SilenceForm(ActForm, frozen=True):
    """The fields as they were typed; the lists go side by side, a row for each matcher."""

    target: str = ""
    name: tuple[str, ...] = ()
    operator: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    length: str = "1h"
    """One of the presets."""
    end: str = ""
    """A length or a moment, in place of a preset."""
    reason: str = ""


class MatcherFields(NamedTuple):
    """One row of a matcher, as it was typed."""

    name: str = ""
    operator: str = "="
    value: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.name.strip() or self.value.strip())


def matcher_rows(form: SilenceForm) -> list[MatcherFields]:
    """Returns the rows that hold something, and empty ones after them."""
    given = [row for row in _rows(form) if not row.is_empty]
    return given + [MatcherFields()] * max(1, MATCHER_ROWS_MIN - len(given))


def _rows(form: SilenceForm) -> Iterator[MatcherFields]:
    operators = (*form.operator, *("=",) * len(form.name))
    values = (*form.value, *("",) * len(form.name))
    return map(MatcherFields, form.name, operators, values)


def scope_of_form(form: SilenceForm) -> tuple[str | None, tuple[str, ...]]:
    """Returns the target and the matchers of a form. Raises: Refusal with a fault for each wrong row, and of an empty form."""
    faults, texts = [], []
    for at, row in enumerate(row for row in _rows(form) if not row.is_empty):
        try:
            texts.append(_matcher_text(row))
        except ValueError as error:
            faults.append(Fault(f"/match/{at}", str(error)))
    if faults:
        raise Refusal(400, "a matcher cannot be read", faults)
    target = form.target.strip()
    if not target and not texts:
        detail = "name a target, a glob such as shop*, or a matcher: * stands for every target"
        raise Refusal(400, "nothing would be muted", [Fault("/target", detail)])
    return target or None, tuple(texts)


def _matcher_text(row: MatcherFields) -> str:
    """Returns the text of a matcher. Raises: ValueError for a row that is none."""
    if row.operator not in OPERATORS:
        raise ValueError(f"{row.operator!r} is no operator: choose one of {' '.join(OPERATORS)}")
    matcher = Matcher(row.name.strip(), MatchOperator(row.operator), row.value.strip())
    if Matcher.parse(str(matcher)) != matcher:
        raise ValueError(
            f"{row.name.strip()!r} is no name: write target, group, rule, severity or that of a label"
        )
    return str(matcher)


def faults_by_field(refusal: Refusal) -> dict[str, str]:
    """Returns the words beside each wrong field, by its name; those that concern none under the empty name."""
    found: dict[str, str] = {}
    for fault in refusal.document.errors:
        place = fault.pointer if fault.pointer.startswith("/") else f"/{fault.pointer}"
        field = (
            place.removeprefix("/").replace("match/", "matcher-")
            if "match/" in place
            else PLACES.get(place, "")
        )
        found.setdefault(field, fault.detail)
    return found or {"": refusal.document.detail}
