"""The dead-man's ping over HTTP: a GET of one URL, as healthchecks and its like take it."""

from collections.abc import Callable

from ..domain.limits import NOTICE_ANSWER_BYTES_MAX
from ..domain.line import one_line
from ..domain.specification.configuration import PingOptions
from ..domain.time.moment import Deadline
from .http.curl.transport import CurlTransport, Transfer
from .http.destination import destination_of
from .http.exchange import HttpAnswer, HttpShape, completed
from .http.failures import ends_in_header, speaks_http, verdict_of
from .http.naming import naming_of


class HttpPinger:
    """Pings one URL over a transport, which belongs to the object that made it and is closed by that."""

    def __init__(
        self, spec: PingOptions, transport: CurlTransport, *, deny_private_addresses: bool = False
    ) -> None:
        naming = naming_of(destination_of(spec.url), spec.tls)
        self._transport, self._destination = transport, naming.destination
        self._shape = HttpShape(
            headers=completed((), naming.headers),
            body_bytes_max=NOTICE_ANSWER_BYTES_MAX,
            tls=spec.tls,
            connect_to=naming.connect_to,
            deny_private_addresses=deny_private_addresses,
        )

    def ping(self, deadline: Deadline, done: Callable[[str], None]) -> Transfer:
        """Starts a ping; no redirect is followed, so that a page about a wrong address is no success."""
        shelf = self._transport.shelf_for_once(self._shape)

        def answered(answer: HttpAnswer) -> None:
            done(fault_of(answer, secure=self._destination.secure))

        return self._transport.start(shelf, self._destination, deadline, answered)

    def __repr__(self) -> str:
        return f"HttpPinger(host={self._destination.origin.host})"


def fault_of(answer: HttpAnswer, *, secure: bool) -> str:
    """Returns why a ping did not arrive; empty where it did."""
    if (
        200 <= answer.status < 300 and speaks_http(answer.header) and not ends_in_header(answer.header)
    ):  # RFC 9110, 15.3
        return ""
    if answer.status and not answer.code:
        return f"HTTP {answer.status}"
    _, reason, detail = verdict_of(answer, secure=secure)
    return one_line(f"{reason.value}: {detail}" if detail else reason.value)
