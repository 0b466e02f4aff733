"""The `alertmanager` channel: API v2; the labels of an alert are its identity, so a repeat is the same alert."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ....domain.incidents.incident import Incident, TransitionKind
from ....domain.messages.notice_text import NoticeText
from ....domain.specification.paging_channels import Alertmanager
from ....domain.specification.probe import Tls
from ....domain.specification.rule import Severity
from ....domain.specification.text import as_pairs
from ....domain.time.duration import parse_duration
from ....domain.time.moment import wall_text
from ....domain.units import NS_PER_MINUTE
from ...http.exchange import completed
from .recipe import GONE, JSON, Request, Sending, Steps

NEVER = frozenset({400, 404, GONE})
MAY_BE_OTHER = frozenset({TransitionKind.CHANGED, TransitionKind.RESOLVED})
"""The steps at which the severity may be another than before."""
OTHER = re.compile(r"[^A-Za-z0-9_]")
"""The characters that the name of a label of Prometheus may not have."""


class AlertmanagerRecipe(msgspec.Struct, frozen=True):
    """Posts alerts that fire for `ends_after`, or until the notice of their end."""

    spec: Alertmanager

    @property
    def url(self) -> str:
        return f"{self.spec.url.rstrip('/')}/api/v2/alerts"

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        body = msgspec.json.encode([*self._alerts(sending)])
        headers = completed(as_pairs(self.spec.headers), JSON)
        reply = yield Request(self.url, body, headers=headers, never=NEVER)
        return reply.answer

    def _alerts(self, sending: Sending) -> Iterator[dict[str, Any]]:
        notice, incident = sending.notice, sending.notice.incident
        words = _annotations(sending.text, incident)
        until_ns = notice.created_at_ns + parse_duration(self.spec.ends_after)
        if notice.is_test:
            until_ns = notice.created_at_ns + NS_PER_MINUTE
        elif not incident.is_open:
            until_ns = incident.at_ns
        alert = {"startsAt": wall_text(incident.opened_at_ns), "annotations": words}
        if sending.text.link:
            alert["generatorURL"] = sending.text.link
        yield {**alert, "labels": _labels(incident, incident.severity), "endsAt": wall_text(until_ns)}
        if notice.change in MAY_BE_OTHER and not notice.is_test:
            # An alert of another severity has other labels: the one that an earlier step may have opened ends.
            for severity in (each for each in Severity if each is not incident.severity):
                ended = {"labels": _labels(incident, severity), "endsAt": wall_text(incident.at_ns)}
                yield {**alert, **ended}


def _labels(incident: Incident, severity: Severity) -> dict[str, str]:
    stated = incident.metadata
    given = {OTHER.sub("_", name): text for name, text in stated.labels}
    group = {"group": stated.group} if stated.group else {}
    own = {"alertname": incident.rule, "target": incident.target, "severity": severity.value}
    return {**given, **group, **own}


def _annotations(text: NoticeText, incident: Incident) -> dict[str, str]:
    words = {"summary": text.title, "description": text.body, "runbook_url": incident.metadata.runbook}
    return {name: said for name, said in words.items() if said}
