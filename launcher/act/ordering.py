"""`reload`, `check-now` and `notify`: what only a running process can do."""

import click

from ...client.answers import CheckAnswer
from ...domain.line import count_of
from ..options import Where
from ..output import ExitStatus
from ..see.tables import print_json
from .reach import plain, running, targets_of


def reload(where: Where, *, as_json: bool) -> None:
    """Has the runtime read its configuration again. Raises: ConfigurationError with every problem; NotRunning."""
    connection = running(where)
    connection.reload()
    found = connection.status()
    if as_json:
        print_json({"done": True, "targets": len(found.targets)})
    else:
        click.echo(f"the configuration is in force as it is now: {count_of(len(found.targets), 'target')}")


def check_now(where: Where, asked: tuple[str, ...], *, as_json: bool) -> ExitStatus:
    """Checks targets at once; returns FAILED where one of these attempts was bad. Raises: UnknownName; UsageError; NotRunning."""
    connection = running(where)
    names = targets_of(connection, asked)
    found = {name: connection.check_now(name) for name in names}
    if as_json:
        print_json({"checked": {name: plain(answer) for name, answer in found.items()}})
    else:
        for name, answer in found.items():
            click.echo(f"{name}: {_said(answer)}")
    is_bad = any(each.attempt is not None and each.attempt.outcome in _BAD for each in found.values())
    return ExitStatus.FAILED if is_bad else ExitStatus.FINE


_BAD = frozenset({"down", "timed_out"})


def _said(answer: CheckAnswer) -> str:
    attempt, target = answer.attempt, answer.target
    if attempt is None:
        return "the attempt has begun and not ended yet"
    why = f": {target.explanation}" if target.explanation else ""
    took = "" if target.latency_ms is None else f" in {target.latency_ms:.1f} ms"
    return f"{attempt.outcome}{took}{why}; it is {target.status.value}"
