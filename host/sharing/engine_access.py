"""How a host's commands and questions reach the engine of a runtime, also during a restart and while it stands by."""

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, TypeAlias

from msgspec.structs import replace
from pykka import ActorDeadError

from ...actors.dispatch.run.future import AwaitAnswer, DispatchedFuture, awaiting, blocking, run_blocking
from ...actors.ports import Clock
from ...domain.errors import NotRunning, StoreError, StoreFenced, UsageError
from ...domain.incidents.record import PauseMark
from ...domain.limits import ANSWER_WITHIN_NS
from ...domain.read_model.node_status import ShardCounts
from ...domain.read_model.status import STANDBY, AbandonedWork, RuntimeStatus
from ...domain.time.moment import NS_PER_S, Deadline
from ...protocol.message import Message
from ...protocol.owner import Acknowledge, EndDrill, OfDrills, Unacknowledge
from ...protocol.recorder import GetIncidents, GetStatus
from ...protocol.sink import Announce, EndAnnouncement, Mute, Unmute
from ...protocol.supervisor import Beat, Pause, Resume, Track, Untrack
from ..access.announcing import require_room
from ..configured import ConfiguredTargets
from ..own_thread import in_own_thread
from ..restart_buffer import HostReport, RestartBuffer
from ..subscriptions import Subscriptions
from .recorded_status import Recorded
from .standby import Passed, PassedAnswer, PassedRequest, RuntimeRole, Standby

ConfigurationCommand: TypeAlias = Track | Untrack | Pause | Resume
"""Changes the configured targets: without an engine the next start applies it."""


class RunningEngine(Protocol):
    """The part of an engine that a lifecycle uses; a test's runtime has a world in its place."""

    @property
    def pauses(self) -> Iterable[PauseMark]: ...

    def start(self) -> None: ...

    def tell(self, command: ConfigurationCommand | HostReport, /) -> None: ...

    async def ask(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any: ...

    async def arrival(
        self, future: DispatchedFuture[None], within_s: float, wait: AwaitAnswer, /
    ) -> None: ...

    def on_end(self, callback: Callable[[StoreFenced], None], /) -> None:
        """Calls back once the engine has ended by itself, as another process has claimed its store."""
        ...

    def stop(self, within_ns: int) -> AbandonedWork: ...


class Nodes(Protocol):
    """The engine of a node that shares the shards of a store with others."""

    @property
    def name(self) -> str:
        """The name of this node."""
        ...

    def counts(self) -> ShardCounts:
        """Returns the nodes and shards in figures."""
        ...

    def pass_on(self, command: ConfigurationCommand | HostReport, /) -> bool:
        """Has other nodes obey a command. Returns False where this one is to obey. Blocks; raises what the verb raises there."""
        ...


STATED_BY_ALL = (
    "several nodes share this store: state the target in the configuration of all of them, and reload it"
)


class EngineAccess:
    """Hands commands and questions to the engine; in a stand-by, to the process that runs the store.

    Calls `outdated` whenever a cached status is no longer valid.
    """

    def __init__(self, configured: ConfiguredTargets, outdated: Callable[[], None], clock: Clock) -> None:
        self._configured = configured
        self._outdated = outdated
        self._clock = clock
        self._engine: RunningEngine | None = None
        self._standby: Standby | None = None
        """The wait for the store, while another process runs it."""
        self._cluster: Nodes | None = None
        """The way to other nodes, where several processes run the shards of the store together."""
        self._shares_shards = False
        self._pid = os.getpid()
        self.ended = threading.Event()
        """Set while no engine runs and none follows, once one has run."""
        self._restart_buffer = RestartBuffer()
        self.feed = Subscriptions()

    @property
    def started(self) -> bool:
        """True between a start and a stop; False while a reload replaces the engine, and in a stand-by."""
        return self._engine is not None

    @property
    def role(self) -> RuntimeRole:
        """The role of this process for the store. A reload that restarts is no stop."""
        if self._standing_by() is not None:
            return "standby"
        is_ours = os.getpid() == self._pid
        return (
            "active"
            if is_ours and (self._engine is not None or self._restart_buffer.is_waiting)
            else "stopped"
        )

    @property
    def has_nodes(self) -> bool:
        """Whether several processes run the shards of the store, so that a command may wait for another one."""
        return self._cluster is not None

    @property
    def node_name(self) -> str:
        """The name of this process among the nodes of its store; empty where it shares none."""
        return "" if self._cluster is None else self._cluster.name

    def shard_counts(self) -> ShardCounts | None:
        """Returns the nodes and shards of the store in figures; None where this process shares none."""
        return None if self._cluster is None or self._engine is None else self._cluster.counts()

    @property
    def engine(self) -> RunningEngine:
        """The running engine. Raises: UsageError where none runs, and in a child forked from the engine's process."""
        engine = self._engine
        if engine is None:
            raise UsageError("this runtime is not running: use it in `with`, or call start()")
        if os.getpid() != self._pid:
            raise UsageError(
                f"this runtime was started by process {self._pid}: start it again in this one after forking"
            )
        return engine

    # A stand-by.

    def _standing_by(self) -> Standby | None:
        """Returns the wait for the store. The first use in a child that was forked from a running runtime begins it."""
        if os.getpid() != self._pid:
            self._stand_by_in_child()
        return self._standby

    def _stand_by_in_child(self) -> None:
        """Begins to stand by for the store of the runtime that the parent started, where it has one."""

    @property
    def stands_by(self) -> bool:
        """Whether another process runs the store, and this one waits."""
        return self._standing_by() is not None

    @property
    def active_process(self) -> str:
        """The process that runs the store while this one waits, as it names itself; empty where none is known."""
        standby = self._standing_by()
        return "" if standby is None else standby.holder

    def pass_on(self, command: ConfigurationCommand | HostReport) -> bool:
        """Hands a command to the active process. Returns False where this one does not stand by, and is to obey itself.

        Blocks until the effect is durable, at most 10 s: a take-over is waited for.

        Raises: NotRunning where no process answers in time; TimeoutError; NotSent; StoreError; what the verb raises there.
        """
        standby = self._standing_by()
        if standby is not None:
            passed = standby.obeyed(command) is not None
        else:
            # A forked child has no node: `engine` says so.
            is_ours = os.getpid() == self._pid
            passed = is_ours and self._cluster is not None and self._cluster.pass_on(command)
        if passed:
            self._outdated()
        return passed

    def request(self, request: PassedRequest, *, waits: bool) -> PassedAnswer | None:
        """Hands a request to the API to the active process, as `pass_on` does; None where this one is to answer itself.

        With `waits` a take-over is waited for, else the active process is asked once.
        """
        standby = self._standing_by()
        answer = None if standby is None else standby.requested(request, waits=waits)
        if waits:
            self._outdated()
        return answer

    def _asked_of_active(self, standby: Standby, question: Message, within_ns: int) -> Passed | None:
        if isinstance(question, GetStatus | GetIncidents):
            try:
                return _with_problem(standby.asked(question), standby.problem)
            except (NotRunning, TimeoutError) as error:
                recorded = Recorded(standby.store, self._configured.snapshot().targets, self._clock)
                try:
                    return _with_problem(Passed(recorded.answer(question, f"{error}")), standby.problem)
                except StoreError:
                    pass  # the active process makes it right now
        return standby.obeyed(question, within_ns, max(within_ns / NS_PER_S - 1, 1))

    # Commands and questions.

    def change(self, change: ConfigurationCommand) -> None:
        """Hands over a change of the targets, under `configured.guard`; without an engine the next start applies it.

        Raises: UsageError for one that adds or removes a target where several nodes share the store.
        """
        if self._cluster is not None and isinstance(change, Track | Untrack):
            raise UsageError(STATED_BY_ALL)
        if self._engine is not None:
            self.engine.tell(change)
        self._outdated()  # last: the answer to a question that was asked before is not kept

    def report(self, report: HostReport) -> None:
        """Hands over a report, or keeps it while a reload restarts the engine.

        Raises: UsageError where no engine runs.
        """
        if os.getpid() != self._pid:
            # In a forked child the guard may be held for ever; `self.engine` raises there.
            self.engine.tell(report)
        with self._restart_buffer.guard:
            if not self._restart_buffer.keep(report):
                self.engine.tell(report)
        if not isinstance(report, Beat):
            # A heartbeat changes one target as any sample does, and a host may report thousands a second.
            self._outdated()

    def acknowledge(self, seen: Acknowledge | Unacknowledge) -> None:
        """Reports that somebody has seen an incident, or withdraws that.

        Raises: UsageError where no engine runs; UnknownName for an incident that is not open.
        """
        if self.pass_on(seen):
            return
        # Without an engine `report` says so, or keeps the report of an incident that the next engine may resume.
        if self._engine is not None:
            self.feed.require_open(seen.incident)
        self.report(seen)

    def drill(self, command: OfDrills) -> None:
        """Reports a drill, or its end. Raises: UsageError where no engine runs; UnknownName for one that is not open."""
        if self.pass_on(command):
            return
        if isinstance(command, EndDrill) and self._engine is not None:
            self.feed.require_open(command.incident)
        self.report(command)

    def silence(self, mute: Mute) -> None:
        """Reports a silence, which `unsilence` knows at once. Raises: UsageError where no engine runs."""
        if self.pass_on(mute):
            return
        self.report(mute)
        self.feed.silences.note(mute.silence, self._clock.read())

    def unsilence(self, unmute: Unmute) -> None:
        """Reports the end of a silence.

        Raises: UsageError where no engine runs; UnknownName where none in force has this id.
        """
        if self.pass_on(unmute):
            return
        if self._engine is not None:
            self.feed.silences.require(unmute.id, self._clock.read())
        self.report(unmute)
        self.feed.silences.forget(unmute.id)

    def announce(self, announce: Announce) -> None:
        """Reports an announcement, which `end_announcement` knows at once.

        Raises: UsageError where no engine runs, and where too many stand.
        """
        if self.pass_on(announce):
            return
        now, announcement = self._clock.read(), announce.announcement
        require_room((each.id for each in self.feed.announcements.all(now)), announcement.id)
        self.report(announce)
        self.feed.announcements.note(announcement, now)

    def end_announcement(self, end: EndAnnouncement) -> None:
        """Reports the end of an announcement.

        Raises: UsageError where no engine runs; UnknownName where none that stands has this id.
        """
        if self.pass_on(end):
            return
        if self._engine is not None:
            self.feed.announcements.require(end.id, self._clock.read())
        self.report(end)
        self.feed.announcements.forget(end.id)

    def ask(self, listener: str, question: Message) -> Any:
        """Asks the recorder or the sink; during a reload, those of the next engine. Blocks for a bounded time.

        Raises: UsageError where no engine runs; TimeoutError without an answer in time.
        """
        return run_blocking(self.answer(listener, question, blocking))

    async def ask_async(self, listener: str, question: Message) -> Any:
        """Asks as `ask` does, from an event loop, which it never blocks."""
        return await self.answer(listener, question, awaiting)

    async def answer(
        self, listener: str, question: Message, wait: AwaitAnswer, within_ns: int = ANSWER_WITHIN_NS
    ) -> Any:
        """Asks as `ask` does, and waits by `wait`. In a stand-by the active process answers, else the store."""
        until = Deadline.after(self._clock.read(), within_ns)
        while True:
            standby = self._standing_by()
            if standby is not None:
                ask = partial(self._asked_of_active, standby, question, within_ns)
                passed = ask() if wait is blocking else await in_own_thread("watchkeeper-ask", ask)
                if passed is not None:
                    return passed.answer
            # A next engine may follow; never in a forked child, even where the parent was in a restart.
            if self._engine is None and os.getpid() == self._pid:
                await self._restart_buffer.wait(until.remaining_s(self._clock.read()), wait)
            if self._standby is not None:
                continue  # the engine was fenced, or its store taken over during a restart
            engine = self.engine
            try:
                return await engine.ask(listener, question, until.monotonic_ns, wait)
            except ActorDeadError:
                # A dead actor of an engine that a reload has just replaced is asked again at the next one.
                if engine is self._engine:
                    raise


def _with_problem(passed: Passed | None, problem: str) -> Passed | None:
    """Returns an answer; a status names what keeps this process from taking over, too."""
    if not problem or passed is None or not isinstance(passed.answer, RuntimeStatus):
        return passed
    status = passed.answer
    return Passed(replace(status, problems=(*status.problems, (STANDBY, problem))))


class Forked(Protocol):
    """Has state that no forked child can use as it is."""

    def in_child(self) -> None: ...


def prepare_for_forks(forked: Forked) -> None:
    """Calls `in_child` in every child that is forked from now on, while the object lives."""
    alive = weakref.ref(forked)

    def in_child() -> None:
        found = alive()
        if found is not None:
            found.in_child()

    os.register_at_fork(after_in_child=in_child)
