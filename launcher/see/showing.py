"""`status` and `incidents`: the content of a store as a table, or as one JSON document."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ...adapters.clock import SystemClock
from ...adapters.configuration import load
from ...adapters.stores.history.stored import StoredSample
from ...adapters.stores.sqlite.lock import holder_of
from ...adapters.stores.sqlite.reader import StoreReader
from ...domain.errors import ConfigurationError
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import DeliveryState
from ...domain.incidents.notice_body import incident_document
from ...domain.incidents.record import BlindInterval
from ...domain.observation.outcome import is_answered
from ...domain.read_model.status import no_sample_since
from ...domain.rules.aggregate import Status, status_of
from ...domain.specification.configuration import Configuration
from ...domain.specification.probe import Heartbeat
from ...domain.specification.target import Target
from ...domain.time.duration import NS_PER_DAY, format_duration
from ...domain.time.moment import NS_PER_MS, wall_text
from ..output import print_table

_STATUS_COLUMNS = (
    *("target", "kind", "outcome", "reason"),
    *("latency_ms", "uptime_24h", "open_incidents", "sampled_at"),
)
_INCIDENT_COLUMNS = (
    *("target", "rule", "severity", "status"),
    *("opened_at", "resolved_at", "lasted", "explanation"),
)
_LOOK_BACK_NS = 7 * NS_PER_DAY
"""A last sample older than this is shown as none."""


def show_status(config: Path, *, as_json: bool) -> None:
    """Prints one row per target, with its last sample, its uptime over a day and its open incidents."""
    configuration = load(config, os.environ)
    reader = StoreReader(store_of(config, configuration))
    document = status_document(configuration, reader, SystemClock().read().wall_ns)
    if as_json:
        _print_json(document)
        return
    print_table(_STATUS_COLUMNS, document["targets"])
    notices, blind = document["notices"], document["blind"]
    seen = f"blind {len(blind)} times in the last 24h" if blind else "never blind in the last 24h"
    click.echo(f"notices: {notices['pending']} pending, {notices['dead']} given up; {seen}")
    holder = document["run_by"]
    click.echo(f"run by {holder}" if holder else "not running: this is the last recorded state")


def show_incidents(config: Path, *, as_json: bool, open_only: bool, target: str | None, limit: int) -> None:
    """Prints one row per incident, the newest first."""
    reader = StoreReader(store_of(config, load(config, os.environ)))
    found = reader.incidents(open_only=open_only, target=target, limit=limit)
    rows = [_incident_row(incident) for incident in found]
    print_rows("incidents", _INCIDENT_COLUMNS, rows, as_json=as_json)


def print_rows(name: str, keys: Sequence[str], rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Prints these keys of the rows as a table, or all keys as one JSON document."""
    if as_json:
        _print_json({"at": wall_text(SystemClock().read().wall_ns), name: rows})
    elif rows:
        print_table(keys, rows)
    else:
        click.echo(f"no {name}")


def _print_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def status_document(configuration: Configuration, reader: StoreReader, now_ns: int) -> dict[str, Any]:
    """Returns everything that `status` shows, as plain data."""
    waiting = (DeliveryState.PENDING, DeliveryState.DEAD)
    return {
        "at": wall_text(now_ns),
        "run_by": holder_of(configuration.runtime.store or ""),
        "targets": _target_rows(configuration, reader, now_ns),
        "notices": {state.value: len(reader.outbox(state)) for state in waiting},
        "blind": [_blind_row(span) for span in reader.blind(now_ns - NS_PER_DAY)],
    }


def _blind_row(span: BlindInterval) -> dict[str, str]:
    started_at, ended_at = wall_text(span.started_at_ns), wall_text(span.ended_at_ns)
    return {"started_at": started_at, "ended_at": ended_at, "cause": span.cause}


def store_of(config: Path, configuration: Configuration) -> str:
    """Returns the path of the configured store. Raises: ConfigurationError for a configuration without a store."""
    if configuration.runtime.store is None:
        raise ConfigurationError(
            f"{config}:1:1: runtime.store: without it nothing is recorded: set it to a file, which this verb then reads"
        )
    return configuration.runtime.store


def _target_rows(configuration: Configuration, reader: StoreReader, now_ns: int) -> list[dict[str, Any]]:
    """Returns the configured targets in their order, then those that only the record has."""
    opened: dict[str, list[Incident]] = {}
    for incident in reader.incidents(open_only=True, limit=10_000):
        opened.setdefault(incident.target, []).append(incident)
    configured = {target.id: target for target in configuration.targets}
    recorded = reader.targets()
    latest = reader.latest(now_ns - _LOOK_BACK_NS, now_ns + 1)
    uptimes = reader.uptimes(now_ns - NS_PER_DAY, now_ns + 1)
    names = [*configured, *(name for name in recorded if name not in configured)]
    return [
        {
            "target": name,
            "kind": configured[name].kind if name in configured else None,
            "configured": name in configured,
            **(configured[name].metadata.to_dict() if name in configured else {}),
            **_measured(latest.get(name), configured.get(name, _UNLISTED), opened.get(name, []), now_ns),
            "uptime_24h": uptimes.get(name),
            "open_incidents": len(opened.get(name, [])),
        }
        for name in names
    ]


_UNLISTED = Target(id="unlisted", heartbeat=Heartbeat())
"""Stands for a target that is only in the record: its cadence is unknown, so the default one applies."""
_MEASURED = ("outcome", "reason", "explanation", "sampled_at", "latency_ms")


def _measured(
    last: StoredSample | None, target: Target, incidents: list[Incident], now_ns: int
) -> dict[str, Any]:
    """Returns the last measurement; the open incidents stand for one that is too old to show the present state."""
    if last is None:
        return dict.fromkeys(_MEASURED)
    is_stale = now_ns - last.at_ns > target.stale_after_ns
    outcome = (status_of(incidents) or Status.UNKNOWN) if is_stale else last.outcome
    is_answer = not is_stale and is_answered(last.outcome, last.reason)
    latency_ns = last.latency_ns if is_answer else None
    return {
        "outcome": outcome.value,
        "reason": "stale" if is_stale else last.reason.value,
        "explanation": no_sample_since(last.at_ns) if is_stale else last.explanation,
        "sampled_at": wall_text(last.at_ns),
        "latency_ms": None if latency_ns is None else latency_ns / NS_PER_MS,
    }


def _incident_row(incident: Incident) -> dict[str, Any]:
    """Returns an incident as plain data with stable keys; times are RFC 3339."""
    document = incident_document(incident)
    del document["evidence"]
    resolved_ns = incident.resolved_at_ns
    return document | {
        "status": incident.change.value,
        "lasted": None if resolved_ns is None else _lasted(incident.opened_at_ns, resolved_ns),
        "sequence": incident.sequence,
        "draft": incident.draft,
    }


def _lasted(opened_ns: int, resolved_ns: int) -> str:
    """Returns the duration to the millisecond; never negative, even where the clock was set back."""
    return format_duration(max(0, resolved_ns - opened_ns) // NS_PER_MS * NS_PER_MS)
