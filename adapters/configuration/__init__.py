"""The configuration file: reading, judging and describing it."""

from .loading import load
from .schema import json_schema

__all__ = ["json_schema", "load"]
