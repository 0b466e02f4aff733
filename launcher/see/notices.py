"""`notices` and `redrive`: list the notices of a store, and send its dead letters again."""

from collections.abc import Sequence
from typing import Any

import click

from ...adapters.stores.opening import make_reader
from ...client.offline import OfflineStore
from ...domain.errors import UnknownName
from ...domain.incidents.notice import DeliveryState, tells
from ...domain.incidents.record import Outgoing
from ...domain.time.moment import wall_ns_of, wall_text
from ..act.reach import Acts, reached
from ..options import Where
from ..place import StorePlace
from .tables import minute_text, print_json, print_rows, shortened

_COLUMNS = ("key", "state", "channel", "tells", "tries", "at", "detail")
KEY_PREFIX = "msg_"


def show_notices(place: StorePlace, *, state: str | None, limit: int, as_json: bool) -> None:
    """Prints one row per notice, the newest last."""
    reader = make_reader(place.path)
    found = reader.outbox(DeliveryState(state) if state else None)[-limit:]
    print_notices([_row(outgoing) for outgoing in found], as_json=as_json)


def print_notices(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Prints one row per notice, with a key that is short among them."""
    keys = shortened({row["key"] for row in rows}, KEY_PREFIX)
    shown = [
        {**row, "key": keys[row["key"]], "tries": row["attempts"], "at": minute_text(wall_ns_of(row["at"]))}
        for row in rows
    ]
    print_rows("notices", _COLUMNS, shown, rows, as_json=as_json)


def _row(outgoing: Outgoing) -> dict[str, Any]:
    notice, delivery = outgoing.notice, outgoing.delivery
    return {
        "key": notice.key,
        "state": delivery.state.value,
        "channel": notice.channel,
        "tells": tells(notice.change, notice.subject, notice.reminder),
        "attempts": delivery.attempts,
        "at": wall_text(delivery.at_ns),
        "detail": delivery.detail,
    }


def redrive_notices(where: Where, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Has dead letters sent again under their own keys: by the process that runs the store, else by the next one.

    A key may be shortened as `notices` shows it. Without a run all are put back into the outbox, or none. Raises:
    UnknownName for a key that is no dead letter, or that several begin with; StoreError.
    """

    def act(acts: Acts) -> None:
        wanted = tuple(dict.fromkeys(_whole(key, acts.dead_letters()) for key in keys))
        if refused := acts.redrive_all(wanted):
            raise _no_dead_letter(refused[0])
        if as_json:
            print_json({"redriven": wanted})
        else:
            when = "the next run delivers it" if isinstance(acts, OfflineStore) else "it is sent now"
            for key in wanted:
                click.echo(f"{key} is back in the outbox: {when}")

    reached(where, act)


def _whole(key: str, dead: Sequence[str]) -> str:
    """Returns the dead letter whose key begins with this. Raises: UnknownName for none, and for several."""
    found = [name for name in dead if name.startswith(key) or name.removeprefix(KEY_PREFIX).startswith(key)]
    if key in found:
        return key
    if len(found) > 1:
        raise UnknownName(f"{len(found)} dead letters begin with {key}: write more of the key")
    if not found:
        raise _no_dead_letter(key)
    return found[0]


def _no_dead_letter(key: str) -> UnknownName:
    return UnknownName(f"{key} is no dead letter: `watchkeeper notices --state dead` lists the keys")
