"""The `log` channel: one line per notice to the host's `logging`."""

import asyncio
import logging

from ....domain.incidents.notice import Notice, lateness_s
from ....domain.line import escaped
from ....domain.messages.notice_text import notice_text
from ....domain.specification.channel import CallChannel, Log
from ....domain.time.moment import wall_text
from ....domain.time.timers import CallAt
from ...clock import MomentClock
from .call import CallMessenger

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class LogMessenger(CallMessenger):
    """Writes notices one by one on a thread of its own: the host's handlers may block, and ours must not with them.

    A notice is accepted once `logging` has taken the line, which does not raise for a handler that fails.
    """

    def __init__(
        self, spec: Log, loop: asyncio.AbstractEventLoop, clock: MomentClock, call_at: CallAt
    ) -> None:
        logger = logging.getLogger(spec.logger)
        level = LEVELS[spec.level]

        def write(notice: Notice) -> None:
            logger.log(level, "%s", line_of(notice, clock.read().wall_ns))

        super().__init__(CallChannel(name="log"), write, loop, clock, call_at, threads_max=1)


def line_of(notice: Notice, now_wall_ns: int) -> str:
    """All that a person or a program needs, on one line whatever the names and explanations contain."""
    incident, late_s = notice.incident, lateness_s(notice, now_wall_ns)
    # The words for people say of a lone incident what the pairs below say; of the others they say more.
    text = notice_text(notice)
    words = {
        "title": text.title if notice.digest or notice.reminder or notice.is_drill else "",
        "digest": "; ".join(text.lines) if notice.digest else "",
        "target": incident.target,
        "name": incident.metadata.name,
        "group": incident.metadata.group,
        "rule": incident.rule,
        "severity": incident.severity.value,
        "reason": incident.reason,
        "explanation": incident.explanation,
        "runbook": incident.metadata.runbook,
        "cause": "" if incident.cause == incident.explanation else incident.cause,
        "lasted": incident.lasted or "",
        "opened_at": wall_text(incident.opened_at_ns),
        "late": "" if late_s is None else f"{late_s}s",
        "incident": incident.id,
        "sequence": str(incident.sequence),
        "key": notice.key,
    }
    pairs = " ".join(f"{name}={_quoted(text)}" for name, text in words.items() if text)
    return f"{notice.type} {pairs}"


def _quoted(text: str) -> str:
    """As it is when it is one plain word, else escaped and in quotes."""
    if text.isprintable() and not set(text) & set(' "=\\'):
        return text
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(plain)}"'
