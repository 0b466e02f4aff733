"""`check` and `schema`: validate configuration files and describe their keys."""

import json
import os
from pathlib import Path

import click

from ...adapters.configuration import json_schema, load
from ...domain.errors import ConfigurationError
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import quoted
from ..output import ExitStatus, count_of

NAMES_SHOWN = 8


def check_all(files: tuple[Path, ...]) -> ExitStatus:
    """Checks every file, also after an invalid one; problems go to stderr."""
    verdict = ExitStatus.FINE
    for config in files:
        try:
            configuration = load(config, os.environ)
        except ConfigurationError as error:
            click.echo(str(error), err=True)
            verdict = ExitStatus.CONFIGURATION
        else:
            targets = count_of(len(configuration.targets), "target")
            said = f"ok: {targets}, {count_of(len(configuration.channels), 'channel')}"
            click.echo(f"{config}: {said}" if len(files) > 1 else said)
            _tell_functions(config, configuration)
    return verdict


def _tell_functions(config: Path, configuration: Configuration) -> None:
    """Reports on stderr the functions that a file calls: a Python program can pass them, `run` cannot."""
    told = {channel.call.name for channel in configuration.channels if channel.call is not None}
    probed = {target.call.name for target in configuration.targets if target.call is not None}
    names = sorted(told | probed)
    if names:
        shown = ", ".join(quoted(name) for name in names[:NAMES_SHOWN])
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        said = f"{config}: calls {shown}{more}: `run` refuses this file, pass functions in `callables` of a program"
        click.echo(said, err=True)


def schema_text() -> str:
    """Returns the JSON Schema as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)
