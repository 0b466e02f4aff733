"""Following a redirect by ourselves: where it may lead, and what may go there.

Libcurl keeps its own credentials to their origin but sends every header that the caller wrote to any host; and it cannot
refuse the step from https to http. So each hop is a request of its own. Cookies that an answer sets are libcurl's to keep to
their hosts; they end with the attempt.
"""

from collections.abc import Collection

import msgspec

from ...domain.errors import ConfigurationError
from ...domain.observation.outcome import Outcome, Reason
from ...domain.specification.probe import Tls
from ..net.system_errors import SystemErrorMeaning
from .destination import Destination, destination_of
from .exchange import HttpAnswer, HttpShape

STATUSES = frozenset({301, 302, 303, 307, 308})
REPEATED = frozenset({307, 308})
"""After these the method and the body are said again."""

OPEN_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent", "cache-control"})
"""All that another origin is told: any other header may be a secret."""


class Hop(msgspec.Struct, frozen=True):
    """The next request of an attempt."""

    shape: HttpShape
    destination: Destination


def redirects(answer: HttpAnswer) -> bool:
    return answer.code == 0 and answer.status in STATUSES and bool(answer.redirect_url)


def next_hop(
    before: Hop, home: Collection[tuple[str, str, int]], answer: HttpAnswer
) -> Hop | SystemErrorMeaning:
    """Where a redirect leads, or why it is refused. `home` are the origins that may see what the target's headers hold."""
    try:
        destination = destination_of(answer.redirect_url or "")
    except ConfigurationError:
        return _refused("it leads to no http or https URL")
    if before.shape.deny_private_addresses and before.destination.secure and not destination.secure:
        return _refused("it leads from https to http")
    shape = msgspec.structs.replace(_repeated(before.shape, answer.status), cookies=answer.cookies)
    # After a detour the shape is a stripped one already: coming home brings nothing back.
    if destination.origin in home:
        return Hop(shape, destination)
    if shape.body is not None:
        return _refused("it asks to send the body to another origin")
    return Hop(_stripped(shape), destination)


def _refused(why: str) -> SystemErrorMeaning:
    return Outcome.DOWN, Reason.REDIRECT_REFUSED, f"the redirect is refused: {why}"


def _repeated(shape: HttpShape, status: int) -> HttpShape:
    """The same request again, or as every browser does: a GET without a body."""
    if status in REPEATED or shape.method in {"GET", "HEAD"}:
        return shape
    return msgspec.structs.replace(shape, method="GET", body=None, headers=_without_content(shape))


def _without_content(shape: HttpShape) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in shape.headers if not pair[0].lower().startswith("content-"))


def _stripped(shape: HttpShape) -> HttpShape:
    """The shape without anything that was meant for the first origin alone."""
    return msgspec.structs.replace(
        shape,
        headers=tuple(pair for pair in shape.headers if pair[0].lower() in OPEN_HEADERS),
        tls=Tls(verify=shape.tls.verify, ca_file=shape.tls.ca_file),
        connect_to=None,
        keep_connection=False,
        digest_auth=None,
    )
