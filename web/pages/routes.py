"""The table of the pages. A route that a person reads is no part of the API's document, and its refusals are pages."""

from ...domain.specification.web import Role
from ..table import ApiRoute
from .choices import CHOICES
from .incidents.incident import incident_page, incident_text
from .incidents.listing import IncidentsPageQuery, incidents_page
from .layout import ViewQuery
from .login import LOGIN
from .overview import OverviewQuery, overview
from .watched.target import TargetQuery, target_page

V = Role.VIEWER
PAGES: tuple[ApiRoute, ...] = (
    *CHOICES,
    *LOGIN,
    ApiRoute("GET", "/", V, "The overview.", overview, query=OverviewQuery, is_page=True),
    ApiRoute("GET", "/t/{target}", V, "One target.", target_page, query=TargetQuery, is_page=True),
    ApiRoute(
        "GET",
        "/incidents",
        V,
        "Incidents, the newest first.",
        incidents_page,
        query=IncidentsPageQuery,
        is_page=True,
    ),
    ApiRoute(
        "GET", "/i/{incident}.txt", V, "One incident as text.", incident_text, query=ViewQuery, is_page=True
    ),
    ApiRoute("GET", "/i/{incident}", V, "One incident.", incident_page, query=ViewQuery, is_page=True),
)
