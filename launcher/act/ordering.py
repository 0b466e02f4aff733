"""`reload`, `check-now` and `notify`: what only a running process can do."""

import click

from ...domain.line import count_of
from ..options import Where
from ..see.tables import print_json
from .reach import running


def reload(where: Where, *, as_json: bool) -> None:
    """Has the runtime read its configuration again. Raises: ConfigurationError with every problem; NotRunning."""
    connection = running(where)
    connection.reload()
    found = connection.status()
    if as_json:
        print_json({"done": True, "targets": len(found.targets)})
    else:
        click.echo(f"the configuration is in force as it is now: {count_of(len(found.targets), 'target')}")
