"""The `telegram` channel: one message by a bot, which is rewritten at each step and answered."""

import re
from typing import Any

import msgspec

from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Answer
from ....domain.specification.chat_channels import Telegram
from ....domain.specification.probe import Tls
from .recipe import GONE, RecipeReply, RecipeRequest, Sending, Steps, posted

ID = re.compile(r"[0-9]{1,20}")
NEVER = frozenset({400, 401, 403, 404, GONE})
CANNOT_REWRITE = 400
"""The status for a message that says so already, was deleted, or is too old."""


class TelegramRecipe(msgspec.Struct, frozen=True):
    """Sends plain text: without a parse mode nothing in it is markup."""

    spec: Telegram

    @property
    def url(self) -> str:
        return f"{self.spec.api.rstrip('/')}/bot{self.spec.token}/"

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        notice, known = sending.notice, ID.fullmatch(sending.memory)
        if known is None or (notice.change is TransitionKind.OPENED and not notice.reminder):
            reply = yield self._call("sendMessage", sending, **self._topic)
            return answer_of(reply, reply.text("result", "message_id"))
        message = int(known[0])
        if not notice.reminder:
            reply = yield self._call("editMessageText", sending, message_id=message)
            if not reply.answer.accepted and reply.status != CANNOT_REWRITE:
                return answer_of(reply, "")
        parent = {"message_id": message, "allow_sending_without_reply": True}
        reply = yield self._call("sendMessage", sending, reply_parameters=parent, **self._topic)
        return answer_of(reply, sending.memory)

    @property
    def _topic(self) -> dict[str, Any]:
        return {} if self.spec.topic is None else {"message_thread_id": self.spec.topic}

    def _call(self, method: str, sending: Sending, **fields: Any) -> RecipeRequest:
        said = {"text": sending.text.whole, "link_preview_options": {"is_disabled": True}}
        return posted(self.url + method, {"chat_id": self.spec.chat, **said, **fields}, never=NEVER)


def answer_of(reply: RecipeReply, memory: str) -> Answer:
    """Returns the answer to the attempt; the wait stands in the body of a refusal."""
    if reply.answer.accepted:
        return reply.accepted(memory)
    document = reply.document
    asked = document.get("parameters") if isinstance(document, dict) else None
    wait = asked.get("retry_after") if isinstance(asked, dict) else None
    return reply.refused(reply.text("description"), for_good=not reply.answer.retryable, retry_after=wait)
