"""The shape of the route table: a route is declared once, and makes the router, the OpenAPI document and the matrix of roles."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from ..domain.errors import UsageError
from ..domain.specification.web import Role
from ..host.access.operations import Operations
from ..host.access.page_cache import PageCache
from .authority import Authority
from .hub import Hub
from .metrics.scrapes import Scrapes
from .origin import Author, Visit
from .pings import Pings
from .shapes.answers import NoQuery

if TYPE_CHECKING:
    from .public.publishing import PublicPages

API = "/api/v1"


class Unlocked(Enum):
    """How a route is open without a role."""

    PUBLIC = "public"
    """It says one word."""
    KEY = "key"
    """The key in its path opens it, and nothing else."""
    EVERYBODY = "everybody"
    """It shows what the configuration makes public, and nothing else."""
    PAGE = "page"
    """A person signs in there; it is a page, and no part of the API."""


class Accepted(NamedTuple):
    """The state that a command leaves, while it is not durable yet."""

    state: Any


class Services(NamedTuple):
    """The parts that all requests of one site share."""

    operations: Operations
    pings: Pings
    hub: Hub
    pages: PageCache
    public_pages: "PublicPages"
    scrapes: Scrapes


class ApiCall(NamedTuple):
    """One request that may be answered: authorised, in its rate, with valid parameters."""

    services: Services
    author: Author
    path: Mapping[str, str]
    query: Any
    body: Any
    request: Request
    visit: Visit
    authority: Authority

    @property
    def operations(self) -> Operations:
        return self.services.operations


Handler: TypeAlias = Callable[[ApiCall], Awaitable[Any]]


class ApiRoute(NamedTuple):
    """One route. A handler returns the value of its answer, or a whole response where it has no answer type."""

    method: str
    path: str
    role: Role | Unlocked | None
    does: str
    """One sentence, for the document."""
    handler: Handler
    answer: Any = None
    """The type of the value that is encoded; None where the handler makes the response."""
    query: type[Any] = NoQuery
    body: type[Any] | None = None
    reads: Callable[[bytes], Any] | None = None
    """Reads the body where its type alone does not tell every problem of it."""
    name: str = ""
    """The `operationId`; by default the name of the handler."""
    is_page: bool = False
    """Whether it is a page, or the form of one: no part of the API, and never passed on to another process."""

    @property
    def operation(self) -> str:
        return self.name or self.handler.__name__

    @property
    def is_for_people(self) -> bool:
        """Whether a browser reads it, and no program."""
        return self.is_page or self.role in {Unlocked.PAGE, Unlocked.EVERYBODY}

    @property
    def is_command(self) -> bool:
        return self.method in {"PUT", "POST", "DELETE"} and isinstance(self.role, Role)


def require_roles(routes: Iterable[ApiRoute]) -> None:
    """Raises: UsageError where a route states no role: such a table is never served."""
    open_ = [
        f"{route.method} {route.path}" for route in routes if not isinstance(route.role, Role | Unlocked)
    ]
    if open_:
        raise UsageError(f"these routes state no role: {', '.join(open_)}")


WholeResponse: TypeAlias = Response
