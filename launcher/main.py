"""The command line: its verbs. Each imports its own code when it is called."""

import os
import sys
from pathlib import Path
from typing import Any, Literal

import click

from .. import __version__
from .act.verbs import ACTING
from .completing import TARGETS
from .configure.verbs import BEGINNING
from .maintain.verbs import MAINTAINING
from .options import CONFIG, JSON, PATH, POSITIONAL, Where, new_node_named, reaching
from .output import ExitStatus
from .streams import OutputLost, open_standard_streams
from .verbs import Verbs


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="watchkeeper")
def cli() -> None:
    """Polls targets on time, judges their samples by rules, and notifies channels about incidents."""


@cli.command()
@POSITIONAL
@click.option("--plain", is_flag=True, help="Print plain lines on a terminal, too, as into a file.")
@click.option(
    "--log",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: every line is one object.",
)
@click.option("--wait", metavar="TIME", help="Wait so long for a store that another process holds: 30s.")
@click.option(
    "--node",
    metavar="NAME",
    callback=new_node_named,
    help="The name of this process among those that share the store.",
)
@click.option(
    "--reload-on-change", is_flag=True, help="Reload CONFIG once it, or a file that it includes, changes."
)
def run(
    config: Path | None,
    *,
    plain: bool,
    log: Literal["text", "json"],
    wait: str | None,
    node: str | None,
    reload_on_change: bool,
) -> None:
    """Watch the targets of CONFIG until a signal.

    CONFIG is watchkeeper.yaml where it is left out. SIGTERM or SIGINT drains within `runtime.grace`, a second one ends
    the process at once. SIGHUP reloads CONFIG with all that it includes; an invalid one is reported, and the running configuration stays in
    force. Events that standard output does not accept are dropped, and standard error reports it.
    """
    from .operate.running import RunOptions, run_until_stopped
    from .place import config_named

    options = RunOptions(
        plain=plain,
        log=log,
        wait_ns=0 if wait is None else _length_ns(wait, "--wait"),
        reload_on_change=reload_on_change,
        node=node,
    )
    sys.exit(run_until_stopped(config_named(config, "run FILE"), options))


def _length_ns(text: str, option: str) -> int:
    """Returns a length of time. Raises: BadParameter, which names the option."""
    from ..domain.time.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


@cli.command()
@click.option(
    "--location",
    required=True,
    metavar="NAME",
    help="The location that it serves, as `agents.locations` names it.",
)
@click.option("--nats", required=True, metavar="URL", help="The servers of NATS: tls://nats.example:4222.")
@click.option("--credentials", type=PATH, help="The NATS credentials file of its account.")
@click.option("--ca", type=PATH, help="A PEM file with the authorities to trust, in place of the system's.")
@click.option("--certificate", type=PATH, help="A PEM file with the certificate that it shows to NATS.")
@click.option("--key", type=PATH, help="Its private key.  [default: it stands in --certificate]")
@click.option(
    "--in-flight-max",
    type=click.IntRange(1, 100_000),
    default=2_000,
    show_default=True,
    help="How many checks run at once.",
)
@click.option(
    "--deny-private-addresses",
    is_flag=True,
    help="Refuse addresses outside the public network, whatever an owner says.",
)
@click.option(
    "--grace", default="10s", show_default=True, help="How long SIGTERM lets running checks answer."
)
@click.option(
    "--log",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: every line is one object.",
)
def agent(
    *,
    location: str,
    nats: str,
    credentials: Path | None,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
    in_flight_max: int,
    deny_private_addresses: bool,
    grace: str,
    log: Literal["text", "json"],
) -> None:
    """Check from another location when asked.

    It connects to NATS and waits to be asked; nothing listens here, and nothing is kept on disk. Several agents of one location share
    its work. While NATS cannot be reached it tries again. A login, a certificate or a location that NATS refuses at the start
    ends it.
    """
    from .operate.agent import AgentCommand, serve_until_stopped

    _length_ns(grace, "--grace")
    sys.exit(
        serve_until_stopped(
            AgentCommand(
                location=location,
                nats=nats,
                credentials=credentials,
                ca=ca,
                certificate=certificate,
                key=key,
                in_flight_max=in_flight_max,
                deny_private_addresses=deny_private_addresses,
                grace=grace,
                log=log,
            )
        )
    )


@cli.command()
@click.option("--plain", is_flag=True, help="Print plain lines on a terminal, too, as into a file.")
@click.option(
    "--stay", is_flag=True, help="Go on until it is stopped; the servers fail again every 30 seconds."
)
def demo(*, plain: bool, stay: bool) -> None:
    """Watch three local servers that fail.

    It prints the address of its page first, and ends by itself, mostly within 20 seconds.
    """
    from .operate.demo import run_demo

    sys.exit(run_demo(plain=plain, stay=stay))


@cli.command()
@click.argument("configs", type=PATH, nargs=-1)
@click.option("--strict", is_flag=True, help="End with status 2 after a warning, too.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="github: annotations of a workflow.",
)
@click.option("--no-environment", is_flag=True, help="Take variables to be set and right, as in CI.")
@click.option("--no-files", is_flag=True, help="Do not look at the files that a configuration names.")
def check(
    configs: tuple[Path, ...], *, strict: bool, output: str, no_environment: bool, no_files: bool
) -> None:
    """Report every mistake of configurations.

    CONFIGS is watchkeeper.yaml where it is left out, and - is standard input. Each problem has its line and column; a
    warning tells of what is valid and probably not meant.
    """
    from .configure.checking import CheckOptions, check_all
    from .place import config_named

    options = CheckOptions(
        strict=strict,
        output=output,
        environment=None if no_environment else os.environ,
        looks_at_files=not no_files,
    )
    sys.exit(check_all(configs or (config_named(None, "check FILE"),), options))


@cli.command()
def schema() -> None:
    """Print the schema of a configuration.

    It is a JSON Schema (draft 2020-12) for editors and other programs.
    """
    from .configure.checking import schema_text

    click.echo(schema_text())


@cli.command()
@reaching
@JSON
@click.option(
    "--exit-code", is_flag=True, help="End with 4 when nobody runs the store, with 1 when a target is down."
)
def status(where: Where, *, as_json: bool, exit_code: bool) -> None:
    """Show the recorded state of each target.

    It works while the targets are watched, and afterwards. The configuration may have mistakes, and needs no secret.
    """
    from .act.reach import running, url_of

    if url_of(where):
        from .see import remote

        sys.exit(remote.show_status(running(where), as_json=as_json, exit_code=exit_code))
    from ..domain.errors import StoreError
    from .place import find_store
    from .see.status import show_status

    place = find_store(where.config, where.store)
    try:
        sys.exit(show_status(place, as_json=as_json, exit_code=exit_code))
    except StoreError as error:
        from .see import remote

        sys.exit(remote.show_status_without_store(place, error, as_json=as_json, exit_code=exit_code))


@cli.command()
@reaching
@JSON
@click.option("--open", "open_only", is_flag=True, help="Only incidents that are not resolved.")
@click.option("--target", help="Only incidents of one target.", shell_complete=TARGETS)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def incidents(where: Where, *, as_json: bool, open_only: bool, target: str | None, limit: int) -> None:
    """Show incidents, newest first."""
    from .act.reach import running, url_of

    wanted: Any = {"as_json": as_json, "open_only": open_only, "target": target, "limit": limit}
    if url_of(where):
        from .see import remote

        return remote.show_incidents(running(where), **wanted)
    from .place import find_store
    from .see.incidents import show_incidents

    return show_incidents(find_store(where.config, where.store), **wanted)


@cli.command()
@reaching
@JSON
@click.option("--state", type=click.Choice(["pending", "delivered", "dead"]), help="Only those in one state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def notices(where: Where, *, as_json: bool, state: str | None, limit: int) -> None:
    """Show notices, the newest last.

    A notice is pending, delivered, or given up (a dead letter).
    """
    from .act.reach import running, url_of

    if url_of(where):
        from .see import remote

        return remote.show_notices(running(where), state=state, limit=limit, as_json=as_json)
    from .place import find_store
    from .see.notices import show_notices

    return show_notices(find_store(where.config, where.store), state=state, limit=limit, as_json=as_json)


@cli.command()
@CONFIG
@JSON
@click.argument("what", metavar="URL|TARGET")
@click.option("--body", "shows_body", is_flag=True, help="Show the beginning of the body, at most 512 bytes.")
def probe(config: Path | None, what: str, *, shows_body: bool, as_json: bool) -> None:
    """Probe once, and show everything that was found.

    URL is one of http, https, or tcp://HOST:PORT; TARGET is a target of the configuration, with its conditions. It needs no running
    process and records nothing. Times count from the beginning of the attempt. It ends with 1 where the outcome is not up.
    """
    from .see.probing import probe_once

    sys.exit(probe_once(what, config, shows_body=shows_body, as_json=as_json))


@cli.command()
@CONFIG
@click.option("--hours", type=click.FloatRange(min=0.02, max=24 * 366), default=24.0, show_default=True)
@click.option("--seed", default="1", show_default=True, help="Another seed gives another course of events.")
@click.option("--faults", default="none", show_default=True, help="all, none, or names separated by commas.")
@click.option(
    "--script", "scripts", multiple=True, metavar="TARGET=TEXT", help="As in shop='ok 10m, down 90s, ok'."
)
def simulate(config: Path | None, *, hours: float, seed: str, faults: str, scripts: tuple[str, ...]) -> None:
    """Forecast incidents and notices.

    The configuration runs in virtual time. Targets without a script fail at random. Nothing is probed and no notice is sent.

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

    Conditions judge the facts that a word gives; conditions on any other fact count as met. Of a target with locations,
    `down from fra iad 5m` is down from these alone.
    """
    from .configure.simulate import simulate_configuration
    from .place import config_named

    simulate_configuration(
        config_named(config, "-c FILE"), hours=hours, seed=seed, faults=faults, scripts=scripts
    )


@cli.command()
@reaching
@JSON
@click.argument("words", metavar="new NAME | list | revoke NAME | NAME", nargs=-1, required=True)
@click.option(
    "--role", type=click.Choice(["viewer", "operator", "admin"]), default="viewer", show_default=True
)
def token(where: Where, words: tuple[str, ...], *, role: str, as_json: bool) -> None:
    """Make, list and revoke tokens of the API.

    `new`, `list` and `revoke` act on the runtime that runs: a new token works at once, and its secret is shown once. A NAME alone
    prints a token with its entry for the configuration, and changes nothing.
    """
    from .configure.tokens import act_on_tokens

    act_on_tokens(where, words, role, as_json=as_json)


for verb in (*ACTING, *BEGINNING, *MAINTAINING):
    cli.add_command(verb)


def main() -> None:
    """The entry point of the command `watchkeeper`."""
    open_standard_streams()
    try:
        cli(prog_name="watchkeeper")
    except OutputLost as error:
        click.echo(f"watchkeeper: {error}", err=True)
        sys.exit(ExitStatus.FAILED)
