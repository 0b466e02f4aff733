"""The answer that a page is."""

import gzip
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from ...host.own_thread import in_own_thread
from .. import limits
from ..origin import RequestHeaders
from ..pacing import Pacing, joined
from ..problems import Refusal
from ..table import ApiCall
from .acting.flash import forget_message, message_of
from .environment import environment
from .frame import ZONE, PageFrame, frame_of, zone_asked

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
    body = b"".join(await rendered(frame, template, **values))
    headers = {} if refusal is None else refusal.headers
    return await page_response(
        call, body, 200 if refusal is None else refusal.status, {"cache-control": keep, **headers}
    )


async def rendered(frame: PageFrame, template: str, pace: Pacing | None = None, **values: Any) -> list[bytes]:
    """Returns the parts of a page; each value of the template stands in one of them as a whole."""
    return await joined(environment().get_template(template).generate(frame=frame, **values), pace)


async def page_response(
    call: ApiCall, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Returns the answer that holds a page; notes the zone that its reader chose, and that its message is shown."""
    # With `no-referrer` a browser sends its forms with `Origin: null`, which is no word of ours.
    said = {"referrer-policy": "same-origin", **(headers or {})}
    if len(body) > limits.PACKED_BYTES_MIN and may_pack(call.visit.headers):
        body, said["content-encoding"] = await _packed(body), "gzip"
    response = Response(body, status, headers=said, media_type="text/html")
    if message_of(call.visit, call.operations.now_ns()):
        forget_message(call.visit, response)
    if zone := zone_asked(call):
        # A cookie holds no slash in its value without quotes.
        set_choice(response, ZONE, zone.replace("/", "."))
    return response


def may_pack(headers: RequestHeaders) -> bool:
    """Whether an answer may be packed: where the browser takes it, and says that no page of another site has asked.

    Such a page could ask again and again with words of its own in the address, and learn from the sizes of the answers on the wire
    what else stands in them.
    """
    takes = any(
        part.partition(";")[0].strip() == "gzip"
        for part in (headers.one(b"accept-encoding") or "").split(",")
    )
    return takes and headers.one(b"sec-fetch-site") in {"same-origin", "none"}


async def _packed(body: bytes) -> bytes:
    if len(body) < limits.PACKED_APART_BYTES_MIN:
        return gzip.compress(body, 1, mtime=0)
    # 25 ms of work for the rows of 5,000 targets, in which other readers are answered.
    return await in_own_thread("watchkeeper-pack", lambda: gzip.compress(body, 1, mtime=0))


def set_choice(response: Response, name: str, value: str) -> None:
    """Adds the cookie of a choice to an answer; scripts of the page may read it, as it is no secret."""
    response.headers.append("set-cookie", f"{name}={value}; Path=/; Max-Age={YEAR_S}; SameSite=Lax")
