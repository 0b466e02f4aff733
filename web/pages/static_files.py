"""The static files of pages: a fixed map, served under one digest of all of them, so that a browser keeps each for good."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.responses import Response

from ..problems import Refusal

FOLDER = Path(__file__).with_name("static")
MEDIA_TYPES = {
    "watch.css": "text/css",
    "public.css": "text/css",
    "charts.css": "text/css",
    "live.js": "text/javascript",
    "live-worker.js": "text/javascript",
    "public.js": "text/javascript",
    "inter-400.woff2": "font/woff2",
    "inter-600.woff2": "font/woff2",
    "inter-licence.txt": "text/plain",
    "well.svg": "image/svg+xml",
    "degraded.svg": "image/svg+xml",
    "down.svg": "image/svg+xml",
}
"""The name of every file, with its type. A request names one of them; no path is ever made of its words."""


class StaticFiles(NamedTuple):
    """The files as they are on disk, read once."""

    digest: str
    content: dict[str, bytes]


@cache
def static_files() -> StaticFiles:
    """Returns all files, and the digest of them together: style sheets and scripts name their neighbours by relative paths."""
    content = {name: (FOLDER / name).read_bytes() for name in MEDIA_TYPES}
    whole = sha256()
    for name, data in sorted(content.items()):
        whole.update(name.encode() + b"\0" + sha256(data).digest())
    return StaticFiles(whole.hexdigest()[:16], content)


def file_response(digest: str, name: str) -> Response:
    """Returns a file. Raises: Refusal of any other name or digest: there is no folder behind it."""
    present, content = static_files()
    if digest != present or name not in content:
        raise Refusal(404, "there is no such file")
    kept = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(content[name], headers=kept, media_type=MEDIA_TYPES[name])


def icon_response() -> Response:
    """Returns the icon for a browser that asks for `/favicon.ico` by itself, as it does for a page without a link to one."""
    kept = {"cache-control": "public, max-age=86400"}
    return Response(static_files().content["well.svg"], headers=kept, media_type=MEDIA_TYPES["well.svg"])
