"""`check` and `schema`: validate configuration files and describe their keys."""

import json
import os
from pathlib import Path

import click
from msgspec import UNSET

from ...adapters.configuration import json_schema, load
from ...domain.errors import ConfigurationError
from ...domain.limits import BODY_BYTES
from ...domain.specification.configuration import Configuration
from ...domain.specification.problem import capped
from ...domain.validation.conditions import reads_usual_cap
from ...domain.validation.doubts import doubts, names_shown
from ..output import ExitStatus, count_of


def check_all(files: tuple[Path, ...], *, strict: bool = False) -> ExitStatus:
    """Checks every file, also after an invalid one; problems and warnings go to stderr.

    With `strict` a warning is a problem.
    """
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
            _tell_bodies(configuration)
            _tell_functions(config, configuration)
            _tell_rules(config, configuration)
            if _warn(config, configuration) and strict:
                verdict = ExitStatus.CONFIGURATION
    return verdict


def _tell_bodies(configuration: Configuration) -> None:
    """Names the setting that ends a body, where conditions read it and the file leaves the setting out."""
    names = [target.id for target in configuration.targets if reads_usual_cap(target)]
    if names:
        click.echo(
            f"conditions on [BODY] of {names_shown(names)} read up to {BODY_BYTES:,} bytes of it: body_bytes_max sets how many"
        )


def _warn(config: Path, configuration: Configuration) -> int:
    """Reports what the author of a valid file probably does not mean; returns how many warnings there are."""
    found = [str(doubt) for doubt in doubts(configuration)]
    for said in capped(found):
        click.echo(f"{config}: warning: {said}", err=True)
    return len(found)


def _tell_functions(config: Path, configuration: Configuration) -> None:
    """Reports on stderr the functions that a file calls: a Python program can pass them, `run` cannot."""
    told = {channel.call.name for channel in configuration.channels if channel.call is not None}
    probed = {target.call.name for target in configuration.targets if target.call is not None}
    names = sorted(told | probed)
    if names:
        said = f"{config}: calls {names_shown(names)}: `run` refuses this file, pass functions in `callables` of a program"
        click.echo(said, err=True)


def _tell_rules(config: Path, configuration: Configuration) -> None:
    """Reports the targets whose own rules stand beside the default ones without saying so."""
    names = [
        target.id
        for target in configuration.targets
        if target.default_rules is UNSET and len(target.judged_rules) > len(target.rules) > 0
    ]
    if names:
        added = "the default rules (`down` and `silent`, of a heartbeat `missed`) are judged beside their own"
        ways = "say `default_rules: true` to keep them, `false` to drop them"
        click.echo(f"{config}: rules of {names_shown(names)}: {added}: {ways}")


def schema_text() -> str:
    """Returns the JSON Schema as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)
