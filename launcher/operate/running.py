"""`run`: a runtime in the foreground, until it is told to stop."""

import gc
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import click

from ...domain.errors import WatchkeeperError
from ...domain.read_model.event import Event
from ...runtime import Runtime
from ..exits import ExitStatus
from ..streams import OutputLost
from .signals import Signals, Word
from .speaker import Speaker, SpokenLog
from .telling import line_of, lines_of_end

LISTEN_S = 0.5


def run_until_told(config: Path, environment: Mapping[str, str]) -> ExitStatus:
    """Run what a configuration says. Raises ConfigurationError and StoreError for what cannot be started."""
    speaker = Speaker()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[SpokenLog(speaker)],
    )
    words: SimpleQueue[Word] = SimpleQueue()
    try:
        with Signals(words):
            runtime = _started(config, environment, speaker)
            speaker.say(f"watching: {runtime!r}")
            Thread(target=_tell_end, args=(runtime, words), name="watchkeeper-end", daemon=True).start()
            return _obey(runtime, words, speaker)
    finally:
        speaker.close()


def _started(config: Path, environment: Mapping[str, str], speaker: Speaker) -> Runtime:
    """Built and started with the collector paused: what is built now stays, and to look through it again is waste."""
    gc.disable()
    try:
        runtime = Runtime.from_config(config, environment)
        events = runtime.subscribe()
        runtime.start()
    finally:
        gc.enable()
    gc.freeze()
    Thread(target=_print_events, args=(events, speaker), name="watchkeeper-lines", daemon=True).start()
    return runtime


def _print_events(events: Iterable[Event], speaker: Speaker) -> None:
    """Print each event; output that fails costs its lines, and neither the runtime nor the lines after it."""
    lost = False
    for event in events:
        try:
            click.echo(line_of(event))
        except OutputLost as error:
            if not lost:
                speaker.say(f"watchkeeper: {error}: events are not printed until it can be")
            lost = True
        else:
            lost = False


def _tell_end(runtime: Runtime, words: "SimpleQueue[Word]") -> None:
    runtime.wait()
    words.put(Word.ENDED)


def _obey(runtime: Runtime, words: "SimpleQueue[Word]", speaker: Speaker) -> ExitStatus:
    while True:
        match _next(words):
            case None:
                pass
            case Word.RELOAD:
                _reload(runtime, speaker)
            case Word.STOP:
                return _stop(runtime, speaker)
            case Word.ENDED:
                return ExitStatus.FAILED


def _next(words: "SimpleQueue[Word]") -> Word | None:
    """The next word, None after a while without one.

    A signal that comes just before the wait begins is handled only when the wait ends, so no wait may be for ever.
    """
    try:
        return words.get(timeout=LISTEN_S)
    except Empty:
        return None


def _reload(runtime: Runtime, speaker: Speaker) -> None:
    """Take the file as it is now; what cannot be used is told, and what runs is kept if it can be."""
    try:
        runtime.reload()
    except WatchkeeperError as error:
        # Where nothing runs any more the error says so, and the next word is ENDED.
        kept = "" if runtime.wait(0) else "\nthe configuration that runs is kept"
        speaker.say(f"{error}{kept}")
    else:
        speaker.say(f"read again: {runtime!r}")


def _stop(runtime: Runtime, speaker: Speaker) -> ExitStatus:
    speaker.say("stopping: a second signal ends at once")
    left = runtime.stop()
    for line in lines_of_end(left):
        speaker.say(line)
    return ExitStatus.FAILED if left.lost else ExitStatus.FINE
