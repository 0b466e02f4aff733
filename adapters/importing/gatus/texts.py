"""Texts of Gatus, in which `$NAME` and `${NAME}` are variables and `$$` is the sign itself."""

import re

from ..imported import literal
from ..source import PeerPart

_REFERENCE = re.compile(r"\$(\$|\{[^}]*\}|[A-Za-z0-9_]+)")


def filled(text: str) -> str:
    """Returns a text with its variables as our files write them."""
    pieces, at = [], 0
    for found in _REFERENCE.finditer(text):
        pieces.append(literal(text[at : found.start()]))
        pieces.append("$" if found[1] == "$" else f"${{{found[1].strip('{}')}}}")
        at = found.end()
    return "".join([*pieces, literal(text[at:])])


def text_of(part: PeerPart, key: str) -> str | None:
    """Returns the text of a key with its variables as our files write them; None where there is none."""
    text = part.text(key)
    return None if text is None else filled(text)
