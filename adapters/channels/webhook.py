"""The `webhook` channel: one JSON POST per attempt, the same bytes and the same id every time."""

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from ...domain.incidents.notice import Answer, Notice, lateness_s
from ...domain.incidents.notice_body import notice_body
from ...domain.limits import NOTICE_ANSWER_BYTES_MAX
from ...domain.line import one_line
from ...domain.observation.attempt import CancelOutcome
from ...domain.observation.outcome import Reason
from ...domain.specification.channel import Webhook
from ...domain.specification.text import as_pairs
from ...domain.time.moment import Deadline
from ...domain.units import NS_PER_S
from ..clock import MomentClock
from ..http.curl.transport import CurlTransport, Transfer
from ..http.destination import destination_of
from ..http.exchange import Headers, HttpAnswer, HttpShape, completed
from ..http.failures import ends_in_header, speaks_http, verdict_of
from ..http.naming import naming_of
from .retry_after import retry_after_ns
from .signature import signed_headers, signing_key

GONE = 410
"""The one status by which a receiver says that it never wants anything again; every other refusal may be a mistake."""

LATE = "watchkeeper-late"
"""The header of an attempt that tells of something that is no news any more: how many seconds ago it happened."""

OnAnswered = Callable[[Answer], None]


class WebhookMessenger:
    """Posts notices to one URL over a transport, which belongs to the object that made it and is closed by that.

    The specification was validated. Raises ConfigurationError, which never shows the URL, for one that cannot be requested.
    """

    def __init__(
        self,
        spec: Webhook,
        transport: CurlTransport,
        clock: MomentClock,
        *,
        deny_private_addresses: bool = False,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._key = signing_key(spec.secret)
        written = destination_of(spec.url)
        naming = naming_of(written, spec.tls)
        self._destination = naming.destination
        self._literal = written.literal
        self._shape = HttpShape(
            method="POST",
            headers=_headers_of(spec, naming.headers),
            body_bytes_max=NOTICE_ANSWER_BYTES_MAX,
            tls=spec.tls,
            connect_to=naming.connect_to,
            deny_private_addresses=deny_private_addresses,
        )

    def send(
        self, notice: Notice, attempt: int, deadline: Deadline, done: OnAnswered, memory: str = ""
    ) -> "Posting":
        """Begin one attempt; a redirect is a wrong answer, never followed."""
        try:
            body = notice_body(notice)
        except ValueError as error:
            # A notice that cannot be written down never can: it must not hold up those behind it.
            refusal = Answer(accepted=False, retryable=False, detail=one_line(str(error)))
            self._transport.soon(partial(done, refusal))
            return Posting(None)
        now = self._clock.read()
        signed = signed_headers(notice.key, now.wall_ns // NS_PER_S, body, self._key)
        late_s = lateness_s(notice, now.wall_ns)
        late = () if late_s is None else ((LATE, str(late_s)),)
        shape = replace(self._shape, headers=(*self._shape.headers, *signed, *late), body=body)
        shelf = self._transport.shelf_for_once(shape)

        def answered(answer: HttpAnswer) -> None:
            done(answer_of(answer, now.wall_ns, secure=self._destination.secure, literal=self._literal))

        return Posting(self._transport.start(shelf, self._destination, deadline, answered))

    def close(self) -> None:
        """Nothing is held: postings under way end when the transport is closed."""

    def __repr__(self) -> str:
        return f"WebhookMessenger(host={self._destination.origin.host})"


class Posting:
    """One attempt under way."""

    __slots__ = ("_outcome", "_transfer")

    def __init__(self, transfer: Transfer | None) -> None:
        self._transfer = transfer
        self._outcome: CancelOutcome | None = None

    def cancel(self) -> CancelOutcome:
        """Stop it now; UNKNOWN when the notice had left, for the receiver may act on it."""
        if self._transfer is None:
            return CancelOutcome.COMPLETED_ANYWAY
        if self._outcome is None:
            sent = self._transfer.request_was_sent()
            outcome = self._transfer.cancel()
            self._outcome = CancelOutcome.UNKNOWN if sent else outcome
        return self._outcome


def answer_of(answer: HttpAnswer, now_wall_ns: int, *, secure: bool, literal: bool = False) -> Answer:
    """Translates the receiver's response. Its body is ignored, so a 2xx is accepted however the body ended.

    Only what can never succeed is not retried: a receiver that is gone, and a `literal` address that is denied. A name that
    leads to a denied address may lead elsewhere later.
    """
    status = answer.status
    if 200 <= status < 300 and speaks_http(answer.header) and not ends_in_header(answer.header):
        return Answer(accepted=True, detail=f"HTTP {status}")
    if status >= 300 and not answer.code:
        retryable = status != GONE
        wait_ns = retry_after_ns(answer.header, now_wall_ns) if retryable else None
        return Answer(accepted=False, retryable=retryable, retry_after_ns=wait_ns, detail=f"HTTP {status}")
    _, reason, detail = verdict_of(answer, secure=secure)
    said = one_line(f"{reason.value}: {detail}" if detail else reason.value)
    never = reason is Reason.ADDRESS_REFUSED and literal
    return Answer(accepted=False, retryable=not never, detail=said)


def _headers_of(spec: Webhook, host: Headers) -> Headers:
    """The headers of every attempt as written, but for those that are the messenger's own to say."""
    given = tuple(
        pair for pair in as_pairs(spec.headers) if not pair[0].lower().startswith(("webhook-", LATE))
    )
    return completed(given, (*host, ("Content-Type", "application/json")))
