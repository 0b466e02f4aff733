"""Conditions that mean nothing, or that ask a probe for what it never gives."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import UNSET

from ..conditions.condition import Condition, compile_condition, facts_named
from ..conditions.facts import BODY
from ..errors import ConditionError
from ..limits import BODY_BYTES, EXPECTATIONS_KEPT
from ..specification.http.given import FACTS
from ..specification.probes.kinds import KINDS, NETWORK_KINDS
from ..specification.target import Target
from .fates import contradiction, fate_fault

_GIVEN: dict[str, frozenset[str]] = {
    "http": FACTS,
    "tcp": frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY", "CERTIFICATE_EXPIRATION", "CERTIFICATE"}),
    "exec": frozenset({"BODY", "RESPONSE_TIME"}),
    "heartbeat": frozenset({"RUN_TIME"}),
    **{kind: each.facts for kind, each in NETWORK_KINDS.items()},
}
"""The facts of each probe kind; a host's own callable may give any."""
_CERTIFICATES = frozenset({"CERTIFICATE_EXPIRATION", "CERTIFICATE"})


def condition_faults(target: Target, texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The faults of conditions on a target, those of `expect` or those of `warn`, each with its position."""
    sound: list[tuple[int, Condition]] = []
    for at, text in enumerate(texts):
        condition = compiled(text)
        fault = condition if isinstance(condition, str) else _fault(condition, target)
        if fault:
            yield at, fault
        elif not isinstance(condition, str):
            sound.append((at, condition))
    found = contradiction([condition for _, condition in sound], target.kind) if len(sound) > 1 else None
    if found is not None:
        yield sound[found[0]][0], found[1]


def _fault(condition: Condition, target: Target) -> str:
    named, given = facts_named(condition), _GIVEN.get(target.kind)
    missing = sorted(named - given) if given is not None else ()
    if given is not None and missing:
        told = given - _CERTIFICATES if target.tcp is not None and never_encrypted(target) else given
        known = ", ".join(f"[{name}]" for name in sorted(told))
        return f"a probe of {target.kind} gives no [{missing[0]}]: it gives {known}"
    if named & _CERTIFICATES and never_encrypted(target):
        where = "https: change the url" if target.http is not None else "TLS: write tls under tcp"
        return f"there is no certificate without {where} or leave the condition out"
    if BODY in named and (fault := unread(target)):
        return fault
    return fate_fault(condition, target.kind)


def unread(target: Target) -> str:
    """Why no probe of this target reads a body, and what to do; empty where one does."""
    http, tcp, websocket = target.http, target.tcp, target.websocket
    if http is not None and not http.body_bytes_max:
        return "nothing of the body is read: raise body_bytes_max under http or leave the condition out"
    if http is not None and http.method == "HEAD":
        return "an answer to HEAD has no body: write method: GET under http or leave the condition out"
    if tcp is not None and tcp.steps and not any(step.expect for step in tcp.steps):
        return "nothing is read in the dialogue: write expect in a step, or leave the condition out"
    if tcp is not None and not tcp.send and tcp.expect is None and not tcp.steps:
        return "nothing is read of the answer: write send or expect under tcp, or leave the condition out"
    if websocket is not UNSET and not websocket.awaits_message:
        return "no message is read: write send or expect under websocket, or leave the condition out"
    return ""


def reads_usual_cap(target: Target) -> bool:
    """Whether conditions read the body of an HTTP answer, up to the cap that no key states."""
    http = target.http
    if http is None or http.body_bytes_max != BODY_BYTES:
        return False
    return any(BODY in facts_named(condition) for condition in conditions_of(target))


def conditions_of(target: Target) -> Iterable[Condition]:
    """The conditions of a target that can be read."""
    texts = (*target.expect, *target.warnings)
    return (found for found in map(compiled, texts) if not isinstance(found, str))


def facts_of(target: Mapping[str, Any]) -> frozenset[str] | None:
    """The facts that the first probe of a target gives, which is plain data; None where a host's own callable may give any."""
    kind = next((key for key in target if key in KINDS), "")
    given, probe = _GIVEN.get(kind), target.get(kind)
    if given is None or not isinstance(probe, dict):
        return given
    url = probe.get("url")
    if kind == "http" and isinstance(url, str) and _is_never_encrypted(url, probe.get("follow_redirects")):
        given -= _CERTIFICATES
    if kind == "tcp" and not _begins_tls(probe):
        given -= _CERTIFICATES
    is_silent = kind in {"tcp", "websocket"} and not probe.get("send") and not _expects(probe)
    if is_silent or probe.get("method") == "HEAD" or probe.get("body_bytes_max") == 0:
        given -= {BODY}
    return given


def defaults_for(given: frozenset[str] | None, texts: Sequence[str]) -> tuple[int, ...]:
    """The positions of the default conditions by which a target can be judged whose probe gives these facts."""
    if given is None:
        return ()
    found = ((at, compiled(text)) for at, text in enumerate(texts))
    return tuple(at for at, each in found if isinstance(each, str) or facts_named(each) <= given)


def means_to_warn(target: Mapping[str, Any], text: str) -> bool:
    """Whether a default condition of `warn` means something on a target as plain data: its failure is not down anyway."""
    expected = target.get("expect")
    return target.get("upside_down") is not True and not (isinstance(expected, list) and text in expected)


# Most targets expect the same, and compiling a condition costs 20 microseconds.
@lru_cache(EXPECTATIONS_KEPT)
def compiled(text: str) -> Condition | str:
    """The condition that a text is, or why it is none."""
    try:
        return compile_condition(text)
    except ConditionError as error:
        return str(error)


def never_encrypted(target: Target) -> bool:
    """Whether no certificate can come: plain http that follows no redirect, or tcp in clear."""
    http = target.http
    if target.tcp is not None:
        return not target.tcp.is_encrypted
    return http is not None and _is_never_encrypted(http.url, http.follow_redirects)


def _begins_tls(tcp: dict[str, Any]) -> bool:
    """Whether a tcp probe, as plain data, begins TLS at some time."""
    return tcp.get("tls") is not None or any(step.get("starttls") is True for step in _steps(tcp))


def _expects(probe: dict[str, Any]) -> bool:
    """Whether a probe by tcp or WebSocket, as plain data, expects something."""
    return probe.get("expect") is not None or any(step.get("expect") is not None for step in _steps(probe))


def _steps(tcp: dict[str, Any]) -> list[dict[str, Any]]:
    stated = tcp.get("dialogue")
    return [step for step in stated if isinstance(step, dict)] if isinstance(stated, list | tuple) else []


def _is_never_encrypted(url: str, follow_redirects: object) -> bool:
    return follow_redirects is False and not url.lower().startswith("https:")
