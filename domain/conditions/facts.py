"""The facts that a condition may name, read from one observation."""

import json
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec

from ..limits import HEADER_LINES_MAX
from ..observation.observation import Observation
from .header import http_version, last_header, values_of
from .json_document import parse_json
from .value import Json, Missing, Texts, Value, milliseconds

MARK = "\ufeff".encode()
"""The byte order mark that some programs put before UTF-8."""


class Facts:
    """One observation as conditions read it: its body is decoded and parsed at most once, however many ask."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation

    @cached_property
    def body_text(self) -> str | Missing:
        """The body without the blanks around it."""
        body = self._utf8
        return body if isinstance(body, Missing) else body.decode().strip()

    @cached_property
    def body(self) -> Value:
        """The body as JSON."""
        body = self._utf8
        if isinstance(body, Missing):
            return body
        return _document(body, "the body") if body.strip() else Missing("the body is empty")

    @cached_property
    def _utf8(self) -> bytes | Missing:
        """The body without a byte order mark.

        Bytes that are no UTF-8 stand as U+FFFD: the rest of such a body matches as it is. A cut body and a compressed one are
        never judged: they could satisfy what the whole text would not.
        """
        body = self.observation.body
        if body is None:
            return Missing("the probe gave no body")
        if fault := body_fault(self.observation):
            return Missing(fault, absent=False)
        return body if body.isascii() else body.removeprefix(MARK).decode(errors="replace").encode()

    def header_lines(self, name: str) -> Texts | Missing:
        """The values of a header, one for each line of it; its name is in small letters."""
        header = self.observation.header
        if header is None:
            return Missing("the probe gave no headers")
        lines = tuple(islice(values_of(name, self._header), HEADER_LINES_MAX + 1))
        if len(lines) > HEADER_LINES_MAX:
            return Missing(
                f"the answer has the header {name} more than {HEADER_LINES_MAX} times", absent=False
            )
        return lines or Missing(f"the answer has no header {name}")

    @cached_property
    def _header(self) -> bytes:
        return last_header(self.observation.header or b"")

    @cached_property
    def context(self) -> Value:
        """The context as JSON, so that whatever the host put there reads as a body does."""
        context = self.observation.context
        if context is None:
            return Missing("the probe gave no context")
        try:
            written = json.dumps(context, allow_nan=False, default=_as_object)
        except (TypeError, ValueError, RecursionError) as error:
            return Missing(f"the context is not JSON: {error}", absent=False)
        return _document(written.encode(), "the context")


def body_fault(observation: Observation) -> str:
    """Why conditions cannot read the body that came, and what to do; empty where they can."""
    if observation.body_cut:
        read = len(observation.body or b"")
        return f"the body has more than the {read:,} bytes that are read of it: raise body_bytes_max"
    coding = observation.body_coding
    return f"the body is compressed, and {coding} cannot be undone here" if coding else ""


def _as_object(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in it")


def _document(body: bytes, label: str) -> Value:
    try:
        document: Json = parse_json(body)
    except ValueError as error:
        return Missing(f"{label} is not JSON: {error}", absent=False)
    return document


class FactKind(Enum):
    """The type of a plain fact, which decides its comparisons and its display."""

    NUMBER = auto()
    MILLISECONDS = auto()
    EXPIRY = auto()
    """Milliseconds that are shown as a duration when they are put in order."""
    TEXT = auto()
    TRUTH = auto()


class PlainFact(msgspec.Struct, frozen=True):
    """One field of an observation, as conditions name it."""

    label: str
    kind: FactKind
    field: Callable[[Observation], Any]
    """Returns the observation's value of this fact, None without one; a length of time in nanoseconds."""

    @property
    def is_time(self) -> bool:
        return self.kind is FactKind.MILLISECONDS or self.kind is FactKind.EXPIRY

    def read(self, observation: Observation) -> Value:
        value: Json = self.field(observation)
        if value is None:
            return Missing(f"the probe gave no {self.label}")
        return milliseconds(value) if isinstance(value, int) and self.is_time else value


def _http_version(observation: Observation) -> str | None:
    return None if observation.header is None else http_version(observation.header)


CONNECTED = "CONNECTED"
RESPONSE_TIME = "RESPONSE_TIME"
RESPONSE_CODE = "DNS_RCODE"
PLAIN_FACTS = {
    "STATUS": PlainFact("status", FactKind.NUMBER, attrgetter("status")),
    CONNECTED: PlainFact("word on the connection", FactKind.TRUTH, attrgetter("connected")),
    "IP": PlainFact("address", FactKind.TEXT, attrgetter("ip")),
    RESPONSE_CODE: PlainFact("DNS response code", FactKind.TEXT, attrgetter("dns_rcode")),
    "HTTP_VERSION": PlainFact("version of HTTP", FactKind.TEXT, _http_version),
    RESPONSE_TIME: PlainFact("response time", FactKind.MILLISECONDS, attrgetter("response_time_ns")),
    "CERTIFICATE_EXPIRATION": PlainFact(
        "certificate expiry", FactKind.EXPIRY, attrgetter("certificate_expires_in_ns")
    ),
    "RUN_TIME": PlainFact("length of its run", FactKind.EXPIRY, attrgetter("run_time_ns")),
    "DOMAIN_EXPIRATION": PlainFact("domain expiry", FactKind.EXPIRY, attrgetter("domain_expires_in_ns")),
}
CERTIFICATE_FACTS = {
    "issuer": PlainFact("issuer of a certificate", FactKind.TEXT, attrgetter("certificate_issuer")),
    "chain_expiration": PlainFact(
        "expiry of a certificate chain", FactKind.EXPIRY, attrgetter("certificate_chain_expires_in_ns")
    ),
}
"""The parts of `[CERTIFICATE]` that are one value."""
NAMES = "names"
"""The part of `[CERTIFICATE]` that is several."""
BODY = "BODY"
HEADERS = "HEADERS"
CERTIFICATE = "CERTIFICATE"
CONTEXT = "CONTEXT"
PLACEHOLDERS = (*PLAIN_FACTS, BODY, HEADERS, CERTIFICATE, CONTEXT)
