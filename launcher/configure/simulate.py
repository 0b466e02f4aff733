"""The verb `simulate`: what would come of a configuration, in virtual time."""

import os
import sys
from pathlib import Path

import click

from ...adapters.clock import SystemClock
from ...adapters.configuration.loading import load
from ...domain.incidents.incident import Incident
from ...domain.time.moment import NS_PER_S, wall_text
from ...testing.simulation.case import Case
from ...testing.simulation.configured import Foreseen, case_of, faults_of, foresee, parse_seed, seed_text
from ..exits import ExitStatus
from ..simulating import HOUR_NS, Progress, in_plain_words


def simulate_configuration(
    config: Path, *, hours: float, seed: str, faults: str, scripts: tuple[str, ...]
) -> None:
    """Run a configuration in virtual time and print what would come of it; ends the process."""
    configuration = load(config, os.environ)
    try:
        case = case_of(
            configuration,
            seed=parse_seed(seed),
            minutes=max(1, round(hours * 60)),
            faults=faults_of(faults),
            scripts=dict(map(_script, scripts)),
        )
    except ValueError as error:
        click.echo(str(error), err=True)
        sys.exit(ExitStatus.CONFIGURATION)
    foreseen = foresee(case, Progress(SystemClock(), hours * HOUR_NS, _aside).passed)
    _tell(case, foreseen)
    sys.exit(ExitStatus.FAILED if foreseen.result.violations else ExitStatus.FINE)


def _aside(line: str) -> None:
    click.echo(line, err=True)


def _script(text: str) -> tuple[str, str]:
    target, found, script = text.partition("=")
    if not found:
        raise ValueError(f"{text!r} is no script: write TARGET=TEXT, like shop='ok 10m, down 90s, ok'")
    return target.strip(), script


def _tell(case: Case, foreseen: Foreseen) -> None:
    for incident in foreseen.incidents:
        click.echo(_line(incident))
    for channel, notices in foreseen.notices.items():
        click.echo(f"channel {channel}: {len(notices)} notices")
        for notice in notices:
            at = wall_text(notice.created_at_ns)
            click.echo(f"  {at} {notice.incident.target}/{notice.incident.rule} {notice.change.value}")
    for violation in foreseen.result.violations:
        click.echo(f"broken: {violation.line()}", err=True)
    simulated_h = foreseen.result.simulated_ns / HOUR_NS
    speed = simulated_h / max(foreseen.result.real_ns / NS_PER_S, 1e-9)
    click.echo(
        f"seed {seed_text(case.seed)}: {simulated_h:.1f} hours, {len(foreseen.incidents)} incidents, "
        f"{foreseen.result.processes} processes, {speed:.1f} simulated hours per second"
    )
    click.echo(in_plain_words(foreseen))


def _line(incident: Incident) -> str:
    ended = f"until {wall_text(incident.resolved_at_ns)}" if incident.resolved_at_ns else "still open"
    return (
        f"{wall_text(incident.opened_at_ns)} {incident.target}/{incident.rule} {incident.severity.value} "
        f"{ended}: {incident.explanation or incident.reason}"
    )
