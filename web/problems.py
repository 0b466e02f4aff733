"""Refusals, as problem documents of RFC 9457."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from ..domain.errors import (
    ConfigurationError,
    StoreError,
    UnknownName,
    UsageError,
)
from ..domain.time.duration import parse_duration

PROBLEM_TYPE = "application/problem+json"
_TITLES = {
    400: "The request is not understood",
    401: "A token is needed",
    403: "The role does not allow it",
    404: "There is no such thing",
    405: "The method is not known here",
    409: "It cannot be done now",
    413: "The body is too large",
    415: "The body is not JSON",
    429: "Too many requests",
    431: "The header is too large",
    500: "An internal fault",
    503: "The runtime does not answer",
}
_AT = " - at `"

FailedPart: TypeAlias = Literal["store"] | UnsetType


class Fault(msgspec.Struct, frozen=True):
    """One fault of a request."""

    pointer: str
    """The place in the body as a JSON pointer, or the name of a parameter."""
    detail: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every refusal."""

    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...] = ()
    cause: FailedPart = UNSET
    """`store` where the store failed; else it is left out."""


class Refusal(Exception):  # an answer, not an error of ours
    """A request is answered with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[Fault] = (),
        headers: Iterable[tuple[str, str]] = (),
        cause: FailedPart = UNSET,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.document = ProblemDocument(
            title=_TITLES[status], status=status, detail=detail, errors=tuple(errors), cause=cause
        )
        self.headers = dict(headers)


def refusal_of(error: Exception) -> Refusal | None:
    """Returns the refusal that an error of the host means; None for an internal fault."""
    match error:
        case UnknownName():
            return Refusal(404, str(error))
        case ConfigurationError(problems=problems):
            faults = [Fault("", problem) for problem in problems]
            return Refusal(409, "the configuration cannot be run, and the former one runs on", faults)
        case UsageError() | StoreError() | TimeoutError():
            cause: FailedPart = "store" if isinstance(error, StoreError) else UNSET
            return Refusal(503, str(error), headers=[("retry-after", "2")], cause=cause)
        case _:
            return None


def length_ns_of(text: str, pointer: str) -> int:
    """Returns the nanoseconds of a length. Raises: Refusal of one that is longer than any may be."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refusal(409, "a length is wrong", [Fault(pointer, str(error))]) from None


def fault_of(error: Exception) -> Fault:
    """Returns what msgspec found wrong with a body or a query, with its place."""
    text = str(error)
    # The last one: a key of the client may hold the same words, many times.
    detail, at, place = text.rpartition(_AT)
    place = place.removeprefix("key in ")
    if not (at and place.startswith("$") and place.endswith("`")):
        return Fault("", text)
    pointer = place[1:-1].replace(".", "/").replace("[", "/").replace("]", "")
    return Fault(pointer, detail)
