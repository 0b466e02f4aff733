"""The silences: those in force, those that ended lately, each with what it held back, and the form for a new one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ...domain.errors import UnknownName
from ...domain.incidents.incident import Incident
from ...domain.incidents.record import ALL, EVERY_TARGET, Silence, silence_id
from ...domain.limits import MATCHER_CHARACTERS_MAX
from ...domain.read_model.status import RuntimeStatus
from ...domain.specification.matcher import Subject
from ...domain.specification.web import Role
from ...domain.suppression.agenda import PlannedSpan, agenda_of
from ...domain.suppression.silence_book import subject_of
from ...domain.units import NS_PER_DAY
from ...host.silencing import names_one, scope_of
from ..limits import (
    ENDED_SHOWN_MAX,
    HELD_BACK_SHOWN_MAX,
    INCIDENTS_LOOKED_AT_MAX,
    PLANNED_SHOWN_MAX,
    SILENCES_SHOWN_MAX,
    SUGGESTED_MAX,
)
from ..pacing import Pacing, sliced
from ..problems import Fault, Refusal
from ..resources import silencing
from ..resources.reading import incident_of
from ..shapes.answers import PreviewQuery, SilenceBody
from ..shapes.ends import end_ns
from ..table import ApiCall, ApiRoute
from .acting.silence_form import (
    OPERATORS,
    PRESETS,
    SilenceForm,
    faults_by_field,
    matcher_rows,
    scope_of_form,
)
from .acts import body_of, end_fields, lead_back, perform
from .forms import read_act
from .frame import zone_of
from .layout import ViewQuery, render

ENDED_FOR_NS = 7 * NS_PER_DAY
"""How long a silence stays on the page after its end."""


class SilenceView(NamedTuple):
    """One silence."""

    id: str
    target: str
    """The id or the glob of its targets; empty where its matchers alone choose, or where it mutes everything."""
    match: tuple[str, ...]
    by: str
    reason: str
    created_ns: int | None
    until_ns: int
    ended_by: str
    """The author of an early end."""
    targets: int
    """How many of the present targets it mutes."""
    held: tuple[Incident, ...]
    """Incidents that began, changed or ended while it was in force."""
    held_more: int
    """How many more there are."""


class PlannedView(NamedTuple):
    """One planned maintenance, now or next."""

    span: PlannedSpan
    targets: int
    """How many of the present targets it selects."""


class SilencesView(NamedTuple):
    """The page of the silences."""

    in_force: tuple[SilenceView, ...]
    """The first of them; those that end first come first."""
    in_force_count: int
    ended: tuple[SilenceView, ...]
    """Those that ended last come first."""
    has_record: bool
    """Whether ended silences are kept."""
    planned: tuple[PlannedView, ...]
    """Maintenance in force, and then the next spans."""
    planned_count: int


async def silences_view(call: ApiCall) -> SilencesView:
    """Returns the silences in force, and those that ended in the last week."""
    status = await call.operations.status()
    since_ns = status.at_ns - ENDED_FOR_NS
    ended: Iterable[Silence] = ()
    incidents: Sequence[Incident] = status.incidents
    if call.operations.has_file:
        known, incidents = await call.operations.read(
            lambda reader: (reader.silences(since_ns), reader.incidents(limit=INCIDENTS_LOOKED_AT_MAX))
        )
        ended = (silence for silence in known if silence.until_ns <= status.at_ns)
    seen = _Seen(status, incidents, call.operations.now_ns())
    in_force = sorted(status.silences, key=lambda silence: (silence.until_ns, silence.id))
    agenda = agenda_of(call.operations.configuration().maintenance, status.at_ns)
    latest = sorted(ended, key=lambda silence: (-silence.until_ns, silence.id))[:ENDED_SHOWN_MAX]
    return SilencesView(
        in_force=await _views(seen, in_force[:SILENCES_SHOWN_MAX]),
        in_force_count=len(in_force),
        ended=await _views(seen, latest),
        has_record=call.operations.has_file,
        planned=tuple(await sliced(agenda[:PLANNED_SHOWN_MAX], seen.planned)),
        planned_count=len(agenda),
    )


async def _views(seen: "_Seen", silences: Iterable[Silence]) -> tuple[SilenceView, ...]:
    """Returns the views; gives way after each, as a pattern is held against a thousand incidents."""
    views, pace = [], Pacing()
    for silence in silences:
        views.append(seen.view(silence))
        if pace.is_over:
            await pace.rest()
    return tuple(views)


class _Seen:
    """A status and the record, against which silences are held."""

    def __init__(self, status: RuntimeStatus, incidents: Iterable[Incident], now_ns: int) -> None:
        self._now_ns = now_ns
        self._incidents = [*incidents]
        self._texts = {target.id: target.metadata for target in status.targets}
        self._muted = Counter(silence.id for target in status.targets for silence in target.silences)

    def view(self, silence: Silence) -> SilenceView:
        held = [*self._held_by(silence)]
        return SilenceView(
            id=silence.id,
            target="" if silence.target == EVERY_TARGET and silence.match else silence.target or "",
            match=silence.match,
            by=silence.by,
            reason=silence.reason,
            created_ns=silence.created_at_ns,
            until_ns=silence.until_ns,
            ended_by=silence.ended_by,
            targets=self._muted[silence.id],
            held=tuple(held[:HELD_BACK_SHOWN_MAX]),
            held_more=max(0, len(held) - HELD_BACK_SHOWN_MAX),
        )

    def planned(self, span: PlannedSpan) -> PlannedView:
        """Returns a maintenance with the number of the targets that it selects, with some of their incidents at least."""
        accepts = span.selection().accepts
        selected = (accepts(Subject(target, metadata)) for target, metadata in self._texts.items())
        return PlannedView(span, sum(selected))

    def _held_by(self, silence: Silence) -> Iterable[Incident]:
        since_ns, until_ns = silence.created_at_ns or 0, min(silence.until_ns, self._now_ns)
        accepts = silence.selection().accepts
        for incident in self._incidents:
            is_meanwhile = any(
                since_ns <= at_ns < until_ns for at_ns in (incident.opened_at_ns, incident.at_ns)
            )
            if is_meanwhile and accepts(subject_of(incident, self._texts.get(incident.target))):
                yield incident


# Pages.


class NewSilenceQuery(SilenceForm, frozen=True):
    """The form as it was filled in so far, or the target or the incident that a page has led here for."""

    incident: str = ""
    tz: str = ""


async def silences(call: ApiCall) -> Response:
    return await render(call, "silences.html", view=await silences_view(call))


async def new_silence(call: ApiCall) -> Response:
    """Shows the form, and what the silence would mute as far as it is filled in."""
    form: SilenceForm = call.query
    if call.query.incident:
        form = await _of_incident(call)
    elif not form.target and not form.name:
        return await _form_page(call, form)
    elif not form.name and not form.next and names_one(form.target):
        # Led here by the page of a target.
        form = msgspec.structs.replace(form, next=f"/t/{quote(form.target, safe='')}")
    try:
        return await _form_page(call, form, preview=await _previewed(call, form))
    except Refusal as refusal:
        return await _form_page(call, form, wrong=refusal)


async def _of_incident(call: ApiCall) -> SilenceForm:
    """Returns the form for the incident's rule on its target: what else befalls the target is still told."""
    incident = await incident_of(call._replace(path={"incident": call.query.incident}))
    return SilenceForm(
        target=incident.target,
        name=("rule",),
        operator=("=",),
        value=(incident.rule,),
        next=call.query.next or f"/i/{quote(incident.id, safe='')}",
    )


async def begin_silence(call: ApiCall) -> Response:
    """Begins a silence; shows the form again, as it was filled in, where something is wrong with it."""
    form = await read_act(call, SilenceForm)
    try:
        body = _body_of_form(call, form)
        name = silence_id(*scope_of(ALL if body.target is None else body.target, body.match))
        effect = await perform(call, silencing.put_silence, {"silence": name}, body)
    except Refusal as refusal:
        return await _form_page(call, form, wrong=refusal)
    return lead_back(call, form.next, "/silences", "silenced", is_durable=effect.is_durable)


def _body_of_form(call: ApiCall, form: SilenceForm) -> SilenceBody:
    """Returns the silence as the API takes it. Raises: Refusal with a fault for each field that is wrong."""
    faults: list[Fault] = []
    said: dict[str, Any] = {"reason": form.reason.strip(), "length": form.length}
    try:
        said["target"], said["match"] = scope_of_form(form)
    except Refusal as refusal:
        faults += refusal.document.errors
    try:
        if ends := end_fields(form.end, zone_of(call), "/until"):
            said = {**said, "length": None, **ends}
        end_ns("a silence", said["length"], said.get("until"), call.operations.now_ns())
    except Refusal as refusal:
        faults += refusal.document.errors
    target = form.target.strip()
    # The active process may watch others than a stand-by, which passes the command on.
    if target and names_one(target) and not call.operations.stands_by:
        try:
            call.operations.target(target)
        except UnknownName as error:
            faults.append(Fault("/target", str(error)))
    if faults:
        raise Refusal(400, "nothing is silenced", faults)
    return body_of(SilenceBody, said)


class Previewed(NamedTuple):
    """The present targets and incidents that a silence would mute."""

    targets: int
    target_ids: list[str]
    incidents: list[Incident]
    until_ns: int


async def _previewed(call: ApiCall, form: SilenceForm) -> Previewed:
    """Returns the effect of a form. Raises: UnknownName in a stand-by that does not watch the target; Refusal."""
    body = _body_of_form(call, form)
    until_ns = end_ns("a silence", body.length, body.until, call.operations.now_ns())
    shown = await silencing.preview(call._replace(query=PreviewQuery(target=body.target, match=body.match)))
    opened = {incident.id: incident for incident in (await call.operations.status()).incidents}
    return Previewed(
        shown.targets,
        shown.target_ids[:HELD_BACK_SHOWN_MAX],
        [opened[name] for name in shown.open_incidents if name in opened],
        until_ns,
    )


async def _form_page(
    call: ApiCall, form: SilenceForm, *, preview: Previewed | None = None, wrong: Refusal | None = None
) -> Response:
    targets = call.operations.targets().values()
    names = {name for target in targets for name, _ in target.metadata.labels}
    return await render(
        call,
        "new_silence.html",
        refusal=wrong,
        form=form,
        rows=matcher_rows(form),
        faults={} if wrong is None else faults_by_field(wrong),
        preview=preview,
        suggested=sorted(target.id for target in targets)[:SUGGESTED_MAX],
        label_names=["target", "group", "rule", "severity", *sorted(names)][:SUGGESTED_MAX],
        presets=PRESETS,
        operators=OPERATORS,
        characters={"reason": 256, "matcher": MATCHER_CHARACTERS_MAX},
    )


SILENCES: tuple[ApiRoute, ...] = (
    ApiRoute("GET", "/silences", Role.VIEWER, "Silences.", silences, query=ViewQuery, is_page=True),
    ApiRoute(
        "GET",
        "/silences/new",
        Role.OPERATOR,
        "The form of a silence, with what it would mute.",
        new_silence,
        query=NewSilenceQuery,
        is_page=True,
    ),
    ApiRoute("POST", "/silences", Role.OPERATOR, "Begins a silence.", begin_silence, is_page=True),
)
