"""The demands on an answer besides that it is whole: its version of HTTP, its encryption, and its header."""

import msgspec
from msgspec import UNSET

from ...domain.conditions.expression import Expression
from ...domain.conditions.header import http_version, last_header, values_of
from ...domain.limits import HEADER_LINES_MAX, HEADER_VALUE_CHARACTERS_MAX
from ...domain.line import one_line
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.http.header_rules import HeaderRule
from ...domain.specification.probe import Http
from ..net.system_errors import UP, SystemErrorMeaning
from .destination import Origin
from .exchange import HttpAnswer

_NO_PROTOCOL = "no application protocol"
"""The alert of a server that speaks none of the versions that were offered in the handshake."""


class ReadyRule(msgspec.Struct, frozen=True):
    """A rule for a header, with its expression compiled."""

    rule: HeaderRule
    expression: Expression

    def fault(self, header: bytes) -> str:
        """Why the header of an answer breaks the rule; empty where it does not."""
        rule = self.rule
        values = list(values_of(rule.header.lower(), header))
        if not values:
            return "" if rule.may_be_missing else f"the answer has no header {rule.header}"
        if len(values) > HEADER_LINES_MAX:
            return f"the answer has the header {rule.header} more than {HEADER_LINES_MAX} times"
        found = [each for each in values if self.expression.matches(each)]
        if rule.not_matches is not None:
            return (
                f"the header {rule.header} is {_shown(found[0])}, which matches {rule.not_matches}"
                if found
                else ""
            )
        return (
            ""
            if found
            else f"the header {rule.header} is {_shown(values[0])}, which does not match {rule.matches}"
        )


class Demands:
    """The demands of one specification, made ready to be held against its answers."""

    def __init__(self, spec: Http) -> None:
        self._versions = () if spec.versions is UNSET else spec.versions
        self._encryption = "any" if spec.encryption is UNSET else spec.encryption
        rules = () if spec.header_rules is UNSET else spec.header_rules
        self._rules = tuple(ReadyRule(rule, Expression.compile(rule.pattern)) for rule in rules)

    def of_each(self, answer: HttpAnswer, verdict: SystemErrorMeaning) -> SystemErrorMeaning:
        """The verdict on an answer, which may be a redirect, once its version is judged."""
        if not self._versions:
            return verdict
        wanted = " or ".join(self._versions)
        if verdict[0] is not Outcome.UP:
            # Both libraries say so in the words of the alert.
            if _NO_PROTOCOL not in answer.message:
                return verdict
            return (
                Outcome.DOWN,
                Reason.VERSION_REFUSED,
                f"the server refuses HTTP {wanted} in the TLS handshake",
            )
        version = http_version(answer.header)
        if version in self._versions:
            return verdict
        return (
            Outcome.DOWN,
            Reason.VERSION_REFUSED,
            f"the answer is in HTTP {version}, and may be in {wanted} only",
        )

    def refusal_of_clear(self) -> SystemErrorMeaning | None:
        """Why a redirect in clear cannot be followed; None where it can."""
        if not self._versions or {"1.0", "1.1"} & set(self._versions):
            return None
        wanted = " or ".join(self._versions)
        return (
            Outcome.DOWN,
            Reason.VERSION_REFUSED,
            f"the redirect leads to http, where HTTP {wanted} is not offered",
        )

    def of_last(self, answer: HttpAnswer, origin: Origin) -> SystemErrorMeaning:
        """The verdict on a whole answer that is no redirect to follow: UP where it is as it must be."""
        if self._encryption == "required" and origin.scheme != "https":
            said = f"the answer of {origin.host_header} came in clear, and encryption is required"
            return Outcome.DOWN, Reason.ENCRYPTION_REFUSED, said
        if self._encryption == "forbidden" and origin.scheme == "https":
            said = f"the answer of {origin.host_header} came by TLS, and encryption is forbidden"
            return Outcome.DOWN, Reason.ENCRYPTION_REFUSED, said
        if not self._rules:
            return UP
        header = last_header(answer.header)
        fault = next(filter(None, (rule.fault(header) for rule in self._rules)), "")
        return (Outcome.DOWN, Reason.HEADER_REFUSED, one_line(fault)) if fault else UP


def _shown(value: str) -> str:
    cut = value[:HEADER_VALUE_CHARACTERS_MAX]
    return f"{cut!r}…" if len(value) > len(cut) else repr(value)
