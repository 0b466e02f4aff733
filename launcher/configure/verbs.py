"""The verbs that begin something, as the command line has them. Each imports its own code when it is called."""

import sys
from pathlib import Path

import click

from ..completing import TARGETS
from ..options import CONFIG, JSON, PATH, STORE

SHIPPED = Path(__file__).parents[2] / "web" / "metrics"
"""The folder of the files for other programs."""

IMPORTED_PEERS = ("gatus", "blackbox", "uptime-kuma", "healthchecks", "prometheus-rules")
"""The words of `import`; a test compares them with the importers, which are loaded where one is used."""


@click.command()
@click.option(
    "--from", "addresses", multiple=True, metavar="URL", help="An address to watch; may be repeated."
)
@click.option(
    "-o", "--out", type=PATH, default="watchkeeper.yaml", show_default=True, help="The file to write."
)
@click.option("--force", is_flag=True, help="Replace a file that lies there.")
def init(addresses: tuple[str, ...], out: Path, *, force: bool) -> None:
    """Write a first configuration.

    Each URL is looked at once: https://HOST/PATH, http://HOST/PATH or tcp://HOST:PORT. Its target expects what was seen: the
    status, a word such as "ok" in JSON, and a certificate that is valid for two more weeks. Without an address the first
    target is watchkeeper itself. Notices are lines of `run`, until a channel of your own takes their place.
    """
    from .init import write_first_configuration

    write_first_configuration(addresses, out, force=force)


@click.command(name="import")
@click.argument("peer", type=click.Choice(IMPORTED_PEERS))
@click.argument("file", type=PATH)
@click.option(
    "-o", "--out", type=PATH, default="watchkeeper.yaml", show_default=True, help="The file to write."
)
@click.option("--force", is_flag=True, help="Replace a file that lies there.")
def import_(peer: str, file: Path, out: Path, *, force: bool) -> None:
    """Bring over the configuration of another program.

    FILE is a configuration or an export of PEER. Every part with a counterpart here is written, with groups, names and comments; the
    result passes `check`. Each part without one is listed with its line, and stands as a comment at its place: it then ends with 5.
    """
    from .importing import import_configuration

    sys.exit(import_configuration(peer, file, out, force=force))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script for completion in a shell.

    \b
    bash  echo 'eval "$(watchkeeper completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(watchkeeper completion zsh)"' >> ~/.zshrc
    fish  watchkeeper completion fish > ~/.config/fish/completions/watchkeeper.fish

    The shell then offers verbs, options, and ids of targets, open incidents, silences and dead letters.
    """
    from ..completing import script_for

    click.echo(script_for(click.get_current_context().find_root().command, shell))


@click.command()
@click.argument("what", type=click.Choice(["rules", "dashboard"]))
def prometheus(what: str) -> None:
    """Print alerts for Prometheus, or a dashboard for Grafana.

    \b
    watchkeeper prometheus rules > watchkeeper.rules.yml    for rule_files of Prometheus
    watchkeeper prometheus dashboard > watchkeeper.json     to import in Grafana

    Both read the metrics that `run` serves at /metrics where the configuration has `web`.
    """
    name = {"rules": "watchkeeper.rules.yml", "dashboard": "grafana.json"}[what]
    click.echo((SHIPPED / name).read_text(encoding="utf-8"), nl=False)


@click.command()
@CONFIG
@JSON
@click.argument("target", required=False, shell_complete=TARGETS)
def config(config: Path | None, target: str | None, *, as_json: bool) -> None:
    """Print the effective configuration.

    Everything that includes, templates, loops, defaults and the environment make is written out as one document, each value with
    the file and the line that state it; secrets are masked. With TARGET, one target with what it has by default, too.
    """
    from .effective import show_effective

    show_effective(target, config, as_json=as_json)


@click.command()
@click.argument("old", type=PATH)
@click.argument("new", type=PATH)
@JSON
@click.option("--exit-code", is_flag=True, help="End with 1 where they differ.")
def diff(old: Path, new: Path, *, as_json: bool, exit_code: bool) -> None:
    """Show what a change of the configuration does.

    Targets that are added, removed, renamed and changed, with their rules; channels, routes and settings; of which incidents
    other channels are told than before; and whether a running watchkeeper restarts for it. Secrets are masked.
    """
    from .comparing import show_difference

    sys.exit(show_difference(old, new, as_json=as_json, exit_code=exit_code))


@click.command(name="test-rules")
@click.argument("files", type=PATH, nargs=-1, required=True)
@JSON
def test_rules(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Test what a configuration tells to whom.

    Each of FILES names a configuration, has courses of events, and says which incidents are open and which notices each channel has
    taken at which times. They run in virtual time, with grouping, silences, maintenance, dependencies and escalation in force;
    nothing is probed and no notice is sent. It ends with 1 where anything is not as expected, and with 2 where a file is not valid.
    """
    from .ruletests import run_files

    sys.exit(run_files(files, as_json=as_json))


@click.command()
@CONFIG
@STORE
@JSON
@click.option(
    "--since",
    default="30d",
    show_default=True,
    help="A length of time before now (before --until, where that is a moment), or a moment.",
)
@click.option("--until", default="", help="A moment, or a length of time before now.  [default: now]")
@click.option("--outage", default="5m", show_default=True, help="From which length on none may be missed.")
@click.option("--exit-code", is_flag=True, help="End with 1 where an outage is missed.")
def replay(
    config: Path | None,
    store: str | None,
    since: str,
    until: str,
    outage: str,
    *,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Try another configuration on the recorded past.

    It compares what was told with what CONFIG would have told. Recorded samples go through CONFIG in virtual time: its rules, routes, groups, maintenance, dependencies and escalation are in
    force, and so are the silences and acknowledgements of the record. It reads the store, also while a process runs it, and writes
    nothing. Notes tell the limits of the record.
    """
    from .replaying import ReplayOptions, replay_record

    sys.exit(replay_record(config, store, ReplayOptions(since, until, outage, exit_code, as_json)))


BEGINNING = (init, import_, config, diff, test_rules, replay, completion, prometheus)
