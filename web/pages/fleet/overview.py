"""The overview and the page of a group: the sentence, the open incidents, and the rows of targets."""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from secrets import token_hex
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

from markupsafe import escape
from starlette.responses import Response

from ....domain.errors import StoreError
from ....domain.incidents.delivery_plan import IncidentWait
from ....domain.incidents.told import ChannelTold, with_waits
from ....domain.read_model.status import RuntimeStatus, TargetStatus
from ....domain.rules.aggregate import Status
from ....domain.suppression.agenda import WorkInForce
from ....domain.units import NS_PER_DAY
from ... import limits
from ...origin import Author
from ...pacing import Pacing, sliced
from ...problems import Refusal
from ...table import ApiCall
from ..frame import PageFrame, frame_of
from ..layout import ViewQuery, page_response, rendered
from . import speech
from .rows import FleetPast, name_of, row_maker, state_of, work_of
from .sections import (
    STATES,
    GroupSection,
    RowOrder,
    by_group,
    in_order,
    section_of,
    sections_in_order,
    tally_of,
)
from .trouble import open_incidents, troubles_of

SILENCED, MAINTENANCE = "silenced", "maintenance"
_NAME, _PROOF = token_hex(16).encode(), token_hex(16).encode()
"""Stand in a page for the name and the proof of its reader, so that all readers of a role share one rendering."""


class OverviewQuery(ViewQuery, frozen=True, kw_only=True):
    """The part of the targets that is shown, and how."""

    q: str = ""
    """Part of an id or a name."""
    group: str = ""
    status: Literal["", "up", "down", "degraded", "unknown", "paused", "silenced", "maintenance"] = ""
    sort: RowOrder = "name"
    days: Literal[30, 90] = 30
    view: Literal["", "groups", "all"] = ""


class Chip(NamedTuple):
    """A link that shows the targets of one state."""

    label: str
    total: int
    address: str
    is_chosen: bool


class View(NamedTuple):
    """The part of the targets that a page shows."""

    path: str
    query: OverviewQuery
    group: str
    """The group of the page; empty on the overview."""
    scope: Sequence[TargetStatus]
    """The targets of the page."""
    shown: Sequence[TargetStatus]
    """Those that the parameters leave."""
    states: Counter[Status]
    """How many targets of the page are in each state."""
    silenced: int
    work: WorkInForce
    worked_on: frozenset[str]
    """Those in maintenance."""

    @property
    def is_filtered(self) -> bool:
        return bool(self.query.q or self.query.status or self.group or self.query.group)

    @property
    def has_rows(self) -> bool:
        """Whether each target has a row; otherwise each group has a line."""
        if self.query.view:
            return self.query.view == "all"
        return self.is_filtered or len(self.scope) <= limits.ROWS_UNASKED_MAX

    def address(self, **changes: str | int) -> str:
        """Returns the address of this page with other parameters; those that are as by default are left out."""
        query = self.query
        wanted: dict[str, Any] = {
            name: getattr(query, name) for name in ("q", "group", "status", "sort", "days", "view")
        } | changes
        defaults = {"sort": "name", "days": 30}
        said = {name: value for name, value in wanted.items() if value and value != defaults.get(name)}
        return f"{self.path}?{urlencode(said)}" if said else self.path

    def chips(self) -> list[Chip]:
        """Returns a link for all, and one for each state in which a target is."""
        counts: dict[str, int] = {state.value: self.states[state] for state in STATES}
        counts |= {SILENCED: self.silenced, MAINTENANCE: len(self.worked_on)}
        chosen = self.query.status
        made = [Chip("All", len(self.scope), self.address(status=""), not chosen)]
        return made + [
            Chip(state.capitalize(), count, self.address(status=state), state == chosen)
            for state, count in counts.items()
            if state == chosen or (count and state != "up")
        ]


async def overview(call: ApiCall) -> Response:
    """Returns the page of everything that is watched."""
    return await _page(call, "")


async def group(call: ApiCall) -> Response:
    """Returns the page of a group with the groups below it. Raises: Refusal of a group in which no target is."""
    if not call.path["group"]:
        raise Refusal(404, "there is no group without a name")
    return await _page(call, call.path["group"])


async def _page(call: ApiCall, of_group: str) -> Response:
    status = await call.operations.status()
    frame = await frame_of(call)
    shared = frame._replace(author=Author(_NAME.decode(), frame.author.role, ""), proof=_PROOF.decode())
    # The question as well: two that are too long to be led back to have the same address in the frame.
    key = of_group, call.query, shared._replace(now_ns=0, status=None)
    parts = await call.services.pages.body(key, lambda: _made(call, shared, of_group, status))
    said = {_NAME: str(escape(frame.author.name)).encode("utf-8", "replace"), _PROOF: frame.proof.encode()}
    body = b"".join([said.get(part, part) for part in parts])
    return await page_response(call, body, headers={"cache-control": "private, no-cache"})


async def _view(call: ApiCall, frame: PageFrame, of_group: str, status: RuntimeStatus, pace: Pacing) -> View:
    """Returns the part of the targets that is asked for. Raises: Refusal of a group in which no target is."""
    query: OverviewQuery = call.query
    path, work = frame.root + frame.here.partition("?")[0], call.operations.work_in_force()
    wanted = query.q.strip().casefold()
    scope: list[TargetStatus] = []
    shown: list[TargetStatus] = []
    states: Counter[Status] = Counter()
    silenced, worked_on = 0, set[str]()

    def look_at(target: TargetStatus) -> None:
        nonlocal silenced
        if not _is_within(target, of_group):
            return
        silenced += bool(target.silences)
        if work_of(target, work) is not None:
            worked_on.add(target.id)
        scope.append(target)
        states[state_of(target)] += 1
        if (
            _is_within(target, query.group)
            and (not wanted or wanted in f"{target.id}\n{name_of(target)}".casefold())
            and (not query.status or _is_in(target, query.status, worked_on))
        ):
            shown.append(target)

    await sliced(status.targets, look_at, pace)
    if of_group and not scope:
        raise Refusal(404, f"no target is in the group {of_group!r}")
    return View(path, query, of_group, scope, shown, states, silenced, work, frozenset(worked_on))


def _is_within(target: TargetStatus, group: str) -> bool:
    return not group or f"{target.metadata.group}/".startswith(f"{group}/")


def _is_in(target: TargetStatus, state: str, worked_on: AbstractSet[str]) -> bool:
    if state == MAINTENANCE:
        return target.id in worked_on
    return bool(target.silences) if state == SILENCED else state_of(target) == state


async def _made(call: ApiCall, frame: PageFrame, of_group: str, status: RuntimeStatus) -> list[bytes]:
    """Returns the parts of the page: its values in slices, then its text in slices. The marks of its reader are parts."""
    pace = Pacing()
    view = await _view(call, frame, of_group, status, pace)
    past, unread = await _past(call, frame, view)
    ids = None if not view.group else frozenset(target.id for target in view.scope)
    incidents = open_incidents(status, ids)
    told = await _told(call, [each.id for each in incidents[: limits.TOLD_LISTED_MAX]])
    known = {target.id: target for target in status.targets}
    opening = speech.opening_of(view.scope, view.states)
    tally = None if past.days is None else await tally_of(view.scope, past.days, pace)
    parts = await rendered(
        frame,
        "overview.html",
        pace,
        view=view,
        opening=opening,
        others=speech.others_of(view.states, view.silenced, len(view.worked_on), opening.state),
        sight=speech.sight_of(status, frame),
        picture=None
        if past.days is None or tally is None
        else speech.picture_of(past.days, tally, len(view.scope)),
        troubles=troubles_of(incidents[: limits.INCIDENTS_LISTED_MAX], known, told, view.work),
        more_troubles=max(0, len(incidents) - limits.INCIDENTS_LISTED_MAX),
        axis=speech.axis_of(past.length, frame.now_ns) if past.days is not None else None,
        sections=await _sections(call, frame, view, past, pace),
        unread=unread,
    )
    return _apart(_apart(parts, _NAME), _PROOF)


def _apart(parts: Iterable[bytes], mark: bytes) -> list[bytes]:
    """Returns the parts with each of the marks as one of them. No mark is in two parts: it is a value of the template."""
    found: list[bytes] = []
    for part in parts:
        first, *others = part.split(mark)
        found.append(first)
        for other in others:
            found += (mark, other)
    return found


async def _past(call: ApiCall, frame: PageFrame, view: View) -> tuple[FleetPast, str]:
    """Returns the past of all targets; without a store none, and why it cannot be read where it cannot."""
    if not call.operations.has_file:
        return FleetPast(None, None), ""
    until_day, count = frame.now_ns // NS_PER_DAY + 1, view.query.days
    try:
        days = await call.operations.fleet.days(until_day - count, until_day)
        # The lines of groups show no latency of a day.
        return FleetPast(days, await call.operations.fleet.last_day() if view.has_rows else None), ""
    except StoreError as error:
        return FleetPast(None, None), str(error)


async def _told(call: ApiCall, incidents: Sequence[str]) -> dict[str, tuple[ChannelTold, ...]]:
    if not incidents or not call.operations.has_file:
        return {}
    try:
        found = await call.operations.read(lambda reader: reader.told_of_each(incidents))
    except StoreError:
        # The page says above that the store cannot be read.
        return {}
    waits: dict[str, list[IncidentWait]] = {}
    for waiting in (await call.operations.status()).waits:
        waits.setdefault(waiting.incident_id, []).append(waiting)
    return {name: with_waits(told, waits.get(name, ())) for name, told in found.items()}


async def _sections(
    call: ApiCall, frame: PageFrame, view: View, past: FleetPast, pace: Pacing
) -> list[GroupSection]:
    make, made, rows = row_maker(frame, past, view.worked_on, call.services.pages.parts), [], None
    for number, (name, targets) in enumerate(await by_group(view.shown, pace)):
        if view.has_rows:
            rows = await sliced(await in_order(targets, view.query.sort, past, pace), make, pace)
        made.append(await section_of(number, name, targets, past, rows))
        if pace.is_over:
            await pace.rest()
    return made if view.has_rows else sections_in_order(made, view.query.sort)
