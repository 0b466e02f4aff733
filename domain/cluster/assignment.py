"""Assignment: the node that is to run each shard, the same wherever it is computed from the same nodes."""

from collections.abc import Collection
from hashlib import blake2b
from itertools import product


def assigned(shards: int, nodes: Collection[str]) -> dict[int, str]:
    """Returns the node of each shard, by rendezvous hashing: a node that comes or goes moves few shards but its own.

    No node has more than `ceil(shards / nodes)` of them. Empty without nodes.
    """
    if not nodes:
        return {}
    room = -(-shards // len(nodes))
    found: dict[int, str] = {}
    taken = dict.fromkeys(nodes, 0)
    for shard, node in sorted(product(range(shards), nodes), key=_weight):
        if shard not in found and taken[node] < room:
            found[shard] = node
            taken[node] += 1
    return found


def _weight(pair: tuple[int, str]) -> tuple[bytes, tuple[int, str]]:
    shard, node = pair
    return blake2b(f"{shard}/{node}".encode(), digest_size=8).digest(), pair
