"""The table of the pages. A route that a person reads is no part of the API's document, and its refusals are pages."""

from ...domain.specification.web import Role
from ..table import ApiRoute
from .acts import ACTS
from .announcements import ANNOUNCEMENTS
from .choices import CHOICES
from .fleet.overview import OverviewQuery, group, overview
from .incidents.listing import INCIDENTS
from .login import LOGIN
from .self_page import SelfQuery, self_page
from .silences import SILENCES
from .watched.attempt import WATCHED

V = Role.VIEWER
PAGES: tuple[ApiRoute, ...] = (
    *CHOICES,
    *LOGIN,
    *ACTS,
    *SILENCES,
    *ANNOUNCEMENTS,
    *WATCHED,
    *INCIDENTS,
    ApiRoute("GET", "/", V, "The overview.", overview, query=OverviewQuery, is_page=True),
    ApiRoute("GET", "/self", V, "The runtime itself.", self_page, query=SelfQuery, is_page=True),
    ApiRoute("GET", "/g/{group:path}", V, "One group.", group, query=OverviewQuery, is_page=True),
)
