"""`reload`, `check-now` and `notify`: what only a running process can do."""

from typing import TYPE_CHECKING

import click

from ...domain.line import count_of
from ..options import Where
from ..output import ExitStatus
from ..see.tables import print_json
from .reach import commanding, plain, running, targets_of

if TYPE_CHECKING:
    from ...client.answers import CheckAnswer

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


def reload(where: Where, *, as_json: bool) -> None:
    """Has the runtime read its configuration again. Raises: ConfigurationError with every problem; NotRunning."""
    connection = running(where)
    connection.reload()
    found = connection.status()
    if as_json:
        print_json({"done": True, "targets": len(found.targets)})
    else:
        click.echo(f"the configuration is in force as it is now: {count_of(len(found.targets), 'target')}")


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
