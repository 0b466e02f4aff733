"""`check` and `schema`: what a configuration may be, and whether one is."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from ..adapters.configuration import json_schema, load
from ..domain.configuration import Configuration
from ..domain.errors import ConfigurationError
from .exits import ExitStatus


def check_all(configs: Iterable[Path], environment: Mapping[str, str]) -> ExitStatus:
    """Judge every file, whatever the ones before it were; problems go to stderr."""
    files = tuple(configs)
    verdict = ExitStatus.FINE
    for config in files:
        try:
            configuration = load(config, environment)
        except ConfigurationError as error:
            click.echo(str(error), err=True)
            verdict = ExitStatus.CONFIGURATION
        else:
            click.echo(f"{config}: {_summary(configuration)}" if len(files) > 1 else _summary(configuration))
    return verdict


def schema_text() -> str:
    """The JSON Schema as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)


def _summary(configuration: Configuration) -> str:
    targets, channels = len(configuration.targets), len(configuration.channels)
    return f"ok: {_count(targets, 'target')}, {_count(channels, 'channel')}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
