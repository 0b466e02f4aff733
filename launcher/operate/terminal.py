"""The output of `run` on a terminal: one thread draws what all others hand over, and is the only one that a terminal can hold up."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import ClassVar, NamedTuple, TypeAlias

from ... import __version__
from ...adapters.clock import SystemClock
from ...domain.errors import WatchkeeperError
from ...domain.incidents.incident import Incident
from ...domain.line import count_of
from ...domain.read_model.event import Event
from ...domain.read_model.status import RuntimeStatus
from ...domain.time.moment import NS_PER_S, Moment, wall_text
from ..streams import STANDARD_OUTPUT
from .calm import Calm, state_line
from .drawing import Entry, Paper, drawn, drawn_facts
from .outputs import JsonOutput, LogStyle, Output, PlainOutput, changed_facts
from .scene import Scene
from .speaker import LAST_WORDS_S, LINES_WAITING_MAX, write_whole

_DOORS = "watchkeeper.host.access.doors"
"""Its informing lines stand in the first lines of the run."""


class SpokenWords(NamedTuple):
    """Lines of the command itself, of one word."""

    word: str
    text: str


class Resumed(NamedTuple):
    """The incidents that were open before this run."""

    incidents: tuple[Incident, ...]


Said: TypeAlias = SpokenWords | Resumed | Event | Scene | logging.LogRecord


def output_for(*, plain: bool, log: LogStyle, clock: SystemClock) -> Output:
    """Returns the output for this process: the calm one only where standard output is a terminal."""
    if log == "json":
        return JsonOutput(clock)
    if plain or not is_terminal(sys.stdout):
        return PlainOutput(clock)
    return TerminalOutput(clock)


def is_terminal(stream: object) -> bool:
    """Whether a standard stream is a terminal; one that is closed is none."""
    asks: Callable[[], bool] | None = getattr(stream, "isatty", None)
    return asks is not None and asks()


def paper_of(environment: Mapping[str, str]) -> Paper:
    """Returns what the terminal of this process can show."""
    width, _ = shutil.get_terminal_size((80, 24))
    has_colours = not environment.get("NO_COLOR") and environment.get("TERM", "") not in {"", "dumb"}
    # Python takes UTF-8 in the locale C, too; the terminal does not.
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return Paper(width, has_colours, "utf8" in locale.lower().replace("-", ""))


class TerminalOutput:
    """The calm stream. Lines of standard error go there, and are plain, where that is no terminal."""

    tells_errors: ClassVar[bool] = False

    def __init__(self, clock: SystemClock, environment: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._environment = environment
        self._calm = Calm()
        self._plain = None if is_terminal(sys.stderr) else PlainOutput(clock)
        self._said: SimpleQueue[Said | None] = SimpleQueue()
        self._lost = 0
        self._scene: Scene | None = None
        self.ask: Callable[[], RuntimeStatus] | None = None
        """Asks for the status, which a long silence shows."""
        self.handler: logging.Handler = self._plain.handler if self._plain else _Records(self._hand_over)
        self._thread = Thread(target=self._draw, name="watchkeeper-terminal", daemon=True)
        self._thread.start()

    def begin(self, scene: Scene) -> None:
        self._hand_over(scene)

    def reloaded(self, scene: Scene) -> None:
        self._hand_over(scene)

    def resume(self, incidents: tuple[Incident, ...]) -> None:
        """Tells what was open before this run."""
        self._hand_over(Resumed(incidents))

    def event(self, event: Event) -> None:
        self._hand_over(event)

    def say(self, text: str, level: int = logging.INFO, word: str = "run") -> None:
        if self._plain is None:
            self._hand_over(SpokenWords(word, text))
        else:
            self._plain.say(text, level)

    def show(self, word: str, text: str) -> None:
        """Tells a line on the terminal alone: it stands in no file that standard error leads to."""
        self._hand_over(SpokenWords(word, text))

    def line(self, text: str) -> str:
        if self._plain is not None:
            return self._plain.line(text)
        entry = Entry(self._clock.read().wall_ns, "stop", text)
        return "".join(f"{line}\n" for line in drawn(entry, paper_of(self._environment)))

    def close(self) -> None:
        self._said.put(None)
        self._thread.join(LAST_WORDS_S)
        if self._plain is not None:
            self._plain.close()

    def _hand_over(self, said: Said) -> None:
        """Queues something to draw. A terminal that was stopped costs lines and no memory, and says how many."""
        if self._said.qsize() < LINES_WAITING_MAX:
            self._said.put(said)
        else:
            self._lost += 1

    def _draw(self) -> None:
        while True:
            now = self._clock.read()
            try:
                said = self._said.get(timeout=self._calm.wait_ns(now) / NS_PER_S)
            except Empty:
                self._print(self._untold(self._clock.read()))
                continue
            now = self._clock.read()
            paper = paper_of(self._environment)
            if said is None:
                self._print(self._calm.rest(now, paper))
                return
            self._print(self._calm.due(now, paper) + self._lines(said, now, paper))

    def _untold(self, now: Moment) -> list[str]:
        paper = paper_of(self._environment)
        lines = self._calm.due(now, paper)
        if lines or self.ask is None or not self._calm.is_quiet(now):
            return lines
        try:
            status = self.ask()
        except (WatchkeeperError, TimeoutError):
            status = None
        return self._calm.quiet(status, now, paper)

    def _lines(self, said: Said, now: Moment, paper: Paper) -> list[str]:
        lost, self._lost = self._lost, 0
        lines = (
            self._calm.say("run", f"{count_of(lost, 'line')} left out: the terminal stood still", now, paper)
            if lost
            else []
        )
        match said:
            case Scene():
                return lines + self._scene_lines(said, now, paper)
            case logging.LogRecord():
                return lines + self._record_lines(said, now, paper)
            case Resumed(incidents):
                self._calm.resume(incidents)
                text = state_line(incidents, now.wall_ns)
                return lines + (self._calm.say("open", text, now, paper) if text else [])
            case SpokenWords(word, text):
                return lines + self._calm.say(word, text, now, paper)
            case _:
                return lines + self._calm.event(said, now, paper)

    def _scene_lines(self, scene: Scene, now: Moment, paper: Paper) -> list[str]:
        before, self._scene = self._scene, scene
        if before is not None:
            changed = "".join(f"\n{name}: {fact}" for name, fact in changed_facts(before, scene))
            return self._calm.say("reload", f"configuration reloaded: {scene.summary}{changed}", now, paper)
        facts = [
            ("targets", f"{scene.targets:,}: {scene.kinds_text}" if scene.kinds else "none"),
            ("channels", scene.channels_text or "none: nobody is told"),
            *scene.facts(),
        ]
        facts.append(("times", f"in UTC; it is {wall_text(now.wall_ns)[:19].replace('T', ' ')}"))
        end = f"Ctrl-C drains within {scene.grace} and ends; a second one ends at once. SIGHUP reads the configuration again."
        return drawn_facts(f"watchkeeper {__version__} is watching", facts, end, paper)

    def _record_lines(self, record: logging.LogRecord, now: Moment, paper: Paper) -> list[str]:
        # Notices of a log channel stand in the stream already, as what was told.
        is_notice = self._scene is not None and record.name in self._scene.loggers
        if is_notice or (record.name == _DOORS and record.levelno < logging.WARNING):
            return []
        lines = self._calm.record(record, record.getMessage(), now, paper)
        if lines and record.exc_info:
            lines += (
                (self.handler.formatter or logging.Formatter()).formatException(record.exc_info).splitlines()
            )
        return lines

    def _print(self, lines: list[str]) -> None:
        if lines:
            text = "".join(f"{line}\n" for line in lines)
            write_whole(STANDARD_OUTPUT, text.encode("utf-8", "backslashreplace"))


class _Records(logging.Handler):
    """Hands records of `logging` over as they are."""

    def __init__(self, hand_over: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._hand_over = hand_over

    def emit(self, record: logging.LogRecord) -> None:
        self._hand_over(record)
