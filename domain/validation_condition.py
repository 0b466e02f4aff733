"""Conditions that mean nothing, or that ask a probe for what it never gives."""

from .condition import compile_condition
from .condition_operand import InDocument, Named, WholeBody
from .errors import ConditionError
from .target import Target

_GIVEN: dict[str, frozenset[str]] = {
    "http": frozenset({"STATUS", "BODY", "CONNECTED", "RESPONSE_TIME", "IP", "CERTIFICATE_EXPIRATION"}),
    "tcp": frozenset({"CONNECTED", "RESPONSE_TIME", "IP", "BODY"}),
    "exec": frozenset({"STATUS", "BODY", "RESPONSE_TIME", "CONNECTED"}),
}
"""The facts of each probe kind; a host's own report (call, heartbeat) may have any."""


class Conditions:
    """Reads the conditions of one configuration, each text once."""

    def __init__(self) -> None:
        self._read: dict[str, frozenset[str] | str] = {}

    def fault(self, text: str, target: Target) -> str:
        """What is wrong with a condition on this target; empty when nothing is."""
        named = self._named(text)
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

    def _named(self, text: str) -> frozenset[str] | str:
        if text not in self._read:
            try:
                comparison = compile_condition(text).comparison
            except ConditionError as error:
                self._read[text] = str(error)
            else:
                sides = (getattr(comparison, side, None) for side in ("reader", "left", "right"))
                self._read[text] = frozenset(name for side in sides for name in _names(side))
        return self._read[text]


def _names(operand: object) -> tuple[str, ...]:
    operand = getattr(operand, "inner", operand)
    match operand:
        case Named(text=text):
            return (text.strip().strip("[]").upper(),)
        case WholeBody():
            return ("BODY",)
        case InDocument(source=source):
            return (source.upper(),)
        case _:
            return ()


def never_encrypted(target: Target) -> bool:
    """Whether no certificate can come: plain http that follows no redirect."""
    http = target.http
    return http is not None and not http.follow_redirects and not http.url.lower().startswith("https:")
