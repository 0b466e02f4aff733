"""Announcements: those that stand, and the commands that begin, change and end one."""

import re
from typing import Any

from ...domain.errors import UnknownName, UsageError
from ...domain.incidents.announcement import Announcement
from ...domain.time.moment import Moment
from ...host.access.announcing import make_announcement
from ..pacing import sliced
from ..problems import Refusal
from ..shapes.announcement_rows import AnnouncementRow, announcement_row
from ..shapes.answers import SILENCE_ID, Listed
from ..table import Accepted, ApiCall
from .reading import page_of


async def announcements(call: ApiCall) -> Listed[AnnouncementRow]:
    found = await call.operations.status()
    in_order = sorted(found.announcements, key=lambda each: each.id)
    page, following = page_of(in_order, lambda each: each.id, call.query)
    return Listed(items=await sliced(page, announcement_row), next=following)


async def announcement(call: ApiCall) -> AnnouncementRow:
    """Returns an announcement. Raises: UnknownName where none of this id stands."""
    return announcement_row(_named(call, (await call.operations.status()).announcements))


async def put_announcement(call: ApiCall) -> AnnouncementRow | Accepted:
    """Begins or changes an announcement. Raises: UnknownName for an unknown page; Refusal of what makes no sense."""
    name, body = call.path["announcement"], call.body
    if not re.fullmatch(SILENCE_ID, name):
        raise Refusal(
            400, "the id of an announcement has 1 to 64 letters, digits, dots, hyphens or underscores"
        )
    if body.until is not None and body.length is not None:
        raise Refusal(409, "an announcement has a length or an end: give at most one of the two")
    until = "" if body.until is None else body.until.isoformat()
    said: dict[str, Any] = {
        "text": body.text,
        "kind": body.kind,
        "pages": body.pages,
        "start": "" if body.start is None else body.start.isoformat(),
        "until": until or body.length or "",
        "by": call.author.name,
        "id": name,
    }
    try:
        made = make_announcement(body.title, **said, now=Moment(0, call.operations.now_ns()))
        await call.operations.obeyed(lambda: call.operations.verbs.announce(body.title, **said))
    except (UsageError, ValueError) as error:
        if isinstance(error, UnknownName) or not call.operations.is_started:
            raise
        raise Refusal(409, str(error)) from None
    settled = await call.operations.settled()
    if settled.is_durable and settled.status is not None:
        for each in settled.status.announcements:
            if each.id == name:
                return announcement_row(each)
    return Accepted(announcement_row(made))


async def delete_announcement(call: ApiCall) -> AnnouncementRow | Accepted:
    """Ends an announcement; returns it as it was. Raises: UnknownName where none of this id stands."""
    found = (await call.operations.status(fresh=True)).announcements
    was = announcement_row(_named(call, found))
    await call.operations.obeyed(lambda: call.operations.verbs.end_announcement(was.id, by=call.author.name))
    return was if (await call.operations.settled()).is_durable else Accepted(was)


def _named(call: ApiCall, found: tuple[Announcement, ...]) -> Announcement:
    name = call.path["announcement"]
    for each in found:
        if each.id == name:
            return each
    raise UnknownName(f"no announcement that stands has the id {name!r}")
