"""The acting verbs as the command line has them. Each imports its own code when it is called."""

import sys

import click

from ..completing import ANNOUNCEMENTS, DEAD_LETTERS, INCIDENTS, SHOWN, SILENCES, TARGETS
from ..options import JSON, Where, reaching, running_node_named


@click.command()
@reaching
@JSON
@click.argument("incident", metavar="ID", shell_complete=INCIDENTS)
@click.option("--note", default="", help="A text for the others, which its notices carry.")
@click.option("--for", "length", default="", metavar="LENGTH", help="End by itself after this, such as 2h.")
@click.option("--until", default="", metavar="TIME", help="End by itself then: 2026-01-31T12:30:00Z.")
@click.option(
    "--until-worse/--until-end",
    "until_worse",
    default=None,
    help="Whether a rise of its severity ends it; by default it stays to the end.",
)
def ack(
    where: Where,
    incident: str,
    *,
    note: str,
    length: str,
    until: str,
    until_worse: bool | None,
    as_json: bool,
) -> None:
    """Acknowledge an incident: its channels hear of its end only.

    ID is the beginning of its id as `incidents` shows it, or a target with one open incident.
    """
    from .acknowledging import AcknowledgementOptions, acknowledge

    options = AcknowledgementOptions(note, length, until, until_worse)
    acknowledge(where, incident, options, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("incident", metavar="ID", shell_complete=INCIDENTS)
def unack(where: Where, incident: str, *, as_json: bool) -> None:
    """Withdraw an acknowledgement.

    The channels of its incident hear of it again. ID is the same as for `ack`.
    """
    from .acknowledging import unacknowledge

    unacknowledge(where, incident, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("target", required=False, shell_complete=TARGETS)
@click.option("--for", "length", default="", metavar="LENGTH", help="How long, such as 2h or 1h30m.")
@click.option("--until", default="", metavar="TIME", help="Until when: 2026-01-31T12:30:00Z.")
@click.option("--reason", default="", help="Why; everybody sees it.")
@click.option("--all", "everything", is_flag=True, help="Every target.")
@click.option(
    "--match", multiple=True, metavar="MATCHER", help="Only where it holds: group=shop, severity!=critical."
)
@click.option("--id", "name", help="Its id; a silence of this id is replaced.")
@click.option("--dry-run", is_flag=True, help="Say what it would mute, and do nothing.")
def silence(
    where: Where,
    target: str | None,
    *,
    length: str,
    until: str,
    reason: str,
    everything: bool,
    match: tuple[str, ...],
    name: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Mute targets for a time. They are watched on, and their channels hear at the end of what was held back.

    TARGET is an id or a glob such as 'shop*', which also mutes targets that come later. Of several matchers all must hold.
    """
    from .muting import Wanted, silence

    wanted = Wanted(target, everything, length, until, reason, name, match)
    silence(where, wanted, dry_run=dry_run, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("silence", metavar="ID", shell_complete=SILENCES)
def unsilence(where: Where, silence: str, *, as_json: bool) -> None:
    """End a silence. Its channels hear now of what it held back, where that still holds."""
    from .muting import unsilence

    unsilence(where, silence, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("title")
@click.option("--text", default="", help="More of it; an empty line begins a paragraph.")
@click.option(
    "--kind",
    type=click.Choice(["notice", "outage", "maintenance"]),
    default="notice",
    show_default=True,
    help="Its occasion.",
)
@click.option("--page", "pages", multiple=True, help="A public page that shows it; by default every one.")
@click.option(
    "--from", "start", default="", metavar="TIME", help="When a maintenance begins; by default now."
)
@click.option("--for", "length", default="", metavar="LENGTH", help="End by itself after this, such as 2h.")
@click.option("--until", default="", metavar="TIME", help="End by itself then: 2026-01-31T12:30:00Z.")
@click.option("--id", "name", help="Its id; an announcement of this id is changed.")
def announce(
    where: Where,
    title: str,
    *,
    text: str,
    kind: str,
    pages: tuple[str, ...],
    start: str,
    length: str,
    until: str,
    name: str | None,
    as_json: bool,
) -> None:
    """Tell the readers of public pages something.

    It stands there until it ends, and among the past ones after that. The same TITLE again changes it.
    """
    from .announcing import NewAnnouncement, announce

    wanted = NewAnnouncement(title, text, kind, pages, start, length, until, name)
    announce(where, wanted, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("announcement", metavar="ID", shell_complete=ANNOUNCEMENTS)
def unannounce(where: Where, announcement: str, *, as_json: bool) -> None:
    """End an announcement. Public pages show it among the past ones."""
    from .announcing import unannounce

    unannounce(where, announcement, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, shell_complete=TARGETS)
def pause(where: Where, targets: tuple[str, ...], *, as_json: bool) -> None:
    """Stop watching targets until they are resumed. TARGET is a name or a glob such as 'shop*'."""
    from .pausing import pause

    pause(where, targets, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, shell_complete=TARGETS)
def resume(where: Where, targets: tuple[str, ...], *, as_json: bool) -> None:
    """Watch paused targets again. TARGET is a name or a glob."""
    from .pausing import resume

    resume(where, targets, as_json=as_json)


@click.command("check-now")
@reaching
@JSON
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True, shell_complete=TARGETS)
def check_now(where: Where, targets: tuple[str, ...], *, as_json: bool) -> None:
    """Check targets at once, beside their schedule.

    The running process checks them. TARGET is a name or a glob. It ends with 1 where one of them is not up.
    """
    from .ordering import check_now

    sys.exit(check_now(where, targets, as_json=as_json))


@click.command()
@reaching
@JSON
@click.argument("target", metavar="NAME", shell_complete=TARGETS)
@click.option("--fail", "failed", is_flag=True, help="It ran and failed.")
@click.option("--start", is_flag=True, help="It has begun, which changes no status.")
@click.option(
    "--exit", "exit_status", type=click.IntRange(0, 255), metavar="N", help="It ended with this status."
)
@click.option(
    "--run", metavar="ID", help="The run, where several may overlap: the same for its start and its end."
)
@click.option("--detail", default="", help="One line about the run.")
def heartbeat(
    where: Where,
    target: str,
    *,
    failed: bool,
    start: bool,
    exit_status: int | None,
    run: str | None,
    detail: str,
    as_json: bool,
) -> None:
    """Report for a target with `heartbeat` that its job ran."""
    from .reporting import heartbeat

    heartbeat(
        where,
        target,
        failed=failed,
        start=start,
        exit_status=exit_status,
        run=run,
        detail=detail,
        as_json=as_json,
    )


@click.command()
@reaching
@JSON
@click.option(
    "--node",
    metavar="NAME",
    callback=running_node_named,
    help="The one of several nodes on this machine that is to read it.",
)
def reload(where: Where, *, as_json: bool, node: str | None) -> None:
    """Read the configuration again.

    The running process reads it; an invalid one changes nothing. Of nodes that share a store it is one: reload each.
    """
    from .ordering import reload

    reload(where, node, as_json=as_json)


@click.command(context_settings={"allow_interspersed_args": False})
@reaching
@click.argument("target", metavar="NAME", shell_complete=TARGETS)
@click.argument("command", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def job(where: Where, target: str, command: tuple[str, ...]) -> None:
    """Run a command and report how it went.

    Its start, its end and its time are reported for a target with `heartbeat`.

    It ends with the status of the command. A report that cannot be made is said on standard error, and fails no job.
    """
    from .jobs import run_job

    # The parser stops at NAME, so that options of the command stay its own, and leaves the two hyphens in front of it.
    program = command[1:] if command[0] == "--" else command
    if not program:
        raise click.UsageError("name the command behind --")
    if command[0].startswith("-") and command[0] != "--":
        raise click.UsageError(
            f"{command[0]} stands behind NAME: options come before it, the command behind --"
        )
    sys.exit(run_job(where, target, program))


@click.command()
@reaching
@JSON
@click.argument("keys", nargs=-1, required=True, shell_complete=DEAD_LETTERS)
def redrive(where: Where, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Send dead letters again.

    The notices KEYS are put back into the outbox, and are delivered under the same keys: now by the process that runs
    the store, else by the next one. A key may be shortened as `notices` shows it.
    """
    from ..see.notices import redrive_notices

    redrive_notices(where, keys, as_json=as_json)


@click.command()
@reaching
@JSON
@click.argument("incident", metavar="ID|TARGET", shell_complete=SHOWN)
def show(where: Where, incident: str, *, as_json: bool) -> None:
    """Show the time line of an incident.

    It has the samples around the opening, transitions and notices.
    ID is the beginning of its id; for a TARGET it is the open incident, else the newest one.
    """
    from ..see.timeline import show

    show(where, incident, as_json=as_json)


@click.command()
@reaching
def top(where: Where) -> None:
    """Show the status live, the worst first, and act by keys.

    q quits, / finds, s sorts, a acknowledges, z silences for an hour, enter shows the evidence, up and down choose.
    """
    from ..see.live import show_top

    show_top(where)


@click.command()
@reaching
@JSON
@click.argument("channel")
def notify(where: Where, channel: str, *, as_json: bool) -> None:
    """Send a marked test to a channel.

    It goes the way of every notice. It ends with 1 where the receiver does not take it.
    """
    from .ordering import notify

    sys.exit(notify(where, channel, as_json=as_json))


@click.command()
@reaching
@JSON
@click.argument("route")
@click.option(
    "--for", "length", default="", metavar="LENGTH", help="End at the latest after this; by default 10m."
)
@click.option(
    "--severity",
    type=click.Choice(["info", "warning", "critical"]),
    default="critical",
    show_default=True,
    help="That of its incident.",
)
@click.option("--despite-holds", is_flag=True, help="Let no silence and no quiet window hold it back.")
@click.option("--end", is_flag=True, help="End the drills of ROUTE that are open, and begin none.")
def drill(
    where: Where,
    route: str,
    *,
    length: str,
    severity: str,
    despite_holds: bool,
    end: bool,
    as_json: bool,
) -> None:
    """Try a route out with an incident that nothing has caused.

    It is marked as a drill wherever it is told, and takes the way of every incident: groups, delays, silences and quiet windows.
    Each channel is shown as it answers; once all of them have, the drill ends, and they hear of that.

    ROUTE is its id, or its place such as 'routes[0]'. It ends with 1 where a channel did not take it.
    """
    from .drilling import NewDrill, drill, end_drills

    if end:
        sys.exit(end_drills(where, route, as_json=as_json))
    sys.exit(drill(where, NewDrill(route, length, severity, despite_holds), as_json=as_json))


ACTING = (
    show,
    top,
    ack,
    unack,
    silence,
    unsilence,
    announce,
    unannounce,
    pause,
    resume,
    check_now,
    heartbeat,
    job,
    notify,
    drill,
    redrive,
    reload,
)
