"""A real server on loopback that answers as badly as it is asked to, and what it does to each connection.

Never here: probes, channels, or checks of how they take such answers.
"""

from .answers import ANSWERS
from .server import HostileServer
from .visit import Visit

__all__ = ["ANSWERS", "HostileServer", "Visit"]
