"""`run`: a runtime in the foreground, until a signal stops it."""

import gc
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import click

from ...adapters.programs.orphans import Orphans
from ...domain.errors import WatchkeeperError
from ...domain.read_model.event import Event
from ...domain.read_model.status import STORE_LOST
from ...domain.time.moment import NS_PER_S, wall_text
from ...runtime import Runtime
from ..output import ExitStatus
from ..streams import OutputLost
from .signals import Word, signals_heard
from .speaker import Speaker
from .telling import line_of, lines_of_end

LISTEN_S = 0.5
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def run_until_stopped(config: Path) -> ExitStatus:
    """Runs a configuration until a signal or its own end. Blocks. Raises: ConfigurationError; StoreError."""
    speaker, orphans = Speaker(), Orphans()
    orphans.adopt()
    _log_to(speaker)
    words: SimpleQueue[Word] = SimpleQueue()
    try:
        with signals_heard(words):
            runtime = _started(config, speaker)
            speaker.say(f"watching: {runtime!r}")
            Thread(target=_tell_end, args=(runtime, words), name="watchkeeper-end", daemon=True).start()
            return _obey(runtime, words, speaker, orphans)
    finally:
        orphans.end()
        speaker.close()


class _InUtc(logging.Formatter):
    """Begins each line with the time in UTC, as all lines of `run` begin."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # the base's name
        del datefmt
        return wall_text(round(record.created * NS_PER_S))


def _log_to(speaker: Speaker) -> None:
    handler = logging.StreamHandler(speaker)
    handler.setFormatter(_InUtc(LOG_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _started(config: Path, speaker: Speaker) -> Runtime:
    """Returns a started runtime.

    Garbage collection is paused: the new objects stay, and scanning them is wasted work.
    """
    gc.disable()
    try:
        runtime = Runtime.from_config(config, os.environ)
        events = runtime.subscribe()
        runtime.start()
    finally:
        gc.enable()
    gc.freeze()
    Thread(target=_print_events, args=(events, speaker), name="watchkeeper-lines", daemon=True).start()
    return runtime


def _print_events(events: Iterable[Event], speaker: Speaker) -> None:
    """Prints each event. A failed write drops that line; the runtime and later lines go on."""
    lost = False
    for event in events:
        try:
            click.echo(line_of(event))
        except OutputLost as error:
            if not lost:
                speaker.say(f"{error}: events are dropped until it can be written")
            lost = True
        else:
            lost = False


def _tell_end(runtime: Runtime, words: "SimpleQueue[Word]") -> None:
    runtime.wait()
    words.put(Word.ENDED)


def _obey(runtime: Runtime, words: "SimpleQueue[Word]", speaker: Speaker, orphans: Orphans) -> ExitStatus:
    while True:
        # A signal that arrives just before the wait begins is handled only when the wait ends, so every wait has a limit.
        try:
            word = words.get(timeout=LISTEN_S)
        except Empty:
            orphans.look()
            continue
        match word:
            case Word.RELOAD:
                _reload(runtime, speaker)
            case Word.STOP:
                return _stop(runtime, speaker)
            case Word.ENDED:
                return ExitStatus.FAILED


def _reload(runtime: Runtime, speaker: Speaker) -> None:
    """Reloads the file; an invalid one is reported, and the running configuration stays where it can."""
    try:
        runtime.reload()
    except WatchkeeperError as error:
        # Where the old configuration did not start again either, the error says so and the next word is ENDED.
        kept = "" if runtime.wait(0) else "\nthe running configuration stays in force"
        speaker.say(f"{error}{kept}")
    else:
        speaker.say(f"configuration reloaded: {runtime!r}")


def _stop(runtime: Runtime, speaker: Speaker) -> ExitStatus:
    speaker.say("stopping (a second signal would end the process at once)")
    left = runtime.stop()
    for line in lines_of_end(left):
        speaker.say(line)
    if STORE_LOST in dict(left.left):
        return ExitStatus.STORE
    return ExitStatus.FAILED if left.lost else ExitStatus.FINE
