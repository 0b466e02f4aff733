"""Conditions whose result no answer changes: those that can never hold, and those that can never fail.

Each is tried with every value that matters: all that are possible where they are few, else those around its constants.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from itertools import pairwise
from math import floor
from typing import Any, TypeAlias

import msgspec

from ..conditions.comparison import Comparison, Match
from ..conditions.condition import Condition, facts_named
from ..conditions.facts import PLACEHOLDERS, FactKind
from ..conditions.operand import (
    AnyOption,
    CertificateNames,
    Choice,
    Expected,
    InDocument,
    InHeader,
    Length,
    Literal,
    Named,
    Pattern,
    Presence,
    Reader,
    StatusSpan,
)
from ..conditions.value import Json, Number, number_of
from ..limits import CONDITION_NUMBER_TRIED_MAX
from ..specification.probes.kinds import NETWORKED
from ..specification.problem import nearest

STATUSES = range(100, 1000)
"""The three digits of a status line."""
OTHER_ADDRESSES = ("192.0.2.1", "192.0.2.2")
OTHER_TEXT = "\0"
QUOTED = re.compile(r"""(["'])(.*)\1""")
SPAN = re.compile(r"([1-9]\d\d)\s*(?:\.\.+|to|–)\s*([1-9]\d\d)")
LISTED = re.compile(r"\d{3}(?:\s*[,|]\s*\d{3})+")

Tried: TypeAlias = Sequence[Json]


class _Weighed(msgspec.Struct, frozen=True):
    """A comparison of one reader with constants."""

    reader: Reader
    expected: Expected
    holds: Callable[[Any], bool]
    is_any: bool = False
    """Whether one of several values is enough, as for `==`."""

    @property
    def constants(self) -> tuple[AnyOption, ...]:
        return self.expected.options if isinstance(self.expected, Choice) else (self.expected,)

    @property
    def numbers(self) -> list[Number]:
        spans = [each for each in self.constants if isinstance(each, StatusSpan)]
        bounds = [bound for each in spans for bound in (each.first, each.last)]
        return bounds + [each.number for each in self._literals if each.number is not None]

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self._literals]

    @property
    def _literals(self) -> list[Literal]:
        return [each for each in self.constants if isinstance(each, Literal)]


def fate_fault(condition: Condition, kind: str) -> str:
    """Why a condition means nothing on a probe of this kind; empty where an answer decides it."""
    if not facts_named(condition):
        return f"compares two constants, so no answer changes it{_meant(condition.comparison)}"
    weighed = _weigh(condition.comparison)
    if weighed is None:
        return ""
    values, nature = _possible(weighed, kind)
    verdicts = {weighed.holds(value) for value in values}
    if (
        verdicts
        and isinstance(weighed.reader, Length)
        and isinstance(weighed.reader.inner, InDocument | InHeader)
    ):
        verdicts.add(False)  # the path may lead nowhere
    if len(verdicts) == 1:
        fate = "can never fail" if verdicts.pop() else "can never hold"
        return f"{fate}: {nature}{_advice(weighed)}"
    for option in weighed.constants if verdicts else ():
        if not any(option.accepts(value) for value in values) and isinstance(weighed.expected, Choice):
            return f"{option.text} in any() is never met: {nature}{_hint(option.text, weighed)}"
    return ""


def contradiction(conditions: Sequence[Condition], kind: str) -> tuple[int, str] | None:
    """The position of the first condition that no answer meets together with those before it, and why.

    Each of them has facts to look at and can be met alone.
    """
    groups: dict[object, list[tuple[Condition, _Weighed]]] = {}
    for at, condition in enumerate(conditions):
        weighed = _weigh(condition.comparison)
        if weighed is None or (_endless(weighed) and not _few(weighed.reader, kind)):
            continue
        reader = weighed.reader
        group = groups.setdefault(reader.fact if isinstance(reader, Named) else reader.text, [])
        group.append((condition, weighed))
        if len(group) > 1 and not _met_together([each for _, each in group], kind):
            others = " and ".join(other.text for other, _ in group[:-1])
            return at, f"contradicts {others}: no answer meets all of them"
    return None


def quoted_constants(condition: Condition) -> tuple[str, ...]:
    """The constants of a condition that stand in quotes, which are a part of the text."""
    weighed = _weigh(condition.comparison)
    return () if weighed is None else tuple(text for text in weighed.texts if QUOTED.fullmatch(text))


def bare_numbers(condition: Condition) -> tuple[tuple[str, Number], ...]:
    """The constants of a condition that are numbers without a unit, each with its text."""
    weighed = _weigh(condition.comparison)
    texts = () if weighed is None else weighed.texts
    numbers = ((text, number_of(text)) for text in texts if not text[-1:].isalpha())
    return tuple((text, number) for text, number in numbers if number is not None)


def _weigh(comparison: Comparison) -> _Weighed | None:
    """A comparison as one of a reader with constants; None where it has two readers."""
    if isinstance(comparison, Match):
        expected, wanted = comparison.expected, comparison.wanted
        return _Weighed(comparison.reader, expected, lambda value: expected.accepts(value) is wanted, wanted)
    left, right, holds = comparison.left, comparison.right, comparison.holds
    if not comparison.ordering:
        # The grammar makes a match of every constant on the right.
        if not isinstance(left, Literal):
            return None
        accepts, wanted = left.accepts, comparison.operator == "=="
        return _Weighed(right, left, lambda value: accepts(value) is wanted, wanted)
    if isinstance(right, Literal) and not isinstance(left, Literal):
        return _Weighed(left, right, lambda value: _ordered(holds, number_of(value), right.number))
    if isinstance(left, Literal) and not isinstance(right, Literal):
        return _Weighed(right, left, lambda value: _ordered(holds, left.number, number_of(value)))
    return None


def _ordered(holds: Callable[[Any, Any], bool], left: Number | None, right: Number | None) -> bool:
    return left is not None and right is not None and holds(left, right)


def _possible(weighed: _Weighed, kind: str) -> tuple[Tried, str]:
    """The values that may decide a comparison, and what they are; no value where that cannot be known."""
    reader, few = weighed.reader, _few(weighed.reader, kind)
    if few is STATUSES:
        return STATUSES, f"a status is a number from {STATUSES[0]} to {STATUSES[-1]}"
    if few:
        return few, "it is true or false"
    if _endless(weighed):
        return (), ""
    if isinstance(reader, Length):
        return _whole(weighed.numbers), "a length is a whole number from 0 on"
    if isinstance(reader, Named):
        return _of_fact(reader, weighed, kind)
    return (), ""


def _few(reader: Reader, kind: str) -> Tried:
    """Every value that a reader may give, where they are few; else none."""
    if isinstance(reader, Presence) or (isinstance(reader, Named) and reader.fact.kind is FactKind.TRUTH):
        return True, False
    if isinstance(reader, Named) and reader.fact.kind is FactKind.NUMBER and kind == "http":
        return STATUSES
    return ()


def _endless(weighed: _Weighed) -> bool:
    """Whether no values around the constants decide: beside a pattern, and beside a number beyond exact halves."""
    patterns = any(isinstance(each, Pattern) for each in weighed.constants)
    return patterns or any(abs(number) > CONDITION_NUMBER_TRIED_MAX for number in weighed.numbers)


def _of_fact(reader: Named, weighed: _Weighed, kind: str) -> tuple[Tried, str]:
    match reader.fact.kind:
        case FactKind.MILLISECONDS:
            values = [value for value in _around(weighed.numbers) if value >= 0]
            return values, f"a {reader.fact.label} is a number of milliseconds, never below 0"
        case FactKind.NUMBER:
            return _around(weighed.numbers), f"a {reader.fact.label} is a number"
        case FactKind.EXPIRY:
            return _around(weighed.numbers), f"a {reader.fact.label} is a number of milliseconds"
        case FactKind.TEXT if reader.fact.label == "address" and kind in NETWORKED:
            addresses = [text for text in weighed.texts if _is_address(text)]
            return (*addresses, *OTHER_ADDRESSES), "it is an address such as 192.0.2.1 or 2001:db8::1"
        case _:
            return (), ""


def _met_together(group: Sequence[_Weighed], kind: str) -> bool:
    reader = group[0].reader
    numbers = [number for each in group for number in each.numbers]
    values = _few(reader, kind) or (_whole(numbers) if isinstance(reader, Length) else ())
    if not values:
        texts = [text for each in group for text in each.texts]
        values = (True, False, *texts, OTHER_TEXT, *_around(numbers))
    of_all = [each for each in group if not (each.is_any and _has_several(each.reader))]
    fitting = [value for value in values if all(each.holds(value) for each in of_all)]
    if len(of_all) == len(group):
        return bool(fitting)
    return all(any(map(each.holds, fitting)) for each in group)


def _has_several(reader: Reader) -> bool:
    """Whether a reader may give several values at once, of which each condition may be met by another one."""
    return isinstance(reader, InHeader | CertificateNames) and reader.index is None


def _whole(numbers: Iterable[Number]) -> list[int]:
    near = {floor(number) + step for number in numbers for step in (-1, 0, 1, 2)}
    return sorted({0, *(number for number in near if number >= 0)})


def _around(numbers: Iterable[Number]) -> list[Number]:
    """Zero, the numbers, one of each gap between them, and one beyond each end."""
    marks = sorted({0, *numbers})
    gaps = [(low + high) / 2 for low, high in pairwise(marks)]
    return [marks[0] - 1, *marks, *gaps, marks[-1] + 1]


def _is_address(text: str) -> bool:
    """In the spelling that probes report, which shows an IPv4 address that is mapped into IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return text == (f"::ffff:{mapped}" if mapped else str(address))


def _advice(weighed: _Weighed) -> str:
    return next(filter(None, (_hint(each.text, weighed) for each in weighed.constants)), "")


def _hint(text: str, weighed: _Weighed) -> str:
    """The text to write in place of a constant that is never met."""
    if quotes := QUOTED.fullmatch(text):
        return f"; there are no quotes here: write {quotes[2]}"
    name = weighed.reader.text
    if span := SPAN.fullmatch(text):
        return f"; write {name} == {span[1]}-{span[2]}"
    if LISTED.fullmatch(text):
        return f"; write {name} == any({', '.join(re.findall(r'[0-9]+', text))})"
    return ""


def _meant(comparison: Comparison) -> str:
    """The placeholder that one of two constants probably means."""
    known = {name.lower(): name for name in PLACEHOLDERS}
    for side in comparison.readers:
        close = nearest(re.split(r"[.\[]", side.text)[0], known)
        if close:
            return f": did you mean [{known[close]}]?"
    return ": name a placeholder such as [STATUS]"
