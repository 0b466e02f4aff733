"""From the text of a condition to its comparison, or to the character where it stops making sense."""

import re
from difflib import get_close_matches

from ..limits import CONDITION_CHARACTERS_MAX, CONDITION_OPTIONS_MAX
from .comparison import EQUALITIES, OPERATORS, Comparison, Pair, equality
from .facts import BODY, CONTEXT, PLACEHOLDERS, PLAIN_FACTS, FactKind
from .glob import Glob
from .json_path import parse_path
from .operand import (
    Choice,
    InDocument,
    Length,
    Literal,
    Named,
    Operand,
    Pattern,
    Placeholder,
    Presence,
    Reader,
    WholeBody,
    kind_of,
)
from .parse_error import ParseError, counted_from

_FUNCTIONS = ("len", "has", "pat", "any")
_CALL = re.compile(r"([A-Za-z_]\w*)\(")
_NAME = re.compile(r"\[([A-Za-z_][A-Za-z0-9_-]*)(\]?)")
_OPERATOR_LIKE = re.compile(r"==|!=|<=|>=|=|<|>")
_OPTION = re.compile(r",\s*(pat\(.*?\)(?=\s*(?:,|$))|[^,]*)", re.DOTALL)


def parse(text: str) -> Comparison:
    """Parses a condition.

    Raises: ParseError with the fault and its position.
    """
    if len(text) > CONDITION_CHARACTERS_MAX:
        problem = (
            f"{len(text)} characters are more than the {CONDITION_CHARACTERS_MAX} that a condition may have"
        )
        raise ParseError(problem, CONDITION_CHARACTERS_MAX)
    sign, at = _operator(text)
    right_at = at + len(sign) + 2
    left, right = _operand(text, 0, at), _operand(text, right_at, len(text))
    if sign not in EQUALITIES:
        sides = _orderable(left, 0), sign, _orderable(right, right_at)
        return Pair(*sides, OPERATORS[sign], ordering=True)
    if isinstance(left, Pattern | Choice) and isinstance(right, Pattern | Choice):
        raise ParseError("pat() and any() on both sides leave nothing to look at", right_at)
    return equality(left, sign, right)


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
            raise ParseError("pat() and any() go with == and != only", at)
        case Literal(number=None):
            problem = f"{operand.text!r} is no number and no duration, so nothing can be above or below it"
            raise ParseError(f"{problem}; one comparison to a condition: a list of them is and-ed", at)
        case _ if kind_of(operand) in {FactKind.TEXT, FactKind.TRUTH}:
            raise ParseError(f"{operand.text} is no number: it goes with == and != only", at)
        case _:
            return operand


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
    if name == "any":
        return Choice(text, _options(inside))
    placeholder = _placeholder(inside.strip())
    if placeholder is None:
        raise ParseError(f"{name}() takes a placeholder, like {name}([BODY].items)", 0)
    if name == "has":
        return Presence(text, placeholder)
    return Length(text, placeholder)


def _options(inside: str) -> tuple[Literal | Pattern, ...]:
    if not inside.strip():
        raise ParseError("any() lists nothing: write any(200, 204)", 0)
    options: list[Literal | Pattern] = []
    for found in _OPTION.finditer(f",{inside}"):
        if len(options) == CONDITION_OPTIONS_MAX:
            raise ParseError(f"any() lists more than {CONDITION_OPTIONS_MAX} options", found.start())
        options.append(_option(found[1].rstrip(), found.start(1) - 1))
    return tuple(options)


def _option(text: str, at: int) -> Literal | Pattern:
    with counted_from(at):
        operand = _read_operand(text)
    if isinstance(operand, Literal | Pattern):
        return operand
    raise ParseError("any() lists plain values and pat(): a placeholder is not read inside it", at)


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
    return _in_document(text, name, found.end())


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
    if name.lower() not in _FUNCTIONS and (inside is None or inside[1].upper() not in PLACEHOLDERS):
        return
    close = get_close_matches(name.lower(), _FUNCTIONS)
    known = f"did you mean {close[0]}()?" if close else "there are len(), has(), pat() and any()"
    raise ParseError(f"there is no function {name}(): {known}", 0)
