"""Templates of texts: placeholders such as `{title}`, and nothing else that could run or fail."""

import re
from collections.abc import Callable, Iterator

import msgspec
from msgspec import UNSET

from ..incidents.notice import Notice
from ..limits import PLACEHOLDER_CHARACTERS_MAX
from ..line import one_line
from ..specification.problem import quoted, suggestion
from ..time.moment import wall_text
from .notice_text import NoticeText, name_of

PLACEHOLDERS = (
    "acknowledged_by",
    "body",
    "cause",
    "change",
    "channel",
    "explanation",
    "group",
    "incident",
    "key",
    "lasted",
    "latest",
    "link",
    "name",
    "note",
    "opened_at",
    "reason",
    "resolved_at",
    "rule",
    "runbook",
    "severity",
    "status",
    "target",
    "thread",
    "title",
)
"""The words that may stand in braces; each is one line but `body`, and empty where there is nothing to say."""
_PLACE = re.compile(r"\{\{([A-Za-z_]+)\}\}|\{([A-Za-z_]+)\}")
"""A word in braces; in two of each it stands for itself. Any other brace, such as those of JSON, is text."""


class Template(msgspec.Struct, frozen=True):
    """A text with placeholders, filled in one pass: what a value holds is never read as a placeholder."""

    text: str

    def faults(self) -> Iterator[str]:
        """Yields what is wrong: each unknown placeholder with the line and column of the template where it stands."""
        for found in _PLACE.finditer(self.text):
            word = found[2]
            if word is not None and word not in PLACEHOLDERS:
                line = self.text.count("\n", 0, found.start()) + 1
                column = found.start() - self.text.rfind("\n", 0, found.start())
                says = (
                    f"{quoted('{' + word + '}')} (line {line}, column {column} of the text) is no placeholder"
                )
                close = suggestion(word, PLACEHOLDERS) or f" (known: {', '.join(PLACEHOLDERS)})"
                yield f"{says}{close}; write {{{{{word}}}}} for the text in braces itself"

    def fill(self, values: dict[str, str], escape: Callable[[str], str] = str) -> str:
        """Returns the text with each placeholder replaced by its value, escaped for where the text stands."""
        return _PLACE.sub(
            lambda found: f"{{{found[1]}}}" if found[2] is None else escape(values[found[2]]), self.text
        )


def values_of(notice: Notice, text: NoticeText) -> dict[str, str]:
    """Returns the value of each placeholder for a notice."""
    incident, stated = notice.incident, notice.incident.metadata
    resolved_ns = incident.resolved_at_ns
    values = {
        "acknowledged_by": incident.acknowledged_by or "",
        "body": text.body,
        "cause": incident.cause,
        "change": notice.type.rpartition(".")[2],
        "channel": notice.channel,
        "explanation": incident.explanation,
        "group": stated.group if notice.digest is UNSET else notice.digest.group,
        "incident": incident.id,
        "key": notice.key,
        "lasted": incident.lasted or "",
        "latest": incident.latest,
        "link": text.link,
        "name": name_of(incident),
        "note": incident.note,
        "opened_at": wall_text(incident.opened_at_ns),
        "reason": incident.reason,
        "resolved_at": "" if resolved_ns is None else wall_text(resolved_ns),
        "rule": incident.rule,
        "runbook": stated.runbook,
        "severity": incident.severity.value,
        "status": "open" if incident.is_open else "resolved",
        "target": incident.target,
        "thread": notice.thread_id,
        "title": text.title,
    }
    return {name: one_line(value, PLACEHOLDER_CHARACTERS_MAX) for name, value in values.items()} | {
        "body": text.body
    }
