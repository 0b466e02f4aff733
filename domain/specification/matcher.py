"""Matchers: choose targets and incidents by their texts, as silences write them: `group=shop`, `severity=~warning|critical`."""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, NamedTuple, Self

import msgspec

from ..limits import MATCHER_CHARACTERS_MAX, MATCHERS_MAX, PATTERN_BYTES_MAX
from .metadata import NO_METADATA, TargetMetadata
from .rule import Severity


class MatchOperator(StrEnum):
    """How a matcher compares a text; the longer signs come first, as they begin like the shorter ones."""

    MATCHES = "=~"
    NOT_MATCHES = "!~"
    NOT_EQUAL = "!="
    EQUAL = "="


_NEGATIVE = {MatchOperator.NOT_EQUAL, MatchOperator.NOT_MATCHES}
_PATTERNS = {MatchOperator.MATCHES, MatchOperator.NOT_MATCHES}
_FORM = re.compile(
    rf"\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*({'|'.join(map(re.escape, MatchOperator))})\s*(.*?)\s*", re.DOTALL
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORD = re.compile(r"\w", re.ASCII)
OF_INCIDENTS = ("rule", "severity")
"""The names that say something of an incident, and nothing of a target."""
_OF_TARGETS = ("target",)


class Subject(NamedTuple):
    """The texts that matchers are held against: of an incident, or of a target with all of its incidents."""

    target: str
    metadata: TargetMetadata = NO_METADATA
    rule: str | None = None
    """None stands for any: a matcher of rules holds."""
    severity: str | None = None
    """None stands for any, too."""

    def text(self, name: str) -> str | None:
        """Returns the text of this name; empty for a label that the target does not have."""
        match name:
            case "target":
                return self.target
            case "group":
                return self.metadata.group
            case "rule":
                return self.rule
            case "severity":
                return self.severity
            case _:
                return next((text for label, text in self.metadata.labels if label == name), "")


class Matcher(msgspec.Struct, frozen=True):
    """One comparison: of the target's id, its group, a label, or an incident's rule or severity."""

    name: str
    """`target`, `group`, `rule`, `severity` or the name of a label."""
    operator: MatchOperator
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text form: a name, one of `=`, `!=`, `=~` and `!~`, and a value, which may stand in double quotes.

        Raises: ValueError that says what is wrong with the text.
        """
        if len(text) > MATCHER_CHARACTERS_MAX:
            raise ValueError(f"a matcher has {len(text)} characters: write at most {MATCHER_CHARACTERS_MAX}")
        if _CONTROL.search(text):
            raise ValueError(f"the matcher {text!r} holds a control character: write one line of text")
        form = _FORM.fullmatch(text)
        if form is None:
            raise ValueError(
                f"{text!r} is no matcher: write a name, an operator (= != =~ !~) and a value, as in group=shop"
            )
        matcher = cls(form[1], MatchOperator(form[2]), _unquoted(form[3], text))
        try:
            matcher._require_sense()
        except ValueError as error:
            raise ValueError(f"the matcher {text!r} is wrong: {error}") from None
        return matcher

    def _require_sense(self) -> None:
        """Raises: ValueError for a pattern that cannot be compiled, and for a severity that no rule has."""
        if self.is_pattern:
            compiled_pattern(self.value)
        elif self.name == "severity" and self.value not in list(Severity):
            raise ValueError(f"no rule has the severity {self.value!r}, only {', '.join(Severity)}")

    @classmethod
    def of_glob(cls, glob: str) -> Self:
        """Returns the matcher of target ids for a glob: `*` stands for any characters, `?` for one."""
        wild = {"*": ".*", "?": "."}
        return cls(
            "target", MatchOperator.MATCHES, "".join(wild.get(sign) or _escaped(sign) for sign in glob)
        )

    @property
    def is_pattern(self) -> bool:
        """Whether the value is a regular expression, which the whole text must match."""
        return self.operator in _PATTERNS

    def __str__(self) -> str:
        """The text form, which `parse` reads."""
        value = self.value
        if not value or value != value.strip() or value[0] in '~"':
            value = '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
        return f"{self.name}{self.operator}{value}"

    def predicate(self) -> Callable[[str], bool]:
        """Returns the comparison, made ready. Raises: ValueError for a pattern that cannot be compiled."""
        wanted = self.operator not in _NEGATIVE
        if not self.is_pattern:
            return lambda text: (text == self.value) is wanted
        pattern = compiled_pattern(self.value)
        return lambda text: (pattern.fullmatch(_bytes_of(text)) is not None) is wanted


class Selection:
    """Matchers that must all hold, made ready to be asked often. Without any, everything is accepted."""

    def __init__(self, matchers: Iterable[Matcher]) -> None:
        """Raises: ValueError for a pattern that cannot be compiled."""
        self._tests = [(matcher.name, matcher.predicate()) for matcher in matchers]
        self.needs_metadata = any(name not in (*_OF_TARGETS, *OF_INCIDENTS) for name, _ in self._tests)
        """Whether the group or the labels of a target decide."""

    def accepts(self, subject: Subject) -> bool:
        """Whether every matcher holds."""
        return all((text := subject.text(name)) is None or is_met(text) for name, is_met in self._tests)


def parsed(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Reads several matchers, of which all must hold.

    Raises: ValueError for a text that is none, and for too many of them; TypeError for what is no text.
    """
    given = tuple(texts)
    for each in given:
        if not isinstance(each, str):
            raise TypeError(f"matchers are texts such as group=shop, not {each!r}")
    if len(given) > MATCHERS_MAX:
        raise ValueError(f"there are {len(given)} matchers: write at most {MATCHERS_MAX}")
    return tuple(map(Matcher.parse, given))


def is_glob(text: str) -> bool:
    """Whether a text that names targets stands for several."""
    return "*" in text or "?" in text


def _unquoted(value: str, text: str) -> str:
    if not value.startswith('"'):
        return value
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        raise ValueError(f"the value of {text!r} begins with a quote: end it with one, too")
    return re.sub(r'\\(["\\])', r"\1", quoted[1])


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _escaped(sign: str) -> str:
    """Returns an expression for one character itself; beyond ASCII none has another meaning."""
    return sign if _WORD.match(sign) or not sign.isascii() else f"\\{sign}"


def compiled_pattern(pattern: str) -> Any:
    """Returns the compiled pattern, which matches in time linear in the text. Raises: ValueError.

    RE2, as in Alertmanager: a backtracking engine would hold the sink's thread for hours on `(a+)+b`, and caps of length
    and nesting do not help, as `.*.*.*.*=` already takes the fourth power of the length of a label.
    """
    # Late: few runs have a pattern, and the library costs 5 ms.
    import re2

    options = re2.Options()
    options.log_errors, options.dot_nl, options.max_mem = False, True, PATTERN_BYTES_MAX
    try:
        return re2.compile(_bytes_of(pattern), options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"the pattern {pattern!r} cannot be used: {said}") from None
