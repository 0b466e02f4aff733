"""A public page as HTML, from its value alone."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ...domain.read_model.days import DayRun, DayState, TargetDays
from ...domain.rules.aggregate import Status
from ...domain.units import NS_PER_S
from ..limits import PUBLIC_PAST_DAYS
from ..pacing import joined
from ..pages.charts.day_strip import day_marks, day_rows, strip_label
from ..pages.environment import environment
from .gathering import EPOCH
from .value import PublicAnnouncement, PublicComponent, PublicView
from .words import (
    STATUS_WORDS,
    announcement_span,
    clock,
    headline,
    incident_span,
    incident_title,
    past_days,
    worst,
)

_ICONS = {Status.DOWN: "down.svg", Status.DEGRADED: "degraded.svg"}


class Links(NamedTuple):
    """Where the files of a page lie."""

    assets: str
    """The path of the static files."""
    base: str
    """The beginning of the addresses of the feed, of badges and of the JSON."""


async def page_of(view: PublicView, links: Links) -> bytes:
    """Returns the page; gives way after every slice, so that a long page delays no check."""
    return b"".join(await joined(environment().get_template("public.html").generate(**_values(view, links))))


def error_page(title: str, detail: str, advice: str, links: Links) -> bytes:
    """Returns the page that says why there is none, and what to do."""
    template = environment().get_template("public_error.html")
    return template.render(title=title, detail=detail, advice=advice, links=links, icon="well.svg").encode()


def _values(view: PublicView, links: Links) -> dict[str, Any]:
    return {
        "view": view,
        "links": links,
        "icon": _ICONS.get(worst(view.components), "well.svg"),
        "headline": headline(view.components),
        "announcements": [_said(each, view) for each in view.announcements],
        "rows": [_row(each, view) for each in view.components],
        "past": list(_past(view)),
        "past_days_count": PUBLIC_PAST_DAYS,
    }


def _row(component: PublicComponent, view: PublicView) -> dict[str, Any]:
    runs = tuple(
        DayRun((days.first - EPOCH).days, days.count, days.state, days.lost_s * NS_PER_S)
        for days in component.days
    )
    days = TargetDays(runs, component.uptime)
    return {
        "name": component.name,
        "status": component.status,
        "word": STATUS_WORDS[component.status],
        "since": component.since and f"{clock(component.since, view.as_of.date())} UTC",
        "uptime": component.uptime,
        "marks": day_marks(days, (view.since - EPOCH).days),
        "label": strip_label(days, view.days),
        "told": day_rows(days),
        "has_trouble": any(run.state is not DayState.NO_DATA for run in runs),
    }


def _said(said: PublicAnnouncement, view: PublicView) -> dict[str, Any]:
    return {
        "title": said.title,
        "kind": said.kind,
        "paragraphs": [paragraph for paragraph in said.text.split("\n\n") if paragraph.strip()],
        "span": announcement_span(said, view.as_of),
    }


def _past(view: PublicView) -> Iterator[dict[str, Any]]:
    for past in past_days(view):
        yield {
            "day": past.day,
            "incidents": [
                {
                    "status": each.status,
                    "title": incident_title(each),
                    "span": incident_span(each, past.day),
                }
                for each in past.incidents
            ],
            "announcements": [_said(each, view) for each in past.announcements],
        }
