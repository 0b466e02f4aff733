"""Targets that move: the nodes are given another configuration, one after the other, by which many targets lie on other shards."""

import time

from tests.system.clustering.faults import Struck
from tests.system.clustering.world import Cluster

PAIRS = 12
KILLED_SHARE = 0.5
BETWEEN_S = (0.0, 1.5)
_MOVED = """
SELECT count(DISTINCT id) FROM watchkeeper.incident JOIN watchkeeper.chain ON chain.incident = id AND chain.shard <> incident.shard
"""


def move(cluster: Cluster) -> Struck:
    """Every node reloads a configuration in which other pairs of targets belong together; in half of the cases one is killed instead."""
    # Half of the targets are down by then.
    cluster.pause(cluster.plan.phase_s[1])
    began_at, before = time.time(), moved_incidents(cluster)
    names = cluster.script.names
    cluster.write_plan([cluster.dice.sample(names, 2) for _ in range(PAIRS)])
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
    cluster.note_blind(began_at, cluster.shards.rows)
    moved = moved_incidents(cluster) - before
    return Struck(failed=() if moved else ("no open incident has moved: this proves nothing",))


def moved_incidents(cluster: Cluster) -> int:
    """Returns how many incidents have been on more than one shard."""
    return int(cluster.database.sql(_MOVED, database="watch"))
