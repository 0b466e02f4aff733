"""The nodes of a store in `status`: the processes that share its shards."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ...adapters.stores.opening import look_at_nodes, recorded_targets_of
from ...domain.cluster.membership import OLDER_VERSION
from ...domain.cluster.placement import Placement
from ...domain.line import count_of
from ...domain.read_model.node_status import NodeStatus, node_statuses, shards_text
from ...domain.time.duration import format_duration
from ...domain.time.moment import NS_PER_S, wall_ns_of, wall_text
from ...domain.units import NS_PER_MINUTE
from ..output import print_table
from ..place import StorePlace

if TYPE_CHECKING:
    from ...client.answers import NodeRow

OLDER_CONFIGURATION = "older configuration"
_COLUMNS = ("node", "targets", "shards", "seen", "note")
_TO_THE_TENTH_NS = 10 * NS_PER_S


def nodes_of(place: StorePlace, now_ns: int) -> list[dict[str, Any]]:
    """Returns the nodes of a store as plain data with stable keys; none where one process has all of it.

    Targets are those of the configuration; where only the store is named, those that it has a record of. Raises: StoreError.
    """
    view = look_at_nodes(place.path)
    on = dict.fromkeys(range(len(view.shards)), 0)
    if on and place.configuration is None:
        on |= recorded_targets_of(place.path)
    elif place.configuration is not None and on:
        placement = Placement(place.configuration, len(on))
        for target in place.targets:
            on[placement.shard_of(target.id)] += 1
    return [_row(each) for each in node_statuses(view, now_ns, on.__getitem__)]


def _row(node: NodeStatus) -> dict[str, Any]:
    return {
        "name": node.name,
        "process": node.process,
        "this": node.is_this,
        "alive": node.is_alive,
        "seen_at": wall_text(node.seen_at_ns),
        "newest": node.has_newest,
        "shards": list(node.shards),
        "targets": node.targets,
        "older": node.is_older,
    }


def print_nodes(document: dict[str, Any]) -> None:
    """Prints the nodes of a document of `status` as a table between two empty lines; nothing without any."""
    rows = document["nodes"]
    if not rows:
        return
    click.echo()
    print_table(_COLUMNS, [_shown(row, wall_ns_of(document["at"])) for row in rows])
    click.echo()


def _shown(row: dict[str, Any], now_ns: int) -> dict[str, Any]:
    shards, age_ns = row["shards"], max(0, now_ns - wall_ns_of(row["seen_at"]))
    remarks = (
        "silent" if not row["alive"] else "",
        OLDER_VERSION if row["older"] else "",
        OLDER_CONFIGURATION if not row["newest"] else "",
        "this one" if row["this"] else "",
        row["process"],
    )
    return {
        "node": row["name"],
        "targets": row["targets"],
        "shards": f"{len(shards)}: {shards_text(shards)}" if shards else "none",
        "seen": f"{age_text(age_ns)} ago",
        "note": ", ".join(filter(None, remarks)),
    }


def node_line(nodes: "Sequence[NodeRow]", at: datetime, width: int) -> str:
    """Returns the nodes of a store in one line, with as much of each as there is room for; nothing where one node is alone."""
    if len(nodes) < 2:
        return ""
    shown = [
        "; ".join(_sentence(each, at) for each in nodes),
        ", ".join(f"{each.name} {_trouble(each, at) or each.targets}" for each in nodes),
    ]
    lines = [f"nodes: {shown[0]}", f"targets of nodes: {shown[1]}"]
    silent = sum(not each.alive for each in nodes)
    counts = f"{len(nodes)} nodes" + (f": {silent} silent" if silent else "")
    return next((line for line in lines if len(line) <= width), counts)


def _sentence(node: "NodeRow", at: datetime) -> str:
    if trouble := _trouble(node, at):
        return f"{node.name} {'has an' if trouble == OLDER_CONFIGURATION else 'is'} {trouble}"
    shards = f"{'shard' if len(node.shards) == 1 else 'shards'} {shards_text(node.shards)}"
    return f"{node.name} has {count_of(node.targets, 'target')}" + (f" on {shards}" if node.shards else "")


def _trouble(node: "NodeRow", at: datetime) -> str:
    if not node.alive:
        return f"silent for {age_text(max(0, round((at - node.seen_at).total_seconds())) * NS_PER_S)}"
    if node.older:
        return OLDER_VERSION
    return "" if node.newest else OLDER_CONFIGURATION


def age_text(age_ns: int) -> str:
    """Returns a length of time for people: to the tenth of a second below ten, then to the second."""
    if age_ns < NS_PER_MINUTE:
        return f"{age_ns / NS_PER_S:.{1 if age_ns < _TO_THE_TENTH_NS else 0}f} s"
    return format_duration(age_ns // NS_PER_S * NS_PER_S)
