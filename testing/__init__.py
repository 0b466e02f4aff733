"""For a host's own tests: virtual time, scripted targets and channels, and the clock they share."""

from .checked import InvariantBroken
from .clock import ManualClock
from .script import Script
from .world import World

__all__ = ["InvariantBroken", "ManualClock", "Script", "World"]
