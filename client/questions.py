"""The questions of the client, and how it asks: each is one request or a few."""

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from ..domain.errors import NotAllowed, StoreError, UsageError, WatchkeeperError
from ..domain.incidents.record import ALL, AllTargets
from ..domain.line import first_line, one_line
from ..host.silencing import MatcherTexts, scope_of
from ..host.surface import sync_alone

if TYPE_CHECKING:
    from .answers import (
        AnnouncementRow,
        AttemptRow,
        EvidenceRow,
        IncidentNoticeRow,
        IncidentRow,
        NoticeRow,
        PreviewAnswer,
        ProblemRow,
        PublicView,
        RemoteStatus,
        SampleRow,
        SilenceRow,
        TargetRow,
        ToldRow,
        WaitRow,
    )
    from .exchange import Place

T = TypeVar("T")
API = "/api/v1"
PARTS_MAX = 1_000
"""The most parts of one list: a peer that never ends one is no watchkeeper."""
PAGE = "1000"
AUTHOR = "watchkeeper-author"
"""The header that names the author on the control socket; over TCP the name is that of the token."""
TIMEOUT_S_MAX = 3_600.0
ACCEPTED, UNAUTHORIZED = 202, 401
EFFECT_UNKNOWN = "whether it was obeyed is not known: look, and give it again if it was not"
_HOW_TO_GIVE = "give its file to a verb with --token-file, in Python `connect(url, token=...)`"


class Questions:
    """Asks a runtime that another process runs."""

    def __init__(
        self,
        where: str,
        token: str | None,
        ca: str | None,
        author: str | None,
        timeout_s: float,
        node: str = "",
    ) -> None:
        from .exchange import (
            LivingNodes,
            place_of,
        )  # http.client takes 10 ms, which `import watchkeeper` leaves out

        if not isinstance(timeout_s, int | float):
            raise TypeError(f"timeout_s is a number of seconds, not {timeout_s!r}")
        if not 0 < timeout_s <= TIMEOUT_S_MAX:
            raise UsageError(f"timeout_s must be above 0 and at most {TIMEOUT_S_MAX:g}")
        self._place: Place = place_of(where, ca)._replace(node=node)
        self._nodes = LivingNodes()
        self._token = None if token is None else _one_word(token)
        self._author = author
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"<Connection to {self._place.name}>"

    @sync_alone
    def status(self) -> "RemoteStatus":
        """Returns the status of every target and of the runtime itself, of at most a second ago."""
        from .answers import RemoteStatus, SilenceRow, StatusAnswer, TargetRow

        whole = self._ask("GET", "/status", StatusAnswer)
        return RemoteStatus(
            at=whole.as_of,
            healthy=whole.healthy,
            targets=self._listed("/targets", TargetRow),
            incidents=self._open_incidents(is_whole=all(each.part != "store" for each in whole.problems)),
            silences=self._listed("/silences", SilenceRow),
            problems=tuple(whole.problems),
            nodes=tuple(whole.nodes),
        )

    @sync_alone
    def problems(self) -> "tuple[ProblemRow, ...]":
        """Returns what is wrong with the runtime itself now, without its targets."""
        from .answers import StatusAnswer

        return tuple(self._ask("GET", "/status", StatusAnswer).problems)

    def _open_incidents(self, *, is_whole: bool) -> "tuple[IncidentRow, ...]":
        """Returns the open incidents, of which a process whose store does not answer says nothing."""
        from .answers import IncidentRow

        try:
            found: tuple[IncidentRow, ...] = self._listed("/incidents", IncidentRow, state="open")
        except (StoreError, TimeoutError):
            if is_whole:
                raise
            return ()
        return found

    @sync_alone
    def target(self, target: str) -> "TargetRow":
        """Returns the status of one target."""
        from .answers import TargetRow

        return self._ask("GET", of_target(target), TargetRow)

    @sync_alone
    def target_names(self) -> tuple[str, ...]:
        """Returns the ids of all targets."""
        from .answers import TargetRow

        return tuple(row.id for row in self._listed("/targets", TargetRow))

    @sync_alone
    def silences(self) -> "tuple[SilenceRow, ...]":
        """Returns the silences in force, by id."""
        from .answers import SilenceRow

        return self._listed("/silences", SilenceRow)

    @sync_alone
    def announcements(self) -> "tuple[AnnouncementRow, ...]":
        """Returns the announcements that stand, by id."""
        from .answers import AnnouncementRow

        return self._listed("/announcements", AnnouncementRow)

    @sync_alone
    def public_page(self, page: str) -> "PublicView":
        """Returns a public page as everybody sees it."""
        from .answers import PublicView

        return self._ask("GET", f"/public/{part(page)}/status.json", PublicView, under="")

    @sync_alone
    def incidents(self, *, open_only: bool = False, target: str | None = None) -> "tuple[IncidentRow, ...]":
        """Returns the open incidents, the newest first; without `open_only` also the ended ones, 1,000 in all."""
        from .answers import IncidentRow

        query = {} if target is None else {"target": target}
        if open_only:
            return self._listed("/incidents", IncidentRow, state="open", **query)
        return self._page("/incidents", IncidentRow, query)[0]

    @sync_alone
    def incident(self, incident: str) -> "IncidentRow":
        """Returns one incident."""
        from .answers import IncidentRow

        return self._ask("GET", of_incident(incident), IncidentRow)

    @sync_alone
    def transitions(self, incident: str) -> "tuple[IncidentRow, ...]":
        """Returns the states of an incident, from its opening."""
        from .answers import IncidentRow, Listed

        return tuple(self._ask("GET", f"{of_incident(incident)}/transitions", Listed[IncidentRow]).items)

    @sync_alone
    def incident_notices(self, incident: str) -> "tuple[IncidentNoticeRow, ...]":
        """Returns the notices of an incident with each try to deliver them, the oldest first."""
        from .answers import IncidentNoticeRow, Listed

        return tuple(self._ask("GET", f"{of_incident(incident)}/notices", Listed[IncidentNoticeRow]).items)

    @sync_alone
    def told(self, incident: str) -> "tuple[ToldRow, ...]":
        """Returns what each channel of an incident knows, and why it waits where it does."""
        from .answers import Listed, ToldRow

        return tuple(self._ask("GET", f"{of_incident(incident)}/told", Listed[ToldRow]).items)

    @sync_alone
    def told_channels(self, incident: str) -> tuple[str, ...]:
        """Returns the channels that were told of an incident."""
        return tuple(row.channel for row in self.told(incident) if row.told is not None)

    @sync_alone
    def waits(self) -> "tuple[WaitRow, ...]":
        """Returns the channels that are to be told of an incident and wait, each with the reason."""
        from .answers import WaitRow

        return self._listed("/waits", WaitRow)

    @sync_alone
    def samples(self, target: str, since: datetime, until: datetime) -> "tuple[SampleRow, ...]":
        """Returns the samples of a target in a span of time, the oldest first, 1,000 at most."""
        from .answers import SampleRow

        return self._page(f"{of_target(target)}/samples", SampleRow, _span(since, until))[0]

    @sync_alone
    def evidence(self, target: str, since: datetime, until: datetime) -> "tuple[EvidenceRow, ...]":
        """Returns the evidence of the bad samples in a span of time, the oldest first, 1,000 at most."""
        from .answers import EvidenceRow

        return self._page(f"{of_target(target)}/evidence", EvidenceRow, _span(since, until))[0]

    @sync_alone
    def attempts(self, target: str) -> "tuple[AttemptRow, ...]":
        """Returns the newest attempts of a target, the newest first."""
        from .answers import AttemptRow, Listed

        return tuple(self._ask("GET", f"{of_target(target)}/attempts", Listed[AttemptRow]).items)

    @sync_alone
    def notices(self, state: str | None = None, channel: str | None = None) -> "tuple[NoticeRow, ...]":
        """Returns notices, the oldest first; `state` is pending, delivered or dead."""
        return self._notices(state, channel)

    def _notices(self, state: str | None, channel: str | None) -> "tuple[NoticeRow, ...]":
        from .answers import NoticeRow

        query = {"state": state, "channel": channel}
        return self._listed("/notices", NoticeRow, **{key: said for key, said in query.items() if said})

    @sync_alone
    def preview(self, target: str | AllTargets, *, match: MatcherTexts = ()) -> "PreviewAnswer":
        """Returns what a silence of this target (ALL: every one) would mute now."""
        from .answers import PreviewAnswer

        query: dict[str, Any] = {"match": scope_of(target, match)[1]}
        if target is not ALL:
            query["target"] = str(target)
        return self._ask("GET", "/silences/preview", PreviewAnswer, query=query)

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        by: str = "",
        timeout_s: float | None = None,
        under: str = API,
    ) -> T:
        from .answers import value_of
        from .exchange import Request, exchange

        request = Request(method, f"{under}{path}", query or {}, body, self._headers(by))
        try:
            answered = exchange(self._place, request, timeout_s or self._timeout_s, self._nodes)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {EFFECT_UNKNOWN}" if method != "GET" else str(error)) from None
        if answered.status == ACCEPTED:
            self._accepted()
        if answered.status == UNAUTHORIZED and self._token is None:
            raise NotAllowed(f"{self._place.name} wants a token: {_HOW_TO_GIVE}")
        return value_of(answered, kind, self._place.name)

    def _accepted(self) -> None:
        """Hears that a command was taken, and is not durable yet."""

    def _headers(self, by: str) -> dict[str, str]:
        if self._place.is_socket:
            author = first_line(by or self._author or login_name())
            # Headers are sent in Latin-1, in which these are the bytes of UTF-8.
            return {AUTHOR: author.encode("utf-8", "replace").decode("latin-1")}
        return {} if self._token is None else {"authorization": f"Bearer {self._token}"}

    def _page(self, path: str, kind: Any, query: dict[str, str]) -> tuple[tuple[Any, ...], str | None]:
        from .answers import Listed

        listed = self._ask("GET", path, Listed[kind], query={"limit": PAGE, **query})
        return tuple(listed.items), listed.next

    def _listed(self, path: str, kind: Any, **query: str) -> tuple[Any, ...]:
        """Returns a whole list, part by part."""
        rows: list[Any] = []
        for _ in range(PARTS_MAX):
            more, following = self._page(path, kind, query)
            rows += more
            if following is None:
                return tuple(rows)
            query = {**query, "after": following}
        raise WatchkeeperError(f"{self._place.name} answers with a list of more than {PARTS_MAX:,} parts")


def login_name() -> str:
    """Returns the login name of the user of this process, else its number."""
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _one_word(token: str) -> str:
    """Returns a token without blanks around it, such as the line end of its file. Raises: UsageError, which never shows it."""
    if not isinstance(token, str):
        raise TypeError(f"a token is a text, not {type(token).__name__}")
    word = token.strip()
    if not word.isascii() or len(word.split()) != 1 or not word.isprintable():
        raise UsageError("a token is one word such as wk_..., and nothing else")
    return word


def _span(since: datetime, until: datetime) -> dict[str, str]:
    return {"since": since.isoformat(), "until": until.isoformat()}


def part(text: str) -> str:
    """Returns a text as one part of a path. Raises: TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"expected an id, which is a text, got {one_line(repr(text))}")
    return quote(text, safe="")


def of_target(target: str) -> str:
    """Returns the path of a target."""
    return f"/targets/{part(target)}"


def of_incident(incident: str) -> str:
    """Returns the path of an incident."""
    return f"/incidents/{part(incident)}"


def of_silence(name: str) -> str:
    """Returns the path of a silence."""
    return f"/silences/{part(name)}"


def of_announcement(name: str) -> str:
    """Returns the path of an announcement."""
    return f"/announcements/{part(name)}"
