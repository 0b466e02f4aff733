"""The `discord` channel: one message by a webhook, which is rewritten at each step."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Answer, Notice
from ....domain.line import cut
from ....domain.messages.notice_text import NoticeText
from ....domain.specification.chat_channels import Discord
from ....domain.specification.probe import Tls
from .recipe import GONE, RecipeReply, Sending, Steps, posted

ID = re.compile(r"[0-9]{1,20}")
MARKUP = re.compile(r"(https?://\S+)|([\\*_~`|>#\[\]()])")
"""A link, in which a backslash would stay, or a character that formats."""
DESCRIPTION_CHARACTERS = 4_096
"""The longest description that Discord takes."""
NEVER = frozenset({400, 401, 403, 404, GONE})
COLOURS = {"critical": 0xD92D20, "warning": 0xDC6803, "info": 0x1570EF, "resolved": 0x079455}


class DiscordRecipe(msgspec.Struct, frozen=True):
    """Posts with `wait`, so that the answer names the message; a reminder is a new one, because a rewritten one is silent."""

    spec: Discord

    @property
    def url(self) -> str:
        return self.spec.url

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        notice, document = sending.notice, message_of(sending.text, sending.notice)
        known = ID.fullmatch(sending.memory)
        if known is not None and not notice.reminder and notice.change is not TransitionKind.OPENED:
            rewritten = yield posted(
                self._at(f"/messages/{known[0]}"), document, method="PATCH", never=NEVER - {404}
            )
            if rewritten.status != 404:
                return answer_of(rewritten, sending.memory)
        reply = yield posted(self._at("", wait="true"), document, never=NEVER)
        # A reminder does not take the place of the message that is rewritten.
        is_first = known is None or not notice.reminder
        return answer_of(reply, reply.text("id") if is_first else sending.memory)

    def _at(self, path: str, **query: str) -> str:
        """Returns the URL of the webhook with a path and a query added; it may name a thread itself."""
        parts = urlsplit(self.spec.url)
        asked = urlencode({**dict(parse_qsl(parts.query)), **query})
        return parts._replace(path=parts.path.rstrip("/") + path, query=asked).geturl()


def answer_of(reply: RecipeReply, memory: str) -> Answer:
    """Returns the answer to the attempt; the wait stands in the body of a refusal."""
    if reply.answer.accepted:
        return reply.accepted(memory)
    document = reply.document
    wait = document.get("retry_after") if isinstance(document, dict) else None
    return reply.refused(reply.text("message"), for_good=not reply.answer.retryable, retry_after=wait)


def message_of(text: NoticeText, notice: Notice) -> dict[str, Any]:
    """Returns a message that mentions nobody and formats nothing."""
    is_end = notice.change is TransitionKind.RESOLVED
    shown = "resolved" if is_end else notice.incident.severity.value
    lines = "\n".join(filter(None, (plain(text.body), text.link)))
    return {
        "content": plain(text.title),
        "embeds": [{"description": cut(lines, DESCRIPTION_CHARACTERS), "color": COLOURS[shown]}],
        "allowed_mentions": {"parse": []},
    }


def plain(text: str) -> str:
    """Returns the text with a backslash before each character that would format it."""
    return MARKUP.sub(lambda found: found[1] or f"\\{found[2]}", text)
