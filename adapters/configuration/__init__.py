"""Reading of configuration files: YAML, environment, positions and the JSON Schema.

Never here: the meaning of a value (domain/validation/).
"""

from .lenient import load_leniently
from .loading import load
from .schema import json_schema

__all__ = ["json_schema", "load", "load_leniently"]
