"""The verb `replay`: recorded samples through another configuration, in virtual time."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from ...adapters.clock import SystemClock
from ...adapters.configuration.loading import load
from ...adapters.stores.opening import make_reader
from ...domain.errors import ConfigurationError
from ...domain.time.duration import parse_duration
from ...domain.time.moment import names_moment, wall_ns_of
from ...testing.replaying.comparing import as_document, compare, report_lines
from ...testing.replaying.replay import replay
from ..operate.signals import handled
from ..output import ExitStatus
from ..place import config_named
from ..see.tables import print_json
from .simulate import progress


class ReplayOptions(NamedTuple):
    """The options of `replay`, as the command line has them."""

    since: str
    until: str
    outage: str
    exit_code: bool
    as_json: bool


def replay_record(config: Path | None, store: str | None, options: ReplayOptions) -> ExitStatus:
    """Replays a record and prints the differences.

    Raises: ConfigurationError for a configuration that is not valid or names no store; UsageError without samples; StoreError.
    """
    file = config_named(config, "-c FILE")
    configuration = load(file, os.environ)
    path = configuration.runtime.store if store is None else str(store)
    if path is None:
        raise ConfigurationError(f"{file}:1:1: runtime.store: it names no record: name one with --store FILE")
    clock = SystemClock()
    now_ns = clock.read().wall_ns
    until_ns = _moment(options.until, now_ns, "--until") if options.until else now_ns
    since_ns = _moment(options.since, until_ns if names_moment(options.until) else now_ns, "--since")
    outage_ns = _length(options.outage, "--outage")
    if since_ns >= until_ns:
        raise click.BadParameter("it is not before the end of the span", param_hint="--since")
    say = progress(clock, until_ns - since_ns, partial(click.echo, err=True))
    with handled(signal.SIGINT, signal.SIG_DFL):
        found = replay(
            make_reader(path), configuration, since_ns, until_ns, lambda at_ns: say(max(at_ns - since_ns, 0))
        )
    comparison = compare(found, outage_ns)
    if options.as_json:
        print_json(as_document(comparison))
    else:
        for line in report_lines(comparison):
            click.echo(line)
    return ExitStatus.FAILED if options.exit_code and comparison.missed else ExitStatus.FINE


def _moment(text: str, end_ns: int, option: str) -> int:
    """Returns a moment, or one that is a length of time before the end. Raises: BadParameter, which names the option."""
    try:
        return wall_ns_of(text) if names_moment(text) else end_ns - parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _length(text: str, option: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
