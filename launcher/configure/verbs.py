"""The verbs that begin something, as the command line has them. Each imports its own code when it is called."""

from pathlib import Path

import click

from ..options import PATH


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


BEGINNING = (init, completion)
