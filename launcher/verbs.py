"""The list of verbs: its order, its help, and how an error of any verb ends."""

import click

from ..domain.errors import ConfigurationError, NotRunning, StoreError, UsageError, WatchkeeperError
from .guesses import explained, verb_instead
from .output import ExitStatus

SECTIONS = {
    "Watch": ("run", "agent", "demo"),
    "See": ("status", "top", "show", "incidents", "notices", "probe"),
    "Act": (
        *("ack", "unack", "silence", "unsilence", "announce", "unannounce", "pause", "resume", "check-now"),
        *("heartbeat", "job", "notify", "drill", "redrive", "reload"),
    ),
    "Configure": (
        "init",
        "import",
        "check",
        "config",
        "diff",
        "test-rules",
        "replay",
        "simulate",
        "schema",
        "token",
        "completion",
        "prometheus",
    ),
    "Maintain": ("backup", "copy", "verify", "page"),
}
"""Every verb in the order in which help shows it: what is needed in a hurry stands above what is done once."""


class Verbs(click.Group):
    """Turns errors of watchkeeper and of the operating system into messages and exit statuses."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except WatchkeeperError as error:
            click.echo(f"watchkeeper: {error}" if isinstance(error, UsageError) else str(error), err=True)
            ctx.exit(status_of(error))
        except click.UsageError as error:
            raise click.UsageError(explained(error), error.ctx) from error
        except OSError as error:
            click.echo(f"watchkeeper: {error}", err=True)
            ctx.exit(ExitStatus.FAILED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the verb that a command line names. Raises: click.UsageError with the verb that was probably meant."""
        if args[0] not in self.commands and not ctx.resilient_parsing and (instead := verb_instead(args[0])):
            ctx.fail(f"there is no verb {args[0]!r}: {instead}.")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the verbs in the order of SECTIONS."""
        del ctx
        return [name for names in SECTIONS.values() for name in names if name in self.commands]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the verbs by section, and the options below them: a verb is what is looked for."""
        longest = max(map(len, self.commands))
        width = formatter.width - 6 - longest
        for title, names in SECTIONS.items():
            found = [(name, self.commands[name]) for name in names if name in self.commands]
            if found:
                with formatter.section(title):
                    formatter.write_dl(
                        [(name.ljust(longest), verb.get_short_help_str(width)) for name, verb in found]
                    )
        click.Command.format_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Exit status"):
            formatter.write_dl([(str(status.value), status.meaning) for status in ExitStatus])


def status_of(error: WatchkeeperError) -> ExitStatus:
    """Returns the exit status for an error."""
    if isinstance(error, ConfigurationError):
        return ExitStatus.CONFIGURATION
    if isinstance(error, NotRunning):
        return ExitStatus.NOT_RUN
    return ExitStatus.STORE if isinstance(error, StoreError) else ExitStatus.FAILED
