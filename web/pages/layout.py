"""The answer that a page is."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from ..limits import SLICE_PARTS
from ..problems import Refusal
from ..table import ApiCall
from .acting.flash import forget_message, message_of
from .environment import environment
from .frame import ZONE, PageFrame, frame_of

YEAR_S = 365 * 86_400


class ViewQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that every page knows; those that a page does not know are left aside."""

    tz: str = ""
    """The zone in which times are shown, from now on."""


async def render(
    call: ApiCall,
    template: str,
    *,
    refusal: Refusal | None = None,
    keep: str = "private, no-cache",
    **values: Any,
) -> Response:
    """Returns a page of a template, which gets `frame` and the values; `keep` says how long a browser may keep it."""
    frame = await frame_of(call)
    body = await rendered(frame, template, **values)
    headers = {} if refusal is None else refusal.headers
    return page_response(
        call, body, 200 if refusal is None else refusal.status, {"cache-control": keep, **headers}
    )


async def rendered(frame: PageFrame, template: str, **values: Any) -> bytes:
    """Returns the bytes of a page; gives way after every slice, so that a long page delays no check."""
    parts: list[str] = []
    for part in environment().get_template(template).generate(frame=frame, **values):
        parts.append(part)
        if len(parts) % SLICE_PARTS == 0:
            await asyncio.sleep(0)
    # A lone surrogate, which a name of a file system may hold, has no place in UTF-8.
    return "".join(parts).encode("utf-8", "replace")


def page_response(
    call: ApiCall, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Returns the answer that holds a page; notes the zone that its reader chose, and that its message is shown."""
    # With `no-referrer` a browser sends its forms with `Origin: null`, which is no word of ours.
    response = Response(
        body, status, headers={"referrer-policy": "same-origin", **(headers or {})}, media_type="text/html"
    )
    if message_of(call.visit, call.operations.now_ns()):
        forget_message(call.visit, response)
    if zone := getattr(call.query, "tz", ""):
        # A cookie holds no slash in its value without quotes.
        set_choice(response, ZONE, zone.replace("/", "."))
    return response


def set_choice(response: Response, name: str, value: str) -> None:
    """Adds the cookie of a choice to an answer; scripts of the page may read it, as it is no secret."""
    response.headers.append("set-cookie", f"{name}={value}; Path=/; Max-Age={YEAR_S}; SameSite=Lax")
