"""Invariants at run time, as worlds and the runtime's debug mode apply them."""

from ..actors.checked import CheckedMessenger, CheckedStore, Checks, InvariantBroken

__all__ = ["CheckedMessenger", "CheckedStore", "Checks", "InvariantBroken"]
