"""Nodes of one process that share a database of four shards."""

from contextlib import ExitStack, contextmanager
from itertools import count

import pytest
from databases import new_store
from looking import until
from watchkeeper import CallChannel, Channel, Configuration, Heartbeat, Runtime, RuntimeOptions, Target
from watchkeeper.adapters.stores.opening import make_reader
from watchkeeper.domain.cluster.placement import shard_of_text
from watchkeeper.domain.incidents.notice import DeliveryState

SHARDS = 4
OPS = Channel(id="ops", call=CallChannel(name="announce"))


def name_on(shard, prefix="job"):
    """Returns a name of a target that lies on a shard."""
    return next(name for number in count() if shard_of_text(name := f"{prefix}{number}", SHARDS) == shard)


def job_on(shard, prefix="job", **named):
    fields = {"every": "1h", "heartbeat": Heartbeat(grace="1m"), "notify": ("ops",), **named}
    return Target(id=name_on(shard, prefix), **fields)


JOBS = tuple(job_on(shard) for shard in range(SHARDS))
"""A heartbeat on each shard."""


class Nodes:
    """Makes nodes of one store, and stops those that run at the end."""

    def __init__(self, store):
        self.store = store
        self.heard = []
        """Every notice, with the name of the node that sent it."""
        self.runtimes = {}

    def configuration(self, targets=JOBS, options=None, **named):
        options = {"store": self.store, "grace": "2s", **(options or {})}
        named.setdefault("channels", [OPS])
        return Configuration(runtime=RuntimeOptions(**options), targets=targets, **named)

    def made(self, name, targets=JOBS, *, callables=None, checks=None, every="50ms", timeout=None, **named):
        """Returns a node that is not started; `checks` are functions by the names of their targets.

        Without a timeout that of the product holds, which a busy machine does not come near.
        """
        whole = self.configuration(targets, **named)
        announce = lambda notice: self.heard.append((name, notice))  # noqa: E731
        runtime = Runtime(
            options=whole.runtime,
            targets=whole.targets,
            channels=whole.channels,
            routes=whole.routes,
            agents=whole.agents,
            web=whole.web,
            callables={"announce": announce, **(callables or {})},
            node=name,
        )
        for check, function in (checks or {}).items():
            bounds = {} if timeout is None else {"timeout": timeout}
            runtime.check(check, every=every, rules=(), **bounds)(function)
        return runtime

    def start(self, name, targets=JOBS, **named):
        runtime = self.made(name, targets, **named)
        runtime.start()
        self.runtimes[name] = runtime
        return runtime

    def stop(self, name):
        return self.runtimes.pop(name).stop()

    def close(self):
        with ExitStack() as stack:
            for runtime in self.runtimes.values():
                stack.callback(runtime.stop)

    def settle(self, *names):
        """Waits until the shards lie on these nodes, by each of them, as evenly as they can."""
        most = -(-SHARDS // len(names))

        def is_even(runtime):
            found = shards_of(runtime)
            counts = [len(found.get(name, ())) for name in names]
            return found.keys() >= set(names) and sum(counts) == SHARDS and max(counts) <= most

        for name in names:
            until(lambda: is_even(self.runtimes[name]))  # noqa: B023  # it is used up in this round

    def by_shard(self):
        """Returns the node of each shard."""
        view = shards_of(next(iter(self.runtimes.values())))
        return {shard: name for name, shards in view.items() for shard in shards}

    def until_heard(self, count):
        """Waits until so many notices were told; see `until_told`."""
        self._until_recorded(lambda: len(self.heard) == count)

    def until_told(self, wanted):
        """Waits until these were told, and the answers recorded: before that a notice is told again, under the same key, where its
        shard changes the node.
        """
        self._until_recorded(lambda: self.told() == wanted)

    def _until_recorded(self, look):
        until(lambda: look() and not make_reader(self.store).outbox(DeliveryState.PENDING))

    def told(self):
        """Returns what was told: the target and the change of each notice."""
        return [(notice.incident.target, notice.change.value) for _, notice in self.heard]


def shards_of(runtime):
    """Returns the shards of each living node, as one of them has it."""
    return {each.name: each.shards for each in runtime.status().nodes if each.is_alive}


def fail(runtime, target):
    """Has a heartbeat report three failures, which open an incident."""
    for _ in range(3):
        runtime.heartbeat(target, ok=False)


def problems(runtime):
    """Returns the problems that a node shows, by part."""
    return dict(runtime.status().problems)


@contextmanager
def two_nodes(server, state, **named):
    """Gives the nodes `a` and `b` of a new store, each with its share; their control sockets lie in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        made = Nodes(new_store(server, SHARDS))
        try:
            for name in ("a", "b"):
                made.start(name, **named)
            made.settle("a", "b")
            yield made
        finally:
            made.close()
