"""How verbs show rows: as a table for people, or as one JSON document for programs."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from ...adapters.clock import SystemClock
from ...domain.time.moment import NS_PER_S, wall_text
from ..output import print_table

SHORT_ID_CHARACTERS = 4
"""The least that is shown of an id."""


def print_rows(
    name: str, keys: Sequence[str], shown: list[dict[str, Any]], rows: list[dict[str, Any]], *, as_json: bool
) -> None:
    """Prints these keys of `shown` as a table, or `rows` as one JSON document."""
    if as_json:
        print_json({"at": wall_text(SystemClock().read().wall_ns), name: rows})
    elif shown:
        print_table(keys, shown)
    else:
        click.echo(f"no {name}")


def print_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def minute_text(wall_ns: int | None) -> str | None:
    """Returns a moment for people, to the minute and in UTC: `2026-01-31 12:30Z`."""
    return None if wall_ns is None else f"{datetime.fromtimestamp(wall_ns // NS_PER_S, UTC):%Y-%m-%d %H:%MZ}"


def percent_text(share: float | None) -> str | None:
    """Returns a share with two decimals, rounded down: only a whole one is `100.00 %`."""
    return None if share is None else f"{int(share * 10_000 + 1e-6) / 100:.2f} %"


def shortened(ids: Collection[str], prefix: str) -> dict[str, str]:
    """Returns the beginning of each id behind `prefix`, long enough that no two are alike."""
    names = {name: name.removeprefix(prefix) for name in ids}
    length = SHORT_ID_CHARACTERS
    while len({name[:length] for name in names.values()}) < len(names):
        length += 1
    return {name: rest[:length] for name, rest in names.items()}
