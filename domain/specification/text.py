"""The constrained texts that specifications are written in."""

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec

from .. import limits, line

# The end is `(?![\s\S])`, not `$`: that would let a trailing line end through, and `\Z` is unknown to JSON Schema.
# Each is a part of an address, and a browser takes `.` and `..` out of one before it asks, written as `%2e` or not.
_SEGMENT = r"(?!\.\.?(/|(?![\s\S])))[^\s\x00-\x1f\x7f/]([^\x00-\x1f\x7f/]*[^\s\x00-\x1f\x7f/])?"
NAME_PATTERN = rf"^{_SEGMENT}(?![\s\S])"
GROUP_PATTERN = rf"^{_SEGMENT}(/{_SEGMENT})*(?![\s\S])"
TITLE_PATTERN = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?(?![\s\S])"
LABEL_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.-]*(?![\s\S])"
CAPTURE_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(?![\s\S])"
LABEL_PATTERN = r"^[^\x00-\x1f\x7f]+(?![\s\S])"
DURATION_PATTERN = r"^(([0-9]+(\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w))+(?![\s\S])"
CRON_PATTERN = r"^\S+( +\S+){4}(?![\s\S])"
ZONE_PATTERN = r"^[A-Za-z][A-Za-z0-9_+/-]*(?![\s\S])"
MOMENT_PATTERN = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?(?![\s\S])"
RATE_PATTERN = r"^[0-9]{1,6}/[0-9.a-zµμ]*[a-zµμ](?![\s\S])"
PERCENT_PATTERN = r"^[0-9]{1,2}(\.[0-9]{1,6})?%(?![\s\S])"
ACCEPTED_PATTERN = r"^([23]xx|[23][0-9][0-9])(?![\s\S])"
ROUTING_KEY_PATTERN = r"^[A-Za-z0-9]{32}(?![\s\S])"
TOPIC_PATTERN = r"^[-_A-Za-z0-9]{1,64}(?![\s\S])"
METHOD_PATTERN = r"^[A-Z]{1,16}$"
PING_KEY_PATTERN = r"^[A-Za-z0-9_-]{16,128}(?![\s\S])"
SHA256_PATTERN = r"^[0-9a-f]{64}(?![\s\S])"
DESCRIPTION_PATTERN = r"^[^\x00-\x08\x0b-\x1f\x7f]+(?![\s\S])"
NAME_FORM = (
    f"1 to {limits.NAME_CHARACTERS_MAX} characters, no slash, no control character, no blank at either end,"
    " and neither . nor .. alone"
)

FORMS = {
    NAME_PATTERN: f"id: {NAME_FORM}",
    GROUP_PATTERN: (
        "group: write names with a slash between two of them, like shop/api;"
        " no name is empty, . or .., begins or ends with a blank, or holds a control character"
    ),
    TITLE_PATTERN: "name for people: write one line without a blank at either end or a control character",
    LABEL_NAME_PATTERN: (
        "name of a label: write letters, digits, dots, hyphens and underscores, first a letter or an underscore"
    ),
    CAPTURE_NAME_PATTERN: "name of a captured value: write letters, digits and underscores, first no digit",
    LABEL_PATTERN: "text of a label: write one line that is not empty, without a control character",
    CRON_PATTERN: (
        "cron schedule: write minute, hour, day of the month, month and day of the week, like 0 22 * * MON-FRI"
    ),
    ZONE_PATTERN: "time zone: write its name, like Europe/Berlin or UTC",
    MOMENT_PATTERN: "moment: write it like 2026-12-24T20:00:00Z",
    RATE_PATTERN: "rate: write a number, a slash and a length of time, like 10/1m",
    PERCENT_PATTERN: "share in percent below 100: write it like 99.9%",
    ACCEPTED_PATTERN: "status of an answer: write one such as 204, or 2xx or 3xx for all of a hundred",
    ROUTING_KEY_PATTERN: "integration key: copy it from the service in PagerDuty, 32 letters and digits",
    TOPIC_PATTERN: "topic: write 1 to 64 letters, digits, hyphens and underscores",
    METHOD_PATTERN: "method: write it in capital letters, like GET",
    PING_KEY_PATTERN: "key for reports: write 16 to 128 letters, digits, hyphens and underscores",
    SHA256_PATTERN: "SHA-256: write the 64 digits and small letters that `watchkeeper token` and sha256sum print",
    DESCRIPTION_PATTERN: "description: write a text that is not empty; of control characters it may hold tabs and line ends",
}
"""The name of each pattern's texts, and how they are written."""


def _constrained(pattern: str, characters_max: int, description: str | None = None) -> msgspec.Meta:
    return msgspec.Meta(max_length=characters_max, pattern=pattern, description=description)


Name = Annotated[str, _constrained(NAME_PATTERN, limits.NAME_CHARACTERS_MAX, f"An id: {NAME_FORM}.")]
Group = Annotated[str, _constrained(GROUP_PATTERN, limits.GROUP_CHARACTERS_MAX)]
Title = Annotated[str, _constrained(TITLE_PATTERN, limits.NAME_CHARACTERS_MAX)]
LabelName = Annotated[str, _constrained(LABEL_NAME_PATTERN, limits.NAME_CHARACTERS_MAX)]
CaptureName = Annotated[str, _constrained(CAPTURE_NAME_PATTERN, limits.NAME_CHARACTERS_MAX)]
LabelText = Annotated[str, _constrained(LABEL_PATTERN, limits.LABEL_CHARACTERS_MAX)]
Description = Annotated[str, _constrained(DESCRIPTION_PATTERN, limits.DESCRIPTION_CHARACTERS_MAX)]
Url = Annotated[str, msgspec.Meta(max_length=limits.LINK_CHARACTERS_MAX)]
CronText = Annotated[str, _constrained(CRON_PATTERN, limits.CRON_CHARACTERS_MAX)]
ScheduleText = Annotated[str, msgspec.Meta(max_length=limits.CRON_CHARACTERS_MAX)]
ZoneName = Annotated[str, _constrained(ZONE_PATTERN, limits.ZONE_CHARACTERS_MAX)]
MomentText = Annotated[str, _constrained(MOMENT_PATTERN, limits.MOMENT_CHARACTERS_MAX)]
RateText = Annotated[str, _constrained(RATE_PATTERN, limits.DURATION_CHARACTERS_MAX)]
PercentText = Annotated[str, _constrained(PERCENT_PATTERN, limits.DURATION_CHARACTERS_MAX)]
MatcherText = Annotated[str, msgspec.Meta(max_length=limits.MATCHER_CHARACTERS_MAX)]
Matchers: TypeAlias = Annotated[tuple[MatcherText, ...], msgspec.Meta(max_length=limits.MATCHERS_MAX)]
"""Matchers such as `group=shop`, `team!=payments` or `severity=~info|warning`, of which all must hold."""
SubjectName = LabelName
"""A name that matchers know: `target`, `group`, `rule`, `severity` or the name of a label."""

DurationText = Annotated[
    str,
    msgspec.Meta(
        max_length=limits.DURATION_CHARACTERS_MAX,
        pattern=DURATION_PATTERN,
        description="A duration such as 500ms, 30s, 1m30s, 48h or 7d.",
    ),
]

Pairs: TypeAlias = Mapping[str, str] | tuple[tuple[str, str], ...]
"""Written as a mapping; a specification keeps it as sorted pairs, so that it stays immutable and hashable."""

_FEW = msgspec.Meta(max_length=limits.LABELS_MAX)
Labels: TypeAlias = (
    Annotated[Mapping[LabelName, LabelText], _FEW] | Annotated[tuple[tuple[LabelName, LabelText], ...], _FEW]
)
"""Labels by name, written and kept as `Pairs` are."""


def as_pairs(value: Pairs) -> tuple[tuple[str, str], ...]:
    """The sorted pairs of a mapping, or the pairs as they are."""
    pairs = sorted(value.items()) if isinstance(value, Mapping) else value
    return tuple((str(name), str(text)) for name, text in pairs)


PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
"""A place of a text that is sent: `{{name}}` stands for a value that was captured before under this name."""
MASK = line.MASK
