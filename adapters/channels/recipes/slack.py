"""The `slack` channel: with a bot token one message that is kept up to date, with the steps in its thread."""

import re
from collections.abc import Generator
from typing import Any
from urllib.parse import urlencode

import msgspec

from ....domain.incidents.incident import TransitionKind
from ....domain.incidents.notice import Answer
from ....domain.limits import CHANNEL_ANSWER_BYTES_MAX, CHANNEL_PAGES_MAX
from ....domain.messages.notice_text import NoticeText
from ....domain.specification.chat_channels import Slack
from ....domain.specification.probe import Tls
from ....domain.units import NS_PER_MINUTE, NS_PER_S
from .recipe import GONE, JSON, RecipeReply, RecipeRequest, Sending, Steps, posted, text_at

EVENT = "watchkeeper_notice"
"""The type of the metadata of each message, which hold the key of its notice."""
ID = re.compile(r"[CDG][A-Z0-9]{6,}")
MEMORY = re.compile(r"([CDG][A-Z0-9]{6,40}) ([0-9]{1,20}\.[0-9]{1,20})")
NEVER = frozenset(
    [
        "account_inactive",
        "channel_not_found",
        "ekm_access_denied",
        "invalid_arguments",
        "invalid_auth",
        "invalid_blocks",
        "invalid_metadata_format",
        "is_archived",
        "missing_scope",
        "msg_too_long",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "restricted_action",
        "token_expired",
        "token_revoked",
        "too_many_attachments",
    ]
)
"""The errors that a repeat meets again. `not_in_channel` is none: the bot may be invited meanwhile."""
CANNOT_REWRITE = frozenset(
    ["cant_update_message", "edit_window_closed", "is_inactive", "message_not_found", "update_failed"]
)
NOWHERE: frozenset[int] = frozenset({404, GONE})


class SlackHookRecipe(msgspec.Struct, frozen=True):
    """Posts each notice as a message of its own; the answer names no message."""

    spec: Slack

    @property
    def url(self) -> str:
        return self.spec.url or ""

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        reply = yield posted(self.url, message_of(sending.text), never=NOWHERE)
        return reply.answer


class SlackBotRecipe(msgspec.Struct, frozen=True):
    """Posts one message a thread, rewrites it at each step, and answers the step in its thread."""

    spec: Slack

    @property
    def url(self) -> str:
        return f"{self.spec.api.rstrip('/')}/"

    @property
    def tls(self) -> Tls:
        return self.spec.tls

    def attempt(self, sending: Sending) -> Steps:
        parent = MEMORY.fullmatch(sending.memory)
        notice = sending.notice
        if parent is None or (notice.change is TransitionKind.OPENED and not notice.reminder):
            return (yield from self._begin(sending))
        channel, ts = parent[1], parent[2]
        if not notice.reminder:
            # It keeps the key of the notice that it was posted for.
            reply = yield self._call("chat.update", channel=channel, ts=ts, **message_of(sending.text))
            if reply.text("error") in CANNOT_REWRITE:
                return (yield from self._begin(sending))
            if fault := fault_of(reply):
                return fault
        return (yield from self._answer(sending, channel, ts))

    def _begin(self, sending: Sending) -> Steps:
        """Posts the first message of a thread, unless an earlier attempt did."""
        if sending.is_repeat:
            found = yield from self._looked_up(sending, "")
            if found is not None:
                return found
        reply = yield self._post(sending, channel=self.spec.channel or "")
        return fault_of(reply) or reply.accepted(f"{reply.text('channel')} {reply.text('ts')}")

    def _answer(self, sending: Sending, channel: str, ts: str) -> Steps:
        """Answers in the thread of a message, unless an earlier attempt did. A reminder is shown in the channel, too."""
        if sending.is_repeat:
            found = yield from self._looked_up(sending, ts, channel)
            if found is not None:
                return found
        loud = {"reply_broadcast": True} if sending.notice.reminder else {}
        reply = yield self._post(sending, channel=channel, thread_ts=ts, **loud)
        return fault_of(reply) or reply.accepted(f"{channel} {ts}")

    def _post(self, sending: Sending, **where: Any) -> RecipeRequest:
        metadata = {"event_type": EVENT, "event_payload": {"key": sending.notice.key}}
        return self._call("chat.postMessage", **where, **message_of(sending.text), metadata=metadata)

    def _call(self, method: str, **fields: Any) -> RecipeRequest:
        return posted(self.url + method, fields, headers=(*JSON, *self._login))

    @property
    def _login(self) -> tuple[tuple[str, str], ...]:
        return (("Authorization", f"Bearer {self.spec.token}"),)

    def _asked(self, method: str, **query: str) -> RecipeRequest:
        url = f"{self.url}{method}?{urlencode(query)}"
        return RecipeRequest(url, None, "GET", self._login, answer_bytes_max=CHANNEL_ANSWER_BYTES_MAX)

    def _looked_up(
        self, sending: Sending, ts: str, channel: str = ""
    ) -> Generator[RecipeRequest, RecipeReply, Answer | None]:
        """Looks for the message of an earlier attempt. Returns the answer where there is no need to post, or none to try now.

        A bot that may not read the channel posts once more.
        """
        channel = channel or (yield from self._channel_id())
        if not channel:
            return None
        since_s = (sending.notice.created_at_ns - NS_PER_MINUTE) // NS_PER_S
        how = {"channel": channel, "limit": "100", "include_all_metadata": "true", "oldest": f"{since_s}"}
        method, thread = ("conversations.replies", {"ts": ts}) if ts else ("conversations.history", {})
        reply = yield self._asked(method, **how, **thread)
        if not reply.answer.accepted:
            return reply.answer
        if reply.text("error") == "ratelimited":
            return fault_of(reply)
        for message in _listed(reply.document, "messages"):
            if text_at(message, "metadata", "event_payload", "key") == sending.notice.key:
                return reply.accepted(f"{channel} {ts or text_at(message, 'ts')}")
        return None

    def _channel_id(self) -> Generator[RecipeRequest, RecipeReply, str]:
        """Returns the id of the channel; empty where it is not found among the first pages of channels."""
        name = (self.spec.channel or "").removeprefix("#")
        if ID.fullmatch(name):
            return name
        kinds = "public_channel,private_channel"
        cursor: dict[str, str] = {}
        for _ in range(CHANNEL_PAGES_MAX):
            reply = yield self._asked("conversations.list", limit="100", types=kinds, **cursor)
            for channel in _listed(reply.document, "channels"):
                if text_at(channel, "name") == name:
                    return text_at(channel, "id")
            after = reply.text("response_metadata", "next_cursor")
            if not after:
                break
            cursor = {"cursor": after}
        return ""


def _listed(document: Any, key: str) -> list[Any]:
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, list) else []


def fault_of(reply: RecipeReply) -> Answer | None:
    """Returns the refusal that a reply is; None for one that says `ok`. Slack refuses with status 200, too."""
    if not reply.answer.accepted:
        return reply.answer
    document = reply.document
    if isinstance(document, dict) and document.get("ok") is True:
        return None
    error = reply.text("error")
    return reply.refused(error or "the answer does not say ok", for_good=error in NEVER)


def message_of(text: NoticeText) -> dict[str, Any]:
    """Returns a message in which no text is read as markup, a mention or a link."""
    said = "\n".join((text.title, *text.lines))
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "plain_text", "text": escaped(said), "emoji": False}}
    ]
    if text.link:
        link = escaped(text.link).replace("|", "%7C")
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"<{link}>"}]})
    return {"text": escaped(text.title), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def escaped(text: str) -> str:
    """Returns the text with the three characters that begin Slack's own words written as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
