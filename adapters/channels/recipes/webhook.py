"""The `webhook` channel: one request per attempt, the same bytes and the same id every time."""

import json
from collections.abc import Callable
from urllib.parse import quote_plus

import msgspec

from ....domain.incidents.notice import lateness_s
from ....domain.incidents.notice_body import notice_body
from ....domain.messages.notice_text import notice_text
from ....domain.messages.template import Template, values_of
from ....domain.specification.channel import Webhook
from ....domain.specification.probe import Tls
from ....domain.specification.text import as_pairs
from ....domain.units import NS_PER_S
from ...http.exchange import Headers, completed
from ..signature import signed_headers, signing_key
from .recipe import JSON, RecipeRequest, Sending, Steps

LATE = "watchkeeper-late"
"""The header of an attempt that tells of something that is no news any more: how many seconds ago it happened."""


class WebhookRecipe(msgspec.Struct, frozen=True):
    """Posts the document of a notice, or a template of the configuration, with the headers of Standard Webhooks."""

    spec: Webhook

    @property
    def url(self) -> str:
        return self.spec.url

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        spec, notice = self.spec, sending.notice
        body = notice_body(notice) if spec.body is None else self._filled(spec.body, sending)
        at_s = sending.now_wall_ns // NS_PER_S
        signed = signed_headers(notice.key, at_s, body, signing_key(spec.secret))
        late_s = lateness_s(notice, sending.now_wall_ns)
        late = () if late_s is None else ((LATE, str(late_s)),)
        headers = (*completed(self._given(), JSON), *signed, *late)
        accepted = tuple(str(each) for each in spec.accepted)
        reply = yield RecipeRequest(spec.url, body, spec.method, headers, accepted)
        return reply.answer

    def _filled(self, template: str, sending: Sending) -> bytes:
        # Without the present time, so that a repeat has the same bytes.
        values = values_of(sending.notice, notice_text(sending.notice, sending.address))
        return Template(template).fill(values, escape_for(self.spec.media_type)).encode(errors="replace")

    def _given(self) -> Headers:
        """The headers as written, but for those that are the messenger's own to say."""
        return tuple(
            pair for pair in as_pairs(self.spec.headers) if not pair[0].lower().startswith(("webhook-", LATE))
        )


def escape_for(media_type: str) -> Callable[[str], str]:
    """Returns how a value is written in a body of this type: inside the quotes of JSON, in a form, or as it is."""
    if media_type.endswith(("/json", "+json")):
        return lambda value: json.dumps(value, ensure_ascii=False)[1:-1]
    return quote_plus if media_type == "application/x-www-form-urlencoded" else str
