"""The verb `simulate`: a forecast of a configuration, in virtual time."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from ...adapters.clock import MomentClock, SystemClock
from ...adapters.configuration.loading import load
from ...domain.incidents.incident import Incident
from ...domain.line import count_of
from ...domain.time.moment import wall_text
from ...domain.units import NS_PER_HOUR, NS_PER_S
from ...testing.forecast import Forecast, draw_course, parse_faults, parse_seed, run_course, seed_text
from ..operate.signals import handled
from ..output import ExitStatus

REPORTED_EVERY_NS = 3 * NS_PER_S


def simulate_configuration(
    config: Path, *, hours: float, seed: str, faults: str, scripts: tuple[str, ...]
) -> None:
    """Runs a configuration in virtual time and prints what came of it; ends the process."""
    configuration = load(config, os.environ)
    try:
        course = draw_course(
            configuration,
            seed=parse_seed(seed),
            minutes=max(1, round(hours * 60)),
            faults=parse_faults(faults),
            scripts=dict(map(_script, scripts)),
        )
    except ValueError as error:
        click.echo(str(error), err=True)
        sys.exit(ExitStatus.CONFIGURATION)
    clock = SystemClock()
    begun_ns = clock.monotonic_ns()
    # As an exception, Ctrl-C would crash one actor of the simulation, which is restarted.
    with handled(signal.SIGINT, signal.SIG_DFL):
        forecast = run_course(course, progress(clock, hours * NS_PER_HOUR, partial(click.echo, err=True)))
    _print(forecast, course.seed, clock.monotonic_ns() - begun_ns)
    sys.exit(ExitStatus.FAILED if forecast.broken else ExitStatus.FINE)


def _script(text: str) -> tuple[str, str]:
    target, found, script = text.partition("=")
    if not found:
        raise ValueError(f"{text!r} is no script: write TARGET=TEXT, like shop='ok 10m, down 90s, ok'")
    return target.strip(), script


def progress(clock: MomentClock, whole_ns: float, say: Callable[[str], None]) -> Callable[[int], None]:
    """Returns a function that takes the simulated time so far, and reports it every REPORTED_EVERY_NS."""
    reported_ns = clock.read().monotonic_ns

    def passed(simulated_ns: int) -> None:
        nonlocal reported_ns
        now_ns = clock.read().monotonic_ns
        if now_ns - reported_ns >= REPORTED_EVERY_NS:
            reported_ns = now_ns
            say(f"{simulated_ns / NS_PER_HOUR:.1f} of {whole_ns / NS_PER_HOUR:.1f} hours are simulated")

    return passed


def _print(forecast: Forecast, seed: int, real_ns: int) -> None:
    for incident in forecast.incidents:
        click.echo(_line(incident))
    for channel, notices in forecast.notices.items():
        click.echo(f"channel {channel}: {count_of(len(notices), 'notice')}")
        for notice in notices:
            said = f"{notice.subject} {'reminder' if notice.reminder else notice.change.value}"
            click.echo(f"  {wall_text(notice.created_at_ns)} {said}")
    hours = forecast.simulated_ns / NS_PER_HOUR
    click.echo(
        f"seed {seed_text(seed)}: {hours:.1f} hours, {count_of(len(forecast.incidents), 'incident')}, "
        f"{hours / max(real_ns / NS_PER_S, 1e-9):.1f} simulated hours per second"
    )
    click.echo(summary(forecast))


def _line(incident: Incident) -> str:
    ended = f"until {wall_text(incident.resolved_at_ns)}" if incident.resolved_at_ns else "still open"
    return (
        f"{wall_text(incident.opened_at_ns)} {incident.target}/{incident.rule} {incident.severity.value} "
        f"{ended}: {incident.cause}"
    )


def summary(forecast: Forecast) -> str:
    """Returns the result in one sentence."""
    hours = f"{forecast.simulated_ns / NS_PER_HOUR:.1f} simulated hours"
    if forecast.broken:
        return (
            f"After {hours} watchkeeper violated an invariant of its own ({forecast.broken}): that is a "
            "defect of watchkeeper, not of your configuration; please report it with the configuration and the seed."
        )
    still_open = sum(incident.is_open for incident in forecast.incidents)
    notices = sum(map(len, forecast.notices.values()))
    return (
        f"In {hours} there would be {count_of(len(forecast.incidents), 'incident')}, {still_open} still open at the end, "
        f"and {count_of(notices, 'notice')}; watchkeeper kept all its invariants."
    )
