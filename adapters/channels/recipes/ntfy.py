"""The `ntfy` channel: one notification a thread on each phone; the next step takes its place."""

from base64 import b64encode

import msgspec

from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Notice
from ....domain.specification.chat_channels import Ntfy
from ....domain.specification.probe import Tls
from ...http.exchange import Headers
from .recipe import GONE, RecipeRequest, Sending, Steps

PRIORITIES = {"critical": "5", "warning": "4", "info": "3"}
TAGS = {"critical": "rotating_light", "warning": "warning", "info": "information_source"}
CALM = "3"
"""The usual priority, for all that asks nobody to hurry."""
NEVER = frozenset({400, 401, 403, 404, GONE})


class NtfyRecipe(msgspec.Struct, frozen=True):
    """Publishes under the id of the thread: a message of the same id replaces the one that is shown."""

    spec: Ntfy

    @property
    def url(self) -> str:
        return f"{self.spec.server.rstrip('/')}/{self.spec.topic}"

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        text, notice = sending.text, sending.notice
        headers = (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Title", ascii_header(text.title)),
            *_urgency(notice),
            ("X-Sequence-ID", notice.thread_id),
            *((("Click", text.link),) if text.link else ()),
            *((("Authorization", f"Bearer {self.spec.token}"),) if self.spec.token else ()),
        )
        reply = yield RecipeRequest(self.url, text.body.encode(), "PUT", headers, never=NEVER)
        if reply.answer.accepted:
            return reply.answer
        return reply.refused(reply.text("error"), for_good=not reply.answer.retryable)


def _urgency(notice: Notice) -> Headers:
    severity = notice.incident.severity.value
    if notice.change in {TransitionKind.OPENED, TransitionKind.CHANGED}:
        return (("Priority", PRIORITIES[severity]), ("Tags", TAGS[severity]))
    if notice.is_test:
        return (("Priority", CALM), ("Tags", "test_tube"))
    tag = "eyes" if notice.change is TransitionKind.ACKNOWLEDGED else "white_check_mark"
    return (("Priority", CALM), ("Tags", tag))


def ascii_header(text: str) -> str:
    """Returns the text as a header holds it: by RFC 2047 where it is not ASCII."""
    return text if text.isascii() else f"=?UTF-8?B?{b64encode(text.encode()).decode()}?="
