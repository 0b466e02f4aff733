"""From the text of a condition to its comparison, or to the character where it stops making sense."""

import re
from difflib import get_close_matches

from ..limits import CONDITION_CHARACTERS_MAX, CONDITION_OPTIONS_MAX
from .comparison import EQUALITIES, OPERATORS, Comparison, Pair, equality
from .expression import Expression
from .facts import (
    BODY,
    CERTIFICATE,
    CERTIFICATE_FACTS,
    CONTEXT,
    HEADERS,
    NAMES,
    PLACEHOLDERS,
    PLAIN_FACTS,
    FactKind,
)
from .glob import Glob
from .guesses import escaped, function_for, refuse_both, refuse_either, without_operator
from .json_path import parse_path
from .operand import (
    AnyOption,
    CertificateNames,
    Choice,
    InDocument,
    InHeader,
    Length,
    Literal,
    Named,
    Operand,
    Pattern,
    Placeholder,
    Presence,
    Reader,
    StatusSpan,
    WholeBody,
    kind_of,
)
from .parse_error import ParseError, counted_from
from .value import number_of

_FUNCTIONS = ("len", "has", "pat", "matches", "any")
_CALL = re.compile(r"([A-Za-z_]\w*)\(")
_NAME = re.compile(r"\[([A-Za-z_][A-Za-z0-9_-]*)(\]?)")
_OPERATOR_LIKE = re.compile(r"==|!=|<=|>=|=|<|>")
_OPTION = re.compile(r",\s*((?:pat|matches)\(.*?\)(?=\s*(?:,|$))|[^,]*)", re.DOTALL)
_CLASS = re.compile(r"([1-9])xx", re.IGNORECASE)
_SPAN = re.compile(r"([1-9][0-9]{2})\s*-\s*([1-9][0-9]{2})")
_HEADER = re.compile(r"\.([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\[([0-9]{1,9})\])?")
_CERTIFICATE_PART = re.compile(r"\.([A-Za-z_]+)(?:\[([0-9]{1,9})\])?")


def parse(text: str) -> Comparison:
    """Parses a condition.

    Raises: ParseError with the fault and its position.
    """
    if len(text) > CONDITION_CHARACTERS_MAX:
        problem = (
            f"{len(text)} characters are more than the {CONDITION_CHARACTERS_MAX} that a condition may have"
        )
        raise ParseError(problem, CONDITION_CHARACTERS_MAX)
    refuse_either(text)
    refuse_both(text)
    sign, at = _operator(text)
    right_at = at + len(sign) + 2
    left, right = _operand(text, 0, at), _operand(text, right_at, len(text))
    left, right = _beside(right, left, 0), _beside(left, right, right_at)
    if sign not in EQUALITIES:
        sides = _orderable(left, 0), sign, _orderable(right, right_at)
        return Pair(*sides, OPERATORS[sign], ordering=True)
    if isinstance(left, Pattern | Choice) and isinstance(right, Pattern | Choice):
        raise ParseError("pat(), matches() and any() on both sides leave nothing to look at", right_at)
    return equality(left, sign, right)


def parse_placeholder(text: str) -> Placeholder:
    """Parses one placeholder, such as `[BODY].token`.

    Raises: ParseError with the fault and its position.
    """
    placeholder = _placeholder(text)
    if placeholder is None:
        raise ParseError("write a placeholder, like [BODY].token, [HEADERS].location or [STATUS]", 0)
    return placeholder


def _operator(text: str) -> tuple[str, int]:
    for sign in OPERATORS:
        at = text.find(f" {sign} ")
        if at != -1:
            again = text.find(f" {sign} ", at + len(sign) + 1)
            if again != -1:
                raise ParseError(
                    f"{sign} stands here a second time: one comparison to a condition", again + 1
                )
            return sign, at
    raise _no_operator(text)


def _no_operator(text: str) -> ParseError:
    if guessed := without_operator(text):
        return guessed
    found = _OPERATOR_LIKE.search(text)
    if found is None:
        return ParseError("there is no operator: write it like [STATUS] == 200", len(text))
    sign = "==" if found[0] == "=" else found[0]
    return ParseError(
        f"write the operator with a blank on both sides, like [STATUS] {sign} 200", found.start()
    )


def _orderable(operand: Operand, at: int) -> Reader:
    match operand:
        case Pattern() | Choice():
            raise ParseError("pat(), matches() and any() go with == and != only", at)
        case StatusSpan(text):
            raise ParseError(f"{text} stands for several numbers: it goes with == and != only", at)
        case Literal(number=None):
            problem = f"{operand.text!r} is no number and no duration, so nothing can be above or below it"
            close = "".join(operand.text.split())
            meant = f"write {close}" if number_of(close) is not None else "write one, like 300 or 300ms"
            raise ParseError(f"{problem}: {meant}", at)
        case _ if kind_of(operand) in {FactKind.TEXT, FactKind.TRUTH}:
            raise ParseError(f"{operand.text} is no number: it goes with == and != only", at)
        case _:
            return operand


def _beside(other: Operand, operand: Operand, at: int) -> Operand:
    """An operand as it is read beside the other one: next to `[STATUS]`, `2xx` and `200-299` are no texts."""
    if not isinstance(other, Named) or other.fact.kind is not FactKind.NUMBER:
        return operand
    if isinstance(operand, Choice):
        options = tuple([_spanning(option, at) for option in operand.options])
        return Choice(operand.text, options)
    return _spanning(operand, at) if isinstance(operand, Literal) else operand


def _spanning(option: AnyOption, at: int) -> AnyOption:
    if a_class := _CLASS.fullmatch(option.text):
        first = int(a_class[1]) * 100
        return StatusSpan(option.text, first, first + 99)
    if span := _SPAN.fullmatch(option.text):
        first, last = int(span[1]), int(span[2])
        if last < first:
            raise ParseError(f"{option.text} ends before it begins: write {last}-{first}", at)
        return StatusSpan(option.text, first, last)
    return option


def _operand(text: str, start: int, end: int) -> Operand:
    """The operand in a part of the text; problems are reported by their place in the whole text."""
    part = text[start:end]
    at = start + len(part) - len(part.lstrip())
    with counted_from(at):
        return _read_operand(part.strip())


def _read_operand(text: str) -> Operand:
    call = _CALL.match(text)
    if call is None:
        return _placeholder(text) or Literal.of(text)
    name, inside_at = call[1], call.end()
    if name not in _FUNCTIONS:
        _refuse_unknown_function(text, name, inside_at)
        return Literal.of(text)
    if not text.endswith(")"):
        raise ParseError(f"{name}( is never closed: the operand must end in )", inside_at - 1)
    inside = text[inside_at:-1]
    with counted_from(inside_at):
        return _function(name, text, inside)


def _function(name: str, text: str, inside: str) -> Operand:
    if name == "pat":
        return Pattern(text, Glob.compile(inside))
    if name == "matches":
        return Pattern(text, Expression.compile(inside))
    if name == "any":
        return Choice(text, _options(inside))
    placeholder = _placeholder(inside.strip())
    if placeholder is None:
        raise ParseError(f"{name}() takes a placeholder, like {name}([BODY].items)", 0)
    if name == "has":
        return Presence(text, placeholder)
    return Length(text, placeholder)


def _options(inside: str) -> tuple[AnyOption, ...]:
    if not inside.strip():
        raise ParseError("any() lists nothing: write any(200, 204)", 0)
    options: list[AnyOption] = []
    for found in _OPTION.finditer(f",{inside}"):
        if len(options) == CONDITION_OPTIONS_MAX:
            raise ParseError(f"any() lists more than {CONDITION_OPTIONS_MAX} options", found.start())
        options.append(_option(found[1].rstrip(), found.start(1) - 1))
    return tuple(options)


def _option(text: str, at: int) -> AnyOption:
    with counted_from(at):
        operand = _read_operand(text)
    if isinstance(operand, Literal | Pattern):
        return operand
    problem = "any() lists plain values, pat() and matches(): a placeholder is not read inside it"
    raise ParseError(problem, at)


def _placeholder(text: str) -> Placeholder | None:
    """The placeholder that the whole text is, None for a plain text."""
    found = _NAME.match(text)
    if found is None:
        return None
    name, rest = found[1].upper(), text[found.end() :]
    if not found[2] or name not in PLACEHOLDERS:
        _refuse_unknown_placeholder(text, name, closed=bool(found[2]))
        return None
    if name in PLAIN_FACTS:
        if rest:
            raise ParseError(f"[{name}] has no parts: nothing may follow it", found.end())
        return Named(text, PLAIN_FACTS[name])
    if name == BODY and not rest:
        return WholeBody(text)
    if name == HEADERS:
        return _header(text, found.end())
    if name == CERTIFICATE:
        return _certificate(text, found.end())
    return _in_document(text, name, found.end())


def _header(text: str, at: int) -> InHeader:
    found = _HEADER.fullmatch(text, at)
    if found is None:
        raise ParseError(
            "the name of a header follows [HEADERS] after a dot, like [HEADERS].content-type or, for its first "
            "line alone, [HEADERS].set-cookie[0]",
            at,
        )
    return InHeader(text, found[1].lower(), None if found[2] is None else int(found[2]))


def _certificate(text: str, at: int) -> Named | CertificateNames:
    parts = (*CERTIFICATE_FACTS, NAMES)
    found = _CERTIFICATE_PART.fullmatch(text, at)
    part = found[1].lower() if found else ""
    if found is None or part not in parts or (found[2] is not None and part != NAMES):
        known = ", ".join(f"[CERTIFICATE].{each}" for each in parts)
        close = get_close_matches(part, parts, 1)
        meant = (
            f"did you mean [CERTIFICATE].{close[0]}?" if close and part not in parts else f"there are {known}"
        )
        raise ParseError(f"a certificate has no such part: {meant}", at)
    if part == NAMES:
        return CertificateNames(text, None if found[2] is None else int(found[2]))
    return Named(text, CERTIFICATE_FACTS[part])


def _in_document(text: str, name: str, at: int) -> InDocument:
    path = text[at:]
    if not path.startswith((".", "[")):
        raise ParseError(f"a path follows [{name}] after a dot, like [{name}].data.id", at)
    if path.count("(") != path.count(")"):
        raise ParseError("the parentheses are not balanced", at)
    with counted_from(at):
        steps = parse_path(path)
    return InDocument(text, "context" if name == CONTEXT else "body", steps)


def _refuse_unknown_placeholder(text: str, name: str, *, closed: bool) -> None:
    """A bracketed word is no plain text unless it is JSON: `[STATSU]` is a slip, `[true]` is an array."""
    close = get_close_matches(name, PLACEHOLDERS)
    if not closed:
        if name in PLACEHOLDERS:
            raise ParseError(f"the bracket is never closed: write [{name}]", 0)
        return
    if name in {"TRUE", "FALSE", "NULL"}:
        return
    known = f"did you mean [{close[0]}]?" if close else f"there are {', '.join(PLACEHOLDERS)}"
    shown = text[: len(name) + 2]
    raise ParseError(
        f"there is no placeholder {shown}: {known} (for the text itself write pat(\\{shown}*))", 0
    )


def _refuse_unknown_function(text: str, name: str, inside_at: int) -> None:
    """A word before parentheses is plain text, unless it asks something of a placeholder."""
    inside = _NAME.match(text, inside_at)
    if ours := function_for(name) if text.endswith(")") else "":
        itself = f"pat({escaped(text)})"
        raise ParseError(
            f"there is no function {name}(): write {ours}() (for the text itself write {itself})", 0
        )
    if name.lower() not in _FUNCTIONS and (inside is None or inside[1].upper() not in PLACEHOLDERS):
        return
    close = get_close_matches(name.lower(), _FUNCTIONS)
    known = f"did you mean {close[0]}()?" if close else "there are len(), has(), pat(), matches() and any()"
    raise ParseError(f"there is no function {name}(): {known}", 0)
