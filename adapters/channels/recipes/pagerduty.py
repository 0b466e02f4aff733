"""The `pagerduty` channel: Events API v2, one alert a thread."""

from typing import Any

import msgspec

from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Answer, Notice
from ....domain.line import one_line
from ....domain.messages.template import values_of
from ....domain.specification.paging_channels import PagerDuty
from ....domain.specification.probe import Tls
from ....domain.time.moment import wall_text
from .recipe import GONE, RecipeReply, RecipeRequest, Sending, Steps, posted

ACTIONS = {
    TransitionKind.OPENED: "trigger",
    TransitionKind.CHANGED: "trigger",
    TransitionKind.ACKNOWLEDGED: "acknowledge",
    TransitionKind.RESOLVED: "resolve",
}
NEVER = frozenset({400, 403, 404, GONE})
"""An event or an integration key that is none."""


class PagerDutyRecipe(msgspec.Struct, frozen=True):
    """Sends each step under the id of its thread, by which PagerDuty knows repeats."""

    spec: PagerDuty

    @property
    def url(self) -> str:
        return f"{self.spec.api.rstrip('/')}/v2/enqueue"

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        notice = sending.notice
        if notice.is_test:
            # The end of an alert that never was is shown nowhere, so a test opens one first.
            reply = yield self._event(sending, "trigger")
            if not reply.answer.accepted:
                return _judged(reply)
        reply = yield self._event(sending, _action(notice))
        return _judged(reply)

    def _event(self, sending: Sending, action: str) -> RecipeRequest:
        text, notice, stated = sending.text, sending.notice, sending.notice.incident.metadata
        document: dict[str, Any] = {
            "routing_key": self.spec.routing_key,
            "event_action": action,
            "dedup_key": notice.thread_id,
            "client": "watchkeeper",
            "payload": {
                "summary": text.title,
                "source": one_line(notice.incident.target),
                "severity": notice.incident.severity.value,
                "timestamp": wall_text(notice.said_at_ns),
                "component": one_line(notice.incident.rule),
                **({"group": one_line(stated.group)} if stated.group else {}),
                "custom_details": {name: value for name, value in values_of(notice, text).items() if value},
            },
        }
        if text.link:
            document |= {"client_url": text.link, "links": [{"href": text.link, "text": "watchkeeper"}]}
        return posted(self.url, document, never=NEVER)


def _action(notice: Notice) -> str:
    if notice.reminder:
        return "trigger"
    # A digest has one incident there, which somebody has seen once all that is open was acknowledged.
    if notice.digest and notice.change is TransitionKind.CHANGED and notice.digest.is_acknowledged:
        return ACTIONS[TransitionKind.ACKNOWLEDGED]
    return ACTIONS[notice.change]


def _judged(reply: RecipeReply) -> Answer:
    if reply.answer.accepted:
        return reply.answer
    says = reply.text("errors", 0) or reply.text("message")
    return reply.refused(says, for_good=not reply.answer.retryable)
