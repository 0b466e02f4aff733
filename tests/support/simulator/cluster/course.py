"""One course: all outages, with a fault near the begin and the end of each, and then peace."""

from hashlib import blake2b

from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.time.moment import NS_PER_S

from ..endless import RUN_CPU_S, bounded
from ..invariants.violation import Violation
from ..run import Result, collecting_seldom, quiet
from .controls import COMPLETE, Parts
from .ground import FAULT_NS_MAX, OUTAGE_NS, OUTAGES, PEACE_NS, PHASE_NS_MAX, SHARDS, TAKEOVER_NS, Ground
from .judging import check
from .node import Node, Strike
from .problems import hasty

AWAY_NS_MAX = 8 * NS_PER_S
BACK_NS = 6 * NS_PER_S
POINTS = {
    "frozen": ("before a commit", "after a commit", "once a notice leaves"),
    "killed": ("before a commit", "after a commit", "once a notice leaves"),
    "hung": ("before a commit", "after a commit"),
    "unanswered": ("before a commit", "after a commit"),
}


class Course:
    """Drives one ground through one drawn course."""

    def __init__(self, seed: int, parts: Parts = COMPLETE) -> None:
        self.ground = Ground(seed, parts)
        self._chance = self.ground.chance

    def live(self) -> None:
        """Lives through all outages and faults, and then in peace."""
        ground = self.ground
        for half in range(1, 2 * OUTAGES + 1):
            until_ns = half * OUTAGE_NS + self._chance.randrange(PHASE_NS_MAX)
            ground.pass_time(max(until_ns - ground.now_ns, 0))
            self._strike()
        ground.pass_time(FAULT_NS_MAX)
        for node in ground.nodes:
            node.armed = None
            if node.returns_at_ns is not None:
                node.returns_at_ns = ground.now_ns
        ground.calm_at_ns = ground.now_ns
        ground.pass_time(PEACE_NS)

    def _strike(self) -> None:
        """One fault of one node, or of the database."""
        ground, length_ns = self.ground, self._chance.randrange(NS_PER_S, FAULT_NS_MAX)
        node = self._owner()
        kind = self._chance.randrange(12)
        match kind:
            case 0:
                ground.happened("killed")
                node.die(length_ns)
            case 1:
                ground.happened("frozen between turns")
                ground.freeze(node, length_ns)
            case 2:
                ground.happened("cut off")
                ground.cut_off([node], length_ns)
            case 3:
                self._take_database_away(min(length_ns, AWAY_NS_MAX))
            case 4:
                ground.happened("left in order")
                if node.process is not None:
                    node.process.leave()
                node.die(length_ns)
            case 5:
                self._rewind(node, length_ns)
            case 6:
                ground.happened("newer nodes away")
                for each in ground.nodes[:-1]:
                    each.die(length_ns + self._chance.randrange(NS_PER_S))
            case _:
                what = self._chance.choice(tuple(POINTS))
                node.armed = Strike(what, self._chance.choice(POINTS[what]), length_ns)

    def _take_database_away(self, length_ns: int) -> None:
        """No node reaches the database for a while; afterwards all shards are where they were."""
        ground = self.ground
        ground.happened("database away for all")
        owners = {record.shard: record.node for record in ground.database.shards}
        are_well = all(node.process and not node.armed for node in ground.nodes) and all(owners.values())
        known = len(ground.database.claims)
        ground.cut_off(ground.nodes, length_ns)
        ground.pass_time(BACK_NS)
        for claim in ground.database.claims[known:]:
            owner, before = claim.incarnation.partition("/")[0], claim.taken_from.partition("/")[0]
            if are_well and before and owner != before == owners[claim.shard]:
                ground.moved.append(
                    f"{claim.incarnation} has taken shard {claim.shard} from an owner that lived"
                )

    def _owner(self) -> Node:
        """Returns the node that runs a drawn shard."""
        served = self.ground.served()
        name = served.get(self._chance.randrange(SHARDS), self._chance.choice("ab"))
        return next(node for node in self.ground.nodes if node.name == name)

    def _rewind(self, node: Node, length_ns: int) -> None:
        """The database forgets some seconds, and perhaps a claim among them, whose owner does not reach it for a while."""
        ground, kept_ns = self.ground, self.ground.now_ns
        forgets_claim, is_cut_off = self._chance.randrange(3), self._chance.randrange(3)
        before = ground.served()
        ground.database.keep()
        if forgets_claim:
            node.die(FAULT_NS_MAX + length_ns)
            ground.pass_time(TAKEOVER_NS)
        ground.pass_time(length_ns // 4)
        claimed = [name for shard, name in ground.served().items() if name != before.get(shard)]
        ground.database.rewind()
        ground.rewinds.append((kept_ns, ground.now_ns))
        ground.happened("rewound")
        if claimed:
            ground.happened("a claim forgotten")
        if claimed and is_cut_off:
            ground.happened("cut off after a forgotten claim")
            ground.cut_off([each for each in ground.nodes if each.name == claimed[0]], length_ns)


def run_course(seed: int, parts: Parts = COMPLETE, *, cpu_s: float = RUN_CPU_S) -> Result:
    """Runs the course of a seed."""
    clock = SystemClock()
    began_ns = clock.read().monotonic_ns
    course = Course(seed, parts)
    ground, violations = course.ground, list[Violation]()

    def complain(invariant: str, says: str) -> None:
        violations.append(Violation(invariant, says, ground.now_ns))
        ground.is_over = True

    with quiet(), collecting_seldom(), hasty(), bounded(complain, cpu_s=cpu_s):
        course.live()
    violations += check(ground)
    said = [(one.at_ns, one.node, one.shard, one.notice.subject, one.notice.change) for one in ground.sent]
    return Result(
        seed=seed,
        nodes=len(ground.nodes),
        violations=tuple(violations),
        trace=blake2b(repr((said, len(ground.database.commits))).encode(), digest_size=16).hexdigest(),
        simulated_ns=ground.now_ns,
        steps=ground.steps,
        sites=0,
        processes=sum(node.starts for node in ground.nodes),
        real_ns=clock.read().monotonic_ns - began_ns,
        sometimes=dict(ground.sometimes),
        tail=tuple(
            f"{one.at_ns / NS_PER_S:.3f} s: {one.node} sent {one.notice!r}" for one in ground.sent[-40:]
        ),
    )
