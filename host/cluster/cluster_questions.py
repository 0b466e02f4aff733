"""Answers questions for all shards: those of a node by its engines, those of other nodes by the store or by their owners."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace
from pykka import ActorDeadError

from ...actors.dispatch.run.future import AwaitAnswer, blocking
from ...actors.ports import Clock
from ...actors.supervisor.supervisor import RECORDER
from ...domain.errors import NotRunning, StoreError
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.incident import Incident
from ...domain.read_model.metrics import RuntimeMetrics
from ...domain.read_model.status import UNREAD, RuntimeStatus, TargetStatus
from ...domain.specification.target import Target
from ...protocol.message import Message
from ...protocol.recorder import GetAttempts, GetIncidents, GetMetrics, GetStatus
from ...protocol.sink import GetTest, Redrive
from ..configured import ConfiguredTargets
from ..own_thread import in_own_thread
from ..sharing.recorded_status import Recorded
from .merging import merged_metrics, merged_status, without_targets
from .node import Node
from .other_shards import OtherShards
from .remote_owners import RemoteOwners
from .shard_engines import ShardEngines

R = TypeVar("R")


class ClusterQuestions:
    """Asks what a question is about: the engines of this node, the record of other shards, or the owner of one."""

    def __init__(
        self,
        configured: ConfiguredTargets,
        store: str,
        clock: Clock,
        engines: ShardEngines,
        node: Node,
        owners: RemoteOwners,
    ) -> None:
        self._configured, self._store, self._clock = configured, store, clock
        self._engines, self._node, self._owners = engines, node, owners
        self._others = OtherShards()
        self._recorded = Recorded(store, (), clock)
        self._told: tuple[TargetStatus, ...] = ()
        """The rows of the last answer."""

    @property
    def _shards(self) -> int:
        return self._engines.sharded.placement.shards

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
                owner = await _off(wait, lambda: self._owners.owner_of(self._owners.until(until_ns), key=key))
                return owner is not None and await self._of_shard(owner, listener, question, until_ns, wait)
            case GetTest():
                answers = [each for _, each in await self._local(listener, question, until_ns, wait)]
                ended = (each for each in answers if isinstance(each, DeliveryTry))
                return next(ended, next((each for each in answers if each is not None), None))
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
        return await _off(wait, partial(self._owners.ask, [shard], question, self._owners.until(until_ns)))

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
        recorded = self._recorded_of(tuple([target for target in targets if target.id not in seen]))
        if len(answers) < self._shards:
            try:
                others: RuntimeStatus = await self._others.read(
                    lambda: recorded.answer(GetStatus(), ""), wait
                )
                known = {one.id for status in answers for one in status.incidents}
                incidents = tuple(one for one in others.incidents if one.id not in known)
                answers.append(replace(others, problems=(), incidents=incidents))
            except StoreError as error:
                problems.append(("store", f"the shards of other nodes cannot be read: {error}"))
                unread = recorded.unread(UNREAD)
        merged = merged_status(answers, (target.id for target in targets), unread)
        self._told = merged.targets
        return replace(
            merged,
            at_ns=merged.at_ns or self._clock.read().wall_ns,
            problems=(*merged.problems, *problems),
            nodes=self._node.nodes(sharded.placement.counts().__getitem__),
        )

    def _recorded_of(self, targets: tuple[Target, ...]) -> Recorded:
        """Returns the record of these targets: that of the last question, as long as other nodes run the same ones."""
        if self._recorded.targets != targets:
            self._recorded = Recorded(self._store, targets, self._clock, self._told)
        return self._recorded

    async def _incidents(
        self, question: GetIncidents, until_ns: int, wait: AwaitAnswer
    ) -> tuple[Incident, ...]:
        answers = await self._local(RECORDER, question, until_ns, wait)
        found: dict[str, Incident] = {one.id: one for _, answer in answers for one in answer}
        if len(answers) < self._shards:
            recorded = Recorded(self._store, (), self._clock)
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


async def _off(wait: AwaitAnswer, work: Callable[[], R]) -> R:
    """Runs what blocks: here where the caller blocks anyway, else on a thread of its own."""
    return work() if wait is blocking else await in_own_thread("watchkeeper-cluster", work)
