"""The `alertmanager` channel: API v2; the labels of an alert are its identity, so a repeat is the same alert."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ....domain.incidents.digest import Digest
from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Notice
from ....domain.limits import ALERTS_OF_A_POST
from ....domain.line import escaped, one_line
from ....domain.messages.notice_text import NoticeText
from ....domain.specification.paging_channels import Alertmanager
from ....domain.specification.probe import Tls
from ....domain.specification.rule import Severity
from ....domain.specification.text import as_pairs
from ....domain.time.duration import parse_duration
from ....domain.time.moment import wall_text
from ....domain.units import NS_PER_MINUTE
from ...http.exchange import completed
from .recipe import GONE, JSON, RecipeRequest, Sending, Steps

NEVER = frozenset({400, 404, GONE})
MAY_BE_OTHER = frozenset({TransitionKind.CHANGED, TransitionKind.RESOLVED})
"""The steps at which the severity may be another than before."""
OTHER = re.compile(r"[^A-Za-z0-9_]")
"""The characters that the name of a label of Prometheus may not have."""


class AlertmanagerRecipe(msgspec.Struct, frozen=True):
    """Posts alerts that fire for `ends_after`, or until the notice of their end; those of a large digest in several posts.

    Where one of the posts fails, the next attempt begins with the first again, which then changes nothing.
    """

    spec: Alertmanager

    @property
    def url(self) -> str:
        return f"{self.spec.url.rstrip('/')}/api/v2/alerts"

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        headers = completed(as_pairs(self.spec.headers), JSON)
        left = self._alerts(sending)
        alerts = [*islice(left, ALERTS_OF_A_POST)]
        while True:
            # Each post is written when the one before was taken: between two of them the loop does other work.
            body = msgspec.json.encode(alerts)
            reply = yield RecipeRequest(self.url, body, headers=headers, never=NEVER)
            alerts = [*islice(left, ALERTS_OF_A_POST)]
            if not reply.answer.accepted or not alerts:
                return reply.answer

    def _alerts(self, sending: Sending) -> Iterator[dict[str, Any]]:
        notice, text = sending.notice, sending.text
        until_ns = notice.created_at_ns + parse_duration(self.spec.ends_after)
        link = {"generatorURL": text.link} if text.link else {}
        for alert in _of_digest(notice.digest) if notice.digest else (_of_incident(notice, text),):
            said = {
                "startsAt": wall_text(alert.opened_at_ns),
                "annotations": {name: said for name, said in alert.annotations.items() if said},
                **link,
            }
            ends_ns = until_ns if alert.ended_at_ns is None else alert.ended_at_ns
            yield {**said, "labels": alert.labelled(alert.severity), "endsAt": wall_text(ends_ns)}
            if alert.change in MAY_BE_OTHER and not notice.is_test:
                # An alert of another severity has other labels: the one that an earlier step may have opened ends.
                for severity in (each for each in Severity if each is not alert.severity):
                    yield {**said, "labels": alert.labelled(severity), "endsAt": wall_text(alert.at_ns)}


class Alert(NamedTuple):
    """One alert, of an incident or of a member of a digest."""

    rule: str
    target: str
    severity: Severity
    change: TransitionKind
    labels: tuple[tuple[str, str], ...]
    annotations: dict[str, str]
    opened_at_ns: int
    at_ns: int
    ended_at_ns: int | None

    def labelled(self, severity: Severity) -> dict[str, str]:
        """Returns its identity with this severity."""
        given = {OTHER.sub("_", name): escaped(text) for name, text in self.labels if text}
        own = {"alertname": escaped(self.rule), "target": escaped(self.target), "severity": severity.value}
        return {**given, **own}


def _of_incident(notice: Notice, text: NoticeText) -> Alert:
    incident, stated = notice.incident, notice.incident.metadata
    ended_ns = None if incident.is_open else incident.at_ns
    return Alert(
        incident.rule,
        incident.target,
        incident.severity,
        notice.change,
        (*stated.labels, ("group", stated.group), ("drill", "true" if notice.is_drill else "")),
        {"summary": text.title, "description": text.body, "runbook_url": stated.runbook},
        incident.opened_at_ns,
        incident.at_ns,
        notice.created_at_ns + NS_PER_MINUTE if notice.is_test else ended_ns,
    )


def _of_digest(digest: Digest) -> Iterator[Alert]:
    """Yields the alerts of its members, and of the others, which are so renewed."""
    for member in (*digest.members, *digest.others):
        mark = member.severity.value if member.is_open else "resolved"
        words = {"summary": one_line(f"[{mark}] {member.target}: {member.rule}"), "description": member.cause}
        yield Alert(
            member.rule,
            member.target,
            member.severity,
            member.change,
            digest.labels,
            words,
            member.opened_at_ns,
            member.at_ns,
            None if member.is_open else member.at_ns,
        )
