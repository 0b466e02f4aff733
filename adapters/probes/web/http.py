"""The `http` probe: one request, its redirects, and what was seen."""

from collections.abc import Callable
from functools import lru_cache, partial

from msgspec.structs import astuple, replace

from ....domain.limits import PLANS_MAX
from ....domain.observation.attempt import CancelOutcome, ProbeRequest
from ....domain.observation.observation import Observation, OnObserved, Phases
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probe import Http
from ...activity import Activity
from ...http.body import readable_body
from ...http.curl.transport import CurlTransport, Transfer
from ...http.exchange import HttpAnswer, Proxied
from ...http.failures import verdict_of
from ...http.fast.engine import FastHttpEngine
from ...http.fast.exchange import PlainExchange
from ...http.fast.parser import END_OF_HEADER
from ...http.plan import Plan
from ...http.redirects import Hop, next_hop, redirects
from ...http.tokens import WANTS_TOKEN, AccessToken, TokenQuestion, Tokens, TokenWait, without_token
from ...net.certificates import NO_FACTS
from ...net.system_errors import UP, SystemErrorMeaning


class CookieJar(Activity):
    """The cookies of several requests, which are made one after the other."""

    cookies: tuple[bytes, ...] = ()
    """As libcurl writes them."""


class HttpAttempt(Activity):
    """One attempt under way: the request and every redirect, inside one deadline."""

    _transport: CurlTransport
    _plan: Plan
    _request: ProbeRequest
    _done: OnObserved
    _hop: Hop
    _tokens: Tokens
    _earlier: tuple[HttpAnswer, ...] = ()
    _transfer: Transfer | PlainExchange | TokenWait | None = None
    _token: AccessToken | None = None
    _asked_anew: bool = False
    """Whether a token was asked for in this attempt."""
    _jar: CookieJar | None = None
    """Of an attempt that is one step of several: it sends the cookies of earlier ones, and hands on its own."""

    def begin_in(self, jar: CookieJar) -> None:
        """Begins as one step of several, which libcurl carries; where a token is needed, get it first."""
        self._jar = jar
        if self._plan.question is None:
            self._send_in(jar)
        else:
            self._begin_with_token(self._plan.question)

    def _send_in(self, jar: CookieJar) -> None:
        shape = replace(self._hop.shape, cookies=jar.cookies, hands_on_cookies=True)
        self._hop = Hop(shape, self._hop.destination)
        self._transfer = self._transport.start(
            self._transport.shelf_for_once(shape),
            self._hop.destination,
            self._request.deadline,
            self._answered,
            last_use=True,
        )

    def begin(self, plain: FastHttpEngine | None) -> None:
        """Take the short way where it is open; where a token is needed, get it first."""
        if self._plan.question is not None:
            self._begin_with_token(self._plan.question)
            return
        route = self._plan.plain.request
        if plain is not None and route is not None:
            self._transfer = plain.start(route, self._request.deadline, self._answered_plainly)
            if self._transfer is None:
                self._answered_plainly(None)
        else:
            self._transfer = self._ask()

    def _begin_with_token(self, question: TokenQuestion) -> None:
        token = self._tokens.kept(question)
        if token is None:
            self._ask_for_token(question)
        else:
            self._authorised(token)

    def _ask_for_token(self, question: TokenQuestion) -> None:
        self._asked_anew = True
        self._transfer = self._tokens.ask(question, self._request.deadline, self._authorised)

    def _authorised(self, token: AccessToken | SystemErrorMeaning) -> None:
        """A token is there, or none can be had."""
        if not isinstance(token, AccessToken):
            self._end(HttpAnswer(), token)
            return
        self._token = token
        self._hop, shelf = self._plan.with_token(token.text)
        self._earlier = ()
        if self._jar is not None:
            self._send_in(self._jar)
            return
        self._transfer = self._transport.start(
            shelf,
            self._hop.destination,
            self._request.deadline,
            self._answered,
            last_use=self._plan.hop.shape.keep_connection and self._plan.last_use(),
        )

    def _renews(self, answer: HttpAnswer) -> bool:
        """Asks once for another token where the target refuses one that was kept."""
        token, question = self._token, self._plan.question
        if token is None or question is None or self._asked_anew or answer.status != WANTS_TOKEN:
            return False
        self._tokens.reject(question, token)
        # Another attempt may have asked meanwhile.
        self._asked_anew = True
        self._begin_with_token(question)
        return True

    def _ask(self) -> Transfer:
        plan = self._plan
        last_use = plan.hop.shape.keep_connection and plan.last_use()
        return self._transport.start(
            plan.shelf,
            plan.hop.destination,
            self._request.deadline,
            self._answered_by_curl,
            last_use=last_use,
        )

    def _answered_plainly(self, answer: HttpAnswer | None) -> None:
        route, now_ns = self._plan.plain, self._request.started.monotonic_ns
        if answer is None:
            route.demote(now_ns)
        elif route.accepts(answer, now_ns):
            # A complete answer of the fast engine has a strictly recognised header: its framing needs no judgement.
            whole = not answer.code and answer.header.endswith(END_OF_HEADER)
            verdict = UP if whole else verdict_of(answer, secure=self._hop.destination.secure)
            self._end(answer, self._plan.demands.of_each(answer, verdict))
            return
        self._transfer = self._ask()

    def _answered_by_curl(self, answer: HttpAnswer) -> None:
        self._plan.plain.observe(answer, self._request.started.monotonic_ns)
        self._answered(answer)

    def cancel(self) -> CancelOutcome:
        return CancelOutcome.WITHOUT_EFFECT if self._transfer is None else self._transfer.cancel()

    def _answered(self, answer: HttpAnswer) -> None:
        verdict = verdict_of(answer, secure=self._hop.destination.secure)
        verdict = self._plan.demands.of_each(answer, verdict)
        if verdict[0] is Outcome.UP and self._plan.spec.follow_redirects and redirects(answer):
            self._follow(answer)
        elif verdict[0] is not Outcome.UP or not self._renews(answer):
            self._end(answer, self._of_hop(answer, verdict))

    def _follow(self, answer: HttpAnswer) -> None:
        count = self._plan.spec.redirects_max
        if len(self._earlier) >= count:
            self._end(answer, (Outcome.DOWN, Reason.TOO_MANY_REDIRECTS, f"more than {count} redirects"))
            return
        step = next_hop(self._hop, self._plan.home, answer)
        if not isinstance(step, Hop):
            self._end(answer, step)
            return
        refusal = None if step.destination.secure else self._plan.demands.refusal_of_clear()
        if refusal is not None:
            self._end(answer, refusal)
            return
        self._earlier += (answer,)
        self._hop = step
        hop = self._plan.under_own_name(step)
        shelf_of = self._transport.shelf_for_once if hop.shape.cookies else self._transport.shelf
        self._transfer = self._transport.start(
            shelf_of(hop.shape), hop.destination, self._request.deadline, self._answered, last_use=True
        )

    def _of_hop(self, answer: HttpAnswer, verdict: SystemErrorMeaning) -> SystemErrorMeaning:
        """A redirect to an address that is denied is a refused redirect, not a refused target."""
        if self._earlier and verdict[1] is Reason.ADDRESS_REFUSED:
            return verdict[0], Reason.REDIRECT_REFUSED, verdict[2]
        return verdict

    def _end(self, answer: HttpAnswer, verdict: SystemErrorMeaning) -> None:
        if self._token is not None:
            answer = without_token(answer, self._token)
        if self._jar is not None and not answer.code:
            self._jar.cookies = answer.cookies
        if answer.certificate is not None:
            self._plan.certificate = answer.certificate
        if verdict[0] is Outcome.UP:
            verdict = self._plan.demands.of_last(answer, self._hop.destination.origin)
        shown = self._plan.certificate if self._hop.destination.secure else None
        read = readable_body(answer, self._plan.spec.body_bytes_max)
        self._done(
            Observation(
                connected=_connected(answer, verdict[1], secure=self._hop.destination.secure),
                status=answer.status or None,
                body=read.body,
                body_cut=read.cut,
                body_coding=read.coding,
                header=answer.header if verdict[0] is Outcome.UP else None,
                response_time_ns=answer.total_ns + sum(hop.total_ns for hop in self._earlier),
                ip=answer.ip or None,
                outcome=verdict[0],
                reason=verdict[1],
                detail=verdict[2],
                phases=_phases(answer, self._earlier),
                reused_connection=answer.reused_connection,
                **(NO_FACTS if shown is None else shown.facts(self._request.started.wall_ns)),
            )
        )


class HttpProber:
    """Runs `http` probes over a transport, which belongs to whoever made it and is closed by them.

    With `plain`, likewise, targets that answer in the common form are asked without libcurl.
    """

    def __init__(
        self,
        transport: CurlTransport,
        plain: FastHttpEngine | None = None,
        *,
        deny_private_addresses: bool = False,
    ) -> None:
        self._transport = transport
        self._plain = plain
        fast_tls = plain is not None and plain.secures
        prepare = partial(
            Plan, transport=transport, deny_private_addresses=deny_private_addresses, fast_tls=fast_tls
        )
        self._prepare = prepare
        self._plan = lru_cache(PLANS_MAX)(prepare)
        self._tokens = Tokens(transport)

    def start(self, request: ProbeRequest, done: OnObserved) -> HttpAttempt:
        """Starts an attempt of a validated specification.

        Raises: ConfigurationError for a URL that cannot be requested; TypeError for the specification of another probe.
        """
        attempt = self._attempt_of(request, done, self._plan)
        attempt.begin(self._plain)
        return attempt

    def _attempt_of(
        self, request: ProbeRequest, done: OnObserved, plan_of: Callable[[Http], Plan]
    ) -> HttpAttempt:
        probe = request.probe
        if not isinstance(probe, Http):
            raise TypeError(f"an http prober was given {type(probe).__name__}")
        plan = plan_of(probe)
        return HttpAttempt(self._transport, plan, request, done, plan.hop, self._tokens)

    def start_step(
        self, request: ProbeRequest, done: OnObserved, jar: CookieJar, *, comes_again: bool
    ) -> HttpAttempt:
        """Starts one step of several; nothing is kept of a specification that does not come again.

        Raises: ConfigurationError for a URL that cannot be requested; TypeError for the specification of another probe.
        """
        attempt = self._attempt_of(request, done, self._plan if comes_again else self._prepare)
        attempt.begin_in(jar)
        return attempt

    def close(self) -> None:
        """Forget what was prepared. Attempts under way end when the transport is closed."""
        self._plan.cache_clear()
        self._tokens.close()

    def __repr__(self) -> str:
        return f"HttpProber(plans={self._plan.cache_info().currsize})"


def _connected(answer: HttpAnswer, reason: Reason, *, secure: bool) -> bool:
    """Whether a connection to the target stood, over TLS a proven one; a proxy tells of it by an answer alone."""
    if answer.proxied is not Proxied.NOT and not answer.reused_connection:
        return reason is not Reason.PROXY_REFUSED and (answer.status > 0 or answer.tls_ns > 0)
    return (
        answer.status > 0 or answer.reused_connection or bool(answer.tls_ns if secure else answer.connect_ns)
    )


def _phases(answer: HttpAnswer, earlier: tuple[HttpAnswer, ...]) -> Phases:
    """Each phase by itself, summed over all requests of the attempt; those of an answer only where the last request has one."""
    phases = _phases_of(answer)
    for hop in earlier:
        lengths = map(_plus, astuple(phases), astuple(_phases_of(hop)))
        phases = Phases(**dict(zip(Phases.__struct_fields__, lengths, strict=True)))
    return phases if answer.first_byte_ns else replace(phases, first_byte_ns=None, transfer_ns=None)


def _phases_of(answer: HttpAnswer) -> Phases:
    connected = answer.connect_ns and not answer.reused_connection
    before_request = max(answer.tls_ns, answer.connect_ns, answer.name_ns)
    return Phases(
        dns_ns=answer.name_ns if answer.name_ns and not answer.reused_connection else None,
        connect_ns=answer.connect_ns - answer.name_ns if connected else None,
        tls_ns=answer.tls_ns - answer.connect_ns if answer.tls_ns and connected else None,
        first_byte_ns=answer.first_byte_ns - before_request if answer.first_byte_ns else None,
        transfer_ns=answer.total_ns - answer.first_byte_ns if answer.first_byte_ns else None,
    )


def _plus(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other
