"""The engine of a node: those of its shards as one, and the way to the shards of other nodes."""

import logging
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from msgspec.structs import replace
from pykka import ActorDeadError

from ...actors.dispatch.run.future import AwaitAnswer, DispatchedFuture, blocking
from ...actors.engine import Engine
from ...actors.ports import Clock
from ...actors.supervisor.supervisor import RECORDER
from ...domain import limits
from ...domain.cluster.stamp import ConfigurationStamp
from ...domain.errors import (
    NotRunning,
    NotSent,
    StoreError,
    StoreFenced,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from ...domain.incidents.incident import Incident
from ...domain.incidents.record import PauseMark
from ...domain.line import one_line
from ...domain.read_model.metrics import RuntimeMetrics
from ...domain.read_model.node_status import ShardCounts
from ...domain.read_model.status import AbandonedWork, RuntimeStatus, TargetStatus
from ...domain.time.moment import Deadline, Moment
from ...protocol.codec import encode
from ...protocol.message import Message
from ...protocol.owner import Acknowledge, EndDrill, Unacknowledge
from ...protocol.recorder import GetAttempts, GetIncidents, GetMetrics, GetStatus
from ...protocol.sink import GetTest, Mute, Redrive, Unmute
from ...protocol.supervisor import Beat, CheckNow, Pause, Resume, Track, Untrack
from ..configured import ConfiguredTargets
from ..own_thread import in_own_thread
from ..restart_buffer import HostReport
from ..sharing.engine_access import STATED_BY_ALL
from ..sharing.peer_wire import read_reply, without_monotonic
from ..sharing.recorded_status import Recorded
from .merging import merged_metrics, merged_status, merged_work, without_targets
from .node import Node, NodeMembership
from .other_shards import KnownSince, OtherShards
from .problem_exchange import ProblemExchange
from .remote_refusals import RemoteRefusals
from .shard_configuration import FIRST_SHARD
from .shard_engines import ShardEngines
from .shard_feed import NodeFeed
from .shard_responder import OfTarget, ReceivedCommand, ShardResponder

R = TypeVar("R")
NodeCommand: TypeAlias = Track | Untrack | Pause | Resume | HostReport
logger = logging.getLogger(__name__)


class ClusterMembership(NodeMembership, Protocol):
    """The row of this node, and the commands for its shards; see `Membership`."""

    def join(self, now: Moment) -> int: ...

    def take(self, shards: Collection[int]) -> Iterable[ReceivedCommand]: ...

    def answer(self, command_id: int, answer: bytes) -> None: ...


class ShardOwners(Protocol):
    """Asks the nodes that run other shards; see `CommandSender`."""

    def ask(self, shards: Collection[int], message: bytes, until: Deadline) -> list[bytes]: ...

    def owner_of(self, until: Deadline, *, incident: str = "", key: str = "") -> int | None: ...


class NodeParts(NamedTuple):
    """The parts that a node is given."""

    store: str
    membership: ClusterMembership
    owners: ShardOwners
    clock: Clock
    engines: ShardEngines
    feed: NodeFeed
    stamp: Callable[[], ConfigurationStamp]
    problems: ProblemExchange


class ClusterEngine:
    """Runs the shards of this node, and answers for all of them: for its own by their engines, for others by the store.

    It never ends by itself: a shard that is lost is another node's, and this one takes what the assignment gives it.
    """

    def __init__(self, configured: ConfiguredTargets, parts: NodeParts) -> None:
        self._configured, self._store, self._clock = configured, parts.store, parts.clock
        self._membership, self._owners = parts.membership, parts.owners
        self._engines, self._feed = parts.engines, parts.feed
        self._shards = 1
        self._refusals = RemoteRefusals(configured, parts.store, parts.clock)
        answer = parts.membership.answer
        self._responder = ShardResponder(configured, parts.clock, self._require_open, answer, self._route)
        self._others, self._since = OtherShards(), KnownSince()
        self._sending = ThreadPoolExecutor(1, "watchkeeper-commands")
        self._node = Node(parts.membership, parts.clock, parts.stamp, parts.engines, self._after_look)
        self._problems = parts.problems
        self.pauses: tuple[PauseMark, ...] = ()

    @property
    def name(self) -> str:
        """The name of this node."""
        return self._node.name

    def counts(self) -> ShardCounts:
        """Returns the nodes and shards in figures."""
        return self._node.counts()

    # Start and stop.

    def start(self) -> None:
        """Joins the nodes of the store, and starts the engines of free shards. Blocks.

        Raises: StoreBusy where another living node has the name; StoreError; what kept its shards from starting, where none has.
        """
        self._shards = self._membership.join(self._clock.read())
        try:
            self._engines.share(self._shards)
            self._node.start()
        except BaseException:
            self._close()
            raise
        self.pauses = tuple(mark for engine in self._node.engines.values() for mark in engine.pauses)

    def stop(self, within_ns: int) -> AbandonedWork:
        """Gives all shards away. Blocks at most `within_ns`, and a few seconds for closing."""
        try:
            left = self._node.stop(within_ns)
        finally:
            unclosed = self._close()
        return merged_work((left, unclosed))

    def _close(self) -> AbandonedWork:
        self._responder.close()
        self._sending.shutdown(wait=False, cancel_futures=True)
        return self._engines.close()

    def on_end(self, callback: Callable[[StoreFenced], None]) -> None:
        """Does nothing: a node never ends by itself."""

    async def arrival(self, future: DispatchedFuture[None], within_s: float, wait: AwaitAnswer) -> None:
        """Waits until a future is set that an event of an engine sets. Raises: Timeout where it is not in time."""
        await wait(future, within_s)

    def _after_look(self) -> None:
        self._take_commands()
        self._problems.look(self._node.view, self._node.own_problem(), self._node.engines)

    # Commands.

    def _take_commands(self) -> None:
        engines = self._node.engines
        for command in self._membership.take(engines.keys()):
            if command.shard in engines:
                self._responder.take(command, engines[command.shard])

    def _route(self, command: OfTarget, asked: int) -> Engine | None:
        """Returns the engine of a target's shard: a node with an older configuration asks the former one. None where another node obeyed.

        Raises: NotRunning where this node no longer runs the shard; as `_ask_owners` does.
        """
        placement, engines = self._engines.sharded.placement, self._node.engines
        is_former = placement.lies_elsewhere(command.target, asked)
        shard = placement.shard_of(command.target) if is_former else asked
        if shard in engines:
            return engines[shard]
        if shard == asked:
            raise NotRunning("this node no longer runs the shard")
        self._ask_owners([shard], command, self._until())
        return None

    def _require_open(self, incident: str) -> None:
        if self._feed.shard_of(incident) is None:
            raise UnknownName(f"no open incident is {one_line(incident)}")

    def tell(self, command: NodeCommand) -> None:
        """Sends a command to the engines of this node that it is for. Never blocks."""
        if isinstance(command, Track | Untrack):
            # The whole configuration decides on which shard a target lies, and it is known by now.
            self._node.begin_anew(self._engines.reconfigured())
            return
        engines = self._node.engines
        for shard in self._shards_for(command):
            engine = engines.get(shard)
            if engine is not None:
                engine.tell(command)
            elif not isinstance(command, Mute | Unmute):
                # It was this node's when the command was given.
                with suppress(RuntimeError):
                    self._sending.submit(self._send, shard, command)

    def _shards_for(self, command: NodeCommand) -> Collection[int]:
        match command:
            case Pause() | Resume() | CheckNow() | Beat():
                return (self._engines.sharded.placement.shard_of(command.target),)
            case Acknowledge() | Unacknowledge() | EndDrill():
                shard = self._feed.shard_of(command.incident)
                return () if shard is None else (shard,)
            case Mute() | Unmute():
                return range(self._shards)
            case _:
                return (FIRST_SHARD,)

    def _send(self, shard: int, command: Message) -> None:
        try:
            self._ask_owners([shard], command, self._until())
        except (WatchkeeperError, ValueError, TimeoutError) as error:
            logger.error("A command for shard %d was not obeyed: %s: %s", shard, command, error)  # noqa: TRY400

    def pass_on(self, command: NodeCommand) -> bool:
        """Has the owners of shards on other nodes obey a command. Returns False where this node alone is to obey.

        Blocks until the effect is durable there, at most 7 s: a take-over is waited for.

        Raises: UnknownName for a target or an incident that is not there; UsageError for a target that a command states; what the owner
        raises; NotSent where nothing was done; TimeoutError and StoreError where it may be obeyed yet.
        """
        if isinstance(command, Track | Untrack):
            raise UsageError(STATED_BY_ALL)
        until = self._until()
        if isinstance(command, Mute | Unmute):
            return self._pass_to_all(command, until)
        shard = self._shard_to_obey(command, until)
        if shard in self._node.engines:
            return False
        self._refusals.require(command)
        self._ask_owners([shard], command, until)
        return True

    def _until(self, until_ns: int | None = None) -> Deadline:
        """Returns the deadline of a command that begins now, or of a question that has one."""
        now = self._clock.read()
        left_ns = limits.COMMAND_PASSED_NS if until_ns is None else until_ns - now.monotonic_ns
        return Deadline.after(now, max(0, min(left_ns, limits.COMMAND_PASSED_NS)))

    def _shard_to_obey(self, command: NodeCommand, until: Deadline) -> int:
        found = [*self._shards_for(command)]
        if not found and isinstance(command, Acknowledge | Unacknowledge | EndDrill):
            owner = self._owners.owner_of(until, incident=command.incident)
            if owner is None:
                raise UnknownName(f"no open incident is {one_line(command.incident)}")
            return owner
        return found[0]

    def _pass_to_all(self, command: Mute | Unmute, until: Deadline) -> bool:
        """Silences hold on every shard: each has a copy. Those of this node obey what the others may obey yet."""
        engines = self._node.engines
        others = [shard for shard in range(self._shards) if shard not in engines]
        if not others:
            return False
        self._refusals.require(command)
        try:
            self._ask_owners(others, command, until)
        except NotSent:
            raise
        except Exception:
            _tell_all(engines.values(), command)
            raise
        _tell_all(engines.values(), command)
        # Other nodes read from the store what these shards have.
        for engine in engines.values():
            self._node.settle(engine, until)
        return True

    def _ask_owners(self, shards: Collection[int], message: Message, until: Deadline) -> Any:
        """Returns the answer of the owners, of several the last. Raises: what one of them raises; as `CommandSender.ask` does."""
        replies = self._owners.ask(shards, encode(without_monotonic(message)), until)
        answers = [read_reply(message, reply) for reply in replies]
        return answers[-1]

    # Questions.

    async def ask(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any:
        """Returns the answer for all shards; see `Engine.ask`."""
        match question:
            case GetStatus():
                return await self._status(until_ns, wait)
            case GetIncidents():
                return await self._incidents(question, until_ns, wait)
            case GetMetrics():
                return await self._metrics(question, until_ns, wait)
            case GetAttempts(target):
                shard = self._engines.sharded.placement.shard_of(target)
                return await self._of_shard(shard, listener, question, until_ns, wait)
            case Redrive(key):
                owner = await _off(wait, lambda: self._owners.owner_of(self._until(until_ns), key=key))
                return owner is not None and await self._of_shard(owner, listener, question, until_ns, wait)
            case GetTest():
                answers = [each for _, each in await self._local(listener, question, until_ns, wait)]
                return next((each for each in answers if each is not None), None)
            case _:
                return await self._any(listener, question, until_ns, wait)

    async def _any(self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer) -> Any:
        engine = next(iter(self._node.engines.values()), None)
        if engine is None:
            raise NotRunning("this node runs no shard now: ask another one")
        return await engine.ask(listener, question, until_ns, wait)

    async def _of_shard(
        self, shard: int, listener: str, question: Message, until_ns: int, wait: AwaitAnswer
    ) -> Any:
        engine = self._node.engines.get(shard)
        if engine is not None:
            return await engine.ask(listener, question, until_ns, wait)
        return await _off(wait, partial(self._ask_owners, [shard], question, self._until(until_ns)))

    async def _local(
        self, listener: str, question: Message, until_ns: int, wait: AwaitAnswer
    ) -> list[tuple[int, Any]]:
        """Returns the answer of each engine of this node with its shard. One that ends meanwhile is left out."""
        found = []
        for shard, engine in self._node.engines.items():
            with suppress(ActorDeadError):
                found.append((shard, await engine.ask(listener, question, until_ns, wait)))
        return found

    async def _status(self, until_ns: int, wait: AwaitAnswer) -> RuntimeStatus:
        sharded, targets = self._engines.sharded, self._configured.snapshot().targets
        answers = [
            without_targets(status, sharded.probe_only_on(shard))
            for shard, status in await self._local(RECORDER, GetStatus(), until_ns, wait)
        ]
        seen = {row.id for status in answers for row in status.targets}
        problems, unread = [*self._node.problems()], tuple[TargetStatus, ...]()
        if len(answers) < self._shards:
            missing = [target for target in targets if target.id not in seen]
            recorded = Recorded(self._store, missing, self._clock.read().wall_ns)
            try:
                others: RuntimeStatus = await self._others.read(
                    lambda: recorded.answer(GetStatus(), ""), wait
                )
                known = {one.id for status in answers for one in status.incidents}
                rows = (row for status in answers for row in status.targets)
                others = replace(
                    others,
                    problems=(),
                    targets=self._since.of(rows, others.targets),
                    incidents=tuple(one for one in others.incidents if one.id not in known),
                )
                answers.append(others)
            except StoreError as error:
                problems.append(("store", f"the shards of other nodes cannot be read: {error}"))
                unread = recorded.unread("another node runs its shard, and the store cannot be read")
        merged = merged_status(answers, (target.id for target in targets), unread)
        on = dict.fromkeys(range(self._shards), 0)
        for target in targets:
            on[sharded.placement.shard_of(target.id)] += 1
        return replace(
            merged,
            at_ns=merged.at_ns or self._clock.read().wall_ns,
            problems=(*merged.problems, *problems),
            nodes=self._node.nodes(on.__getitem__),
        )

    async def _incidents(
        self, question: GetIncidents, until_ns: int, wait: AwaitAnswer
    ) -> tuple[Incident, ...]:
        answers = await self._local(RECORDER, question, until_ns, wait)
        found: dict[str, Incident] = {one.id: one for _, answer in answers for one in answer}
        if len(answers) < self._shards:
            recorded = Recorded(self._store, (), self._clock.read().wall_ns)
            read: tuple[Incident, ...] = await self._others.read(lambda: recorded.answer(question, ""), wait)
            found = {one.id: one for one in read} | found
        return tuple(sorted(found.values(), key=lambda one: (one.opened_at_ns, one.id)))

    async def _metrics(self, question: GetMetrics, until_ns: int, wait: AwaitAnswer) -> RuntimeMetrics:
        """Returns the figures of the shards of this node: each node tells its own."""
        sharded = self._engines.sharded
        answers: list[RuntimeMetrics] = []
        for shard, answer in await self._local(RECORDER, question, until_ns, wait):
            probe_only = sharded.probe_only_on(shard)
            rows = tuple(row for row in answer.targets if row.id not in probe_only)
            answers.append(replace(answer, targets=rows))
        if not answers:
            raise NotRunning("this node runs no shard now, and has no figures")
        return merged_metrics(answers)


def _tell_all(engines: Iterable[Engine], command: Mute | Unmute) -> None:
    for engine in engines:
        engine.tell(command)


async def _off(wait: AwaitAnswer, work: Callable[[], R]) -> R:
    """Runs what blocks: here where the caller blocks anyway, else on a thread of its own."""
    return work() if wait is blocking else await in_own_thread("watchkeeper-cluster", work)
