"""Construction: a specification is checked where it is written, and kept in its declared types."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from inspect import Signature
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import UNSET, inspect

from ...errors import ConfigurationError
from ...time.duration import duration_ns, format_duration
from ..problem import Problem, not_one, quoted
from .descriptions import explained, signature_of
from .shape import ShapeChecker
from .shape_words import is_duration, is_moment, plain_types

S = TypeVar("S")
_NOT_GIVEN = (UNSET, None)
"""UNSET first: most kinds of probe of a target are that."""


class SpecificationType(msgspec.StructMeta):
    """Makes specifications from what hosts write: a list for a tuple, `"critical"` for Severity.CRITICAL, 5 for `5s`,
    a datetime for its text.

    A class may declare an `__init__` without a body. It never runs: it says for type checkers and `help` what may be written,
    where the fields say what is kept. `msgspec.convert`, by which files are read, and `replace` do not come through here.
    """

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> "SpecificationType":
        namespace["_written"] = namespace.pop("__init__", None)
        return super().__new__(cls, name, bases, namespace, **options)

    def __call__(cls: type[S], /, *positional: Any, **written: Any) -> S:
        """Raises ConfigurationError with every problem of what was written."""
        if positional:
            raise TypeError(
                f"{cls.__name__} is written with names, {cls.__name__}(name=value), not by position"
            )
        plain = _plain(cls, written)
        try:
            made = msgspec.convert(plain, cls)
            msgspec.msgpack.encode(made)
        except (ValueError, TypeError, OverflowError) as error:
            raise _refusal(cls, plain, error) from None
        return made

    @property
    def __signature__(cls) -> Signature:
        return signature_of(cls)

    @property
    def __doc__(cls) -> str:  # type: ignore[override]  # computed when asked for: it reads the source
        return explained(cls)


class Specification(
    msgspec.Struct,
    metaclass=SpecificationType,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    repr_omit_defaults=True,
):
    """Something that hosts configure: immutable, and comparable by what it says."""

    # The keys of which exactly one is given, and one that passes every check, for those that cannot be read.
    one_of: ClassVar[tuple[str, ...]] = ()
    harmless: ClassVar[Mapping[str, Any]] = {}

    def one_given(self) -> str:
        """The key of `one_of` that is given. Raises: ValueError where it is not one."""
        given = [name for name in self.one_of if getattr(self, name) not in _NOT_GIVEN]
        if len(given) != 1:
            raise ValueError(not_one(given, self.one_of))
        return given[0]

    def given(self) -> str:
        """The key of `one_of` that is given; of a value that was made it is one, so the first that is found."""
        for name in self.one_of:
            if getattr(self, name) not in _NOT_GIVEN:
                return name
        return self.one_given()


def _plain(cls: Any, written: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments under the key names of files, in the plain containers and texts of a file."""
    names, lengths = _names_and_lengths(cls)
    plain: dict[str, Any] = {}
    for name, value in written.items():
        key = names.get(name, name)
        plain[key] = _text_of(value, lengths[key]) if key in lengths else _container_of(value)
    return plain


@cache
def _names_and_lengths(cls: Any) -> tuple[dict[str, str], dict[str, tuple[type, ...]]]:
    """How files call each field, and of which types the value of a length of time or a moment may be where a field is one."""
    fields = msgspec.structs.fields(cls)
    lengths: dict[str, tuple[type, ...]] = {}
    for field in fields:
        kind = inspect.type_info(field.type)
        if is_duration(kind):
            # Where a number may stand, it counts or measures something.
            numbers = inspect.IntType | inspect.FloatType
            counts = any(isinstance(choice, numbers) for choice in plain_types(kind))
            lengths[field.encode_name] = (timedelta,) if counts else (int, float, timedelta)
        elif is_moment(kind):
            lengths[field.encode_name] = (datetime,)
    return {field.name: field.encode_name for field in fields}, lengths


def _text_of(value: Any, lengths: tuple[type, ...]) -> Any:
    """The text of a length of time or a moment; what is neither stays as it is and is refused as such."""
    if isinstance(value, bool) or not isinstance(value, lengths):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    length: Any = value
    try:
        return format_duration(duration_ns(length))
    except ValueError:
        return length.total_seconds() if isinstance(length, timedelta) else length


def _container_of(value: Any) -> Any:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | bytearray | tuple | list | dict):
        return value
    return dict(value) if isinstance(value, Mapping) else tuple(value)


def _refusal(cls: Any, plain: dict[str, Any], error: Exception) -> ConfigurationError:
    """Every problem of what was written, each with the field it is about."""
    fitting = ShapeChecker(spelled={encoded: name for name, encoded in _names_and_lengths(cls)[0].items()})
    if isinstance(error, UnicodeEncodeError):
        fitting.tell((), "holds half of a surrogate pair, which is no character: remove it")
    else:
        fitting.fit(plain, cls)
    problems = fitting.problems or [Problem((), str(error))]
    identity = plain.get("id")
    whole = f"{cls.__name__} {quoted(identity)}" if isinstance(identity, str) else cls.__name__
    return ConfigurationError(*(f"{whole}: {problem}" for problem in problems))
