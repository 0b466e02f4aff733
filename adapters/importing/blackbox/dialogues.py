"""Dialogues of blackbox_exporter's TCP modules: each step waits for a line, sends a text and begins TLS, in this order."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..imported import Placed, literal
from ..source import PeerPart
from .access import Made, family_of, tls_of

_PLACE = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+)|(\$))")
_CLASS_BEGIN = re.compile(r"\[\^?\]?")
_NAMED = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_WORDS = (
    ("smtp", ("EHLO", "STARTTLS")),
    ("smtp", ("HELO", "STARTTLS")),
    ("imap", ("OK", "STARTTLS")),
    ("pop3", ("STLS",)),
    ("ftp", ("AUTH TLS",)),
)
"""The protocols in whose words TLS is asked for, and what is said in each."""


class _Act(NamedTuple):
    """One thing that a dialogue does."""

    key: str
    """`send`, `expect` or `starttls`: a step of ours does each of them at most once, in this order."""
    value: Any
    line: int


_ORDER = ("send", "expect", "starttls")


def tcp_of(options: PeerPart) -> Made:
    """Returns the `tcp` probe of a module; the `tls` probe, which tells of the certificate, where nothing but a handshake is made."""
    steps = options.parts("query_response")
    begins_with_tls = options.flag("tls")
    tls = tls_of(options.part("tls_config"))
    begins = [step.flag("starttls") for step in steps]
    words = _protocol(steps) if any(begins) and begins.index(True) == len(steps) - 1 else None
    if words is not None or (begins_with_tls and not steps):
        for step in steps:
            _pass_over(step)
        starttls = None if words is None else Placed(words, options.line_of("query_response"))
        return Made("tls", {"starttls": starttls, "tls": tls, **family_of(options)}, [])
    probe: dict[str, Any] = {"dialogue": _dialogue(steps), **family_of(options)}
    if begins_with_tls or any(begins):
        # Without a key of its own the mapping would not be written.
        probe["tls"] = tls or {"verify": True}
    return Made("tcp", probe, [])


def _pass_over(step: PeerPart) -> None:
    for key in ("send", "expect", "labels"):
        step.raw(key)


def _protocol(steps: list[PeerPart]) -> str | None:
    """Returns the protocol in whose words a dialogue asks for TLS."""
    said = " ".join(str(step.value.get(key) or "") for step in steps for key in ("send", "expect")).upper()
    return next((name for name, words in _WORDS if all(word in said for word in words)), None)


def _dialogue(steps: list[PeerPart]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    last = len(_ORDER)
    for act in (act for number, step in enumerate(steps) for act in _acts(step, number)):
        at = _ORDER.index(act.key)
        if at <= last and made:
            made.append({})
        if not made:
            made.append({})
        made[-1][act.key] = Placed(act.value, act.line)
        last = at
    return made


def _acts(step: PeerPart, number: int) -> Iterator[_Act]:
    """Yields what a step does. Its text has the parts of its own expression alone."""
    expression, sent = step.text("expect"), step.text("send")
    if step.value.get("labels"):
        step.leave("labels", "no label is made of an answer")
    names: dict[str, str] = {}
    if expression is not None:
        used = {found[1] or found[2] for found in _PLACE.finditer(sent or "") if not found[3]}
        expression, names = _with_names(expression, used, f"step{number}")
        yield _Act("expect", literal(expression), step.line_of("expect"))
    if sent is not None:
        text = sent if expression is None else _PLACE.sub(lambda found: _place(found, names), sent)
        yield _Act("send", literal(f"{text}\n"), step.line_of("send"))
    if step.flag("starttls"):
        yield _Act("starttls", True, step.line_of("starttls"))


def _place(found: re.Match[str], names: dict[str, str]) -> str:
    """Returns a part of the answer as our texts name it; a group that is not there is an empty text."""
    if found[3]:
        return "$"
    name = names.get(found[1] or found[2])
    return "" if name is None else f"{{{{{name}}}}}"


def _with_names(expression: str, used: set[str], prefix: str) -> tuple[str, dict[str, str]]:
    """Returns an expression in which the groups that are used have names, and these by what Go calls them."""
    if expression.startswith("^+"):
        # The usual way to write the banner of POP3, which means the sign itself.
        expression = f"^\\{expression[1:]}"
    pieces: list[str] = []
    names: dict[str, str] = {}
    count, at, is_class = 0, 0, False
    while at < len(expression):
        sign = expression[at]
        if sign == "\\":
            pieces.append(expression[at : at + 2])
            at += 2
            continue
        if sign == "[" and not is_class:
            is_class = True
            # A bracket that stands first in a class belongs to it.
            ahead = _CLASS_BEGIN.match(expression, at)
            pieces.append(ahead[0] if ahead else sign)
            at += len(pieces[-1])
            continue
        if sign == "]":
            is_class = False
        elif sign == "(" and not is_class:
            named = _NAMED.match(expression, at)
            if named or not expression.startswith("(?", at):
                count += 1
                name = named[1] if named else f"{prefix}_{count}"
                names |= {str(count): name, name: name}
                if not named and str(count) in used:
                    sign = f"(?P<{name}>"
        pieces.append(sign)
        at += 1
    return "".join(pieces), {key: name for key, name in names.items() if key in used}
