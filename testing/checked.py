"""Invariants that worlds and the runtime's debug mode check at run time."""

from ..actors.checked import CheckedMessenger, CheckedStore, Checks, InvariantBroken

__all__ = ["CheckedMessenger", "CheckedStore", "Checks", "InvariantBroken"]
