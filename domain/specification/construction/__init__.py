"""Construction of specifications: checked where they are written, explained by their own source, tried against plain values.

Never here: the specifications themselves.
"""

from .specification import Specification

__all__ = ["Specification"]
