"""A cluster under test: its database, its nodes, the targets with their script, and the receiver."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg
from watchkeeper import Outcome, Record, WatchkeeperError

from tests.system.clustering.database import Database
from tests.system.clustering.judging import Blind, Finding, Known, Span, Verdict, judge
from tests.system.clustering.ledger import Ledger, Told
from tests.system.clustering.network import Network
from tests.system.clustering.nodes import NAMES, NO_HEARTBEATS, Heartbeats, Node, write_plan
from tests.system.clustering.script import Script
from tests.system.clustering.senders import Senders
from tests.system.clustering.shards import Owned, ShardWatch
from tests.system.outside import WITHIN_S, Site
from tests.system.processes import COMMAND

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from ports import free_port

TTL_S = 3.0
TAKEN_WITHIN_S = TTL_S + 2.0
SETTLE_S, SETTLED_WITHIN_S = 1.0, 120.0
TOLD_WITHIN_S = 60.0


class Plan(NamedTuple):
    """The parts of a run."""

    seed: int = 0
    nodes: int = 3
    targets: int = 48
    shards: int = 16
    every_s: float = 2.0
    phase_s: tuple[float, float] = (9.0, 18.0)
    """The bounds of the length of an outage, and of the time between two: most are longer than the longest takeover."""
    has_two_servers: bool = False
    is_fenced: bool = True
    is_timed: bool = True
    """Whether a slow takeover counts as a fault, and a check that is late; not where other work may keep the machine busy."""
    heartbeats: Heartbeats = NO_HEARTBEATS
    code: Path | None = None
    """The folder with the package that all nodes run at first; None: the one under test."""

    @property
    def needed_s(self) -> float:
        """The time in which a watched target is found to be down, or up again: two checks, a commit, and a busy machine."""
        return 2 * self.every_s + 2.0

    @property
    def early_s(self) -> float:
        """The time before an outage in which checks that came too late may begin its incident: less than that between two outages."""
        return min(3 * self.every_s, self.phase_s[0] / 2)


class Takeover(NamedTuple):
    """The shards of a node that were taken over, in seconds since it was at fault."""

    took_s: list[float]
    missing: int
    takers: int

    @property
    def spread_s(self) -> float:
        """The time between the first one and the last."""
        return max(self.took_s, default=0.0) - min(self.took_s, default=0.0)


class Cluster:
    """Everything of a run. `close` ends it in any case."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.plan, self.dice = plan, Random(plan.seed)
        self.blind: list[Blind] = []
        self.rewound: list[Span] = []
        self.senders: Senders | None = None
        self._slow: dict[Finding, bool] = {}
        self._shard_of: dict[str, int | None] = {}
        self._pause, self._closing = threading.Event(), ExitStack()
        with ExitStack() as made:
            self.network = Network()
            made.callback(self.network.close)
            self.database = Database(self.network)
            made.callback(self.database.close)
            self.ports = [self.database.port, *([free_port()] if plan.has_two_servers else [])]
            self.site, self.ledger = Site(), Ledger(self._note_sender)
            made.callback(self.site.close)
            made.callback(self.ledger.close)
            names = [f"t{number}" for number in range(plan.targets)]
            self.script = Script(self.site, names, plan.seed, plan.phase_s)
            self.plan_path = path = folder / "watch.yaml"
            self.write_plan()
            self.nodes = [
                Node(name, folder, path, self.network, self.ports, is_fenced=plan.is_fenced)
                for name in NAMES[: plan.nodes]
            ]
            for node in self.nodes:
                node.code = plan.code
                made.callback(node.close)
            self._begin()
            self.shards = ShardWatch(lambda: self.database.dsn)
            made.callback(self.shards.close)
            assert self.settled(), f"no owners at the begin: {self.shards.rows}"
            self._closing = made.pop_all()
            self.senders = Senders(self.nodes, self.shards, self._shard)
        self.script.start()

    def _begin(self) -> None:
        for node in self.nodes:
            node.start()
            node.until_ready()

    def write_plan(self, pairs: Sequence[Sequence[str]] = ()) -> None:
        """Writes the configuration of all nodes. With other pairs than before, the sender of a notice is judged no longer."""
        write_plan(
            self.plan_path,
            site=self.site.url,
            receiver=self.ledger.url,
            names=self.script.names,
            every=f"{self.plan.every_s:g}s",
            shards=self.plan.shards,
            heartbeats=self.plan.heartbeats,
            pairs=pairs,
        )
        if pairs:
            self._shard_of = dict.fromkeys(self.script.names)

    def close(self) -> None:
        self.script.end(0.0)
        self._closing.close()

    def pause(self, seconds: float) -> None:
        self._pause.wait(max(0.0, seconds))

    # Owners

    def owner_of(self, row: Owned) -> Node | None:
        """Returns the living node that has a shard."""
        return next((node for node in self.nodes if node.is_alive and node.owns(row.owner)), None)

    def owned_by(self, node: Node) -> dict[int, int]:
        """Returns the epoch of each shard of a node."""
        return {shard: row.epoch for shard, row in self.shards.rows.items() if node.owns(row.owner)}

    def an_owner(self) -> Node:
        """Draws a node that has a shard."""
        return self.dice.choice([node for node in self.nodes if node.is_alive and self.owned_by(node)])

    def a_node(self) -> Node:
        """Draws a node; mostly one that has a shard."""
        return self.an_owner() if self.dice.random() < 0.85 else self.dice.choice(self.nodes)

    def settled(self) -> bool:
        """Waits until every shard has a living owner and none changes, with a fair share for each node."""
        return self.shards.wait_until_stable(SETTLE_S, SETTLED_WITHIN_S, self._is_shared)

    def _is_shared(self, rows: dict[int, Owned]) -> bool:
        owners = [self.owner_of(row) for row in rows.values()]
        if None in owners:
            return False
        return len(rows) < len(self.nodes) or all(node in owners for node in self.nodes)

    def taken_from(self, node: Node, before: dict[int, int], since: float, within_s: float) -> Takeover:
        """Waits until others have every shard that a node had at `since`, by the monotonic clock."""

        def is_taken(shard: int, rows: dict[int, Owned]) -> bool:
            row = rows[shard]
            return row.epoch > before[shard] and bool(row.owner) and not node.owns(row.owner)

        self.shards.wait_for(lambda rows: all(is_taken(shard, rows) for shard in before), within_s)
        rows = dict(self.shards.rows)
        taken = [shard for shard in before if is_taken(shard, rows)]
        took_s = [self.shards.claimed_at(shard, before[shard]) - since for shard in taken]
        return Takeover(took_s, len(before) - len(taken), len({rows[shard].owner for shard in taken}))

    def committed(self, within_s: float) -> bool:
        """Waits until every shard with an owner has taken a commit after now. Returns False where one has not."""
        before = dict(self.shards.commits)
        return self.shards.wait_for(
            lambda rows: all(self.shards.commits[shard] > before.get(shard, -1) for shard in rows), within_s
        )

    def _note_sender(self, told: Told) -> None:
        if self.senders is not None:
            self.senders.note(told)

    def _shard(self, target: str) -> int | None:
        """Returns the shard of a target, which the first sample of it has recorded; None where it cannot be read."""
        if target not in self._shard_of:
            with suppress(psycopg.Error):
                self._read_shards()
        return self._shard_of.get(target)

    def _read_shards(self) -> None:
        rows = self.database.sql("SELECT name, shard FROM watchkeeper.target", database="watch")
        self._shard_of |= {
            name: int(shard) for name, _, shard in (row.partition("|") for row in rows.splitlines())
        }

    # Judgement

    def note_blind(self, began_at: float, shards: Iterable[int]) -> None:
        """Notes that shards may have had no owner that watched since then, in seconds since 1970."""
        of = set(shards)
        targets = frozenset(name for name in self.script.names if self._shard(name) in {*of, None})
        self.blind.append(Blind(began_at, time.time() + self.plan.every_s, targets))

    def judge(self) -> Verdict:
        """Judges the outages that ended some time ago."""
        known = Known(self.plan.needed_s, self.plan.early_s, tuple(self.blind), tuple(self.rewound))
        until = time.time() - known.needed_s
        over = [each for each in list(self.script.outages) if each.ended_at < until]
        verdict = judge(over, self.ledger.all(), self.ledger.arrivals, known)
        excused = {each for each in verdict.findings if each.target and self._is_slow(each)}
        findings = [each for each in verdict.findings if each not in excused]
        return verdict._replace(
            findings=[*findings, *([] if self.senders is None else self.senders.findings())],
            slow=verdict.slow + len(excused),
        )

    def _is_slow(self, finding: Finding) -> bool:
        """Whether a check of the target of a finding ended too late, as the machine was busy: then the rule has judged otherwise.

        So it has where a check began too late, which no leg that is timed excuses.
        """
        since, until = finding.since - self.plan.phase_s[0], finding.at + self.plan.needed_s
        if finding not in self._slow:
            try:
                samples = Record(self.url).samples(
                    finding.target,
                    since=datetime.fromtimestamp(since, UTC),
                    until=datetime.fromtimestamp(until, UTC),
                )
            except WatchkeeperError:
                return False
            self._slow[finding] = any(each.outcome is Outcome.TIMED_OUT for each in samples) or (
                not self.plan.is_timed
                and any(
                    (after.at - before.at).total_seconds() > 1.5 * self.plan.every_s
                    for before, after in pairwise(samples)
                )
            )
        return self._slow[finding]

    def judge_patiently(self, known: AbstractSet[Finding]) -> Verdict:
        """Judges again and again while something else is lost than is known, which may be told late."""
        ends = time.monotonic() + TOLD_WITHIN_S
        while True:
            verdict = self.judge()
            if (
                not any(each.kind == "lost" for each in set(verdict.findings) - known)
                or time.monotonic() > ends
            ):
                return verdict
            self.pause(0.25)

    def stop(self) -> dict[Node, int]:
        """Ends every node in good order. Returns their statuses."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            return dict(zip(self.nodes, pool.map(Node.stop, self.nodes), strict=True))

    @property
    def url(self) -> str:
        """The store, as a reader on this machine reaches it."""
        host = f"{self.database.server.folder}&port={self.database.port}"
        return f"postgresql://{self.database.server.user}@/watch?host={host}"

    def verified(self) -> str:
        """Returns what `watchkeeper verify` has to say against the record; empty for a good one."""
        done = subprocess.run(
            [sys.executable, *COMMAND, "verify", self.url],
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        return "" if done.returncode == 0 else (done.stdout + done.stderr)
