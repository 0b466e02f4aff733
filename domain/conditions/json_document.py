"""JSON from strangers, read within bounds and written in one way."""

import re
from typing import Any

import msgspec

from ..limits import JSON_DEPTH_MAX

# Possessive, and content without a closing quote: no start is tried twice over the same bytes.
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(body: bytes) -> Any:
    """The document in `body`; of duplicate keys the last wins.

    Raises: ValueError for everything that is not JSON in UTF-8 (NaN and Infinity included), for a number that no
    float and no integer of 4,300 digits can hold, and for nesting deeper than `JSON_DEPTH_MAX`.
    """
    if nested_deeper(body, JSON_DEPTH_MAX):
        raise ValueError(f"nested deeper than {JSON_DEPTH_MAX} levels")
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise ValueError("text that is not UTF-8") from None
    except RecursionError:  # the caller's own stack was nearly full
        raise ValueError("nested too deep to read here") from None


def compact_json(value: Any) -> str:
    """JSON without blanks, the keys of objects sorted."""
    return msgspec.json.encode(value, order="sorted").decode()


def nested_deeper(body: bytes, levels: int) -> bool:
    """Whether JSON has more levels. One is peeled off at a time: a few scans at the speed of C, whatever the body holds."""
    if body.count(b"[") + body.count(b"{") <= levels:
        return False
    brackets = _TEXTS.sub(b"", body).translate(_TO_SQUARE, _ALL_BUT_BRACKETS)
    for _ in range(levels):
        peeled = brackets.replace(b"[]", b"")
        if peeled == brackets:
            break
        brackets = peeled
    return brackets.count(b"[") > levels or b"[]" in brackets
