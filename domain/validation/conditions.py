"""Conditions that mean nothing, or that ask a probe for what it never gives."""

from functools import lru_cache

from ..conditions.condition import compile_condition, facts_named
from ..errors import ConditionError
from ..limits import EXPECTATIONS_KEPT
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
    return ""


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
