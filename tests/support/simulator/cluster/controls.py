"""The controls: each leaves out one part without which a course must be seen to fail."""

from collections.abc import Callable
from typing import NamedTuple

from watchkeeper.domain.cluster.planner import NodePlanner
from watchkeeper.domain.cluster.stamp import ConfigurationStamp, StampTimes
from watchkeeper.domain.supervision.tenure import Tenure
from watchkeeper.domain.time.moment import Moment

from .database import ClusterStore, Database, ShardLink


class Parts(NamedTuple):
    """The parts of which a control replaces one."""

    store: Callable[[Database, int, ShardLink], ClusterStore] = ClusterStore
    planner: Callable[[str], NodePlanner] = NodePlanner
    times: Callable[[], StampTimes] = StampTimes


COMPLETE = Parts()


class UnfencedStore(ClusterStore):
    """The control: a former owner writes on, and sends for as long as it likes."""

    def __init__(self, database: Database, shard: int, link: ShardLink) -> None:
        super().__init__(database, shard, link)
        self.lease_ns = 0

    def _is_mine(self) -> bool:
        return self._row.tenure.incarnation == self._name

    def _require_mine(self) -> None:
        """Takes everything."""

    def _advance(self, tenure: Tenure) -> None:
        self._known = tenure
        self._row.alive_at_ns = self._database.now_ns


class HastyPlanner(NodePlanner):
    """The control: a node that was away itself takes the shards of owners that look silent."""

    def _may_take_over(self, now: Moment) -> bool:
        super()._may_take_over(now)
        return True


class ForgetfulPlanner(NodePlanner):
    """The control: what a database has forgotten, its nodes do not remember either."""

    def known_epoch(self, shard: int) -> int:
        del shard
        return 0


class TimesOfWalls(StampTimes):
    """The control: a stamp has the time of the wall clock of its machine."""

    def by_store(self, stamp: ConfigurationStamp, skew_ns: int) -> ConfigurationStamp:
        del skew_ns
        return stamp
