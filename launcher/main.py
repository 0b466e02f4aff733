"""The command line: verbs, each of which loads what it needs when it is called, so that `--help` is quick."""

import os
import sys
from pathlib import Path

import click

from .. import __version__
from ..domain.errors import ConfigurationError, StoreBusy, StoreCorrupt, WatchkeeperError
from .exits import ExitStatus
from .streams import OutputLost, open_standard_streams

CONFIG = click.argument("config", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document with stable keys.")


class Verbs(click.Group):
    """Turns the errors of watchkeeper, and those of the system that it meets, into exit statuses, and nothing else."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except WatchkeeperError as error:
            click.echo(str(error), err=True)
            ctx.exit(status_of(error))
        except OSError as error:
            click.echo(f"watchkeeper: {error}", err=True)
            ctx.exit(ExitStatus.FAILED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are met, not by the alphabet."""
        del ctx
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Exit status"):
            formatter.write_dl([(str(status.value), status.meaning) for status in ExitStatus])


def status_of(error: WatchkeeperError) -> ExitStatus:
    """The exit status that an error is answered with."""
    match error:
        case ConfigurationError():
            return ExitStatus.CONFIGURATION
        case StoreBusy() | StoreCorrupt():
            return ExitStatus.STORE
        case _:
            return ExitStatus.FAILED


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="watchkeeper")
def cli() -> None:
    """Polls targets on time, judges samples by rules, tells people exactly as often as it should."""


@cli.command()
@CONFIG
def run(config: Path) -> None:
    """Watch what CONFIG says until SIGTERM or SIGINT.

    The first of them drains within `runtime.grace`, a second one ends at once. SIGHUP reads CONFIG again; one that
    cannot be used is reported, and what runs is kept. Events that standard output does not take are not printed, and
    standard error says so.
    """
    from .operate.running import run_until_told

    sys.exit(run_until_told(config, os.environ))


@cli.command()
def demo() -> None:
    """Watch three small servers that misbehave on a script; ends by itself within 30 seconds."""
    from .operate.demo import run_demo

    sys.exit(run_demo())


@cli.command()
@click.argument("configs", type=click.Path(path_type=Path), nargs=-1, required=True)
def check(configs: tuple[Path, ...]) -> None:
    """Say everything that is wrong with CONFIGS, each with its line and column."""
    from .configure.checking import check_all

    sys.exit(check_all(configs, os.environ))


@cli.command()
def schema() -> None:
    """Print the JSON Schema of a configuration."""
    from .configure.checking import schema_text

    click.echo(schema_text())


@cli.command()
@CONFIG
@JSON
def status(config: Path, *, as_json: bool) -> None:
    """What the store of CONFIG knows of each target. Works while it runs and after."""
    from .see.showing import show_status

    show_status(config, os.environ, as_json=as_json)


@cli.command()
@CONFIG
@JSON
@click.option("--open", "open_only", is_flag=True, help="Only those that are not resolved.")
@click.option("--target", help="Only those of one target.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def incidents(config: Path, *, as_json: bool, open_only: bool, target: str | None, limit: int) -> None:
    """What went wrong, newest first."""
    from .see.showing import show_incidents

    show_incidents(config, os.environ, as_json=as_json, open_only=open_only, target=target, limit=limit)


@cli.command()
@CONFIG
@JSON
@click.option("--state", type=click.Choice(["pending", "delivered", "dead"]), help="Only those in one state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def notices(config: Path, *, as_json: bool, state: str | None, limit: int) -> None:
    """What was said, is to be said, or was given up; dead letters with their keys."""
    from .see.notices import show_notices

    show_notices(config, os.environ, state=state, limit=limit, as_json=as_json)


@cli.command()
@CONFIG
@click.argument("keys", nargs=-1, required=True)
def redrive(config: Path, keys: tuple[str, ...]) -> None:
    """Put dead letters back into the outbox, under their own KEYS; the next `run` delivers them."""
    from .see.notices import redrive_notices

    redrive_notices(config, os.environ, keys)


@cli.command()
@CONFIG
@click.option("--hours", type=click.FloatRange(min=0.02, max=24 * 366), default=24.0, show_default=True)
@click.option("--seed", default="1", show_default=True, help="Another seed, another course of events.")
@click.option("--faults", default="none", show_default=True, help="all, none, or names joined by commas.")
@click.option(
    "--script", "scripts", multiple=True, metavar="TARGET=TEXT", help="As in shop='ok 10m, down 90s, ok'."
)
def simulate(config: Path, *, hours: float, seed: str, faults: str, scripts: tuple[str, ...]) -> None:
    """Run CONFIG in virtual time and print which incidents and notices would come.

    Targets without a script fail by chance. Nothing is probed and nobody is told.

    A script is a list of words with lengths, as in shop='ok 10m, status 503 5m, ok'; the last word lasts for ever.

    \b
    ok                         an answer that meets the target's conditions
    status 503                 an answer with this status
    slow 700ms                 an answer after this time
    body {"status": "failing"} an answer with this JSON body
    body "a text"              an answer with this text for a body
    certificate 12h            an answer over a certificate that is valid for so long
    degraded                   an answer that the prober itself calls degraded
    down                       a refused connection
    hang                       no answer before the timeout
    unknown                    trouble of our own, which is no evidence

    Conditions judge what a word says; those that ask for anything else are taken to be met.
    """
    from .configure.simulate import simulate_configuration

    simulate_configuration(config, hours=hours, seed=seed, faults=faults, scripts=scripts)


def main() -> None:
    """The entry point of the command `watchkeeper`."""
    open_standard_streams()
    try:
        cli(prog_name="watchkeeper")
    except OutputLost as error:
        click.echo(f"watchkeeper: {error}", err=True)
        sys.exit(ExitStatus.FAILED)
