"""The form of a recipe: the requests of one attempt as a generator, which is sent the reply to each."""

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from ....domain.incidents.notice import Answer, Notice
from ....domain.limits import (
    CHANNEL_ANSWER_BYTES_MAX,
    INTEGER_MAX,
    NOTICE_ANSWER_BYTES_MAX,
    RETRY_AFTER_NS_MAX,
)
from ....domain.line import one_line
from ....domain.messages.notice_text import NoticeText, notice_text
from ....domain.observation.outcome import Reason
from ....domain.specification.probe import Tls
from ....domain.units import NS_PER_S
from ...http.exchange import Headers, HttpAnswer
from ...http.failures import ends_in_header, speaks_http, verdict_of
from ..retry_after import retry_after_ns

GONE = 410
"""The one status by which any receiver says that it never wants anything again; another refusal may be a mistake."""
JSON: Headers = (("Content-Type", "application/json"),)


class RecipeRequest(NamedTuple):
    """One request of an attempt. The URL and the headers come from a specification that was validated."""

    url: str
    body: bytes | None
    method: str = "POST"
    headers: Headers = JSON
    accepted: tuple[str, ...] = ("2xx",)
    """The statuses that accept it, each a number or a class such as `2xx`."""
    never: frozenset[int] = frozenset({GONE})
    """The statuses by which the receiver refuses it for good."""
    answer_bytes_max: int = NOTICE_ANSWER_BYTES_MAX
    """How much of the answer's body is read."""


class RecipeReply(NamedTuple):
    """The answer to one request."""

    answer: Answer
    """The judgement by its status alone."""
    status: int = 0
    """0 where none came."""
    body: bytes = b""
    wait_ns: int | None = None
    """The wait that its header asks for."""

    @property
    def document(self) -> Any:
        """The body as plain data; None where it is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def text(self, *path: str | int) -> str:
        """Returns the text or whole number at a place of the document; empty where there is none."""
        return text_at(self.document, *path)

    def accepted(self, memory: str = "") -> Answer:
        """Returns that the notice was taken, with what is to be kept for the next one of its thread."""
        return Answer(accepted=True, detail=self.answer.detail, memory=memory)

    def refused(self, says: str, *, for_good: bool = False, retry_after: Any = None) -> Answer:
        """Returns that the notice was not taken, with the receiver's words; `retry_after` is a number of seconds, if any."""
        asked_ns = seconds_ns(retry_after)
        wait_ns = self.wait_ns if asked_ns is None else asked_ns
        detail = one_line(": ".join(filter(None, (self.answer.detail, says))))
        return Answer(
            accepted=False,
            retryable=not for_good,
            retry_after_ns=None if for_good else wait_ns,
            detail=detail,
        )


class Sending(NamedTuple):
    """One attempt: all that a recipe may know of it."""

    notice: Notice
    attempt: int
    now_wall_ns: int
    memory: str = ""
    """The words that the channel kept with the last notice of the thread; empty before the first."""
    address: str = ""
    """The address of the page; empty where there is none."""

    @property
    def is_repeat(self) -> bool:
        """Whether an earlier attempt may have been taken without an answer."""
        return self.attempt > 1

    @property
    def text(self) -> NoticeText:
        """The words of the notice, with how late they are. Raises: ValueError for a moment outside the calendar."""
        return notice_text(self.notice, self.address, self.now_wall_ns)


Steps: TypeAlias = Generator[RecipeRequest, RecipeReply, Answer]


class Recipe(Protocol):
    """A receiver: how one attempt is made with it."""

    @property
    def url(self) -> str:
        """An address of the receiver, which is looked at before the first attempt."""
        ...

    @property
    def tls(self) -> Tls: ...

    def attempt(self, sending: Sending) -> Steps:
        """Yields each request, takes its reply, and returns the answer to the attempt.

        Raises: ValueError for a notice that can never be written down.
        """
        ...


def posted(url: str, document: Mapping[str, Any], **how: Any) -> RecipeRequest:
    """Returns the request that posts a document as JSON, whose answer is read."""
    return RecipeRequest(url, msgspec.json.encode(document), answer_bytes_max=CHANNEL_ANSWER_BYTES_MAX, **how)


def text_at(document: Any, *path: str | int) -> str:
    """Returns the text or whole number at a place of foreign data; empty where there is none."""
    for step in path:
        match document, step:
            case dict(), str():
                document = document.get(step)
            case list(), int() if -len(document) <= step < len(document):
                document = document[step]
            case _:
                return ""
    if isinstance(document, int) and not isinstance(document, bool) and abs(document) <= INTEGER_MAX:
        return str(document)
    return document if isinstance(document, str) else ""


def seconds_ns(value: Any) -> int | None:
    """Returns a wait in seconds that stands in an answer, at most a year; None for what is no length of time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN alone
        return None
    # Compared before it is multiplied: it may be infinite, or an integer of a thousand digits.
    return round(min(max(value, 0), RETRY_AFTER_NS_MAX // NS_PER_S) * NS_PER_S)


def accepts(accepted: tuple[str, ...], status: int) -> bool:
    """Whether a status is one of those that accept."""
    return any(each in {str(status), f"{status // 100}xx"} for each in accepted)


def reply_of(
    request: RecipeRequest, answer: HttpAnswer, now_wall_ns: int, *, secure: bool, literal: bool = False
) -> RecipeReply:
    """Judges the receiver's response by its status: an accepting one counts however the body ended.

    Only what can never succeed is not retried: a receiver that is gone, and a `literal` address that is denied. A name that
    leads to a denied address may lead elsewhere later.
    """
    status, body = answer.status, answer.body
    accepted = accepts(request.accepted, status)
    wait_ns = retry_after_ns(answer.header, now_wall_ns)
    if accepted and speaks_http(answer.header) and not ends_in_header(answer.header):
        return RecipeReply(Answer(accepted=True, detail=f"HTTP {status}"), status, body, wait_ns)
    if status >= 200 and not accepted and not answer.code:
        retryable = status not in request.never
        asked_ns = wait_ns if retryable else None
        refusal = Answer(
            accepted=False, retryable=retryable, retry_after_ns=asked_ns, detail=f"HTTP {status}"
        )
        return RecipeReply(refusal, status, body, wait_ns)
    _, reason, detail = verdict_of(answer, secure=secure)
    said = one_line(f"{reason.value}: {detail}" if detail else reason.value)
    never = reason is Reason.ADDRESS_REFUSED and literal
    return RecipeReply(Answer(accepted=False, retryable=not never, detail=said))
