"""Conditions that mean nothing, or that ask a probe for what it never gives."""

from functools import lru_cache

from ..conditions.condition import compile_condition, facts_named
from ..conditions.facts import BODY
from ..errors import ConditionError
from ..limits import BODY_BYTES, EXPECTATIONS_KEPT
from ..specification.target import Target

_GIVEN: dict[str, frozenset[str]] = {
    "http": frozenset({"STATUS", "BODY", "CONNECTED", "RESPONSE_TIME", "IP", "CERTIFICATE_EXPIRATION"}),
    "tcp": frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"}),
    "exec": frozenset({"BODY", "RESPONSE_TIME"}),
}
"""The facts of each probe kind; a host's own report (call, heartbeat) may have any."""


def condition_fault(text: str, target: Target) -> str:
    """The fault of a condition on this target; empty when there is none."""
    named = _named(text)
    if isinstance(named, str):
        return named
    given = _GIVEN.get(target.kind)
    if given is None:
        return ""
    missing = sorted(named - given)
    if missing:
        known = ", ".join(f"[{name}]" for name in sorted(given))
        return f"a {target.kind} probe gives no [{missing[0]}]: it gives {known}"
    if "CERTIFICATE_EXPIRATION" in named and never_encrypted(target):
        return "there is no certificate without https: change the url or leave the condition out"
    if BODY in named and never_read(target):
        return "nothing of the body is read: raise body_bytes_max under http or leave the condition out"
    return ""


def never_read(target: Target) -> bool:
    """Whether every body is cut before its first byte."""
    return target.http is not None and not target.http.body_bytes_max


def reads_usual_cap(target: Target) -> bool:
    """Whether conditions read the body of an HTTP answer, up to the cap that no key states."""
    http = target.http
    if http is None or http.body_bytes_max != BODY_BYTES:
        return False
    return any(BODY in named for named in map(_named, target.expect) if not isinstance(named, str))


# Most targets expect the same, and compiling a condition costs 20 microseconds.
@lru_cache(EXPECTATIONS_KEPT)
def _named(text: str) -> frozenset[str] | str:
    """The facts that a condition names, or why it is none."""
    try:
        return facts_named(compile_condition(text))
    except ConditionError as error:
        return str(error)


def never_encrypted(target: Target) -> bool:
    """Whether no certificate can come: plain http that follows no redirect."""
    http = target.http
    return http is not None and not http.follow_redirects and not http.url.lower().startswith("https:")
