"""Public pages as files: from the record of a store, or from what a running process says of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from ..adapters.clock import SystemClock
from ..adapters.stores.opening import make_reader
from ..adapters.stores.record_reader import RecordReader
from ..domain.specification.target import Target
from ..domain.specification.web import PublicPage
from ..host.access.fleet_history import FleetHistory
from ..host.access.public_past import recorded_past
from ..host.sharing.recorded_status import Recorded
from ..protocol.recorder import GetStatus
from ..web.pages.static_files import static_files
from ..web.public.badge import badge_of
from ..web.public.feed import feed_of
from ..web.public.gathering import shown_spans, view_of
from ..web.public.page import Links, page_of
from ..web.public.value import PublicView

R = TypeVar("R")
STATIC = ("watch.css", "public.css", "public.js", "inter-400.woff2", "inter-600.woff2", "inter-licence.txt")
ICONS = ("well.svg", "degraded.svg", "down.svg")


def recorded_views(
    store: str, targets: Iterable[Target], pages: Iterable[PublicPage]
) -> dict[str, PublicView]:
    """Returns public pages, by id, as a store has them. Raises: StoreError."""
    return asyncio.run(_recorded_views(store, tuple(targets), tuple(pages)))


async def _recorded_views(
    store: str, targets: tuple[Target, ...], pages: tuple[PublicPage, ...]
) -> dict[str, PublicView]:
    clock, reader = SystemClock(), make_reader(store)
    now_ns = clock.read().wall_ns

    async def read(work: Callable[[RecordReader], R]) -> R:
        return work(reader)

    status = Recorded(store, targets, clock).answer(GetStatus(), "")
    past = await recorded_past(FleetHistory(read, lambda: now_ns), read, *shown_spans(now_ns))
    return {page.id: view_of(page, targets, status, past) for page in pages}


def files_of(views: Mapping[str, PublicView]) -> dict[str, bytes]:
    """Returns the files of public pages by their paths, pages last; a single page is the index of the folder, too.

    Every link is relative, so that they work from a disk and from any server of files.
    """
    return asyncio.run(_files_of(views))


async def _files_of(views: Mapping[str, PublicView]) -> dict[str, bytes]:
    content = static_files().content
    files = {f"static/{name}": content[name] for name in (*STATIC, *ICONS)}
    for name, view in views.items():
        folder = f"public/{name}"
        files |= {f"{folder}/badge/{each.slug}.svg": badge_of(each) for each in view.components}
        files[f"{folder}/status.json"] = msgspec.json.encode(view)
        files[f"{folder}/feed.atom"] = feed_of(view)
    for name, view in views.items():
        files[f"public/{name}/index.html"] = await page_of(view, Links("../../static", ""))
        if len(views) == 1:
            files["index.html"] = await page_of(view, Links("static", f"public/{name}/"))
    return files
