"""The check of probes whose protocol begins as HTTP: WebSocket and gRPC."""

import re
from collections.abc import Iterator

from ...specification.probe import Tls
from ...specification.probes.web.grpc import Grpc
from ...specification.probes.web.websocket import WebSocket
from ...specification.problem import Path, Problem
from ...specification.text import as_pairs
from ..network import FRAMING, UrlForm, header_problems, is_token, place_problems, tls_problems, url_problems
from .patterns import pattern_problems

WEBSOCKET_URL = UrlForm(("ws", "wss"), "wss://example.org/live", "in a header")
_HANDSHAKE = FRAMING | {
    "host",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
}
"""The headers of which the handshake is made."""
_METADATA_NAME = re.compile(r"[0-9a-z_.-]+")
_METADATA_TEXT = re.compile(r"[\x20-\x7e]*")
_OF_THE_CALL = frozenset({"content-type", "te", "user-agent", "connection", "host"})
"""The names that every call of gRPC has already, besides those that begin with grpc-."""


def websocket_problems(probe: WebSocket, path: Path) -> Iterator[Problem]:
    """Yields the problems of a WebSocket probe."""
    faults = [*url_problems(probe.url, (*path, "url"), WEBSOCKET_URL)]
    if not faults and "#" in probe.url:
        text = "holds a fragment, which no server gets: leave out what follows the #"
        faults = [Problem((*path, "url"), text)]
    yield from faults
    if not faults and probe.address_family != "any":
        yield from place_problems(probe.peer, probe.address_family, path, "url")
    yield from header_problems(probe.headers, _HANDSHAKE, (*path, "headers"))
    for at, name in enumerate(probe.subprotocols):
        if not is_token(name):
            text = "is no name of a subprotocol: write letters, digits and hyphens"
            yield Problem((*path, "subprotocols", at), text)
        elif name in probe.subprotocols[:at]:
            yield Problem((*path, "subprotocols", at), "stands twice: keep one")
    if probe.expect is not None:
        yield from pattern_problems(probe.expect, (*path, "expect"))
    if probe.tls != Tls() and not faults and not probe.is_encrypted:
        yield Problem((*path, "tls"), "has no effect with ws://: leave it out", depends_on=((*path, "url"),))
    yield from tls_problems(probe.tls, (*path, "tls"))


def grpc_problems(probe: Grpc, path: Path) -> Iterator[Problem]:
    """Yields the problems of a probe of the health service of gRPC."""
    yield from place_problems(probe.host, probe.address_family, path)
    if probe.tls is not None:
        yield from tls_problems(probe.tls, (*path, "tls"))
    for name, text in as_pairs(probe.metadata):
        if not _METADATA_NAME.fullmatch(name):
            said = "is no name of metadata: write small letters, digits, hyphens, dots and _"
            yield Problem((*path, "metadata", name), said, True)
        elif name in _OF_THE_CALL or name.startswith("grpc-"):
            yield Problem((*path, "metadata", name), "is set for every call: leave it out", True)
        if not _METADATA_TEXT.fullmatch(text):
            said = "holds another character than those of ASCII that can be printed: remove it"
            yield Problem((*path, "metadata", name), said)
