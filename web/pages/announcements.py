"""Announcements for the readers of public pages: those that stand, those of the last weeks, and the form for a new one."""

from typing import Any

from starlette.responses import Response

from ...domain.incidents.announcement import Announcement, AnnouncementKind, announcement_id
from ...domain.limits import ANNOUNCEMENT_CHARACTERS_MAX, ANNOUNCEMENT_TITLE_MAX
from ...domain.specification.web import Role
from ...domain.units import NS_PER_DAY
from ..limits import ANNOUNCEMENT_BYTES_MAX, ENDED_SHOWN_MAX, PUBLIC_PAST_DAYS
from ..problems import Fault, Refusal
from ..resources import announcing
from ..shapes.announcement_rows import AnnouncementBody
from ..table import ApiCall, ApiRoute
from .acts import body_of, end_fields, lead_back, perform, unless_gone
from .forms import ActForm, read_act
from .frame import zone_of
from .layout import ViewQuery, render

KINDS = {
    AnnouncementKind.NOTICE: "Notice",
    AnnouncementKind.OUTAGE: "Outage",
    AnnouncementKind.MAINTENANCE: "Planned maintenance",
}


class AnnouncementForm(ActForm, frozen=True):
    """The fields as they were typed."""

    title: str = ""
    text: str = ""
    kind: AnnouncementKind = AnnouncementKind.NOTICE
    on: tuple[str, ...] = ()
    """The ids of pages."""
    start: str = ""
    """A moment in the reader's time zone."""
    end: str = ""
    """A length such as 2h, or such a moment."""


async def announcements(call: ApiCall) -> Response:
    return await _page(call, AnnouncementForm())


async def _page(call: ApiCall, form: AnnouncementForm, wrong: Refusal | None = None) -> Response:
    status = await call.operations.status()
    ended: list[Announcement] = []
    if call.operations.has_file:
        since_ns = status.at_ns - PUBLIC_PAST_DAYS * NS_PER_DAY
        known = await call.operations.read(lambda reader: reader.announcements(since_ns))
        ended = [each for each in known if not each.stands(status.at_ns)]
    web = call.operations.configuration().web
    return await render(
        call,
        "announcements.html",
        refusal=wrong,
        standing=sorted(status.announcements, key=lambda each: -each.created_at_ns),
        ended=sorted(ended, key=lambda each: -(each.until_ns or 0))[:ENDED_SHOWN_MAX],
        days=PUBLIC_PAST_DAYS,
        has_record=call.operations.has_file,
        pages=() if web is None else web.pages,
        form=form,
        kinds=KINDS,
        wrong=_sentences(wrong),
        characters={"title": ANNOUNCEMENT_TITLE_MAX, "text": ANNOUNCEMENT_CHARACTERS_MAX},
    )


def _sentences(wrong: Refusal | None) -> list[str]:
    if wrong is None:
        return []
    return [fault.detail for fault in wrong.document.errors] or [wrong.document.detail]


async def announce(call: ApiCall) -> Response:
    """Makes or changes an announcement; shows the form again, as it was filled in, where something is wrong with it."""
    form = await read_act(call, AnnouncementForm, ANNOUNCEMENT_BYTES_MAX)
    try:
        body = _body_of(call, form)
        name = announcement_id(body.title, body.pages)
        effect = await perform(call, announcing.put_announcement, {"announcement": name}, body)
    except Refusal as refusal:
        return await _page(call, form, refusal)
    return lead_back(call, form.next, "/announcements", "announced", is_durable=effect.is_durable)


def _body_of(call: ApiCall, form: AnnouncementForm) -> AnnouncementBody:
    """Returns the announcement as the API takes it. Raises: Refusal of a field that is wrong."""
    zone = zone_of(call)
    said: dict[str, Any] = {
        "title": form.title.strip(),
        "text": form.text.replace("\r\n", "\n").strip(),
        "kind": form.kind,
        "pages": form.on,
        **end_fields(form.end, zone, "/until"),
    }
    if not said["title"]:
        raise Refusal(400, "nothing is announced", [Fault("/title", "an announcement has a title")])
    start = end_fields(form.start, zone, "/start")
    if "length" in start:
        raise Refusal(
            400,
            "nothing is announced",
            [Fault("/start", "a start is a moment such as 2026-11-30 08:00, and no length")],
        )
    return body_of(AnnouncementBody, {**said, "start": start.get("until")})


async def end_announcement(call: ApiCall) -> Response:
    form = await read_act(call, ActForm)
    effect = await unless_gone(call, announcing.delete_announcement)
    if effect is None:
        return lead_back(call, form.next, "/announcements", "no-announcement")
    return lead_back(call, form.next, "/announcements", "unannounced", is_durable=effect.is_durable)


ANNOUNCEMENTS: tuple[ApiRoute, ...] = (
    ApiRoute(
        "GET",
        "/announcements",
        Role.VIEWER,
        "Announcements, and the form of one.",
        announcements,
        query=ViewQuery,
        is_page=True,
    ),
    ApiRoute("POST", "/announcements", Role.OPERATOR, "Makes an announcement.", announce, is_page=True),
    ApiRoute(
        "POST",
        "/announcements/{announcement}/end",
        Role.OPERATOR,
        "Ends an announcement.",
        end_announcement,
        is_page=True,
    ),
)
