"""`backup` and `verify`: a copy of a store, and whether a store is whole."""

from pathlib import Path

import click

from ...client.record import Record
from ...domain.line import count_of
from ...domain.store_place import is_database, shown_store
from ...domain.time.moment import wall_text
from ..output import ExitStatus
from ..place import StorePlace
from ..see.tables import print_json


def make_backup(place: StorePlace, path: Path, *, force: bool, as_json: bool) -> None:
    """Copies a store, also while a process runs it, and prints what the copy has. Raises: StoreError; StoreCorrupt."""
    made = Record(place.path).backup(path, replace=force)
    if as_json:
        print_json(made.to_dict())
        return
    incidents = f"{count_of(made.incidents, 'incident')} ({made.open_incidents} open)"
    click.echo(
        f"{path}: {made.size_bytes / 1e6:,.1f} MB, {incidents}, {count_of(made.links, 'link')} verified,"
        f" {_until_text(made.until_ns)}"
    )


def verify_store(path: str, *, as_json: bool) -> ExitStatus:
    """Checks a whole store, prints the first fault and the way out of it, and returns how the process ends.

    Raises: StoreError where there is no store that can be read.
    """
    record, path = Record(path), shown_store(path)
    found = record.verify()
    if as_json:
        print_json({"store": path, "verifies": not found.problems, **found.to_dict()})
    elif found.problems:
        click.echo(f"{path} does not verify: {found.problems[0]}")
        for problem in found.problems[1:]:
            click.echo(f"  also: {problem}")
        click.echo(f"do: {found.remedy}")
    else:
        links = count_of(found.links, "link")
        pages = "" if is_database(path) else "every page and every index, "
        click.echo(f"{path} verifies: {links}, {pages}{_until_text(found.until_ns)}")
    return ExitStatus.FAILED if found.problems else ExitStatus.FINE


def _until_text(until_ns: int | None) -> str:
    return "never run" if until_ns is None else f"recorded until {wall_text(until_ns)}"
