"""The forms of pages: their fields, the proof that a page of this site sent them, and the page that follows."""

from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from starlette.responses import RedirectResponse

from .. import limits
from ..origin import SAFE_IN_PATHS, relative_target
from ..parameters import read_pairs
from ..problems import Refusal
from ..table import ApiCall

FORM_TYPE = "application/x-www-form-urlencoded"


class PageForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a form, each given once."""

    next: str = ""
    """The page that follows, as a path below the root of the site."""


class ActForm(PageForm, frozen=True):
    """The fields of a form that commands something."""

    proof: str = ""
    """The proof that a page of this session sent it."""


F = TypeVar("F", bound=PageForm)
A = TypeVar("A", bound=ActForm)


async def read_form(call: ApiCall, into: type[F], bytes_max: int | None = None) -> F:
    """Returns the fields of a form. Raises: Refusal of another type, of a large body, and of fields that are wrong."""
    bytes_max = bytes_max or limits.FORM_BYTES_MAX
    headers = call.request.headers
    if headers.get("content-type", "").partition(";")[0].strip() != FORM_TYPE:
        raise Refusal(415, f"send `Content-Type: {FORM_TYPE}`")
    raw = bytearray()
    async for part in call.request.stream():
        raw += part
        if len(raw) > bytes_max:
            raise Refusal(413, f"a form may have {bytes_max:,} bytes", headers=[("connection", "close")])
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=limits.FORM_FIELDS_MAX)
    except ValueError:
        raise Refusal(400, "the form is wrong") from None
    return read_pairs(pairs, into, what="field")


async def read_act(call: ApiCall, into: type[A], bytes_max: int | None = None) -> A:
    """Returns the fields of a form that commands something. Raises: Refusal as `read_form` does, and without its proof."""
    form = await read_form(call, into, bytes_max)
    call.authority.require_proof(call.visit, form.proof)
    return form


def led_to(call: ApiCall, path: str, otherwise: str = "/") -> RedirectResponse:
    """Returns the answer that leads a browser to another page of this site; for any other address, to `otherwise`."""
    root = str(call.visit.scope.get("root_path", ""))
    target = f"{root}{relative_target(path) or otherwise}"
    return RedirectResponse(
        target, 303, headers={"cache-control": "no-store", "referrer-policy": "same-origin"}
    )


def led_to_sign_in(call: ApiCall) -> RedirectResponse:
    """Returns the answer that leads a browser to the form for a token, and from there to the page that it asked for.

    A form is not sent again by itself: its reader comes back to the page on which it stood.
    """
    scope, response = call.visit.scope, led_to(call, "/login")
    if call.visit.changes:
        asked = urlsplit(call.visit.headers.one(b"referer") or "")
        path, query = asked.path, asked.query
    else:
        path = quote(str(scope["path"]), safe=SAFE_IN_PATHS)
        query = scope.get("query_string", b"").decode("latin-1")
    if target := relative_target(f"{path}?{query}" if query else path):
        response.headers["location"] += f"?next={quote(target, safe='/')}"
    return response
