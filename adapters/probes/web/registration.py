"""The `domain` probe: the registration of a name, by the Registration Data Access Protocol (RFC 7480, 9082, 9083)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from ....domain.conditions.json_document import parse_json
from ....domain.limits import (
    DEADLINE_SLACK_NS,
    INTEGER_MAX,
    REGISTRY_BYTES_MAX,
    REGISTRY_PARTS_MAX,
)
from ....domain.line import one_line
from ....domain.observation.observation import Measurement, Observation
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probe import Http
from ....domain.specification.probes.web.registration import DomainRegistration
from ....domain.time.moment import Deadline
from ....domain.units import NS_PER_MS, NS_PER_US
from ....domain.validation.network import ascii_host
from ...activity import Activity
from ...http.destination import destination_of
from ..conversing import ConversingProber
from ..course import AttemptCourse, ProbeFailed, Surroundings, down
from .http import HttpAttempt, HttpProber
from .registries import OK, Registries

NOT_FOUND, TOO_MANY_REQUESTS = 404, 429
ACCEPTED = "application/rdap+json, application/json"
ENDS = ("expiration", "registrar_expiration")
"""The events by which a registration ends: the registry's word goes before the registrar's."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_CERTIFICATE: dict[str, Any] = {
    "certificate_expires_in_ns": None,
    "certificate_chain_expires_in_ns": None,
    "certificate_issuer": None,
    "certificate_names": None,
}
"""The certificate is that of the registry's server, and says nothing of the domain."""


class Registration(Activity):
    """A registration as its registry tells it."""

    name: str
    status: list[str]
    registrar: str | None
    events: dict[str, str]
    nameservers: list[str]

    def body(self) -> bytes:
        """Returns it as JSON."""
        parts = {key: getattr(self, key) for key in self.__struct_fields__}
        return json.dumps(parts, ensure_ascii=False).encode()

    def ends_in_ns(self, now_wall_ns: int) -> int | None:
        """Returns how long it lasts, negative where it has ended; None where no event says so."""
        said = next((self.events[event] for event in ENDS if event in self.events), None)
        try:
            date = datetime.fromisoformat(said or "")
        except ValueError:
            return None
        date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        left_ns = (date - EPOCH) // timedelta(microseconds=1) * NS_PER_US - now_wall_ns
        # Some registries write a date in the year 9999 for one without an end.
        return max(-INTEGER_MAX, min(left_ns, INTEGER_MAX))


async def ask_registry(
    registries: Registries, http: HttpProber, probe: DomainRegistration, course: AttemptCourse
) -> Observation:
    """One attempt of a `domain` probe. Raises: ProbeFailed."""
    name = ascii_host(probe.name).lower().removesuffix(".")
    server = probe.rdap_server or await registries.server_of(name, course)
    host = destination_of(server).origin.host
    registries.refuse_early(host, course.now_ns())
    course.stage = f"before {host} answered"
    url = f"{server.rstrip('/')}/domain/{quote(name, safe='')}"
    spec = Http(url=url, headers={"Accept": ACCEPTED}, body_bytes_max=REGISTRY_BYTES_MAX, tls=probe.tls)
    seen = replace(await _answer_of(http, spec, course), **NO_CERTIFICATE)
    if seen.outcome is not Outcome.UP:
        return seen
    now_wall_ns = course.request.started.wall_ns
    try:
        if seen.status == TOO_MANY_REQUESTS:
            raise registries.leave_alone(host, seen, course.now_ns(), now_wall_ns)
        return _with_registration(seen, name, now_wall_ns)
    except ProbeFailed as failure:
        outcome, reason, detail = failure.verdict
        return replace(seen, outcome=outcome, reason=reason, detail=detail, header=None)


async def _answer_of(http: HttpProber, spec: Http, course: AttemptCourse) -> Observation:
    answered = course.future()

    def told(seen: Observation) -> None:
        if not answered.done():
            answered.set_result(seen)

    # The attempt itself ends at its deadline, and cancels the request.
    deadline = Deadline(course.request.deadline.monotonic_ns + DEADLINE_SLACK_NS)
    course.keep(KeptRequest(http.start(replace(course.request, probe=spec, deadline=deadline), told)))
    seen: Observation = await answered
    return seen


class KeptRequest(Activity):
    """A request of an attempt, which ends with it."""

    request: HttpAttempt

    def close(self) -> None:
        self.request.cancel()


def _with_registration(seen: Observation, name: str, now_wall_ns: int) -> Observation:
    """An answer with what it says of the registration. Raises: ProbeFailed."""
    if seen.status == NOT_FOUND:
        raise down(Reason.UNEXPECTED_ANSWER, f"the registry knows no registration of {name}")
    if seen.status != OK:
        raise down(Reason.UNEXPECTED_ANSWER, f"HTTP {seen.status}")
    if seen.body_cut:
        raise down(Reason.BODY_TOO_LARGE, f"the answer has more than {REGISTRY_BYTES_MAX:,} bytes")
    told = registration_in(seen.body or b"", name)
    left_ns = told.ends_in_ns(now_wall_ns)
    figures = () if left_ns is None else (Measurement("registration_expiration", left_ns / NS_PER_MS, "ms"),)
    known = replace(seen, body=told.body(), header=None, domain_expires_in_ns=left_ns, measurements=figures)
    if left_ns is not None and left_ns < 0:
        ended = one_line(next(told.events[event] for event in ENDS if event in told.events))
        detail = f"the registration has ended: {ended}"
        return replace(known, outcome=Outcome.DOWN, reason=Reason.UNEXPECTED_ANSWER, detail=detail)
    return known


def registration_in(body: bytes, name: str) -> Registration:
    """Returns the registration of a name that an answer tells. Raises: ProbeFailed for an answer about anything else."""
    try:
        document = parse_json(body)
    except ValueError as error:
        raise down(Reason.PROTOCOL_ERROR, f"the answer is not JSON: {one_line(str(error))}") from None
    if not isinstance(document, dict) or document.get("objectClassName") != "domain":
        raise down(Reason.PROTOCOL_ERROR, "the answer is no domain of RDAP")
    about = _name_in(document)
    if about != name:
        raise down(Reason.PROTOCOL_ERROR, f"the answer is about {one_line(about[:100]) or 'no name'}")
    return Registration(
        name=about,
        status=[text for text in map(_text, _list(document.get("status"))) if text],
        registrar=next(_registrars(document), None),
        events=dict(_events(document)),
        nameservers=[
            _text(each.get("ldhName")).lower()
            for each in _objects(document.get("nameservers"))
            if each.get("ldhName")
        ],
    )


def _name_in(document: dict[str, Any]) -> str:
    """The name that a document is about, in ASCII: some registries write it in Unicode alone."""
    written = _text(document.get("ldhName")) or _text(document.get("unicodeName"))
    try:
        return ascii_host(written).lower().removesuffix(".")
    except UnicodeError:
        return ""


def _events(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for event in _objects(document.get("events")):
        action, date = _text(event.get("eventAction")), _text(event.get("eventDate"))
        if action and date:
            yield action.lower().replace(" ", "_"), date


def _registrars(document: dict[str, Any]) -> Iterator[str]:
    """Yields the names of the entities that are its registrar: the full name of a card, or else the handle."""
    for entity in _objects(document.get("entities")):
        if "registrar" not in _list(entity.get("roles")):
            continue
        match entity.get("vcardArray"):
            case ["vcard", list() as properties]:
                names = [
                    each[3]
                    for each in properties
                    if isinstance(each, list) and len(each) > 3 and each[0] == "fn"
                ]
            case _:
                names = []
        yield from filter(None, map(_text, [*names, entity.get("handle")]))


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]


def _list(value: object) -> list[Any]:
    return value[:REGISTRY_PARTS_MAX] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def make_registration_prober(
    around: Surroundings, http: HttpProber, registries: Registries | None = None
) -> ConversingProber:
    """The prober of registrations; it has the list of registries, unless one is given."""
    return ConversingProber(around, partial(ask_registry, registries or Registries(http), http))
