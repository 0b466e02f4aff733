"""The two sides of a condition: what reads a value from the facts, and what a value is matched with."""

from typing import Literal as OneOf
from typing import TypeAlias, cast

import msgspec
from msgspec import UNSET, UnsetType

from .expression import Expression
from .facts import FactKind, Facts, PlainFact
from .glob import Glob
from .json_path import JsonPath, find
from .value import Json, Missing, Number, Texts, Value, integer_of, is_number, number_of, text_of


class Literal(msgspec.Struct, frozen=True):
    """A text that means itself, and the number that it writes if it writes one."""

    text: str
    integer: int | None
    number: Number | None

    @classmethod
    def of(cls, text: str) -> "Literal":
        return cls(text, integer_of(text), number_of(text))

    def read(self, _facts: Facts) -> Value:
        return self.text

    def accepts(self, value: Json) -> bool:
        """Equality, with the reading of this text as a number done once."""
        if is_number(value):
            return value == self.number
        text = text_of(value)
        return text == self.text or (self.integer is not None and integer_of(text) == self.integer)


class Pattern(msgspec.Struct, frozen=True):
    """`pat(*ok*)` or `matches(^ok)`."""

    text: str
    matcher: Glob | Expression

    def accepts(self, value: Json) -> bool:
        return self.matcher.matches(text_of(value))


class StatusSpan(msgspec.Struct, frozen=True):
    """`2xx` or `200-299` beside `[STATUS]`."""

    text: str
    first: int
    last: int

    def accepts(self, value: Json) -> bool:
        return is_number(value) and self.first <= cast("Number", value) <= self.last


AnyOption: TypeAlias = Literal | Pattern | StatusSpan
"""An option that `any()` may list."""


class Choice(msgspec.Struct, frozen=True):
    """`any(200, 204, pat(3*))`: true when one option accepts the value."""

    text: str
    options: tuple[AnyOption, ...]

    def accepts(self, value: Json) -> bool:
        return any(option.accepts(value) for option in self.options)


class Named(msgspec.Struct, frozen=True):
    """A plain fact such as `[STATUS]`."""

    text: str
    fact: PlainFact

    def read(self, facts: Facts) -> Value:
        return self.fact.read(facts.observation)


class WholeBody(msgspec.Struct, frozen=True):
    """`[BODY]`: the text of the body."""

    text: str

    def read(self, facts: Facts) -> Value:
        return facts.body_text


class InDocument(msgspec.Struct, frozen=True):
    """`[BODY].a.b[0]` or `[CONTEXT].user.id`."""

    text: str
    source: OneOf["body", "context"]
    path: JsonPath

    def read(self, facts: Facts) -> Value:
        document = facts.body if self.source == "body" else facts.context
        if isinstance(document, Missing):
            return document
        value: Json | UnsetType = find(document, self.path)
        return Missing(f"the {self.source} has nothing at {self.text}") if value is UNSET else value


class InHeader(msgspec.Struct, frozen=True):
    """`[HEADERS].set-cookie` or one line of it, `[HEADERS].set-cookie[0]`."""

    text: str
    name: str
    """In small letters."""
    index: int | None

    def read(self, facts: Facts) -> Value:
        return _picked(self, facts.header_lines(self.name))


class CertificateNames(msgspec.Struct, frozen=True):
    """`[CERTIFICATE].names` or one of them, `[CERTIFICATE].names[0]`."""

    text: str
    index: int | None

    def read(self, facts: Facts) -> Value:
        names = facts.observation.certificate_names
        return _picked(self, names or Missing("the probe gave no names of a certificate"))


def _picked(reader: InHeader | CertificateNames, found: Texts | Missing) -> Value:
    """All texts of a fact, or the one that is named."""
    if reader.index is None or isinstance(found, Missing):
        return found
    if reader.index < len(found):
        return found[reader.index]
    count = "1 value" if len(found) == 1 else f"{len(found)} values"
    return Missing(f"there is nothing at {reader.text}: it has {count}, counted from 0")


Placeholder: TypeAlias = Named | WholeBody | InDocument | InHeader | CertificateNames


class Length(msgspec.Struct, frozen=True):
    """`len(x)`: the elements of an array, which a whole body may be, or the characters of everything else as text."""

    text: str
    inner: Placeholder

    def read(self, facts: Facts) -> Value:
        value = self.inner.read(facts)
        match value:
            case Missing():
                return value
            case None:
                return Missing(f"{self.inner.text} is null, which has no length")
            case list() | tuple():
                return len(value)
            case str() if isinstance(self.inner, WholeBody) and value.startswith("["):
                return len(facts.body if isinstance(facts.body, list) else value)
            case _:
                return len(text_of(value))


class Presence(msgspec.Struct, frozen=True):
    """`has(x)`: a path that leads to anything but null, or a fact that is given and not empty."""

    text: str
    inner: Placeholder

    def read(self, facts: Facts) -> Value:
        value = self.inner.read(facts)
        if isinstance(value, Missing):
            return False if value.absent else value
        return value is not None and (value != "" or isinstance(self.inner, InDocument | InHeader))


Reader: TypeAlias = Literal | Placeholder | Length | Presence
Accepting: TypeAlias = Pattern | StatusSpan | Choice
"""One side of an equality that has no value of its own."""
Expected: TypeAlias = Literal | Accepting
Operand: TypeAlias = Reader | Accepting


def kind_of(reader: Reader) -> FactKind | None:
    """Returns the type that a reader yields; None for a number and where only the value can tell."""
    match reader:
        case Named():
            return reader.fact.kind
        case Presence():
            return FactKind.TRUTH
        case CertificateNames():
            return FactKind.TEXT
        case _:
            return None


def fact_of(reader: Reader) -> str | None:
    """Returns the placeholder that a reader names, such as STATUS or BODY; None where it names none."""
    match reader:
        case Length() | Presence():
            return fact_of(reader.inner)
        case Named() | InHeader() | CertificateNames():
            return reader.text[1 : reader.text.index("]")].upper()
        case WholeBody():
            return "BODY"
        case InDocument():
            return reader.source.upper()
        case Literal():
            return None
