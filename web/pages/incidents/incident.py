"""The page of one incident, and the same as text to paste."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from ....domain.incidents.incident import Incident
from ....domain.incidents.notice import DeliveryState
from ....domain.read_model.days import ProblemSpan
from ....domain.specification.rule import Severity
from ....domain.units import NS_PER_DAY, NS_PER_HOUR
from ....host.access.incident_past import EARLIER_SHOWN
from ...table import ApiCall
from ..charts.axis import time_ticks
from ..charts.latency import latency_chart, latency_label
from ..frame import PageFrame, frame_of
from ..layout import render
from ..watched.conditions_view import condition_rows
from ..watched.figures import figure_rows
from ..watched.past_view import axis_said, points_of, speed_limits
from ..watched.target import what_is_checked
from ..words import duration, number
from .found import Found, found_of
from .plain import plain_text

COUNTED_NS = 90 * NS_PER_DAY


async def incident_page(call: ApiCall) -> Response:
    found = await found_of(call)
    past = found.past
    earlier = () if past is None else past.earlier
    return await render(
        call,
        "incident.html",
        found=found,
        incident=found.incident,
        sentence=lede(found),
        conditions=[]
        if found.target is None or found.row is None
        else condition_rows(found.target, found.row.sample),
        what="" if found.target is None else call.operations.discreet(what_is_checked(found.target)),
        earlier=earlier[:EARLIER_SHOWN],
        before=_before(earlier, found.now_ns),
        dead={
            each.notice.channel: each.notice.key
            for each in (() if past is None else past.notices)
            if each.delivery.state is DeliveryState.DEAD
        },
        view=lambda frame: _chart(frame, found),
    )


async def incident_text(call: ApiCall) -> Response:
    """Returns the incident as text, with times and their zone, to paste into a chat or a ticket."""
    text = plain_text(await found_of(call), await frame_of(call))
    return Response(text.encode("utf-8", "replace"), media_type="text/plain")


def lede(found: Found) -> str:
    """Returns who knows of an incident, in one sentence."""
    rows = found.told
    parts = []
    if knowing := [row for row in rows if row.told is not None]:
        parts.append(f"{number(len(knowing))} {_channels(len(knowing))} told")
    if waiting := [row for row in rows if row.state is DeliveryState.PENDING]:
        parts.append(f"{number(len(waiting))} {'is' if len(waiting) == 1 else 'are'} being tried")
    if dead := [row for row in rows if row.state is DeliveryState.DEAD]:
        parts.append(f"{number(len(dead))} given up")
    if held := [row for row in rows if row.waits is not None]:
        parts.append(f"{number(len(held))} {'waits' if len(held) == 1 else 'wait'}")
    if not rows and found.past is not None:
        parts.append("no channel is told of it")
    incident = found.incident
    if incident.is_open:
        parts.append(
            f"seen by {incident.acknowledged_by}" if incident.acknowledged_by else "it is not acknowledged"
        )
    return ", ".join(parts)


def _channels(count: int) -> str:
    return "channel was" if count == 1 else "channels were"


def _before(earlier: Sequence[Incident], now_ns: int) -> str:
    """Returns how many earlier incidents there were in 90 days, and how long the middle one lasted."""
    lately = sorted(
        each.lasted_ns or 0
        for each in earlier
        if each.opened_at_ns >= now_ns - COUNTED_NS and not each.is_open
    )
    if not lately:
        return "no other incident in 90 days"
    median = duration(lately[len(lately) // 2])
    noun = "incident" if len(lately) == 1 else "incidents"
    lasted = f"it lasted {median}" if len(lately) == 1 else f"the middle one lasted {median}"
    return f"{number(len(lately))} {noun} in 90 days, {lasted}"


def _chart(frame: PageFrame, found: Found) -> dict[str, Any]:
    past, incident = found.past, found.incident
    if past is None or not past.parts:
        return {"chart": Markup(), "axis": "", "rows": Markup()}
    since_ns, until_ns = past.span
    points = points_of(past.parts)
    end_ns = found.now_ns if incident.resolved_at_ns is None else incident.resolved_at_ns
    chart = latency_chart(
        points,
        past.span,
        time_ticks(since_ns, until_ns, frame.zone),
        limits=[] if found.target is None else speed_limits(found.target),
        problems=[
            ProblemSpan(
                incident.target, incident.opened_at_ns, end_ns, incident.severity is Severity.CRITICAL
            )
        ],
        label=latency_label(points, "the answers around the incident"),
        gap_ns=NS_PER_HOUR if found.target is None else found.target.stale_after_ns,
        edges=[(incident.opened_at_ns, "first sign"), *([] if incident.is_open else [(end_ns, "over")])],
    )
    said = axis_said(since_ns, until_ns, frame)
    return {"chart": chart, "axis": said, "rows": figure_rows(reversed(past.parts), frame)}
