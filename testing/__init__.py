"""Tools for tests of hosts: a world in virtual time, scripts, a manual clock and fakes.

Never here: the simulator and the hostile servers of the project's own suite (tests/support/).
"""

from ..actors.checked import InvariantBroken
from .clock import ManualClock
from .fake_runtime import FakeRuntime
from .ruletests.suite import RuleCase, rule_cases
from .script import Script
from .world import World

__all__ = ["FakeRuntime", "InvariantBroken", "ManualClock", "RuleCase", "Script", "World", "rule_cases"]
