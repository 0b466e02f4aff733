"""The client of a runtime that another process runs: the verbs and questions of Runtime over its API."""

import os
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from ..adapters.clock import SystemClock
from ..domain.cluster.membership import NAME_A_RUNNING_NODE, require_node_name
from ..domain.errors import UnknownName, UsageError, WatchkeeperError
from ..domain.incidents.announcement import AnnouncementKind
from ..domain.incidents.record import ALL, AllTargets, silence_id
from ..domain.line import first_line, one_line
from ..domain.specification.rule import Severity, SeverityLike
from ..domain.store_place import is_database
from ..domain.time.duration import Duration, duration_ns, format_duration
from ..domain.time.moment import names_moment, wall_ns_of, wall_text
from ..host.access.announcing import KindLike, make_announcement
from ..host.job import Job
from ..host.silencing import MatcherTexts, scope_of
from ..host.surface import bridge, sync_alone
from .questions import Questions, of_announcement, of_incident, of_silence, of_target, part
from .tokens import TokenVerbs

if TYPE_CHECKING:
    from .answers import (
        AnnouncementRow,
        ChannelTestRow,
        CheckAnswer,
        DrillAnswer,
        IncidentRow,
        SilenceRow,
        TargetRow,
    )

TIMEOUT_S = 10.0
RELOAD_TIMEOUT_S = 150.0
"""A reload that restarts waits for the grace of the stop and for the start, and a test for the timeout of its channel."""
TEXT_CHARACTERS_MAX = 256
"""The length of a text that the API takes; a longer one is cut."""


class Connection(Questions, TokenVerbs):
    """Commands and questions to a runtime that another process runs, with the names and parameters of Runtime.

    Every call is one or a few requests, each on a connection of its own, which ends by a deadline. The object holds no
    socket, lock or thread, so that any thread may use it, and a process that was forked as well. Answers are frozen values:
    times are `datetime` in UTC, lengths are milliseconds under a name that ends with `_ms`. A command returns the state that
    it left. The methods block, and are refused on an event loop.

    Every method raises NotRunning where nothing answers, NotAllowed where the role does not suffice, UnknownName for a
    name that the runtime does not know, UsageError for what it refuses otherwise, StoreError where the store failed,
    TimeoutError without an answer in time, and WatchkeeperError for what is no answer of watchkeeper.
    """

    @bridge
    def __enter__(self) -> Self:
        return self

    @bridge
    def __exit__(self, *_: object) -> None:
        """Nothing is open between two calls."""

    @sync_alone
    def pause(self, target: str, *, by: str = "") -> "TargetRow":
        """Starts no more attempts of a target; its incidents stay as they are."""
        from .answers import TargetRow

        return self._ask("PUT", f"{of_target(target)}/pause", TargetRow, by=by)

    @sync_alone
    def resume(self, target: str, *, by: str = "") -> "TargetRow":
        """Resumes a paused target."""
        from .answers import TargetRow

        return self._ask("DELETE", f"{of_target(target)}/pause", TargetRow, by=by)

    @sync_alone
    def check_now(self, target: str) -> "CheckAnswer":
        """Starts one attempt of a target at once, unless one runs, which answers in its place.

        Returns the record of the attempt where it ends within two seconds, else None in its place; with the target after it.
        """
        from .answers import CheckAnswer

        return self._ask("POST", f"{of_target(target)}/check", CheckAnswer, body={})

    @sync_alone
    def heartbeat(
        self,
        target: str,
        *,
        ok: bool = True,
        detail: str = "",
        start: bool = False,
        run: str | None = None,
        exit_status: int | None = None,
    ) -> "TargetRow":
        """Reports to a target with `heartbeat` that its job ran (`ok=False`: that it ran and failed).

        `start` reports that it has begun, which changes no status; with the same `run`, the end tells how long it took. An
        exit status other than 0 is a failure.
        """
        from .answers import TargetRow

        body = {"ok": ok, "detail": first_line(detail, TEXT_CHARACTERS_MAX)}
        body |= {"start": True} if start else {}
        body |= {} if run is None else {"run": run}
        body |= {} if exit_status is None else {"exit_status": exit_status}
        return self._ask("POST", f"{of_target(target)}/heartbeat", TargetRow, body=body)

    @bridge
    def job(self, target: str) -> Job:
        """Returns one run of a job that reports to a target with `heartbeat`: `with connection.job("etl"):`.

        It reports its start, too. The end of the block is a heartbeat with its time; an exception, and an exit status other than 0, make it a failed
        one. A report that cannot be made is logged and fails no job; the end of the block waits for it.
        """
        return Job(target, partial(self._report, target), SystemClock())

    def _report(
        self,
        target: str,
        *,
        ok: bool = True,
        detail: str = "",
        start: bool = False,
        run: str = "",
        exit_status: int | None = None,
    ) -> None:
        try:
            self.heartbeat(target, ok=ok, detail=detail, start=start, run=run, exit_status=exit_status)
        except (OSError, ValueError, TypeError) as error:
            raise WatchkeeperError(str(error)) from None

    @sync_alone
    def acknowledge(
        self,
        incident: str,
        by: str = "",
        note: str = "",
        *,
        until: Duration = "",
        until_worse: bool | None = None,
    ) -> "IncidentRow":
        """Records that somebody has seen an incident; `until` a moment or for a length such as `2h`, if given.

        With `until_worse` a rise of its severity ends the acknowledgement, too. The first who has seen it stays; a later command of the same person changes the note or the end.
        """
        from .answers import IncidentRow

        body: dict[str, Any] = {"note": first_line(note, TEXT_CHARACTERS_MAX), **_end_of(until)}
        if until_worse is not None:
            body["until_worse"] = until_worse
        return self._ask("PUT", f"{of_incident(incident)}/acknowledgement", IncidentRow, body=body, by=by)

    @sync_alone
    def unacknowledge(self, incident: str, by: str = "") -> "IncidentRow":
        """Withdraws the acknowledgement of an open incident, whoever made it: its channels are told once."""
        from .answers import IncidentRow

        return self._ask("DELETE", f"{of_incident(incident)}/acknowledgement", IncidentRow, by=by)

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
        if until != "":
            body["until"] = wall_text(wall_ns_of(until))
        body["match"] = scope[1]
        return self._ask("PUT", of_silence(id or silence_id(*scope)), SilenceRow, body=body, by=by)

    @sync_alone
    def unsilence(self, id: str, *, by: str = "") -> "SilenceRow":  # noqa: A002  # the silence's id
        """Ends a silence; returns it as it was."""
        from .answers import SilenceRow

        return self._ask("DELETE", of_silence(id), SilenceRow, by=by)

    @sync_alone
    def announce(
        self,
        title: str,
        text: str = "",
        *,
        kind: KindLike = AnnouncementKind.NOTICE,
        pages: str | Iterable[str] = (),
        start: str = "",
        until: Duration = "",
        by: str = "",
        id: str | None = None,  # noqa: A002  # the announcement's id
    ) -> "AnnouncementRow":
        """Tells the readers of public pages something, as `Runtime.announce` does. Returns the announcement."""
        from .answers import AnnouncementRow

        now = SystemClock().read()
        made = make_announcement(
            title, text, kind=kind, pages=pages, start=start, until=until, id=id, now=now
        )
        body: dict[str, Any] = {
            "title": made.title,
            "text": made.text,
            "kind": made.kind,
            "pages": made.pages,
        }
        if start != "":
            body["start"] = wall_text(wall_ns_of(start))
        body |= _end_of(until)
        return self._ask("PUT", of_announcement(made.id), AnnouncementRow, body=body, by=by)

    @sync_alone
    def end_announcement(self, id: str, *, by: str = "") -> "AnnouncementRow":  # noqa: A002  # as above
        """Ends an announcement; returns it as it was."""
        from .answers import AnnouncementRow

        return self._ask("DELETE", of_announcement(id), AnnouncementRow, by=by)

    @sync_alone
    def redrive(self, key: str) -> bool:
        """Sends a dead letter again under its own key. Returns False where there is none that can be sent."""
        return self._redriven(key)

    def _redriven(self, key: str) -> bool:
        from .answers import Done

        try:
            return self._ask("POST", f"/notices/{part(key)}/redrive", Done, body={}).done
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
    def test_channel(self, channel: str, *, by: str = "") -> "ChannelTestRow":
        """Sends a test to a channel, by the way of every notice, and returns its one try with the receiver's answer."""
        from .answers import ChannelTestRow

        within_s = max(self._timeout_s, RELOAD_TIMEOUT_S)
        path = f"/channels/{part(channel)}/test"
        return self._ask("POST", path, ChannelTestRow, body={}, by=by, timeout_s=within_s)

    @sync_alone
    def drill(
        self,
        route: str,
        *,
        by: str = "",
        length: Duration = "",
        severity: SeverityLike = Severity.CRITICAL,
        despite_holds: bool = False,
    ) -> "DrillAnswer":
        """Begins a drill of a route, as `Runtime.drill` does. Returns its incident and the channels that it tells."""
        from .answers import DrillAnswer

        body: dict[str, Any] = {"route": route, "severity": severity, "despite_holds": despite_holds}
        body |= {} if length == "" else {"length": format_duration(duration_ns(length))}
        return self._ask("POST", "/drill", DrillAnswer, body=body, by=by)

    @sync_alone
    def end_drill(self, incident: str, *, by: str = "") -> "IncidentRow":
        """Ends a drill; returns its incident."""
        from .answers import IncidentRow

        return self._ask("DELETE", f"/drill/{part(incident)}", IncidentRow, by=by)

    @sync_alone
    def reload(self) -> None:
        """Applies the configuration file of the runtime as it is now.

        Raises: ConfigurationError with every problem; the former configuration runs on.
        """
        self._ask("POST", "/reload", dict, body={}, timeout_s=max(self._timeout_s, RELOAD_TIMEOUT_S))


@bridge
def connect(
    where: str | os.PathLike[str],
    *,
    token: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    author: str | None = None,
    timeout_s: float = TIMEOUT_S,
    node: str | None = None,
) -> Connection:
    """Returns a client of the runtime that runs a store (`watch.db`) or serves its API at a URL, in another process.

    Beside a store it uses the control socket, as its user and with the role admin; `author` names who commands, by default
    the login name. Of several nodes of a store on this machine it uses `node`, else any that lives. At a URL it sends `token`, and trusts the authorities of the system or those of the file `ca`. No proxy
    of the environment is used. Nothing is sent before the first call, and each request of a call ends within `timeout_s`.

    Raises: UsageError for a URL that is not understood, for a token or `ca` without a URL, for a node with one, and for a text that names no node.
    """
    place = os.fsdecode(where)
    if node is not None:
        require_node_name(node, NAME_A_RUNNING_NODE)
    if "://" not in place and (token is not None or ca is not None):
        raise UsageError(
            f"{one_line(place)} names a store, and a control socket takes no token and no `ca`: these belong to a URL such as https://watch.example"
        )
    if "://" in place and not is_database(place) and node is not None:
        raise UsageError(
            f"a URL names one process, and `node` chooses among those of a store: leave {one_line(node)} out"
        )
    return Connection(place, token, None if ca is None else os.fsdecode(ca), author, timeout_s, node or "")


def _end_of(until: Duration) -> dict[str, str]:
    """Returns an end as the API takes it: a moment, a length, or nothing. Raises: ValueError for a text that is neither."""
    if until == "":
        return {}
    if isinstance(until, str) and names_moment(until):
        return {"until": wall_text(wall_ns_of(until))}
    return {"length": format_duration(duration_ns(until))}
