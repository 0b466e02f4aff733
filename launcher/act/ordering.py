"""`reload`, `check-now` and `notify`: what only a running process can do."""

import threading
from typing import TYPE_CHECKING

import click

from ...domain.line import count_of, listed
from ..options import Where
from ..output import ExitStatus
from ..see.tables import print_json
from .reach import commanding, plain, running, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...client.answers import CheckAnswer, NodeRow

NODES_LOOK_S = 0.75
_TEST_ENDS = {
    "accepted": "is accepted",
    "failed": "failed",
    "refused": "is refused",
    "unknown": "has no answer",
}


def check_now(where: Where, asked: tuple[str, ...], *, as_json: bool) -> ExitStatus:
    """Has the runtime check targets, one after the other. Returns FAILED where one is found to be not up.

    Raises: UnknownName where a name or a glob stands for none, and then nothing was done; NotRunning; UsageError for a
    target that cannot be checked.
    """
    connection = commanding(where)
    answers = []
    for name in targets_of(connection, asked):
        answers.append(connection.check_now(name))
        if not as_json:
            click.echo(_found(answers[-1]))
    if as_json:
        print_json({"checked": [plain(answer) for answer in answers]})
    bad = any(each.attempt is not None and each.attempt.outcome != "up" for each in answers)
    return ExitStatus.FAILED if bad else ExitStatus.FINE


def _found(answer: "CheckAnswer") -> str:
    attempt, target = answer.attempt, answer.target
    if attempt is None:
        return f"{target.id}: it still runs: `watchkeeper status` has what it found once it has ended"
    took = "" if target.latency_ms is None else f" in {target.latency_ms:.0f} ms"
    return f"{target.id}: {attempt.outcome}{took}" + (
        f": {target.explanation}" if attempt.outcome != "up" else ""
    )


def reload(where: Where, node: str | None, *, as_json: bool) -> None:
    """Has the runtime, or this node, read its configuration again. Raises: ConfigurationError with every problem; NotRunning."""
    connection = running(where, node)
    connection.reload()
    found = connection.status()
    if found.nodes:
        # The node that has reloaded sees the others twice a second, and they see its configuration.
        threading.Event().wait(NODES_LOOK_S)
        found = connection.status()
    by = next((each.name for each in found.nodes if each.this), None)
    older = to_reload(found.nodes)
    if as_json:
        of_nodes = {} if by is None else {"node": by, "older": older}
        print_json({"done": True, "targets": len(found.targets), **of_nodes})
        return
    where_in_force = "" if by is None else f" at node {by}"
    click.echo(
        f"the configuration is in force as it is now{where_in_force}: {count_of(len(found.targets), 'target')}"
    )
    if older:
        click.echo(
            f"older configuration: {listed(older)}: reload {'it' if len(older) == 1 else 'them'} soon, too"
        )


def to_reload(nodes: "Iterable[NodeRow]") -> list[str]:
    """Returns the living nodes that have an older configuration than the one that answers, which has just been reloaded."""
    # Its own row may be that of its last look, from before the reload, where the machine is busy.
    return [each.name for each in nodes if each.alive and not each.newest and not each.this]


def notify(where: Where, channel: str, *, as_json: bool) -> ExitStatus:
    """Sends a test to a channel. Returns FAILED where the receiver did not take it. Raises: UnknownName; NotRunning."""
    row = running(where).test_channel(channel)
    if as_json:
        print_json(plain(row))
    else:
        took = "" if row.took_ms is None else f" in {row.took_ms:.0f} ms"
        detail = f": {row.detail}" if row.detail else ""
        click.echo(f"{channel}: the test {_TEST_ENDS[row.result.value]}{took}{detail}")
    return ExitStatus.FINE if row.result.value == "accepted" else ExitStatus.FAILED
