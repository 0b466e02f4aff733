"""The words that a shell offers: ids of the configuration and of the store. A word that cannot be found is not offered."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..client.record import Record
    from ..domain.specification.configuration import Configuration

Offers: TypeAlias = Iterable[tuple[str, str]]
"""Each word that may stand here, with what a shell shows beside it."""
Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list["CompletionItem"]]

CONFIGURATION_BYTES_READ = 256 * 1024
"""A larger configuration (2,500 targets) would take longer to read than a person waits for a word: 0.05 s each 100 KB."""
ASKED_BY = "_WATCHKEEPER_COMPLETE"
"""The variable by which the shell asks; its value begins with the name of the shell."""
_PLAIN = re.compile(r"([^\w@%+=:,./*?-])")


def _offered(words: Callable[[click.Context], Offers]) -> Complete:
    """Returns a function for click: it offers the words that begin as typed, and never fails."""

    def complete(ctx: click.Context, parameter: click.Parameter, typed: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        del parameter
        # A mistake in a file or a store that is gone is told by the verb itself, not while it is typed.
        with suppress(Exception):
            found = [(word, said) for word, said in words(ctx) if word.startswith(typed)]
            return [CompletionItem(_as_typed(word), help=said or None) for word, said in found]
        return []

    return complete


def _as_typed(word: str) -> str:
    """Returns a word as it is to stand on the command line: bash alone inserts it as it is."""
    return _PLAIN.sub(r"\\\1", word) if os.environ.get(ASKED_BY, "").startswith("bash") else word


def _configuration(ctx: click.Context) -> "Configuration":
    """Returns what can be read of the configuration, with the place of its store."""
    from ..adapters.configuration import load_leniently

    file = Path(ctx.params.get("config") or os.environ.get("WATCHKEEPER_CONFIG") or "watchkeeper.yaml")
    if file.stat().st_size > CONFIGURATION_BYTES_READ:
        raise ValueError("too large to be read for a word")
    return load_leniently(file, os.environ, needs_store=False)


def _record(ctx: click.Context) -> "Record":
    from ..client.record import Record

    return Record(ctx.params.get("store") or _configuration(ctx).runtime.store or "")


def _target_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    for target in _configuration(ctx).targets:
        yield target.id, target.metadata.name


def _channel_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    for channel in _configuration(ctx).channels:
        yield channel.id, ""


def _incident_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    from .see.tables import shortened

    found = _record(ctx).incidents(open_only=True)
    ids = shortened([incident.id for incident in found], "inc_")
    for incident in found:
        yield ids[incident.id], f"{incident.target}/{incident.rule}"


def _shown_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield from _incident_words(ctx)
    yield from _target_words(ctx)


def _silence_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    for silence in _record(ctx).silences():
        yield silence.id, silence.reason


def _announcement_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    from ..adapters.clock import SystemClock

    now_ns = SystemClock().read().wall_ns
    for announcement in _record(ctx).announcements():
        if announcement.stands(now_ns):
            yield announcement.id, announcement.title


def _dead_letter_words(ctx: click.Context) -> Iterator[tuple[str, str]]:
    for outgoing in _record(ctx).notices("dead"):
        yield outgoing.notice.key, f"{outgoing.notice.channel}: {outgoing.notice.subject}"


TARGETS = _offered(_target_words)
CHANNELS = _offered(_channel_words)
INCIDENTS = _offered(_incident_words)
SHOWN = _offered(_shown_words)
SILENCES = _offered(_silence_words)
ANNOUNCEMENTS = _offered(_announcement_words)
DEAD_LETTERS = _offered(_dead_letter_words)


def script_for(cli: click.Command, shell: str) -> str:
    """Returns the script by which a shell asks for words."""
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    kinds = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    asking = kinds[shell](cli, {}, "watchkeeper", ASKED_BY)
    # Not `source()`: that of bash starts one to see its version, and speaks on standard error where there is none.
    return (asking.source_template % asking.source_vars()).strip()
