"""Targets that move: the nodes are given another configuration, one after the other, by which many targets lie on other shards."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.left_behind import becomes_true
from tests.system.clustering.faults import Struck
from tests.system.clustering.world import Cluster

PAIRS = 12
KILLED_SHARE = 0.5
BETWEEN_S = (0.0, 1.5)
MOVED_WITHIN_S = 120.0
_OPEN = "SELECT target, shard FROM watchkeeper.incident WHERE is_open"
_MOVED = """
SELECT count(DISTINCT id) FROM watchkeeper.incident JOIN watchkeeper.chain ON chain.incident = id AND chain.shard <> incident.shard
"""


def move(cluster: Cluster) -> Struck:
    """Every node reloads a configuration in which other pairs of targets belong together; in half of the cases one is killed instead."""
    # Half of the targets are down by then.
    cluster.pause(cluster.plan.phase_s[1])
    with _two_down(cluster) as down:
        began_at, before = time.time(), moved_incidents(cluster)
        names = cluster.script.names
        cluster.write_plan([down, *(cluster.dice.sample(names, 2) for _ in range(PAIRS - 1))])
        killed = cluster.dice.choice(cluster.nodes) if cluster.dice.random() < KILLED_SHARE else None
        for node in cluster.dice.sample(cluster.nodes, len(cluster.nodes)):
            if node is killed:
                node.kill()
                node.start()
                node.until_ready()
            else:
                node.reload()
            cluster.pause(cluster.dice.uniform(*BETWEEN_S))
        cluster.settled()
        # An incident moves a moment after its target.
        has_moved = becomes_true(lambda: moved_incidents(cluster) > before, MOVED_WITHIN_S)
    cluster.note_blind(began_at, cluster.shards.rows)
    return Struck(failed=() if has_moved else ("no open incident has moved: this proves nothing",))


@contextmanager
def _two_down(cluster: Cluster) -> Iterator[list[str]]:
    """Gives two targets with open incidents on different shards, one of which moves to the shard of the other; no target turns meanwhile."""
    for _ in range(int(MOVED_WITHIN_S)):
        with cluster.script.held():
            # Those that have turned a moment ago are found to be down, or up again.
            cluster.pause(cluster.plan.needed_s)
            rows = [row.split("|") for row in cluster.database.sql(_OPEN, database="watch").splitlines()]
            of_shard = {shard: target for target, shard in rows}
            if len(of_shard) > 1:
                yield [of_shard[shard] for shard in sorted(of_shard)[:2]]
                return
        cluster.pause(1.0)
    raise AssertionError("no two shards had an open incident")


def moved_incidents(cluster: Cluster) -> int:
    """Returns how many incidents have been on more than one shard."""
    return int(cluster.database.sql(_MOVED, database="watch"))
