"""The list of incidents, the newest first, in parts."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from ....domain.errors import StoreError
from ....domain.incidents.incident import Incident
from ....domain.specification.web import Role
from ... import limits
from ...table import ApiCall, ApiRoute
from ..layout import ViewQuery, render
from .incident import incident_page, incident_text


class IncidentsPageQuery(ViewQuery, frozen=True, kw_only=True):
    """The incidents that are shown."""

    state: Literal["", "open", "resolved"] = ""
    target: Annotated[str, msgspec.Meta(max_length=256)] = ""
    before: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The id of the last incident of the part before."""


async def incidents_page(call: ApiCall) -> Response:
    query: IncidentsPageQuery = call.query
    found, problem = await _found(call, query)
    names = {each.id: each.metadata.name for each in call.operations.targets().values()}
    return await render(
        call,
        "incidents.html",
        query=query,
        incidents=found[: limits.INCIDENTS_PART_MAX],
        names=names,
        problem=problem,
        following=found[limits.INCIDENTS_PART_MAX - 1].id if len(found) > limits.INCIDENTS_PART_MAX else "",
    )


async def _found(call: ApiCall, query: IncidentsPageQuery) -> tuple[Sequence[Incident], str]:
    """Returns one more incident than is shown, where there are more; and why older ones cannot be read."""
    if not call.operations.has_file:
        return await _in_memory(call, query), ""
    try:
        return await call.operations.read(
            lambda reader: reader.incidents(
                open_only=query.state == "open",
                ended_only=query.state == "resolved",
                target=query.target or None,
                before=query.before or None,
                limit=limits.INCIDENTS_PART_MAX + 1,
            )
        ), ""
    except StoreError as error:
        return await _in_memory(call, query), str(error)


async def _in_memory(call: ApiCall, query: IncidentsPageQuery) -> list[Incident]:
    found = await call.operations.verbs.aio.incidents(open_only=query.state == "open")
    shown = sorted(
        (
            each
            for each in found
            if (query.state != "resolved" or not each.is_open) and query.target in ("", each.target)
        ),
        key=lambda each: -each.opened_at_ns,
    )
    at = next((place for place, each in enumerate(shown) if each.id == query.before), None)
    return shown if at is None else shown[at + 1 :]


V = Role.VIEWER
INCIDENTS: tuple[ApiRoute, ...] = (
    ApiRoute(
        "GET",
        "/incidents",
        V,
        "Incidents, the newest first.",
        incidents_page,
        query=IncidentsPageQuery,
        is_page=True,
    ),
    # Before the page itself, whose path would take the ending for a part of an id.
    ApiRoute(
        "GET", "/i/{incident}.txt", V, "One incident as text.", incident_text, query=ViewQuery, is_page=True
    ),
    ApiRoute("GET", "/i/{incident}", V, "One incident.", incident_page, query=ViewQuery, is_page=True),
)
"""The pages of incidents."""
