"""An `http` attempt with its log: the production attempt, asked after every answer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pycurl

from ...domain.observation.attempt import ProbeRequest
from ...domain.observation.observation import OnObserved
from ...domain.specification.probe import Http
from ..http.curl.handles import Handle, Handles, Shelf
from ..http.curl.transport import CurlTransport, Transfer
from ..http.exchange import HttpAnswer
from ..http.plan import Plan
from ..net.addresses import is_literal
from ..net.certificates import NO_FACTS
from ..probes.web.http import HttpAttempt, HttpProber
from .request_log import RequestLog, TlsLog, tls_of

_LINES_MAX = 1_000
"""Far more lines than libcurl says of one request, unless a hostile peer makes it say more."""


class LoggedHandles(Handles):
    """Handles that keep what libcurl says and shows of the newest request."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.chain: list[tuple[str, Any]] = []

    def take(self, shelf: Shelf) -> Handle:
        handle = super().take(shelf)
        self.said, self.chain = [], []
        handle.curl.setopt(pycurl.DEBUGFUNCTION, partial(self._hear, handle))
        handle.curl.setopt(pycurl.VERBOSE, 1)
        return handle

    def _hear(self, handle: Handle, kind: int, text: bytes) -> None:
        handle.hear(kind, text)
        # Only its own words: the others are headers and bodies, which hold secrets.
        if kind == pycurl.INFOTYPE_TEXT and len(self.said) < _LINES_MAX:
            self.said.append(text.decode("utf-8", "replace"))

    def give_back(self, shelf: Shelf, handle: Handle) -> None:
        chain = handle.curl.getinfo(pycurl.INFO_CERTINFO)
        self.chain = list(chain[0]) if chain else []
        super().give_back(shelf, handle)


class LoggedTransport(CurlTransport):
    """A transport of such handles."""

    _handles: LoggedHandles
    _handles_type = LoggedHandles

    def tls_of(self, expires_in_ns: int | None) -> TlsLog:
        """Returns the handshake of the newest request."""
        return tls_of(self._handles.said, self._handles.chain, expires_in_ns)


class LoggedHttpProber(HttpProber):
    """Runs `http` probes over a transport and adds each request to `requests`."""

    _transport: LoggedTransport
    requests: list[RequestLog]

    def _attempt_of(
        self, request: ProbeRequest, done: OnObserved, plan_of: Callable[[Http], Plan]
    ) -> HttpAttempt:
        probe = request.probe
        assert isinstance(probe, Http)  # noqa: S101 - the maker chose this prober by it
        plan = plan_of(probe)
        return LoggedHttpAttempt(
            self._transport,
            plan,
            request,
            done,
            plan.hop,
            self._tokens,
            log=self.requests,
            tls_of=self._transport.tls_of,
        )


class LoggedHttpAttempt(HttpAttempt, kw_only=True):
    """One attempt under way that notes every answer before it is judged or followed."""

    log: list[RequestLog]
    tls_of: Callable[[int | None], TlsLog]

    def _answered(self, answer: HttpAnswer) -> None:
        self.log.append(self._noted(answer))
        super()._answered(answer)

    def _noted(self, answer: HttpAnswer) -> RequestLog:
        transfer = self._transfer if isinstance(self._transfer, Transfer) else None
        through = None if transfer is None else transfer.route.through
        origin = through or self._hop.destination.origin
        header = answer.header.decode("latin-1").splitlines()
        first = [at for at, line in enumerate(header) if line.startswith("HTTP/")]
        last = header[first[-1] :] if first else []
        types = [line.partition(":")[2].strip() for line in last if line.lower().startswith("content-type:")]
        found = () if transfer is None else tuple(address.host for address in transfer.addresses)
        return RequestLog(
            host=origin.host,
            port=origin.port,
            by_proxy=through is not None,
            addresses=() if through is not None and is_literal(through.host) else found,
            peer=answer.ip if answer.connect_ns else "",
            name_ns=answer.name_ns,
            connect_ns=answer.connect_ns,
            tls_ns=answer.tls_ns,
            first_byte_ns=answer.first_byte_ns,
            total_ns=answer.total_ns,
            tls=self._tls(answer) if answer.tls_ns else None,
            version=last[0].split(" ")[0] if last else "",
            status=answer.status,
            length=len(answer.body),
            is_cut=answer.body_cut,
            media_type=types[-1].partition(";")[0] if types else "",
            leads_to=answer.redirect_url or "",
        )

    def _tls(self, answer: HttpAnswer) -> TlsLog:
        shown = NO_FACTS
        if answer.certificate is not None:
            shown = answer.certificate.facts(self._request.started.wall_ns)
        return self.tls_of(shown["certificate_expires_in_ns"])
