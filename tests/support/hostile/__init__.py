"""A real server on loopback that answers as badly as the path asks, and its connections.

Never here: probes, channels, or checks of how they handle such answers.
"""

from .answers import ANSWERS
from .server import HostileServer
from .visit import Visit

__all__ = ["ANSWERS", "HostileServer", "Visit"]
