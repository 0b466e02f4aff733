"""The frame of a page: what every page of one reader knows, and the times as that reader reads them."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo, available_timezones

from ...domain.errors import WatchkeeperError
from ...domain.read_model.status import RuntimeStatus
from ...domain.rules.aggregate import Status
from ...domain.specification.web import Role
from ..origin import SAFE_IN_PATHS, Author, relative_target
from ..problems import Refusal
from ..sessions import cookie_of
from ..shapes.documents import time_of
from ..table import ApiCall
from .acting.flash import message_of
from .static_files import static_files

THEME = "wk-theme"
ZONE = "wk-zone"
"""The cookies of a reader's choices. Every site of this machine shares them: they are no secret and open nothing."""
THEMES = ("dark", "light")
ZONE_CHARACTERS_MAX = 64


class PageFrame(NamedTuple):
    """The surroundings of the content of one page."""

    root: str
    """The path under which the site is mounted; empty at the top. Links begin with it, never with a host."""
    assets: str
    """The path of the static files."""
    theme: str
    """`dark` or `light` as the reader chose; empty where the browser's own preference counts."""
    zone: tzinfo
    author: Author
    proof: str
    """The secret that stands in every form of this reader."""
    here: str
    """The path of this page with its parameters, without the root: forms that change a view lead back to it."""
    now_ns: int
    status: RuntimeStatus | None
    """None where the reader may not see it, or the runtime does not answer."""
    down: int = 0
    degraded: int = 0
    has_public_pages: bool = False
    can_sign_in: bool = False
    """Whether a person signs in here: not where the program that serves the site says who asks."""
    stands_by: bool = False
    """Whether another process watches, and this one waits to take over."""
    recorded_ns: int | None = None
    """The time of the record that is shown in place of the process that watches, which does not answer; None where it does."""
    message: str = ""
    """The effect of the form that led here, in words."""

    @property
    def is_known(self) -> bool:
        """Whether the reader may see what is watched."""
        return self.author.role is not None

    @property
    def may_act(self) -> bool:
        """Whether the reader may change something, and buttons are shown."""
        return self.author.role is not None and self.author.role.includes(Role.OPERATOR)

    @property
    def path(self) -> str:
        """The path of this page without its parameters."""
        return self.here.partition("?")[0]

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """The parameters of this page but its zone: the form that changes the zone keeps them."""
        said = parse_qsl(self.here.partition("?")[2], keep_blank_values=True)
        return [(name, value) for name, value in said if name != "tz"]

    @property
    def icon(self) -> str:
        return "down.svg" if self.down else "degraded.svg" if self.degraded else "well.svg"

    @property
    def zone_name(self) -> str:
        return "UTC" if self.zone is UTC else str(self.zone)

    def iso(self, wall_ns: int) -> str:
        """Returns a time for programs, in UTC."""
        return time_of(wall_ns).strftime("%Y-%m-%dT%H:%M:%SZ")

    def clock(self, wall_ns: int) -> str:
        """Returns a time in the zone of the reader: `12:04:31` of today, `26 Nov 10:41` of another day, with its year if needed."""
        at, now = self._local(wall_ns), self._local(self.now_ns)
        if at.date() == now.date():
            return at.strftime("%H:%M:%S")
        return f"{at.day} {at:%b %H:%M}" if at.year == now.year else f"{at.day} {at:%b %Y %H:%M}"

    def moment(self, wall_ns: int) -> str:
        """Returns a time with its date and its zone, as text to paste needs it."""
        at = self._local(wall_ns)
        return f"{at.day} {at:%b %Y %H:%M:%S} {self.zone_name}"

    def since(self, wall_ns: int) -> int:
        """Returns the nanoseconds from a time until now, never below zero."""
        return max(0, self.now_ns - wall_ns)

    def _local(self, wall_ns: int) -> datetime:
        try:
            return time_of(wall_ns).astimezone(self.zone)
        except OverflowError:
            return time_of(wall_ns)


async def frame_of(call: ApiCall) -> PageFrame:
    """Returns the frame of the page that answers a request. Raises: Refusal of a zone that no clock knows."""
    scope, author = call.visit.scope, call.author
    root, status = str(scope.get("root_path", "")), None
    if author.role is not None:
        try:
            status = await call.operations.status()
        except (WatchkeeperError, TimeoutError):
            # The frame stands without its figures: the page itself says what is wrong.
            status = None
    counted = [] if status is None else [row.status for row in status.targets if not row.paused]
    query = scope.get("query_string", b"").decode("latin-1")
    path = quote(str(scope["path"]).removeprefix(root), safe=SAFE_IN_PATHS)
    now_ns = call.operations.now_ns()
    return PageFrame(
        root=root,
        assets=f"{root}/static/{static_files().digest}",
        theme=_theme(call),
        zone=zone_of(call),
        author=author,
        proof=call.authority.form_proof(call.visit),
        here=_address(scope["method"], path, query),
        now_ns=now_ns,
        status=status,
        down=counted.count(Status.DOWN),
        degraded=counted.count(Status.DEGRADED),
        has_public_pages=_has_public_pages(call),
        stands_by=call.operations.stands_by,
        recorded_ns=status.at_ns if status is not None and status.is_recorded else None,
        can_sign_in=not call.visit.is_by_socket and call.authority.actor is None,
        message=message_of(call.visit, now_ns),
    )


def _address(method: str, path: str, query: str) -> str:
    """Returns the address to lead back to. No page repeats the secret of a login link, and an answer to a form is no page to open."""
    if method not in {"GET", "HEAD"} or path.startswith("/login/"):
        return "/"
    # An address that is too long to be led back to would fill the forms of the page.
    return relative_target(f"{path}?{query}" if query else path) or relative_target(path) or "/"


def _has_public_pages(call: ApiCall) -> bool:
    web = call.operations.configuration().web
    return web is not None and bool(web.pages)


def _theme(call: ApiCall) -> str:
    chosen = cookie_of(call.visit.headers.all(b"cookie"), THEME)
    return chosen if chosen in THEMES else ""


def zone_of(call: ApiCall) -> tzinfo:
    """Returns the zone of the address, else that of the cookie, else UTC. Raises: Refusal of one of the address that is none."""
    if asked := zone_asked(call):
        if zone := zone_named(asked):
            return zone
        raise Refusal(
            400,
            f"there is no time zone {asked[:ZONE_CHARACTERS_MAX]!r}: write UTC or, for example, Europe/Vienna",
        )
    kept = cookie_of(call.visit.headers.all(b"cookie"), ZONE)
    return (zone_named(kept.replace(".", "/")) if kept else None) or UTC


def zone_asked(call: ApiCall) -> str:
    """Returns the zone that the address names, without the blanks that a keyboard adds; empty where it names none."""
    return str(getattr(call.query, "tz", "")).strip()


def zone_named(name: str) -> tzinfo | None:
    """Returns the zone of a name such as `Europe/Vienna`; None where there is none."""
    if name.upper() == "UTC":
        return UTC
    if len(name) > ZONE_CHARACTERS_MAX:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        found = _names_of_zones().get(name.casefold().replace(" ", "_"))
        return None if found is None else ZoneInfo(found)


@cache
def _names_of_zones() -> Mapping[str, str]:
    """Returns the names of all zones by their small letters, for those who type `europe/vienna` or `America/New York`."""
    return {name.casefold(): name for name in available_timezones()}
