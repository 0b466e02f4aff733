"""Upgrades the nodes of one store one by one from another version of the code, and counts losses, repeats and missed checks.

    python -m tests.system.upgrade --from COMMIT [--alone] [--seed 0]

Three processes of the package as it was at COMMIT, which `git archive` takes from this repository, watch 24 targets that fall and recover by
a script, and six heartbeats, each of which is sent again and again to any node that answers, until its script has it stop for a while; a
receiver keeps the key of every notice. While all of this goes on, these steps follow each other:

    first      the first node is stopped and started with the new code, as the runbook says
    status     an old node is asked for its status by its own version and by the new one; the old version reads the record
    alone      with --alone: kill -9 of the only new node, and a start 6 s later
    kill old   kill -9 of an old node, and a start with its old code: it has to end and name both versions; then a start with the new one
    kill new   kill -9 of a new node while an old one is left, and a start
    last       the last node is upgraded as the first was

Where both versions have one schema, the old code is no reason to end: pass a commit before the last step of
`adapters/stores/postgres/schema.py`. Libraries are those of this environment for both. Prints a line for each step, and at the end `ok` or
`failed` with the reasons; the exit status is 0 only for `ok`.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from watchkeeper import Record

from tests.system.clustering.judging import Finding, Known, Verdict, judge
from tests.system.clustering.nodes import Heartbeats, Node
from tests.system.clustering.script import Script
from tests.system.clustering.shards import Owned
from tests.system.clustering.world import SETTLE_S, SETTLED_WITHIN_S, Cluster, Plan
from tests.system.outside import WITHIN_S, Site
from tests.system.processes import COMMAND

ROOT = Path(__file__).parents[2]
HEARTBEATS = Heartbeats(tuple(f"job{number}" for number in range(6)), every="2s", grace="18s")
JOB_PHASE_S, JOB_NEEDED_S = (28.0, 40.0), 24.0
"""A job is missed 20 s after its last heartbeat, which was taken some seconds before it stopped."""
SEND_EVERY_S = 1.0
BETWEEN_S = 8.0
AWAY_S = 6.0
SAYS = "schema version"


class Step(NamedTuple):
    """One step of the upgrade, in seconds since 1970."""

    name: str
    began_at: float
    ended_at: float
    said: str


class HeartbeatSender:
    """Sends all heartbeats but those that its script has stopped, on a thread for each, and counts those that no node took."""

    def __init__(self, nodes: list[Node], names: tuple[str, ...], seed: int) -> None:
        self._nodes, self._names, self._switch = nodes, names, Site()
        self.script = Script(self._switch, names, seed, JOB_PHASE_S)
        self.taken = self.refused = 0
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(each,), daemon=True) for each in range(len(names))
        ]

    def start(self) -> None:
        self.script.start()
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        name = self._names[number]
        while not self._over.wait(SEND_EVERY_S):
            if name not in self._switch.down:
                first = number % len(self._nodes)
                taken = any(self._send(name, node) for node in self._nodes[first:] + self._nodes[:first])
                with self._guard:
                    self.taken, self.refused = self.taken + taken, self.refused + (not taken)

    def _send(self, name: str, node: Node) -> bool:
        return node.ask("POST", f"/api/v1/targets/{name}/heartbeat", '{"ok": true}') in {200, 202, 204}

    def close(self) -> None:
        self.script.end(JOB_NEEDED_S)
        self._over.wait(JOB_NEEDED_S)
        self._over.set()
        for thread in self._threads:
            thread.join(WITHIN_S)
        self._switch.close()


def code_of(commit: str, folder: Path) -> Path:
    """Returns a folder with the package as it was at a commit. Raises: CalledProcessError for none."""
    package = folder / "watchkeeper"
    package.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(package)], check=True, input=archive)
    return folder


class Upgrade:
    """The steps, on a cluster whose nodes all run the old code at first."""

    def __init__(self, cluster: Cluster, old: Path, sender: HeartbeatSender) -> None:
        self.cluster, self.old, self.sender = cluster, old, sender
        self.steps: list[Step] = []
        self.problems: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Runs a step, and waits until the cluster is whole again and some further checks have run."""
        began_at, said = time.time(), list[str]()
        yield said
        if not self.is_whole():
            self.problems.append(f"{name}: not every shard has a living owner: {self.cluster.shards.rows}")
        said.append(self.shares())
        _say(f"{name}: whole after {time.time() - began_at:.1f} s; {'; '.join(said)}")
        self.cluster.pause(BETWEEN_S)
        self.steps.append(Step(name, began_at, time.time(), "; ".join(said)))

    def is_whole(self) -> bool:
        """Waits until every shard has a living owner, and none changes."""

        def owned(rows: dict[int, Owned]) -> bool:
            return None not in [self.cluster.owner_of(row) for row in rows.values()]

        return self.cluster.shards.wait_until_stable(SETTLE_S, SETTLED_WITHIN_S, owned)

    def shares(self) -> str:
        """Returns how many shards each node has."""
        return ", ".join(
            f"{node.name} ({'new' if node.code is None else 'old'}) {len(self.cluster.owned_by(node))}"
            for node in self.cluster.nodes
        )

    def run(self, *, alone: bool) -> None:
        first, second, last = self.cluster.nodes
        with self.step("begin"):
            pass
        with self.step("first"):
            self.replace(first)
        with self.step("status") as said:
            self.ask(second, said)
        if alone:
            with self.step("alone") as said:
                self.kill(first, said, bool)
        with self.step("kill old") as said:
            self.kill(second, said, lambda: self.refuse(second, said))
        with self.step("kill new") as said:
            self.kill(first, said, bool)
        with self.step("last"):
            self.replace(last)

    def replace(self, node: Node) -> None:
        """Stops a node in order and starts it with the new code."""
        status = node.stop()
        if status:
            self.problems.append(f"{node.name} ended with {status}: {node.said[-3:]}")
        node.code = None
        node.start()
        node.until_ready()

    def kill(self, node: Node, said: list[str], meanwhile: Callable[[], object]) -> None:
        """`kill -9`, and a start once others have its shards or a while has passed."""
        before, began_at, since = self.cluster.owned_by(node), time.time(), time.monotonic()
        node.kill()
        takeover = self.cluster.taken_from(node, before, since, AWAY_S)
        meanwhile()
        took = f", the last after {max(takeover.took_s):.1f} s" if takeover.took_s else ""
        said.append(f"{len(takeover.took_s)} of {len(before)} shards were taken over by others{took}")
        node.start()
        node.until_ready()
        self.is_whole()
        self.cluster.note_blind(began_at, before)

    def ask(self, node: Node, said: list[str]) -> None:
        """Asks an old node, by verbs of both versions, and has the old version read the record of the newer schema."""
        for version, code in (("old", self.old), ("new", None)):
            status, text = self.verb(node, code, "status", "-c", str(self.cluster.plan_path))
            said.append(f"status by the {version} version ends with {status}")
            if (status or "job0" not in text) and SAYS not in text:
                self.problems.append(f"status by the {version} version: {text[-300:]}")
        status, text = self.verb(node, self.old, "incidents", "--store", self.cluster.url)
        said.append(f"its reader ends with {status}: ...{text.strip()[-100:]}")
        if not status or SAYS not in text:
            self.problems.append(f"the old version does not name the schema: {text[-300:]}")

    def verb(self, node: Node, code: Path | None, *words: str) -> tuple[int, str]:
        """Runs a verb of a version beside a node. Returns its status and output."""
        kept, node.code = node.code, code
        environment, node.code = node.environment(), kept
        done = subprocess.run(
            [sys.executable, *COMMAND, *words],
            check=False, capture_output=True, text=True, timeout=WITHIN_S, env=environment, cwd=self.cluster.plan_path.parent,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def refuse(self, node: Node, said: list[str]) -> None:
        """Starts the old code of a node that was killed, and sees it refused."""
        node.code = self.old
        node.start()
        assert node.process is not None
        status, lines = node.process.wait(), node.process.errors.close()
        node.process.lines.close()
        node.code, node.process = None, None
        text = next((line for line in lines if SAYS in line), "")
        said.append(f"the old code ends with {status}: ...{text[-100:]}")
        if not status or not text:
            self.problems.append(f"an old node is not refused by name: {status} {lines[-3:]}")


def missed(times: list[float], every_s: float, step: Step) -> tuple[int, float]:
    """Returns how many checks of a target were not made during a step, and the longest time between two, in seconds."""
    gaps = [after - before for before, after in pairwise(times) if step.began_at <= after < step.ended_at]
    return sum(max(0, round(gap / every_s) - 1) for gap in gaps), max(gaps, default=0.0)


def all_missed(cluster: Cluster, steps: list[Step]) -> dict[str, tuple[int, float]]:
    """Returns the same of all targets together for each step."""
    since = datetime.fromtimestamp(steps[0].began_at, UTC)
    record, until = Record(cluster.url), datetime.now(UTC)
    times = [
        [each.at.timestamp() for each in record.samples(name, since=since, until=until)]
        for name in cluster.script.names
    ]
    found = {}
    for step in steps:
        each = [missed(of, cluster.plan.every_s, step) for of in times]
        found[step.name] = (sum(count for count, _ in each), max(longest for _, longest in each))
    return found


def judged(cluster: Cluster, sender: HeartbeatSender) -> tuple[Verdict, Verdict]:
    """Judges the targets and the heartbeats at the end."""
    of_heartbeats = [each for each in cluster.ledger.all() if each.target in HEARTBEATS.names]
    blind = tuple(
        each._replace(targets=None, ended_at=each.ended_at + JOB_NEEDED_S) for each in cluster.blind
    )
    arrivals = {each.key: cluster.ledger.arrivals[each.key] for each in of_heartbeats}
    known = Known(JOB_NEEDED_S, SEND_EVERY_S, blind)
    return cluster.judge_patiently(set()), judge(sender.script.outages, of_heartbeats, arrivals, known)


def run(
    commit: str, seed: int, *, alone: bool
) -> tuple[Upgrade, tuple[Verdict, Verdict], dict[str, tuple[int, float]]]:
    """Runs the whole upgrade."""
    with tempfile.TemporaryDirectory(prefix="up-") as name, ExitStack() as stack:
        old = code_of(commit, Path(name) / "old")
        cluster = Cluster(Path(name), Plan(seed, targets=24, heartbeats=HEARTBEATS, code=old))
        stack.callback(cluster.close)
        sender = HeartbeatSender(cluster.nodes, HEARTBEATS.names, seed)
        upgrade = Upgrade(cluster, old, sender)
        try:
            sender.start()
            upgrade.run(alone=alone)
        finally:
            sender.close()
        cluster.script.end(cluster.plan.needed_s)
        cluster.pause(max(cluster.plan.needed_s, JOB_NEEDED_S))
        verdicts = judged(cluster, sender)
        upgrade.problems += [
            f"{node.name} ended with {status}: {node.said[-3:]}"
            for node, status in cluster.stop().items()
            if status
        ]
        said = cluster.verified()
        upgrade.problems += [f"verify: {said}"] if said else []
        return upgrade, verdicts, all_missed(cluster, upgrade.steps)


def faults_of(upgrade: Upgrade, verdicts: tuple[Verdict, Verdict]) -> list[str]:
    """Returns everything that should not have happened."""
    found = [f"{each.kind}: {each.said}" for verdict in verdicts for each in verdict.findings]
    return [*upgrade.problems, *found]


def table(steps: list[Step], gaps: dict[str, tuple[int, float]], findings: list[Finding]) -> str:
    """Returns a line for each step."""
    lines = [f"{'step':<10}{'lost':>6}{'twice':>7}{'missed checks':>15}{'longest pause':>15}  afterwards"]
    for step in steps:
        kinds = [each.kind for each in findings if step.began_at <= each.at < step.ended_at]
        count, longest_s = gaps[step.name]
        lines.append(
            f"{step.name:<10}{kinds.count('lost'):>6}{kinds.count('twice'):>7}{count:>15}{longest_s:>13.2f} s  {step.said}"
        )
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="commit", required=True, metavar="COMMIT", help="the old version")
    parser.add_argument("--alone", action="store_true", help="also kill the only new node")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    wanted = parser.parse_args(arguments)
    upgrade, verdicts, gaps = run(wanted.commit, wanted.seed, alone=wanted.alone)
    findings = [each for verdict in verdicts for each in verdict.findings]
    sys.stdout.write(f"seed {wanted.seed}\n{table(upgrade.steps, gaps, findings)}\n")
    counted = (
        f"{sum(each.outages for each in verdicts)} outages, {sum(each.judged for each in verdicts)} of them certain,"
        f" {sum(each.count('lost') for each in verdicts)} lost, {sum(each.count('twice') for each in verdicts)} told twice,"
        f" {len(findings)} findings; {upgrade.sender.taken} heartbeats taken, {upgrade.sender.refused} taken by no node"
    )
    problems = faults_of(upgrade, verdicts)
    sys.stdout.write(f"failed: {'; '.join(problems[:8])}; {counted}\n" if problems else f"ok: {counted}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
