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


BEGINNING = (init,)
