"""`import`: the configuration of a peer as one of ours, and a list of what is not in it."""

from pathlib import Path

import click

from ...adapters.configuration.loading import folder_of
from ...adapters.configuration.reuse.reading import read_text
from ...adapters.importing.peers import PEERS, BroughtOver, bring_over
from ...domain.line import count_of, one_line
from ..output import ExitStatus
from ..place import require_free, write_whole


def import_configuration(peer: str, file: Path, out: Path, *, force: bool) -> ExitStatus:
    """Writes the configuration that a peer's file comes to, and prints what is not in it.

    Raises: ConfigurationError for a file that cannot be read as one of this peer, and where a file lies at `out` and `force` is not set.
    """
    require_free(out, force=force)
    made = bring_over(PEERS[peer], read_text(file, str(file)), str(file), folder_of(out))
    write_whole(out, made.text)
    click.echo(f"wrote {out} ({_counted(made)}); it passes check")
    for note in made.notes:
        click.echo(one_line(f"{file}:{note.line}: {note.key}: {note.reason}", 400), err=True)
    if not made.notes:
        return ExitStatus.FINE
    click.echo(
        f"{count_of(len(made.notes), 'part')} of {file} not imported; each is a comment in {out}", err=True
    )
    return ExitStatus.NOT_ALL_IMPORTED


def _counted(made: BroughtOver) -> str:
    counts = {"target": made.targets, "channel": made.channels, "template": made.templates}
    return ", ".join(count_of(count, word) for word, count in counts.items() if count) or "no target"
