"""Tokens of OAuth 2.0 by client credentials (RFC 6749, 4.4): asked for by libcurl, and kept until shortly before they end.

A token is no attempt's own: one request for it is under way for each way to ask, however many attempts wait for it.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec
from msgspec.structs import replace

from ...domain.limits import (
    TOKEN_BYTES_MAX,
    TOKEN_CHARACTERS_MAX,
    TOKEN_KEPT_NS,
    TOKEN_MARGIN_NS,
    TOKEN_REQUEST_NS,
    TOKEN_SHARE_PERCENT,
    TOKEN_UNSTATED_NS,
    TOKENS_KEPT,
)
from ...domain.line import one_line
from ...domain.observation.attempt import CancelOutcome
from ...domain.observation.outcome import Outcome, Reason
from ...domain.policy import CachePolicy
from ...domain.specification.probe import OAuth2
from ...domain.specification.text import MASK, as_pairs
from ...domain.time.moment import Deadline, Moment
from ...domain.time.timers import Timer
from ...domain.units import NS_PER_S
from ..activity import Activity
from ..cache import Recent
from ..net.system_errors import SystemErrorMeaning
from .curl.transport import CurlTransport, Transfer
from .destination import Destination, destination_of
from .exchange import HttpAnswer, HttpShape, completed
from .failures import verdict_of
from .naming import naming_of

POLICY = CachePolicy(
    name="tokens of OAuth 2.0",
    key="everything about the request for one",
    owner="the prober of http",
    fresh_for_ns=TOKEN_KEPT_NS,
    entries_max=TOKENS_KEPT,
    invalidation="shortly before its end, and when the target answers 401",
)
ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,80}")
"""An error of RFC 6749 (5.2), which its server chooses."""
BEARER = re.compile(r"[\x21-\x7e]+")
WANTS_TOKEN = 401


class TokenQuestion(msgspec.Struct, frozen=True):
    """A request for a token; equal ones share the token."""

    shape: HttpShape
    destination: Destination


class AccessToken(msgspec.Struct, frozen=True):
    """A token, and until when it is used (monotonic)."""

    text: str
    until_ns: int

    def __repr__(self) -> str:
        return f"AccessToken(until_ns={self.until_ns})"


TokenAnswer = AccessToken | SystemErrorMeaning


class TokenWait(Activity):
    """One attempt that waits for a token."""

    _tokens: "Tokens"
    request: "TokenRequest"
    done: Callable[["TokenAnswer"], None]
    timer: Timer | None = None
    over: bool = False

    def cancel(self) -> CancelOutcome:
        """Waits no longer; the request goes on while another attempt waits for it."""
        if self.over:
            return CancelOutcome.COMPLETED_ANYWAY
        self._tokens.leave(self)
        return CancelOutcome.WITHOUT_EFFECT


class TokenRequest(Activity):
    """A request for a token under way, and the attempts that wait for it."""

    question: TokenQuestion
    waiting: list[TokenWait] = msgspec.field(default_factory=list)
    transfer: Transfer | None = None


class Tokens:
    """Asks for tokens and keeps them. Used on the loop's thread; the transport is its maker's to close."""

    def __init__(self, transport: CurlTransport) -> None:
        self._transport = transport
        self._kept: Recent[TokenQuestion, AccessToken] = Recent(POLICY)
        self._under_way: dict[TokenQuestion, TokenRequest] = {}

    def kept(self, question: TokenQuestion) -> AccessToken | None:
        """The token that is kept, if it is still to be used."""
        now_ns = self._transport.now_ns()
        token = self._kept.fresh(question, Moment(now_ns, 0))
        return token if token is not None and now_ns < token.until_ns else None

    def reject(self, question: TokenQuestion, token: AccessToken) -> None:
        """Forgets a token that the target has refused, unless there is a newer one."""
        if self._kept.fresh(question, Moment(self._transport.now_ns(), 0)) is token:
            self._kept.forget(question)

    def ask(
        self, question: TokenQuestion, deadline: Deadline, done: Callable[[TokenAnswer], None]
    ) -> TokenWait:
        """Asks for a token, or joins the request that is under way. `done` is called once, never from within, with a token or a verdict.

        It waits for its share of the time until the deadline.
        """
        now_ns = self._transport.now_ns()
        share_ns = max(0, deadline.monotonic_ns - now_ns) * TOKEN_SHARE_PERCENT // 100
        request = self._under_way.get(question) or self._begin(question, now_ns)
        wait = TokenWait(self, request, done)
        wait.timer = self._transport.call_at(now_ns + share_ns, partial(self._expire, wait))
        request.waiting.append(wait)
        return wait

    def _begin(self, question: TokenQuestion, now_ns: int) -> "TokenRequest":
        request = self._under_way[question] = TokenRequest(question)
        request.transfer = self._transport.start(
            self._transport.shelf_for_once(question.shape),
            question.destination,
            # The attempts that wait have timers of their own, and a later one may have more time than the first.
            Deadline(now_ns + TOKEN_REQUEST_NS),
            partial(self._answered, request, now_ns),
        )
        return request

    def _answered(self, request: TokenRequest, begun_ns: int, answer: HttpAnswer) -> None:
        question = request.question
        self._under_way.pop(question, None)
        said = token_of(answer, begun_ns, secure=question.destination.secure)
        if isinstance(said, AccessToken):
            self._kept.keep(question, said, begun_ns)
        waiting, request.waiting, request.transfer = request.waiting, [], None
        for wait in waiting:
            self._end(wait, said)

    def _expire(self, wait: TokenWait) -> None:
        self.leave(wait)
        text = f"no token came within {TOKEN_SHARE_PERCENT} % of the time that was left"
        wait.done((Outcome.TIMED_OUT, Reason.TOKEN_FAILED, text))

    def leave(self, wait: TokenWait) -> None:
        """Ends a wait; the request is given up with the last one."""
        self._stop(wait)
        request = wait.request
        if wait in request.waiting:
            request.waiting.remove(wait)
        if not request.waiting and request.transfer is not None:
            request.transfer.cancel()
            request.transfer = None
            self._under_way.pop(request.question, None)

    def _end(self, wait: TokenWait, said: TokenAnswer) -> None:
        if not wait.over:
            self._stop(wait)
            self._transport.tell(wait.done, said)

    @staticmethod
    def _stop(wait: TokenWait) -> None:
        wait.over = True
        timer, wait.timer = wait.timer, None
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Forgets all tokens, and ends every wait without a word. Requests under way end when the transport is closed."""
        self._kept.clear()
        for request in self._under_way.values():
            for wait in request.waiting:
                self._stop(wait)
            request.waiting.clear()

    def __repr__(self) -> str:
        return f"Tokens(kept={len(self._kept)}, under_way={len(self._under_way)})"


def question_of(spec: OAuth2, likewise: HttpShape) -> TokenQuestion:
    """The request for a token, by the proxy and the name server of the target that wants it."""
    naming = naming_of(destination_of(spec.token_url), spec.tls)
    fields = [("grant_type", "client_credentials")]
    if spec.scopes:
        fields.append(("scope", " ".join(spec.scopes)))
    fields += as_pairs(spec.parameters)
    headers = [("Accept", "application/json"), ("Content-Type", "application/x-www-form-urlencoded")]
    if spec.authentication == "body":
        fields += [("client_id", spec.client_id), ("client_secret", spec.client_secret)]
    else:
        # RFC 6749, 2.3.1: both are coded as in a form before they are joined by a colon.
        pair = f"{quote_plus(spec.client_id)}:{quote_plus(spec.client_secret)}".encode()
        headers.append(("Authorization", f"Basic {b64encode(pair).decode()}"))
    shape = HttpShape(
        method="POST",
        headers=completed(tuple(headers), naming.headers),
        body=urlencode(fields).encode(),
        body_bytes_max=TOKEN_BYTES_MAX,
        tls=spec.tls,
        connect_to=naming.connect_to,
        deny_private_addresses=likewise.deny_private_addresses,
        proxy=likewise.proxy,
        resolver=likewise.resolver,
    )
    return TokenQuestion(shape, naming.destination)


def token_of(answer: HttpAnswer, begun_ns: int, *, secure: bool) -> TokenAnswer:
    """The token that an answer gives, or why it gives none."""
    outcome, reason, detail = verdict_of(answer, secure=secure)
    if outcome is Outcome.UNKNOWN:
        return outcome, reason, one_line(f"no token: {detail}")
    if outcome is not Outcome.UP:
        return _none(f"{reason.value}: {detail}")
    if answer.body_cut:
        return _none(f"its server's answer is longer than {TOKEN_BYTES_MAX} bytes")
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    if answer.status != 200:
        return _none(f"its server answers {answer.status}{_error_in(said)}")
    text, kind = said.get("access_token"), said.get("token_type", "bearer")
    if not isinstance(text, str):
        return _none("the answer of its server has no access_token")
    if not BEARER.fullmatch(text) or len(text) > TOKEN_CHARACTERS_MAX:
        return _none("the answer of its server has an access_token that no header can hold")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return _none("the one in the answer of its server is of a type other than bearer")
    life_ns = _life_ns(said.get("expires_in"))
    return AccessToken(text, begun_ns + life_ns - min(TOKEN_MARGIN_NS, life_ns // 10))


def without_token(answer: HttpAnswer, token: AccessToken) -> HttpAnswer:
    """The answer without the token, which the target may repeat; no configuration states it, so that no mask knows it."""
    secret = token.text.encode()
    if secret not in answer.body and secret not in answer.header:
        return answer
    hidden = MASK.encode()
    body, header = answer.body.replace(secret, hidden), answer.header.replace(secret, hidden)
    return replace(answer, body=body, header=header)


def _none(why: str) -> SystemErrorMeaning:
    return Outcome.DOWN, Reason.TOKEN_FAILED, one_line(f"no token: {why}")


def _error_in(said: dict[str, Any]) -> str:
    error = said.get("error")
    return f" ({error})" if isinstance(error, str) and ERROR_CODE.fullmatch(error) else ""


def _life_ns(seconds: Any) -> int:
    """How long a token lives by its server's word, which some write as a text."""
    try:
        life_ns = int(float(seconds) * NS_PER_S)
    except (TypeError, ValueError, OverflowError):
        return TOKEN_UNSTATED_NS
    return min(life_ns, TOKEN_KEPT_NS) if life_ns > 0 else TOKEN_UNSTATED_NS
