"""`heartbeat`: reports that a job ran, failed or began."""

import click

from ...client.offline import OfflineStore
from ...domain.errors import NotRunning
from ..options import Where
from ..see.tables import print_json
from .reach import Acts, plain, reached, say


def heartbeat(
    where: Where,
    target: str,
    *,
    failed: bool,
    start: bool,
    exit_status: int | None,
    run: str | None,
    detail: str,
    as_json: bool,
) -> None:
    """Reports for a heartbeat. Raises: UnknownName; UsageError for a target of another kind.

    Raises: click.UsageError for a report that says two things.
    """
    if failed + start + (exit_status is not None) > 1:
        raise click.UsageError("--fail, --start and --exit say different things: give one of them")
    ok = not failed and not exit_status
    if exit_status:
        detail = f"exit status {exit_status}: {detail}" if detail else f"exit status {exit_status}"

    def act(acts: Acts) -> None:
        if isinstance(acts, OfflineStore):
            if start:
                raise NotRunning(f"no process runs {acts.name}: a start is kept only while one does")
            # A run is joined to its start by the process that has heard it.
            acts.heartbeat(target, ok=ok, detail=detail, exit_status=exit_status)
            if as_json:
                print_json({"id": target, "ok": ok})
            else:
                say(acts, f"{target}: {_said(ok=ok, start=False)}")
            return
        row = acts.heartbeat(target, ok=ok, detail=detail, start=start, run=run, exit_status=exit_status)
        if as_json:
            print_json(plain(row))
        elif row.paused and not start:
            click.echo(
                f"{target}: paused, so that this report counts for nothing; it does again after: watchkeeper resume {target}"
            )
        else:
            click.echo(f"{target}: {_said(ok=ok, start=start)}; it is {row.status.value}")

    reached(where, act)


def _said(*, ok: bool, start: bool) -> str:
    if start:
        return "its start is noted"
    return "heard" if ok else "reported as failed"
