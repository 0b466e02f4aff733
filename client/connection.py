"""The client of a runtime that another process runs: the verbs and questions of Runtime over its API."""

import os
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from ..adapters.clock import SystemClock
from ..domain.errors import UnknownName, UsageError, WatchkeeperError
from ..domain.incidents.record import ALL, AllTargets, silence_id
from ..domain.line import first_line
from ..domain.time.duration import Duration, duration_ns, format_duration
from ..host.job import Job
from ..host.silencing import MatcherTexts, scope_of
from ..host.surface import bridge, sync_alone
from .tokens import TokenVerbs

if TYPE_CHECKING:
    from .answers import (
        AttemptRow,
        CheckAnswer,
        EvidenceRow,
        IncidentRow,
        NoticeRow,
        PreviewAnswer,
        RemoteStatus,
        SampleRow,
        SilenceRow,
        TargetRow,
    )
    from .exchange import Place

T = TypeVar("T")
API = "/api/v1"
PAGE = "1000"
AUTHOR = "watchkeeper-author"
"""The header that names the author on the control socket; over TCP the name is that of the token."""
TIMEOUT_S = 10.0
RELOAD_TIMEOUT_S = 150.0
"""A reload that restarts waits for the grace of the stop and for the start."""
_TIMEOUT_S_MAX = 3_600.0
TEXT_CHARACTERS_MAX = 256
"""The length of a text that the API takes; a longer one is cut."""
"""No two of them look alike on a screen."""


class Connection(TokenVerbs):
    """Commands and questions to a runtime that another process runs, with the names and parameters of Runtime.

    Every call is one or a few requests, each on a connection of its own, which ends by a deadline. The object holds no
    socket, lock or thread, so that any thread may use it, and a process that was forked as well. Answers are frozen values:
    times are `datetime` in UTC, lengths are milliseconds under a name that ends with `_ms`. A command returns the state that
    it left. The methods block, and are refused on an event loop.

    Every method raises NotRunning where nothing answers, NotAllowed where the role does not suffice, UnknownName for a
    name that the runtime does not know, UsageError for what it refuses otherwise, TimeoutError without an answer in time,
    and WatchkeeperError for what is no answer of watchkeeper.
    """

    def __init__(
        self, where: str, token: str | None, ca: str | None, author: str | None, timeout_s: float
    ) -> None:
        from .exchange import (
            place_of,
        )  # http.client takes 10 ms, which `import watchkeeper` leaves out

        if not 0 < timeout_s <= _TIMEOUT_S_MAX:
            raise UsageError(f"timeout_s must be above 0 and at most {_TIMEOUT_S_MAX:g}")
        self._place: Place = place_of(where, ca)
        self._token = token
        self._author = author
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"<Connection to {self._place.name}>"

    @bridge
    def __enter__(self) -> Self:
        return self

    @bridge
    def __exit__(self, *_: object) -> None:
        """Nothing is open between two calls."""

    # Questions.

    @sync_alone
    def status(self) -> "RemoteStatus":
        """Returns the status of every target and of the runtime itself, of at most a second ago."""
        from .answers import IncidentRow, RemoteStatus, SilenceRow, StatusAnswer, TargetRow

        whole = self._ask("GET", "/status", StatusAnswer)
        return RemoteStatus(
            at=whole.as_of,
            healthy=whole.healthy,
            targets=self._listed("/targets", TargetRow),
            incidents=self._listed("/incidents", IncidentRow, state="open"),
            silences=self._listed("/silences", SilenceRow),
            problems=tuple(whole.problems),
        )

    @sync_alone
    def target(self, target: str) -> "TargetRow":
        """Returns the status of one target."""
        from .answers import TargetRow

        return self._ask("GET", _of_target(target), TargetRow)

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

        return self._ask("GET", _of_incident(incident), IncidentRow)

    @sync_alone
    def transitions(self, incident: str) -> "tuple[IncidentRow, ...]":
        """Returns the states of an incident, from its opening."""
        from .answers import IncidentRow, Listed

        return tuple(self._ask("GET", f"{_of_incident(incident)}/transitions", Listed[IncidentRow]).items)

    @sync_alone
    def incident_notices(self, incident: str) -> "tuple[NoticeRow, ...]":
        """Returns the notices of an incident, the oldest first."""
        from .answers import Listed, NoticeRow

        return tuple(self._ask("GET", f"{_of_incident(incident)}/notices", Listed[NoticeRow]).items)

    @sync_alone
    def samples(self, target: str, since: datetime, until: datetime) -> "tuple[SampleRow, ...]":
        """Returns the samples of a target in a span of time, the oldest first, 1,000 at most."""
        from .answers import SampleRow

        return self._page(f"{_of_target(target)}/samples", SampleRow, _span(since, until))[0]

    @sync_alone
    def evidence(self, target: str, since: datetime, until: datetime) -> "tuple[EvidenceRow, ...]":
        """Returns the evidence of the bad samples in a span of time, the oldest first, 1,000 at most."""
        from .answers import EvidenceRow

        return self._page(f"{_of_target(target)}/evidence", EvidenceRow, _span(since, until))[0]

    @sync_alone
    def attempts(self, target: str) -> "tuple[AttemptRow, ...]":
        """Returns the newest attempts of a target, the newest first."""
        from .answers import AttemptRow, Listed

        return tuple(self._ask("GET", f"{_of_target(target)}/attempts", Listed[AttemptRow]).items)

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

    # Commands.

    @sync_alone
    def pause(self, target: str, *, by: str = "") -> "TargetRow":
        """Starts no more attempts of a target; its incidents stay as they are."""
        from .answers import TargetRow

        return self._ask("PUT", f"{_of_target(target)}/pause", TargetRow, by=by)

    @sync_alone
    def resume(self, target: str, *, by: str = "") -> "TargetRow":
        """Resumes a paused target."""
        from .answers import TargetRow

        return self._ask("DELETE", f"{_of_target(target)}/pause", TargetRow, by=by)

    @sync_alone
    def check_now(self, target: str) -> "CheckAnswer":
        """Starts one attempt of a target at once, unless one runs, which answers in its place.

        Returns the record of the attempt where it ends within two seconds, else None in its place; with the target after it.
        """
        from .answers import CheckAnswer

        return self._ask("POST", f"{_of_target(target)}/check", CheckAnswer, body={})

    @sync_alone
    def heartbeat(
        self, target: str, *, ok: bool = True, detail: str = "", start: bool = False, run: str | None = None
    ) -> "TargetRow":
        """Reports to a target with `heartbeat` that its job ran (`ok=False`: that it ran and failed).

        `start` reports that it has begun, which changes no status; with the same `run`, the end tells how long it took.
        """
        from .answers import TargetRow

        body = {"ok": ok, "detail": first_line(detail, TEXT_CHARACTERS_MAX)}
        body |= {"start": True} if start else {}
        body |= {} if run is None else {"run": run}
        return self._ask("POST", f"{_of_target(target)}/heartbeat", TargetRow, body=body)

    @bridge
    def job(self, target: str) -> Job:
        """Returns one run of a job that reports to a target with `heartbeat`: `with connection.job("etl"):`.

        The end of the block is a heartbeat with its time; an exception, and an exit status other than 0, make it a failed
        one. A report that cannot be made is logged and fails no job; the end of the block waits for it.
        """
        return Job(target, partial(self._report, target), SystemClock())

    def _report(self, target: str, *, ok: bool, detail: str) -> None:
        try:
            self.heartbeat(target, ok=ok, detail=detail)
        except TimeoutError as error:
            raise WatchkeeperError(str(error)) from None

    @sync_alone
    def acknowledge(self, incident: str, by: str = "", note: str = "", *, until: str = "") -> "IncidentRow":
        """Records that somebody has seen an incident, with a note; the first who has seen it stays."""
        from .answers import IncidentRow

        body = {"note": first_line(note, TEXT_CHARACTERS_MAX)} | ({"until": until} if until else {})
        return self._ask("PUT", f"{_of_incident(incident)}/acknowledgement", IncidentRow, body=body, by=by)

    @sync_alone
    def unacknowledge(self, incident: str, by: str = "") -> "IncidentRow":
        """Withdraws the acknowledgement of an open incident."""
        from .answers import IncidentRow

        return self._ask("DELETE", f"{_of_incident(incident)}/acknowledgement", IncidentRow, by=by)

    @sync_alone
    def silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        by: str = "",
        reason: str = "",
        id: str | None = None,  # noqa: A002  # the silence's id
        match: MatcherTexts = (),
    ) -> "SilenceRow":
        """Mutes targets for a length, or until a moment, as `Runtime.silence` does. Returns the silence."""
        from .answers import SilenceRow

        scope = scope_of(target, match)
        body: dict[str, Any] = {"reason": first_line(reason, TEXT_CHARACTERS_MAX)}
        if target is not ALL:
            body["target"] = target
        if length != "":
            body["length"] = format_duration(duration_ns(length))
        if until:
            body["until"] = until
        body["match"] = scope[1]
        return self._ask("PUT", _of_silence(id or silence_id(*scope)), SilenceRow, body=body, by=by)

    @sync_alone
    def unsilence(self, id: str, *, by: str = "") -> "SilenceRow":  # noqa: A002  # the silence's id
        """Ends a silence; returns it as it was."""
        from .answers import SilenceRow

        return self._ask("DELETE", _of_silence(id), SilenceRow, by=by)

    @sync_alone
    def redrive(self, key: str) -> bool:
        """Sends a dead letter again under its own key. Returns False where there is none that can be sent."""
        return self._redriven(key)

    def _redriven(self, key: str) -> bool:
        from .answers import Done

        try:
            return self._ask("POST", f"/notices/{_part(key)}/redrive", Done, body={}).done
        except UnknownName:
            return False

    @sync_alone
    def dead_letters(self) -> tuple[str, ...]:
        """Returns the keys of the notices that were given up, the oldest first."""
        return tuple(row.key for row in self._notices("dead", None))

    @sync_alone
    def redrive_all(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Sends several dead letters again; returns the keys of those that cannot be sent."""
        return tuple(key for key in keys if not self._redriven(key))

    @sync_alone
    def reload(self) -> None:
        """Applies the configuration file of the runtime as it is now.

        Raises: ConfigurationError with every problem; the former configuration runs on.
        """
        self._ask("POST", "/reload", dict, body={}, timeout_s=max(self._timeout_s, RELOAD_TIMEOUT_S))

    # Requests.

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
    ) -> T:
        from .answers import value_of
        from .exchange import Request, exchange

        request = Request(method, f"{API}{path}", query or {}, body, self._headers(by))
        return value_of(exchange(self._place, request, timeout_s or self._timeout_s), kind, self._place.name)

    def _headers(self, by: str) -> dict[str, str]:
        if self._place.is_socket:
            author = first_line(by or self._author or login_name())
            return {AUTHOR: author.encode("latin-1", "replace").decode("latin-1")}
        return {} if self._token is None else {"authorization": f"Bearer {self._token}"}

    def _page(self, path: str, kind: Any, query: dict[str, str]) -> tuple[tuple[Any, ...], str | None]:
        from .answers import Listed

        listed = self._ask("GET", path, Listed[kind], query={"limit": PAGE, **query})
        return tuple(listed.items), listed.next

    def _listed(self, path: str, kind: Any, **query: str) -> tuple[Any, ...]:
        """Returns a whole list, part by part."""
        rows, following = self._page(path, kind, query)
        while following is not None:
            more, following = self._page(path, kind, {**query, "after": following})
            rows += more
        return rows


@bridge
def connect(
    where: str | os.PathLike[str],
    *,
    token: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    author: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Connection:
    """Returns a client of the runtime that runs a store (`watch.db`) or serves its API at a URL, in another process.

    Beside a store it uses the control socket, as its user and with the role admin; `author` names who commands, by default
    the login name. At a URL it sends `token`, and trusts the authorities of the system or those of the file `ca`. No proxy
    of the environment is used. Nothing is sent before the first call, and each request of a call ends within `timeout_s`.

    Raises: UsageError for a URL that is not understood, and for a token or `ca` without a URL.
    """
    place = os.fsdecode(where)
    if "://" not in place and (token is not None or ca is not None):
        raise UsageError("a control socket takes no token and no `ca`: these belong to a URL")
    return Connection(place, token, None if ca is None else os.fsdecode(ca), author, timeout_s)


def login_name() -> str:
    """Returns the login name of the user of this process, else its number."""
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _span(since: datetime, until: datetime) -> dict[str, str]:
    return {"since": since.isoformat(), "until": until.isoformat()}


def _part(text: str) -> str:
    return quote(text, safe="")


def _of_target(target: str) -> str:
    return f"/targets/{_part(target)}"


def _of_incident(incident: str) -> str:
    return f"/incidents/{_part(incident)}"


def _of_silence(name: str) -> str:
    return f"/silences/{_part(name)}"
