"""The faults: each strikes once, waits until the cluster is whole again, and returns what it measured."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from tests.system.clustering.judging import Span
from tests.system.clustering.nodes import Node
from tests.system.clustering.world import TAKEN_WITHIN_S, Cluster, Takeover

NODE_FAULT_S = (4.0, 8.0)
GONE_S = HUNG_S = 8.0
LAG_S = 2.0
BACK_WITHIN_S = 120.0
AT_COMMIT_WITHIN_S = 60.0
UNHEALTHY_WITHIN_S = 5.0
TOLD_BACK_WITHIN_S = 2.0
LOOK_EVERY_S = 0.1
NO_TAKEOVER = Takeover([], 0, 0)


class Struck(NamedTuple):
    """The figures of one fault."""

    takeover: Takeover = NO_TAKEOVER
    owners_changed: int | None = None
    """Shards with another owner than before; None where that is no question."""
    back_s: float | None = None
    """From the end of the fault, of a fail-over from its begin, to a commit of every shard."""
    unhealthy_s: float | None = None
    """From the begin of the fault to every owner saying so."""
    span: Span | None = None
    """The time in which nothing could be told, where it is of interest how late it was."""
    failed: tuple[str, ...] = ()


def kill(cluster: Cluster) -> Struck:
    """`kill -9` of a node, and a new process in its place."""
    node = cluster.a_node()
    before, began_at, since = cluster.owned_by(node), time.time(), time.monotonic()
    node.kill()
    takeover = NO_TAKEOVER
    if before:
        takeover = cluster.taken_from(node, before, since, BACK_WITHIN_S)
        cluster.note_blind(began_at, before)
    # Not before: its successor has the same name.
    node.start()
    node.until_ready()
    return Struck(takeover, failed=_late(cluster, takeover))


def stop(cluster: Cluster) -> Struck:
    """SIGSTOP of a node for some seconds, then SIGCONT."""
    node = cluster.a_node()
    return _silence(cluster, node, node.freeze, node.thaw)


def partition(cluster: Cluster) -> Struck:
    """The network between a node and the database swallows everything for some seconds."""
    node, delivers = cluster.a_node(), cluster.dice.random() < 0.5
    return _silence(cluster, node, node.cut, lambda: node.heal(delivers=delivers))


def _silence(
    cluster: Cluster,
    node: Node,
    begin: Callable[[], None],
    end: Callable[[], None],
    length: tuple[float, float] = NODE_FAULT_S,
) -> Struck:
    lasts_s = cluster.dice.uniform(*length)
    before, takeover = cluster.owned_by(node), NO_TAKEOVER
    began_at, since = time.time(), time.monotonic()
    begin()
    try:
        if before:
            waits_s = lasts_s if cluster.plan.is_timed else BACK_WITHIN_S
            takeover = cluster.taken_from(node, before, since, waits_s)
            if not takeover.missing:
                cluster.note_blind(began_at, before)
        cluster.pause(since + lasts_s - time.monotonic())
    finally:
        end()
    if takeover.missing:
        # One that was silent for less than it takes may be the owner still, or lose its shards by now.
        cluster.pause(1.0)
        cluster.note_blind(began_at, before)
    failed = _late(cluster, takeover) if lasts_s > TAKEN_WITHIN_S else ()
    return Struck(takeover._replace(missing=0) if not failed else takeover, failed=failed)


def freeze(cluster: Cluster) -> Struck:
    """A node is stopped in the middle of a transaction: behind the fence, before COMMIT."""
    node, caught = cluster.an_owner(), threading.Event()
    pid = node.pid

    def at_commit(_: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        caught.set()

    for link in node.links:
        link.arm(at_commit)
    try:
        if not caught.wait(AT_COMMIT_WITHIN_S):
            return Struck(failed=("no transaction came to be frozen in",))

        def end() -> None:
            for link in node.links:
                link.release()
            node.thaw()

        return _silence(cluster, node, lambda: None, end, (TAKEN_WITHIN_S, NODE_FAULT_S[1]))
    finally:
        for link in node.links:
            link.arm(None)


def restart(cluster: Cluster) -> Struck:
    """The server is stopped in good order and started again."""
    return _without_database(cluster, 0.0)


def immediate(cluster: Cluster) -> Struck:
    """The server is stopped at once, without a checkpoint, and recovers."""
    return _without_database(cluster, 0.0, fast=False)


def gone(cluster: Cluster) -> Struck:
    """The server is away for 8 s."""
    return _without_database(cluster, GONE_S)


def _without_database(cluster: Cluster, lasts_s: float, *, fast: bool = True) -> Struck:
    before, began_at = _owners(cluster), time.time()
    cluster.database.stop(fast=fast)
    cluster.pause(lasts_s)
    cluster.database.start()
    return _back(cluster, before, began_at)


def _owners(cluster: Cluster) -> dict[int, str]:
    """Returns the name of the node that has each shard."""
    owners = {shard: cluster.owner_of(row) for shard, row in cluster.shards.rows.items()}
    return {shard: "" if node is None else node.name for shard, node in owners.items()}


def _back(
    cluster: Cluster,
    before: dict[int, str],
    began_at: float,
    unhealthy_s: float | None = None,
    since: float | None = None,
) -> Struck:
    """Waits until every shard commits again; `since` is the begin of that wait by the monotonic clock, default: now."""
    ended_at, since = time.time(), time.monotonic() if since is None else since
    failed = [] if cluster.committed(BACK_WITHIN_S) else ["not every shard commits again"]
    back_s = time.monotonic() - since
    now = _owners(cluster)
    changed = sum(now.get(shard) != owner for shard, owner in before.items())
    span = Span(began_at, ended_at)
    return Struck(
        owners_changed=changed, back_s=back_s, unhealthy_s=unhealthy_s, span=span, failed=tuple(failed)
    )


def backend(cluster: Cluster) -> Struck:
    """`kill -9` of the process of the server that serves an owner, in the middle of a commit: the server recovers."""
    ends_s = time.monotonic() + AT_COMMIT_WITHIN_S
    before, began_at = _owners(cluster), time.time()
    while not _kill_in_commit(cluster, cluster.an_owner()):
        if time.monotonic() > ends_s:
            return Struck(failed=("no transaction came to be killed in",))
        before, began_at = _owners(cluster), time.time()
    return _back(cluster, before, began_at)


def _kill_in_commit(cluster: Cluster, node: Node) -> bool:
    """Returns whether the process of the server was killed; on a busy machine the server may have ended it in the meantime."""
    caught, ports = threading.Event(), list[int]()

    def at_commit(port: int) -> None:
        ports.append(port)
        caught.set()

    for link in node.links:
        link.arm(at_commit)
    try:
        pid = cluster.database.backend_of(ports[0]) if caught.wait(AT_COMMIT_WITHIN_S) else 0
        with suppress(ProcessLookupError):
            # 0 would be the group of this process.
            if pid:
                os.kill(pid, signal.SIGKILL)
                return True
        return False
    finally:
        for link in node.links:
            link.arm(None)
            link.release()


def hang(cluster: Cluster) -> Struck:
    """Every process of the server is stopped for 8 s: it takes connections and answers nothing."""
    before, began_at = _owners(cluster), time.time()
    owners = [node for node in cluster.nodes if cluster.owned_by(node)]
    since, unhealthy = time.monotonic(), dict[str, float]()

    def ask(node: Node) -> None:
        while time.monotonic() - since < HUNG_S:
            if node.is_ready() is False:
                unhealthy[node.name] = time.monotonic() - since
                return
            cluster.pause(LOOK_EVERY_S)

    with cluster.database.hung(), ThreadPoolExecutor(len(owners)) as pool:
        for node in owners:
            pool.submit(ask, node)
        cluster.pause(since + HUNG_S - time.monotonic())
    struck = _back(cluster, before, began_at, max(unhealthy.values(), default=HUNG_S))
    late = len(unhealthy) < len(owners) or max(unhealthy.values()) > UNHEALTHY_WITHIN_S
    said = f"{len(unhealthy)} of {len(owners)} owners said that they are unhealthy, the last after {struck.unhealthy_s:.1f} s"
    return struck._replace(failed=(*struck.failed, *([said] if late else [])))


def synchronous(cluster: Cluster) -> Struck:
    """The primary is killed, and its synchronous standby promoted."""
    _follow(cluster, synchronous=True)
    before, began_at, since = _owners(cluster), time.time(), time.monotonic()
    cluster.database.fail_over()
    return _back(cluster, before, began_at, since=since)


def asynchronous(cluster: Cluster) -> Struck:
    """The primary is killed, and a standby promoted that lacks its last seconds."""
    _follow(cluster, synchronous=False)
    before, began_at = _owners(cluster), time.time()
    cluster.database.lag()
    cluster.pause(LAG_S)
    since = time.monotonic()
    cluster.database.fail_over()
    struck = _back(cluster, before, began_at, since=since)
    cluster.pause(cluster.plan.needed_s)
    cluster.rewound.append(Span(began_at - cluster.plan.needed_s, time.time()))
    return struck


def _follow(cluster: Cluster, *, synchronous: bool) -> None:
    port = next(port for port in cluster.ports if port != cluster.database.port)
    cluster.database.follow(port, synchronous=synchronous)
    cluster.pause(1.0)


def _late(cluster: Cluster, takeover: Takeover) -> tuple[str, ...]:
    failed = []
    if takeover.missing:
        failed.append(f"{takeover.missing} shards were not taken over")
    if cluster.plan.is_timed and max(takeover.took_s, default=0.0) > TAKEN_WITHIN_S:
        failed.append(f"a takeover took {max(takeover.took_s):.1f} s")
    return tuple(failed)


NODE_FAULTS = {"kill": kill, "stop": stop, "partition": partition, "freeze": freeze}
DATABASE_FAULTS = {
    "restart": restart,
    "immediate": immediate,
    "backend": backend,
    "hang": hang,
    "gone": gone,
}
FAILOVERS = {"synchronous": synchronous, "asynchronous": asynchronous}
FAULTS = {**NODE_FAULTS, **DATABASE_FAULTS, **FAILOVERS}
KEEP_OWNERS = frozenset({"gone"})
"""Faults after which every shard has the owner that it had."""
