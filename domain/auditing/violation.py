"""The way in which the rules of this room report."""

from collections.abc import Callable

Complain = Callable[[str, str], None]
"""Called with the id of an invariant and a description of the violation."""
