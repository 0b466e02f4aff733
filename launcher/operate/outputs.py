"""The outputs of `run`: plain lines, or one JSON object a line; events on standard output, all else on standard error."""

import json
import logging
import threading
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import click

from ...adapters.clock import SystemClock
from ...domain.incidents.notice_body import digest_document, incident_document
from ...domain.read_model.event import (
    Event,
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    RoleChanged,
    WentBlind,
)
from ...domain.time.moment import NS_PER_S, wall_text
from ...host.access import doors
from .scene import Scene
from .speaker import Speaker
from .telling import level_of, line_of, time_of, words_of

OF_DOORS = doors.logger.name
LogStyle: TypeAlias = Literal["text", "json"]


class Output(Protocol):
    """Everything that a run says."""

    handler: logging.Handler
    """Takes the lines of Python's `logging`."""
    tells_errors: ClassVar[bool]
    """Whether an error that ends the command is told here too, in place of a plain message."""

    def begin(self, scene: Scene) -> None:
        """Tells what is watched, and where."""
        ...

    def reloaded(self, scene: Scene) -> None:
        """Tells what is watched after a reload."""
        ...

    def event(self, event: Event) -> None:
        """Tells an event. May block. Raises: OutputLost where standard output does not accept it."""
        ...

    def say(self, text: str, level: int = logging.INFO, word: str = "run") -> None:
        """Tells lines of the command itself, of one `word` that sorts them. Never blocks and never raises."""
        ...

    def line(self, text: str) -> str:
        """Returns a line as `say` would tell it, for the last words of a process that ends at once."""
        ...

    def close(self) -> None:
        """Waits for a moment for what has been said."""
        ...


class PlainOutput:
    """Lines that begin with their time in UTC and a level, the same at every start, for programs and for files."""

    tells_errors: ClassVar[bool] = False

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._speaker = Speaker()
        self._scene: Scene | None = None
        self.handler: logging.Handler = SpokenRecords(self._speaker)
        self.handler.setFormatter(_TextFormatter())

    def begin(self, scene: Scene) -> None:
        for name, fact in scene.facts():
            self.say(f"{name}: {fact}")
        self.say(f"watching: {scene.summary}")
        self._scene = scene

    def reloaded(self, scene: Scene) -> None:
        for name, fact in changed_facts(self._scene, scene):
            self.say(f"{name}: {fact}")
        self.say(f"configuration reloaded: {scene.summary}")
        self._scene = scene

    def event(self, event: Event) -> None:
        click.echo(line_of(event, self._now_ns()))

    def say(self, text: str, level: int = logging.INFO, word: str = "run") -> None:
        del word
        self._speaker.write("".join(self._line(line, level) for line in text.splitlines()))

    def line(self, text: str) -> str:
        return self._line(text, logging.WARNING)

    def _line(self, text: str, level: int) -> str:
        return f"{wall_text(self._now_ns())} {logging.getLevelName(level)} {text}\n"

    def _now_ns(self) -> int:
        return self._clock.read().wall_ns

    def close(self) -> None:
        self._speaker.close()


class JsonOutput:
    """One JSON object a line, each with `time`, `level` and `message`; every line of the process is one."""

    tells_errors: ClassVar[bool] = True

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._speaker = Speaker()
        self.handler: logging.Handler = SpokenRecords(self._speaker)
        self.handler.setFormatter(_JsonFormatter())

    def begin(self, scene: Scene) -> None:
        self._speaker.write(
            self._object("started", f"watching: {scene.summary}", logging.INFO, scene.fields())
        )

    def reloaded(self, scene: Scene) -> None:
        said = f"configuration reloaded: {scene.summary}"
        self._speaker.write(self._object("reloaded", said, logging.INFO, scene.fields()))

    def event(self, event: Event) -> None:
        now_ns = self._clock.read().wall_ns
        name, fields = _event_fields(event)
        click.echo(
            json_line(time_of(event, now_ns), level_of(event), name, words_of(event), fields), nl=False
        )

    def say(self, text: str, level: int = logging.INFO, word: str = "run") -> None:
        self._speaker.write("".join(self._object(word, line, level, {}) for line in text.splitlines()))

    def line(self, text: str) -> str:
        return self._object("stop", text, logging.WARNING, {})

    def _object(self, event: str, text: str, level: int, fields: dict[str, Any]) -> str:
        return json_line(self._clock.read().wall_ns, level, event, text, fields)

    def close(self) -> None:
        self._speaker.close()


def changed_facts(before: Scene | None, now: Scene) -> tuple[tuple[str, str], ...]:
    """Returns the facts that a reload has changed."""
    known = () if before is None else before.facts()
    return tuple(fact for fact in now.facts() if fact not in known)


def json_line(wall_ns: int, level: int, event: str, message: str, fields: dict[str, Any]) -> str:
    """Returns one JSON object with its line end."""
    document = {
        "time": wall_text(wall_ns),
        "level": logging.getLevelName(level).lower(),
        "event": event,
        "message": message,
        **fields,
    }
    return json.dumps(document, default=str) + "\n"


def _event_fields(event: Event) -> tuple[str, dict[str, Any]]:
    """Returns the name of an event, as a webhook calls it where it is sent there, and its facts."""
    match event:
        case IncidentChanged(incident):
            document = incident_document(incident) | {"sequence": incident.sequence, "draft": incident.draft}
            return f"incident.{incident.change.value}", {"incident": document}
        case NoticeEnded(notice, delivery):
            return f"notice.{delivery.state.value}", {
                "channel": notice.channel,
                "key": notice.key,
                "change": notice.change.value,
                "incident": incident_document(notice.incident),
                **({"digest": digest_document(notice.digest)} if notice.digest else {}),
                "attempts": delivery.attempts,
                "detail": delivery.detail,
            }
        case WentBlind(interval):
            began, ended = wall_text(interval.started_at_ns), wall_text(interval.ended_at_ns)
            return "blind", {"cause": interval.cause, "started_at": began, "ended_at": ended}
        case HealthChanged(part, detail):
            return "problem" if detail else "recovered", {"part": part, "detail": detail}
        case RoleChanged(role, detail):
            return "role", {"role": role, "detail": detail}
        case _:
            return "sample", {}


class SpokenRecords(logging.Handler):
    """Hands records of `logging` to the speaker, which never blocks the thread that logs."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._speaker.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001  # as every handler of the standard library does
            self.handleError(record)


class _TextFormatter(logging.Formatter):
    """Begins each line with the time in UTC and the level, as all lines of `run` begin."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # the base's name
        del datefmt
        return wall_text(round(record.created * NS_PER_S))


class _JsonFormatter(logging.Formatter):
    """One JSON object a record; a traceback is a text in it."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"logger": record.name}
        if isinstance(audit := getattr(record, "audit", None), dict):
            fields["audit"] = audit
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        at_ns = round(record.created * NS_PER_S)
        return json_line(at_ns, record.levelno, "log", record.getMessage(), fields).rstrip("\n")


def take_logging(handler: logging.Handler) -> None:
    """Has everything that Python itself would print go the same way: `logging`, warnings, and errors of threads."""
    handler.addFilter(_is_news)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(capture=True)

    def in_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None:
            log_uncaught(told.exc_value)

    threading.excepthook = in_thread


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a run does not tell it itself: its first lines, and those of a reload, have the addresses."""
    return record.name != OF_DOORS or record.levelno > logging.INFO


def log_uncaught(error: BaseException) -> None:
    """Logs an error that ends a thread, with its traceback."""
    logging.getLogger("watchkeeper").critical("An error that nothing caught", exc_info=error)
