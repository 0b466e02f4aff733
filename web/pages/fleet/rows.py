"""The row of one target: its state, its days, its latency of a day and of now."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from ....domain.read_model.days import FleetDays, TargetDays
from ....domain.read_model.dissent import dissent_of
from ....domain.read_model.status import TargetStatus
from ....domain.rules.aggregate import Status
from ....domain.specification.matcher import Subject
from ....domain.suppression.agenda import PlannedSpan, WorkInForce
from ....host.access.fleet_history import FleetHours
from ....host.access.page_cache import PageParts
from ..charts.day_strip import WORDS, day_marks
from ..environment import environment
from ..frame import PageFrame
from ..words import DASH, duration, latency, percent

SPARK_PX, SPARK_STEP_PX = 20, 4
"""The height of a sparkline, and the distance of two of its hours."""


class FleetPast(NamedTuple):
    """The past that rows show; without a store there is none."""

    days: FleetDays | None
    hours: FleetHours | None

    @property
    def length(self) -> int:
        """How many days there are."""
        return 0 if self.days is None else self.days.until_day - self.days.since_day


def state_of(target: TargetStatus) -> Status:
    """Returns the state of a target, which gives it its shape; a paused one is that above all."""
    return Status.PAUSED if target.paused else target.status


def name_of(target: TargetStatus) -> str:
    """Returns the name that people know a target by."""
    return target.metadata.name or target.id


def in_path(name: str) -> str:
    """Returns a name as a segment of an address holds it."""
    return name if name.isalnum() and name.isascii() else quote(name.encode("utf-8", "replace"), safe="")


def work_of(target: TargetStatus, work: WorkInForce) -> PlannedSpan | None:
    """Returns the maintenance in force of a target, if there is any."""
    return work.of(Subject(target.id, target.metadata))


def row_maker(
    frame: PageFrame, past: FleetPast, worked_on: AbstractSet[str], parts: PageParts
) -> Callable[[TargetStatus], str]:
    """Returns what makes the row of a target; a row that shows the same as before is taken from `parts`.

    `worked_on` are the targets in maintenance.
    """
    fleet, hours, count = past.days, past.hours, past.length
    since_day = 0 if fleet is None else fleet.since_day
    template = _template()

    def make(target: TargetStatus) -> str:
        days = None if fleet is None else fleet.of(target.id)
        name, state = name_of(target), state_of(target)
        mark = "silenced" if target.silences else "in maintenance" if target.id in worked_on else ""
        apart = dissent_of(target.sample)
        uptime = DASH if days is None else percent(days.uptime)
        runs = () if days is None else days.runs

        def whole() -> tuple[Markup, Markup]:
            spark, bad = ("", "") if hours is None else spark_of(target.id, hours)
            marks = [] if days is None else day_marks(days, since_day)
            said = "" if days is None else days_in_words(days, count)
            since = frame.iso(target.since_ns)
            return (
                template.begin(frame.root, target.id, in_path(target.id), name, state.value, since),
                template.rest(mark, apart, days is not None, marks, said, uptime, spark, bad),
            )

        shows = name, state, target.since_ns, mark, apart, runs, uptime, hours, since_day
        begin, rest = parts.get((frame.root, count, target.id), shows, whole)
        latency_ns = None if target.sample is None else target.sample.latency_ns
        # Two parts that change seldom, and a figure behind each.
        return f"{begin}{duration(frame.since(target.since_ns))}{rest}{latency(latency_ns)}"

    return make


@cache
def _template() -> Any:
    """Returns the two macros of a row."""
    return environment().get_template("overview_row.html").module


def days_in_words(days: TargetDays, count: int) -> str:
    """Returns the days in a few words: `28 calm, 2 down`."""
    lengths: dict[str, int] = {}
    for run in days.runs:
        word = WORDS[run.state]
        lengths[word] = lengths.get(word, 0) + run.length
    calm = count - sum(lengths.values())
    said = [f"{length} {word}" for word, length in lengths.items()]
    return ", ".join([f"{calm} calm", *said] if calm else said)


def spark_of(target: str, hours: FleetHours) -> tuple[str, str]:
    """Returns the path of the mean latency of each hour, and that of the hours with a failure.

    A day that hardly varies is a flat line: the least and the greatest value are as far apart as the mean, at least.
    """
    values = hours.latency_ms(target)
    found = [value for value in values if value is not None]
    bad = [number for number, is_bad in enumerate(hours.is_bad(target)) if is_bad]
    strokes = "".join(f"M{number * SPARK_STEP_PX} 1h{SPARK_STEP_PX}" for number in bad)
    if not found:
        return "", strokes
    low, high = min(found), max(found)
    scale = (SPARK_PX - 3) / max(high - low, (high + low) / 2, 1e-9)
    path: list[str] = []
    before: int | None = None
    for number, value in enumerate(values):
        if value is None:
            before = None
            continue
        y = SPARK_PX - int((value - low) * scale)
        # The short stroke shows an hour that has no neighbour.
        path.append(
            f"M{number * SPARK_STEP_PX + 1} {y}h1" if before is None else f"l{SPARK_STEP_PX} {y - before}"
        )
        before = y
    return "".join(path).replace(" -", "-"), strokes
