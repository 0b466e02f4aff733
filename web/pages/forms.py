"""The forms of pages: their fields, the proof that a page of this site sent them, and the page that follows."""

import hmac
from urllib.parse import parse_qsl, quote

from starlette.responses import RedirectResponse

from .. import limits
from ..origin import is_foreign, relative_target
from ..problems import Refusal
from ..table import ApiCall

FIELDS_MAX = 16


async def fields(call: ApiCall) -> dict[str, str]:
    """Returns the fields of a form. Raises: Refusal of another type, of a large body, and of a field that stands twice."""
    headers = call.request.headers
    if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise Refusal(415, "send `Content-Type: application/x-www-form-urlencoded`")
    raw = bytearray()
    async for part in call.request.stream():
        raw += part
        if len(raw) > limits.FORM_BYTES_MAX:
            raise Refusal(
                413, f"a form may have {limits.FORM_BYTES_MAX:,} bytes", headers=[("connection", "close")]
            )
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Refusal(400, "the form is wrong") from None
    if len(given := dict(pairs)) < len(pairs):
        raise Refusal(400, "each field is given once")
    return given


async def proven_fields(call: ApiCall) -> dict[str, str]:
    """Returns the fields of a form that acts. Raises: Refusal, also where no page of this site has certainly sent it."""
    given = await fields(call)
    expected = call.authority.proof_of(call.visit, call.author)
    if is_foreign(call.visit.headers) or not hmac.compare_digest(
        given.pop("proof", "").encode(), expected.encode()
    ):
        raise Refusal(403, "this form is of an earlier session: go back, load the page again and repeat it")
    return given


def led_to(call: ApiCall, path: str) -> RedirectResponse:
    """Returns the answer that leads a browser to another page of this site; to the overview for any other address."""
    root = str(call.visit.scope.get("root_path", ""))
    target = f"{root}{relative_target(path) or '/'}"
    return RedirectResponse(
        target, 303, headers={"cache-control": "no-store", "referrer-policy": "same-origin"}
    )


def led_to_sign_in(call: ApiCall) -> RedirectResponse:
    """Returns the answer that leads a browser to the form for a token, and from there to the page that it asked for."""
    scope, response = call.visit.scope, led_to(call, "/login")
    query = scope.get("query_string", b"").decode("latin-1")
    # A form is not sent again by itself: its reader begins at the overview.
    asked = "" if call.visit.changes else str(scope["path"]) + (f"?{query}" if query else "")
    if target := relative_target(asked):
        response.headers["location"] += f"?next={quote(target, safe='/')}"
    return response
