"""Texts of Gatus, in which `$NAME` and `${NAME}` are variables and `$$` is the sign itself."""

import re
from typing import Any

from ..imported import Placed, literal, placed
from ..source import PeerPart

_REFERENCE = re.compile(r"\$(\$|\{[^{}]*\}|[A-Za-z0-9_]+)")
_RANDOM = re.compile(r"\[(LOCAL_ADDRESS|RANDOM_STRING_\d+)\]")
_DNS_BODY = re.compile(r"\[BODY\](?![.\[])", re.IGNORECASE)
_CONNECTED = re.compile(r"\s*\[CONNECTED\] == true\s*", re.IGNORECASE)
_GRPC_STATUS = re.compile(r"\[BODY\]\.status\b", re.IGNORECASE)
_EXIT_STATUS = re.compile(r"\s*\[STATUS\] == 0\s*", re.IGNORECASE)
_EVIDENT = frozenset({"icmp", "udp", "ssh", "grpc"})
"""Kinds whose answer itself is what `[CONNECTED] == true` asks for."""
DOMAIN = re.compile(r"\[DOMAIN_EXPIRATION\]", re.IGNORECASE)


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


def placed_text(part: PeerPart, key: str) -> Any:
    """Returns the text of a key with its line; None where there is none."""
    return placed(part, key, text_of(part, key))


def body_of(endpoint: PeerPart) -> str | None:
    """Returns what is sent; None for nothing."""
    body = text_of(endpoint, "body")
    if body is None:
        return None
    if random := _RANDOM.search(body):
        endpoint.leave("body", f"{random[0]} has another value in each attempt, which bodies here have not")
    for word, key in (("NAME", "name"), ("GROUP", "group"), ("URL", "url")):
        body = body.replace(f"[ENDPOINT_{word}]", text_of(endpoint, key) or "")
    return body


def conditions_of(endpoint: PeerPart, kind: str) -> list[Placed]:
    """Returns the conditions of an endpoint on its answer, each with its line; those on a registration are another target's."""
    found = []
    for number, text in enumerate(endpoint.texts("conditions")):
        condition = filled(text)
        if kind == "dns":
            condition = _DNS_BODY.sub("[BODY].data[0]", condition)
        if kind == "grpc":
            condition = _GRPC_STATUS.sub("[BODY]", condition)
        is_evident = kind in _EVIDENT and _CONNECTED.fullmatch(condition)
        is_evident = is_evident or (kind == "ssh" and _EXIT_STATUS.fullmatch(condition))
        if not is_evident and not DOMAIN.search(condition):
            line = endpoint.file.line((*endpoint.path, "conditions", number))
            found.append(Placed(condition, line))
    return found


def registrations_of(endpoint: PeerPart) -> list[Placed]:
    """Returns the conditions of an endpoint on when the registration of its name ends."""
    return [
        Placed(filled(text), endpoint.file.line((*endpoint.path, "conditions", number)))
        for number, text in enumerate(endpoint.texts("conditions"))
        if DOMAIN.search(text)
    ]


def labels_of(endpoint: PeerPart) -> dict[str, Any]:
    """Returns the labels of an endpoint."""
    return {name: filled(text) for name, text in endpoint.pairs("extra-labels").items()}


def group_of(group: str | None) -> str | None:
    """Returns a group without empty levels; None for none."""
    steps = (step.strip() for step in (group or "").split("/"))
    return "/".join(filter(None, steps)) or None
