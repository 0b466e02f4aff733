"""Strikes at nodes of one store in PostgreSQL, and at the database itself, and counts losses, repeats and takeover times.

    python -m tests.system.cluster [--faults kill=20 stop=20 partition=10 freeze=4 restart=3 immediate=3 backend=2 hang=2 gone=2
                                    synchronous=4 asynchronous=3 move=6] [--control 12] [--seed 0]

Three processes with one configuration watch 48 targets, each of which falls and recovers by a script that the seed has drawn; a receiver
keeps the key of every notice. Between each node and PostgreSQL lies a link that can hold everything, and what follows the fence of a transaction.
A node is killed, stopped for some seconds, cut off, or stopped in mid-transaction; the server is restarted, stopped at once, loses the
process that is about to commit, hangs for 8 s, is away for 8 s; its primary is killed and the standby promoted; targets move to other shards by a new
configuration. Faults with a standby, and moves, run on clusters of their own.
After every fault the cluster must be whole again, and each outage that was watched long enough to be found must have
been told once, under one key, and so its end. The control runs nodes whose fence was taken out by the tests, until their freezes show a fault. Prints a line
for each kind of fault, and at the end one line: `ok`, or `failed` with the reasons; the exit status is 0 only for `ok`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.system.clustering.database import can_replicate
from tests.system.clustering.faults import (
    FAILOVERS,
    FAULTS,
    KEEP_OWNERS,
    NODE_FAULT_S,
    TOLD_BACK_WITHIN_S,
    Struck,
)
from tests.system.clustering.judging import Finding, Verdict, late_s
from tests.system.clustering.moving import move
from tests.system.clustering.world import Cluster, Plan

ALL = {
    "kill": 20, "stop": 20, "partition": 10, "freeze": 4, "restart": 3, "immediate": 3, "backend": 2, "hang": 2, "gone": 2,
    "synchronous": 4, "asynchronous": 3, "move": 6,
}  # fmt: skip
MOVES = {"move": move}
KINDS = {**FAULTS, **MOVES}
DETECTED_S = 4.0
"""The time in which a turn is found that is told as soon as there is a database again."""
SHOWN_MAX = 12
"""Findings of one fault that are shown while it runs."""
SLOW_MIN, SLOW_SHARE = 4, 0.05
"""Incidents of targets that answer too late, before a run proves nothing."""
BETWEEN_S = (0.5, 2.0)
BETWEEN_FAILOVERS_S = (5.0, 8.0)


class Row(NamedTuple):
    """One fault, and what came of it."""

    kind: str
    at: float
    """Seconds since 1970."""
    struck: Struck
    told_s: float | None
    problems: tuple[str, ...]


class Result(NamedTuple):
    """A run on one cluster."""

    rows: list[Row]
    verdict: Verdict
    problems: tuple[str, ...]
    """The problems at the end, beside the findings of the verdict."""

    def findings(self, kind: str) -> list[Finding]:
        """Returns the findings of the time since the faults of a kind, until the next one."""
        return [each for each in self.verdict.findings if self._kind_at(each.at) == kind]

    def _kind_at(self, at: float) -> str:
        return next((row.kind for row in reversed(self.rows) if row.at <= at), self.rows[0].kind)


def strike(cluster: Cluster, kinds: Iterable[str], *, until_found: bool = False) -> list[Row]:
    """Strikes with each fault in turn; `until_found` ends with the first one that loses or repeats something."""
    rows: list[Row] = []
    known: set[Finding] = set()
    for kind in kinds:
        cluster.pause(cluster.dice.uniform(*(BETWEEN_FAILOVERS_S if kind in FAILOVERS else BETWEEN_S)))
        row, verdict = _strike_once(cluster, kind, known)
        rows.append(row)
        new = set(verdict.findings) - known
        known |= new
        _say(f"{kind}: {_figures([row])}, {len(new)} findings {'; '.join(row.problems)}")
        for finding in sorted(new)[:SHOWN_MAX]:
            _say(f"  {finding.kind} {finding.said}")
        if until_found and known:
            break
    return rows


def _strike_once(cluster: Cluster, kind: str, known: set[Finding]) -> tuple[Row, Verdict]:
    at = time.time()
    struck = KINDS[kind](cluster)
    problems = list(struck.failed)
    if not cluster.settled():
        problems.append(f"not every shard has its owner: {cluster.shards.rows}")
    problems += [
        f"{node.name} has ended: {node.process.errors.all()[-2:]}"
        for node in cluster.nodes
        if node.process is not None and not node.is_alive
    ]
    verdict = cluster.judge_patiently(known)
    told_s = None
    if struck.span is not None and kind not in FAILOVERS:
        told_s = late_s(
            cluster.ledger.all(), list(cluster.script.outages), struck.span, DETECTED_S, cluster.plan.early_s
        )
    if kind == "hang" and (told_s or 0.0) > TOLD_BACK_WITHIN_S:
        problems.append(f"the last notice came {told_s:.1f} s after the database was back")
    if kind in KEEP_OWNERS and struck.owners_changed:
        problems.append(f"{struck.owners_changed} shards changed their owner")
    return Row(kind, at, struck, told_s, tuple(problems)), verdict


def finish(cluster: Cluster, rows: list[Row]) -> Result:
    """Ends the script, waits for the last notices, ends all nodes in good order, and verifies the record."""
    cluster.script.end(cluster.plan.needed_s)
    cluster.pause(cluster.plan.needed_s)
    verdict = cluster.judge_patiently(set())
    statuses = cluster.stop()
    problems = [
        f"{node.name} ended with {status}: {node.said[-3:]}" for node, status in statuses.items() if status
    ]
    said = cluster.verified()
    if said:
        problems.append(f"verify: {said}")
    return Result(rows, verdict, tuple(problems))


def run(kinds: Sequence[str], plan: Plan) -> Result:
    """Strikes with all these faults at a cluster of its own."""
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        cluster = Cluster(Path(folder), plan)
        try:
            return finish(cluster, strike(cluster, kinds))
        finally:
            cluster.close()


def control(freezes: int, plan: Plan) -> tuple[int, list[Finding]]:
    """Freezes nodes without a fence. Returns how many freezes it took, and what they have shown."""
    with tempfile.TemporaryDirectory(prefix="cl-") as folder:
        cluster = Cluster(Path(folder), plan._replace(is_fenced=False))
        try:
            rows = strike(
                cluster, [("stop", "freeze")[number % 2] for number in range(freezes)], until_found=True
            )
            return len(rows), cluster.judge().findings
        finally:
            cluster.close()


# The report

HEAD = ("fault", "count", "lost", "twice", "unfounded", "keys>1", "former", "takeover", "spread", "owners", "back", "unhealthy", "told")  # fmt: skip


def table(results: Iterable[Result]) -> str:
    """Returns a line for each kind of fault."""
    lines = [_line(HEAD)]
    for result in results:
        for kind in dict.fromkeys(row.kind for row in result.rows):
            rows = [row for row in result.rows if row.kind == kind]
            found = [each.kind for each in result.findings(kind)]
            counts = [found.count(name) for name in ("lost", "twice", "unfounded", "repeated", "former")]
            lines.append(_line((kind, len(rows), *counts, *_measures(rows).values())))
    return "\n".join(lines)


def _line(words: Sequence[object]) -> str:
    return f"{words[0]!s:<13}" + "".join(f"{word!s:>10}" for word in words[1:])


def _measures(rows: Sequence[Row]) -> dict[str, str]:
    """Returns the worst of each figure; `-` where there is none."""
    took = [each for row in rows for each in row.struck.takeover.took_s]
    spread = [row.struck.takeover.spread_s for row in rows if row.struck.takeover.took_s]
    changed = [row.struck.owners_changed for row in rows if row.struck.owners_changed is not None]
    return {
        "takeover": _worst(took),
        "spread": _worst(spread),
        "owners changed": str(sum(changed)) if changed else "-",
        "back": _worst([row.struck.back_s for row in rows]),
        "unhealthy": _worst([row.struck.unhealthy_s for row in rows]),
        "told": _worst([row.told_s for row in rows]),
    }


def _worst(found: Iterable[float | None]) -> str:
    known = [each for each in found if each is not None]
    return f"{max(known):.2f} s" if known else "-"


def _figures(rows: Sequence[Row]) -> str:
    return (
        ", ".join(f"{name} {value}" for name, value in _measures(rows).items() if value != "-")
        or "no figures"
    )


def faults_of(results: Iterable[Result]) -> list[str]:
    """Returns everything that should not have happened."""
    found = []
    for result in results:
        found += [f"{each.kind}: {each.said}" for each in result.verdict.findings]
        found += [f"{row.kind}: {problem}" for row in result.rows for problem in row.problems]
        found += result.problems
    return found


def busy_of(results: Iterable[Result]) -> list[str]:
    """Returns the runs that prove nothing, as the machine was too busy for them."""
    verdicts = (result.verdict for result in results)
    return [
        f"the machine is too busy: {each.slow} targets answered too late"
        for each in verdicts
        if each.slow > max(SLOW_MIN, each.outages * SLOW_SHARE)
    ]


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def _counts(words: Sequence[str]) -> dict[str, int]:
    """Reads `kill=20 stop=20`, or `kill` for one. Raises: ArgumentTypeError."""
    found = {}
    for word in words:
        kind, _, count = word.partition("=")
        if kind not in KINDS or not (count or "1").isdigit():
            raise argparse.ArgumentTypeError(f"{word}: one of {', '.join(KINDS)}, with =COUNT")
        found[kind] = int(count or "1")
    return found


def drawn(counts: dict[str, int], seed: int) -> list[str]:
    """Returns the faults in an order that the seed has drawn."""
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    Random(seed).shuffle(kinds)
    return kinds


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", nargs="*", default=[f"{kind}={count}" for kind, count in ALL.items()])
    parser.add_argument("--control", type=int, default=12, help="freezes without the fence at most; 0: none")
    parser.add_argument("--targets", type=int, default=48)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    wanted = parser.parse_args(arguments)
    try:
        counts = _counts(wanted.faults)
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    plan = Plan(wanted.seed, wanted.nodes, wanted.targets, wanted.shards)
    sys.stdout.write(
        f"seed {plan.seed}: {plan.nodes} nodes, {plan.targets} targets, stops of {NODE_FAULT_S[0]:g} to {NODE_FAULT_S[1]:g} s\n"
    )
    problems: list[str] = []
    results = []
    apart = {*FAILOVERS, *MOVES}
    single = drawn({kind: count for kind, count in counts.items() if kind not in apart}, plan.seed)
    # In this order: what a database that goes back in time has lost is not judged.
    double = [kind for kind in FAILOVERS for _ in range(counts.get(kind, 0))]
    if double and not can_replicate():
        problems.append("no standby can be made: pg_basebackup is missing")
        double = []
    if single:
        results.append(run(single, plan))
    if double:
        results.append(run(double, plan._replace(has_two_servers=True)))
    if moves := [kind for kind in MOVES for _ in range(counts.get(kind, 0))]:
        results.append(run(moves, plan))
    sys.stdout.write(table(results) + "\n")
    if wanted.control:
        freezes, found = control(wanted.control, plan)
        said = f"{found[0].kind}: {found[0].said}" if found else "THE CONTROL FINDS NOTHING"
        sys.stdout.write(f"control without the fence: {len(found)} findings in {freezes} freezes; {said}\n")
        problems += [] if found else ["the control finds nothing"]
    problems += faults_of(results) + busy_of(results)
    sys.stdout.write(_last_line(results, problems) + "\n")
    return 1 if problems else 0


def _last_line(results: Sequence[Result], problems: Sequence[str]) -> str:
    verdicts = [result.verdict for result in results]
    counted = (
        f"{sum(each.outages for each in verdicts)} outages, {sum(each.judged for each in verdicts)} of them certain,"
        f" {sum(each.count('lost') for each in verdicts)} lost, {sum(each.count('twice') for each in verdicts)} told twice,"
        f" {sum(each.repeated for each in verdicts)} keys repeated, {sum(each.told_again for each in verdicts)} told again after"
        f" a database that went back in time, {sum(each.slow for each in verdicts)} answered too late"
    )
    return f"failed: {'; '.join(problems[:8])}; {counted}" if problems else f"ok: {counted}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
