"""The templates, compiled once."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .words import FILTERS

FOLDER = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """Returns the templates: every value is escaped, and a name that was not given is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters |= FILTERS
    made.globals["version"] = _version()
    return made


def _version() -> str:
    try:
        return version("watchkeeper")
    except PackageNotFoundError:
        # The tree is on the path, and was never installed.
        return ""
