"""`notices` and `redrive`: list the notices of a store, and send its dead letters again."""

import os
from pathlib import Path
from typing import Any

import click

from ...adapters.clock import SystemClock
from ...adapters.configuration import load
from ...adapters.stores.sqlite.reader import StoreReader
from ...adapters.stores.sqlite.sqlite import SqliteStore
from ...domain.errors import StoreBusy, UnknownName
from ...domain.incidents.notice import Delivery, DeliveryState
from ...domain.incidents.record import Batch, Outgoing
from ...domain.time.moment import Moment, wall_text
from .showing import print_rows, store_of

_COLUMNS = ("key", "state", "channel", "tells", "attempts", "at", "detail")


def show_notices(config: Path, *, state: str | None, limit: int, as_json: bool) -> None:
    """Prints one row per notice, the newest last."""
    reader = StoreReader(store_of(config, load(config, os.environ)))
    found = reader.outbox(DeliveryState(state) if state else None)[-limit:]
    print_rows("notices", _COLUMNS, [_row(outgoing) for outgoing in found], as_json=as_json)


def _row(outgoing: Outgoing) -> dict[str, Any]:
    notice, delivery = outgoing.notice, outgoing.delivery
    incident = notice.incident
    return {
        "key": notice.key,
        "state": delivery.state.value,
        "channel": notice.channel,
        "tells": f"{notice.change.value} {incident.target}/{incident.rule}",
        "attempts": delivery.attempts,
        "at": wall_text(delivery.at_ns),
        "detail": delivery.detail,
    }


def redrive_notices(config: Path, keys: tuple[str, ...]) -> None:
    """Puts dead letters back into the outbox, all or none, under their own keys; the next `run` delivers them.

    Raises: StoreBusy while a runtime holds the store (it has `Runtime.redrive`); UnknownName for a key that is no dead
    letter.
    """
    configuration = load(config, os.environ)
    path = store_of(config, configuration)
    # A reader refuses a missing file, where opening it would create an empty store.
    StoreReader(path).outbox(DeliveryState.DEAD)
    wanted = tuple(dict.fromkeys(keys))
    store = SqliteStore(path, configuration.runtime.retention)
    now = SystemClock().read()
    try:
        store.open(now)
    except StoreBusy as error:
        raise StoreBusy(f"{error}: stop it first, or call Runtime.redrive() in its program") from error
    try:
        store.commit(Batch(deliveries=tuple(_pending_again(store, key, now) for key in wanted)))
    finally:
        store.close()
    for key in wanted:
        click.echo(f"{key} is back in the outbox: the next run delivers it")


def _pending_again(store: SqliteStore, key: str, now: Moment) -> Delivery:
    recalled = store.recall(key)
    if recalled is None or not recalled.outbox:
        raise UnknownName(f"{key} is no dead letter: `watchkeeper notices --state dead` lists the keys")
    return recalled.outbox[0].delivery.redriven(now.wall_ns)
