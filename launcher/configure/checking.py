"""`check` and `schema`: validate configuration files and describe their keys."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import UNSET

from ...adapters.clock import SystemClock
from ...adapters.configuration import json_schema
from ...adapters.configuration.loading import examine, folder_of
from ...adapters.configuration.reuse.reading import ReadingFault, decoded, text_in
from ...domain.limits import BODY_BYTES, CONFIGURATION_BYTES_MAX
from ...domain.specification.configuration import Configuration
from ...domain.validation.conditions import reads_usual_cap
from ...domain.validation.doubts import doubts, names_shown
from ...domain.validation.routing_doubts import unmet
from ..output import ExitStatus
from .findings import FORMATS, Checked, Finding, bounded

STANDARD_INPUT = Path("-")


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `check`."""

    strict: bool = False
    """Whether a warning is a problem."""
    output: str = "text"
    environment: Mapping[str, str] | None = None
    """None takes every variable to be set and right."""
    looks_at_files: bool = True
    """Whether the files that a configuration names are looked at."""


def check_all(files: tuple[Path, ...], options: CheckOptions) -> ExitStatus:
    """Checks every file, also after an invalid one; `-` is standard input."""
    checked = [_checked(file, options) for file in files]
    FORMATS[options.output](checked)
    refused = any(one.has("error") or (options.strict and one.has("warning")) for one in checked)
    return ExitStatus.CONFIGURATION if refused else ExitStatus.FINE


def _checked(file: Path, options: CheckOptions) -> Checked:
    name = "<stdin>" if file == STANDARD_INPUT else str(file)
    try:
        text = _text_of(file)
    except ReadingFault as fault:
        found = Finding(level="error", line=fault.line, column=fault.column, message=str(fault))
        return Checked(file=name, findings=(found,))
    examined = examine(
        text,
        options.environment,
        folder=folder_of(file),
        name=name,
        file=None if file == STANDARD_INPUT else file,
        looks_at_files=options.looks_at_files,
    )
    configuration = examined.configuration
    included = tuple(source.name for source in examined.expansion.sources[1:])
    if configuration is None:
        errors = [Finding.of("error", fault) for fault in examined.faults]
        met = () if examined.readable is None else unmet(examined.readable, examined.problems)
        warnings = [Finding.of("warning", fault) for fault in examined.located(met)]
        findings, left_out = bounded([*errors, *warnings], examined.left_out)
        return Checked(file=name, findings=findings, left_out=left_out, included=included)
    doubtful = [*doubts(configuration, SystemClock().read().wall_ns)]
    faults = (*examined.located(doubtful), *examined.fruitless_includes)
    warnings = [Finding.of("warning", fault) for fault in faults]
    findings, left_out = bounded([*_notes(configuration), *warnings], 0)
    return Checked(
        file=name,
        targets=len(configuration.targets),
        channels=len(configuration.channels),
        findings=findings,
        left_out=left_out,
        included=included,
    )


def _text_of(file: Path) -> str:
    if file != STANDARD_INPUT:
        return text_in(file)
    return decoded(sys.stdin.buffer.read(CONFIGURATION_BYTES_MAX + 1))


def _notes(configuration: Configuration) -> Iterator[Finding]:
    for said in (
        *_of_bodies(configuration),
        *_of_functions(configuration),
        *_of_default_rules(configuration),
        *_of_repeats(configuration),
        *_of_alerts(configuration),
    ):
        yield Finding(level="note", message=said)


def _of_bodies(configuration: Configuration) -> Iterator[str]:
    """Names the setting that ends a body, where conditions read it and the file leaves the setting out."""
    names = [target.id for target in configuration.targets if reads_usual_cap(target)]
    if names:
        yield (
            f"conditions on [BODY] of {names_shown(names)} read up to {BODY_BYTES:,} bytes of it: "
            "body_bytes_max sets how many"
        )


def _of_functions(configuration: Configuration) -> Iterator[str]:
    """Names the functions that a file calls: a Python program can pass them, `run` cannot."""
    told = {channel.call.name for channel in configuration.channels if channel.call is not None}
    probed = {target.call.name for target in configuration.targets if target.call is not None}
    if names := sorted(told | probed):
        yield f"calls {names_shown(names)}: `run` refuses this file, pass functions in `callables` of a program"


def _of_repeats(configuration: Configuration) -> Iterator[str]:
    """Names the channels whose receiver knows no repeat, so that people may see it."""
    names = [channel.id for channel in configuration.channels if channel.transport.repeats == "possible"]
    if names:
        yield (
            f"after a crash {names_shown(names)} may show a notice twice: no answer of the receiver tells "
            "whether it has taken one"
        )


def _of_alerts(configuration: Configuration) -> Iterator[str]:
    """Names the Alertmanagers whose alerts no reminder renews: they forget them when they start again."""
    renewed = {name for route in configuration.routes if route.remind_every is not None for name in route.to}
    channels = (channel for channel in configuration.channels if channel.alertmanager is not None)
    if names := [channel.id for channel in channels if channel.id not in renewed]:
        yield (
            f"alerts of {names_shown(names)} are posted once and end after ends_after: "
            "remind_every of a route renews them"
        )


def _of_default_rules(configuration: Configuration) -> Iterator[str]:
    """Names the targets whose own rules stand beside the default ones without saying so."""
    names = [
        target.id
        for target in configuration.targets
        if target.default_rules is UNSET and len(target.judged_rules) > len(target.rules) > 0
    ]
    if names:
        added = "the default rules (`down` and `silent`, of a heartbeat `missed`) are judged beside their own"
        ways = "say `default_rules: true` to keep them, `false` to drop them"
        yield f"rules of {names_shown(names)}: {added}: {ways}"


def schema_text() -> str:
    """Returns the JSON Schema as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)
