"""The check of probes whose protocol begins as HTTP: WebSocket and gRPC."""

import re
from collections.abc import Iterator

from ...conditions.expression import Expression
from ...conditions.parse_error import ParseError
from ...specification.probe import Tls
from ...specification.probes.web.grpc import Grpc
from ...specification.probes.web.websocket import WebSocket
from ...specification.problem import Path, Problem, quoted, suggestion
from ...specification.text import as_pairs
from ..network import FRAMING, header_problems, place_problems, tls_problems, url_problems

_SCHEMES = {"ws": "http", "wss": "https"}
_HANDSHAKE = FRAMING | {
    "host",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
}
"""The headers of which the handshake is made."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METADATA_NAME = re.compile(r"[0-9a-z_.-]+")
_METADATA_TEXT = re.compile(r"[\x20-\x7e]*")
_OF_THE_CALL = frozenset({"content-type", "te", "user-agent", "connection", "host"})
"""The names that every call of gRPC has already, besides those that begin with grpc-."""


def websocket_problems(probe: WebSocket, path: Path) -> Iterator[Problem]:
    """Yields the problems of a WebSocket probe."""
    faults = [*_url_problems(probe.url, (*path, "url"))]
    yield from faults
    if not faults and probe.address_family != "any":
        yield from place_problems(probe.peer, probe.address_family, path, "url")
    yield from header_problems(probe.headers, _HANDSHAKE, (*path, "headers"))
    for at, name in enumerate(probe.subprotocols):
        if not _TOKEN.fullmatch(name):
            text = "is no name of a subprotocol: write letters, digits and hyphens"
            yield Problem((*path, "subprotocols", at), text)
        elif name in probe.subprotocols[:at]:
            yield Problem((*path, "subprotocols", at), "stands twice: keep one")
    if probe.expect is not None:
        try:
            Expression.compile(probe.expect)
        except ParseError as error:
            yield Problem((*path, "expect"), error.problem)
    if probe.tls != Tls() and not faults and not probe.is_encrypted:
        yield Problem((*path, "tls"), "has no effect with ws://: leave it out", depends_on=((*path, "url"),))
    yield from tls_problems(probe.tls, (*path, "tls"))


def _url_problems(url: str, path: Path) -> Iterator[Problem]:
    scheme, found, rest = url.partition("://")
    if found and scheme.lower() not in _SCHEMES:
        text = f"has the scheme {quoted(scheme)}: only ws and wss are possible{suggestion(scheme, _SCHEMES)}"
        yield Problem(path, text)
        return
    if "#" in rest:
        yield Problem(path, "holds a fragment, which no server gets: leave out what follows the #")
        return
    if "@" in rest.partition("/")[0].partition("?")[0]:
        yield Problem(path, "holds a user name or a password: write them in a header")
        return
    for problem in url_problems(_SCHEMES.get(scheme.lower(), "") + found + rest if found else url, path):
        text = problem.text.replace("https://example.org/health", "wss://example.org/live")
        yield Problem(path, text.replace("https://", "wss://"))


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
