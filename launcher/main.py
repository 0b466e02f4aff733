"""The command line: its verbs. Each imports its own code when it is called."""

import sys
from pathlib import Path

import click

from .. import __version__
from ..domain.errors import ConfigurationError, StoreBusy, StoreCorrupt, WatchkeeperError
from .output import ExitStatus
from .streams import OutputLost, open_standard_streams

CONFIG = click.argument("config", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document with stable keys.")


class Verbs(click.Group):
    """Turns errors of watchkeeper and of the operating system into messages and exit statuses."""

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
        """Returns the verbs in the order of their definition, not of the alphabet."""
        del ctx
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Exit status"):
            formatter.write_dl([(str(status.value), status.meaning) for status in ExitStatus])


def status_of(error: WatchkeeperError) -> ExitStatus:
    """Returns the exit status for an error."""
    if isinstance(error, ConfigurationError):
        return ExitStatus.CONFIGURATION
    return ExitStatus.STORE if isinstance(error, StoreBusy | StoreCorrupt) else ExitStatus.FAILED


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="watchkeeper")
def cli() -> None:
    """Polls targets on time, judges their samples by rules, and notifies channels about incidents."""


@cli.command()
@CONFIG
def run(config: Path) -> None:
    """Watch the targets of CONFIG until SIGTERM or SIGINT.

    The first signal drains within `runtime.grace`, a second one ends the process at once. SIGHUP reloads CONFIG; an
    invalid one is reported, and the running configuration stays in force. Events that standard output does not accept
    are dropped, and standard error reports it.
    """
    from .operate.running import run_until_stopped

    sys.exit(run_until_stopped(config))


@cli.command()
def demo() -> None:
    """Watch three local servers that fail on a script, for at most 30 seconds."""
    from .operate.demo import run_demo

    sys.exit(run_demo())


@cli.command()
@click.argument("configs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="End with status 2 after a warning, too.")
def check(configs: tuple[Path, ...], *, strict: bool) -> None:
    """Report every problem of the files CONFIGS, each with its line and column, and warn of what is probably not meant."""
    from .configure.checking import check_all

    sys.exit(check_all(configs, strict=strict))


@cli.command()
def schema() -> None:
    """Print the JSON Schema of a configuration."""
    from .configure.checking import schema_text

    click.echo(schema_text())


@cli.command()
@CONFIG
@JSON
def status(config: Path, *, as_json: bool) -> None:
    """Show the recorded state of each target of CONFIG, during a run and after it."""
    from .see.showing import show_status

    show_status(config, as_json=as_json)


@cli.command()
@CONFIG
@JSON
@click.option("--open", "open_only", is_flag=True, help="Only incidents that are not resolved.")
@click.option("--target", help="Only incidents of one target.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def incidents(config: Path, *, as_json: bool, open_only: bool, target: str | None, limit: int) -> None:
    """Show incidents, newest first."""
    from .see.showing import show_incidents

    show_incidents(config, as_json=as_json, open_only=open_only, target=target, limit=limit)


@cli.command()
@CONFIG
@JSON
@click.option("--state", type=click.Choice(["pending", "delivered", "dead"]), help="Only those in one state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def notices(config: Path, *, as_json: bool, state: str | None, limit: int) -> None:
    """Show notices with their keys: pending, delivered, and given up (dead letters)."""
    from .see.notices import show_notices

    show_notices(config, state=state, limit=limit, as_json=as_json)


@cli.command()
@CONFIG
@click.argument("keys", nargs=-1, required=True)
def redrive(config: Path, keys: tuple[str, ...]) -> None:
    """Put the dead letters KEYS back into the outbox; the next `run` delivers them under the same keys."""
    from .see.notices import redrive_notices

    redrive_notices(config, keys)


@cli.command()
@CONFIG
@click.option("--hours", type=click.FloatRange(min=0.02, max=24 * 366), default=24.0, show_default=True)
@click.option("--seed", default="1", show_default=True, help="Another seed gives another course of events.")
@click.option("--faults", default="none", show_default=True, help="all, none, or names separated by commas.")
@click.option(
    "--script", "scripts", multiple=True, metavar="TARGET=TEXT", help="As in shop='ok 10m, down 90s, ok'."
)
def simulate(config: Path, *, hours: float, seed: str, faults: str, scripts: tuple[str, ...]) -> None:
    """Run CONFIG in virtual time and print the incidents and notices that would occur.

    Targets without a script fail at random. Nothing is probed and no notice is sent.

    A script is a list of words with lengths, for example shop='ok 10m, status 503 5m, ok'; the last word lasts for
    ever.

    \b
    ok                         an answer that meets the target's conditions
    status 503                 an answer with this status
    slow 700ms                 an answer after this time
    body {"status": "failing"} an answer with this JSON body
    body "a text"              an answer with this text for a body
    certificate 12h            an answer over a certificate that is valid for this long
    degraded                   an answer that the probe itself reports as degraded
    down                       a refused connection
    hang                       no answer before the timeout
    unknown                    an internal fault, which is no evidence about the target

    Conditions judge the facts that a word gives; conditions on any other fact count as met.
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
