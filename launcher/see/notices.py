"""`notices` and `redrive`: list the notices of a store, and send its dead letters again."""

from typing import Any

import click

from ...adapters.clock import SystemClock
from ...adapters.stores.sqlite.reader import StoreReader
from ...adapters.stores.sqlite.sqlite import SqliteStore
from ...domain.errors import StoreBusy, UnknownName
from ...domain.incidents.notice import Delivery, DeliveryState
from ...domain.incidents.record import Batch, Outgoing
from ...domain.time.moment import Moment, wall_text
from ..place import StorePlace
from .tables import minute_text, print_rows, shortened

_COLUMNS = ("key", "state", "channel", "tells", "tries", "at", "detail")
KEY_PREFIX = "msg_"


def show_notices(place: StorePlace, *, state: str | None, limit: int, as_json: bool) -> None:
    """Prints one row per notice, the newest last."""
    reader = StoreReader(place.path)
    found = reader.outbox(DeliveryState(state) if state else None)[-limit:]
    keys = shortened({outgoing.notice.key for outgoing in found}, KEY_PREFIX)
    rows = [_row(outgoing) for outgoing in found]
    shown = [
        {**row, "key": keys[row["key"]], "tries": row["attempts"], "at": minute_text(outgoing.delivery.at_ns)}
        for row, outgoing in zip(rows, found, strict=True)
    ]
    print_rows("notices", _COLUMNS, shown, rows, as_json=as_json)


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


def redrive_notices(place: StorePlace, keys: tuple[str, ...]) -> None:
    """Puts dead letters back into the outbox, all or none, under their own keys; the next `run` delivers them.

    A key may be shortened as `notices` shows it. Raises: StoreBusy while a runtime holds the store (it has
    `Runtime.redrive`); UnknownName for a key that is no dead letter, or that several begin with.
    """
    # A reader refuses a missing file, where opening it would create an empty store.
    dead = [outgoing.notice.key for outgoing in StoreReader(place.path).outbox(DeliveryState.DEAD)]
    wanted = tuple(dict.fromkeys(_whole(key, dead) for key in keys))
    store = SqliteStore(place.path)
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


def _whole(key: str, dead: list[str]) -> str:
    """Returns the dead letter whose key begins with this. Raises: UnknownName for none, and for several."""
    found = [name for name in dead if name.startswith(key) or name.removeprefix(KEY_PREFIX).startswith(key)]
    if key in found:
        return key
    if len(found) > 1:
        raise UnknownName(f"{len(found)} dead letters begin with {key}: write more of the key")
    if not found:
        raise _no_dead_letter(key)
    return found[0]


def _pending_again(store: SqliteStore, key: str, now: Moment) -> Delivery:
    recalled = store.recall(key)
    if recalled is None or not recalled.outbox:
        raise _no_dead_letter(key)
    return recalled.outbox[0].delivery.redriven(now.wall_ns)


def _no_dead_letter(key: str) -> UnknownName:
    return UnknownName(f"{key} is no dead letter: `watchkeeper notices --state dead` lists the keys")
