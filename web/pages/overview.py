"""The overview: everything that is watched, and what is wrong with it."""

from starlette.responses import Response

from ..table import ApiCall
from .layout import ViewQuery, render


class OverviewQuery(ViewQuery, frozen=True, kw_only=True):
    """The part of the targets that is shown."""

    q: str = ""


async def overview(call: ApiCall) -> Response:
    return await render(call, "overview.html", status=await call.operations.status())
