"""Compiled conditions, shared by every target that expects the same."""

from collections import OrderedDict
from threading import Lock

from ..domain.condition import compile_condition
from ..domain.judgement import Expectation
from ..domain.limits import EXPECTATIONS_KEPT
from ..domain.policy import CachePolicy
from ..domain.target import Target

POLICY = CachePolicy(
    name="compiled conditions",
    key="the texts of `expect`, in order",
    owner="the runtime",
    fresh_for_ns=0,
    entries_max=EXPECTATIONS_KEPT,
    invalidation="never stale: the same texts always mean the same; the least recently asked for goes first",
)


class Expectations:
    """Compiles each list of conditions once, however many targets and threads ask."""

    policy = POLICY

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], Expectation] = OrderedDict()
        self._lock = Lock()

    def __call__(self, target: Target) -> Expectation:
        """The expectation of a target. Raises ConditionError for a text that means nothing."""
        with self._lock:
            expectation = self._kept.get(target.expect)
            if expectation is None:
                expectation = Expectation([compile_condition(text) for text in target.expect])
                self._kept[target.expect] = expectation
                if len(self._kept) > self.policy.entries_max:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(target.expect)
            return expectation
