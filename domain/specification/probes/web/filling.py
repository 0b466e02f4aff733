"""Captured values in the texts of later requests: where `{{name}}` stands, and how a value is written there."""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from ...probe import Http
from ...text import PLACE, Pairs, as_pairs

FILLED = ("url", "headers", "cookies", "body", "bearer")
"""The keys of a request in whose texts a captured value may stand."""
WriteValue: TypeAlias = Callable[[str], str]
_NO_COOKIE = re.compile(r'[\x00-\x20",;\\\x7f]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UnfitValueError(Exception):
    """A captured value cannot stand where it is to stand; the text says why, and shows no value."""


def names_in(value: Any) -> Iterator[str]:
    """Yields the names of captured values in the texts of plain data."""
    match value:
        case str():
            yield from PLACE.findall(value)
        case Mapping():
            yield from (name for each in value.values() for name in names_in(each))
        case list() | tuple():
            yield from (name for each in value for name in names_in(each))
        case _:
            return


R = TypeVar("R", bound=Http)


def filled(request: R, values: Mapping[str, str]) -> R:
    """Returns a request with the values in place of their names.

    Raises: KeyError for a name without a value, UnfitValueError for a value that would change more than its own place.
    """
    media_type = next(
        (text for name, text in as_pairs(request.headers) if name.lower() == "content-type"), ""
    )
    in_body = writer_of(media_type or _guessed_type(request.body or ""))
    writers: dict[str, WriteValue] = {"url": _in_url, "bearer": _in_header, "body": in_body}
    changes: dict[str, Any] = {}
    for key in FILLED:
        given = getattr(request, key, None)
        if isinstance(given, str) and PLACE.search(given):
            changes[key] = _with_values(given, values, writers[key])
        elif isinstance(given, Mapping | tuple) and any(PLACE.search(text) for _, text in as_pairs(given)):
            changes[key] = _pairs_with_values(given, values, is_cookies=key == "cookies")
    return msgspec.structs.replace(request, **changes) if changes else request


def writer_of(media_type: str) -> WriteValue:
    """Returns how a value is written in a body of this type, so that it stays one value."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return lambda value: quote(value, safe="")
    if kind.endswith(("/json", "+json")):
        return lambda value: json.dumps(value, ensure_ascii=False)[1:-1]
    if kind.endswith(("/xml", "+xml")):
        return html.escape
    return lambda value: value


def _guessed_type(body: str) -> str:
    """The type of a body that no header names: by its first character alone."""
    return "application/json" if PLACE.sub("", body).lstrip()[:1] in {"{", "["} else ""


def _with_values(text: str, values: Mapping[str, str], written: WriteValue) -> str:
    def value_of(found: re.Match[str]) -> str:
        try:
            return written(values[found[1]])
        except UnfitValueError as unfit:
            raise UnfitValueError(f"the value of {found[1]} {unfit}") from None

    return PLACE.sub(value_of, text)


def _pairs_with_values(pairs: Pairs, values: Mapping[str, str], *, is_cookies: bool) -> Pairs:
    return tuple(
        (
            name,
            _with_values(text, values, _in_cookie if is_cookies or name.lower() == "cookie" else _in_header),
        )
        for name, text in as_pairs(pairs)
    )


def _in_url(value: str) -> str:
    if not value.strip("."):
        raise UnfitValueError("is made of dots alone, which would lead to another path")
    return quote(value, safe="")


def _in_header(value: str) -> str:
    if _CONTROL.search(value):
        raise UnfitValueError("holds a line end or another control character, which no header may")
    return value


def _in_cookie(value: str) -> str:
    if _NO_COOKIE.search(value):
        raise UnfitValueError("holds a character that no cookie may")
    return value
