"""The frame of a page, and its style sheet: served under the digest of its content, so that a browser keeps it for good."""

from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

from starlette.responses import Response

from ..origin import Visit
from ..problems import Refusal

NAME = "watch.css"


@cache
def _style() -> tuple[str, bytes]:
    """Returns the digest and the content of the style sheet."""
    content = Path(__file__).with_name(NAME).read_bytes()
    return sha256(content).hexdigest()[:16], content


def html_page(visit: Visit, title: str, content: str, refusal: Refusal | None = None) -> Response:
    """Returns a page; `content` is HTML, in which the words of clients are escaped already."""
    digest, _ = _style()
    sheet = escape(f"{visit.scope.get('root_path', '')}/static/{digest}/{NAME}")
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - watchkeeper</title>"
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{sheet}"></head>'
        f'<body><main><p class="mark">watchkeeper</p><h1>{escape(title)}</h1>{content}</main></body></html>\n'
    )
    # With `no-referrer` a browser sends its forms with `Origin: null`, which is no word of ours.
    headers = {"cache-control": "no-store", "referrer-policy": "same-origin"}
    if refusal is not None:
        headers |= refusal.headers
    return Response(text, 200 if refusal is None else refusal.status, headers=headers, media_type="text/html")


def style_response(digest: str, name: str) -> Response:
    """Returns the style sheet. Raises: Refusal of any other name or digest: there is no folder behind it."""
    present, content = _style()
    if (digest, name) != (present, NAME):
        raise Refusal(404, "there is no such file")
    kept = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(content, headers=kept, media_type="text/css")
