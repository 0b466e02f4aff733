"""Running planned tests: a world plays each course of events, and what it shows is compared with what is expected."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from heapq import merge
from typing import NamedTuple

from ...domain.errors import WatchkeeperError
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import Notice
from ...domain.incidents.record import ALL
from ...domain.time.duration import format_duration
from ...domain.time.moment import names_moment, wall_text
from ..clock import ManualClock
from ..forecast import quiet
from ..world import World
from .cases import PlannedAct, PlannedExpectation, PlannedTest
from .planning import EVERY
from .words import change_of, incident_text, is_expected, members_of

_Event = tuple[int, int, Callable[[], object]]
ExpectedNotice = str | Mapping[str, tuple[str, ...]]


class Mismatch(NamedTuple):
    """One difference between what is expected and what was seen."""

    at_ns: int
    """Since the beginning of the test."""
    wall_ns: int
    line: int
    column: int
    what: str
    """The channel, `open incidents`, or the target whose status it is."""
    expected: tuple[str, ...]
    seen: tuple[str, ...]
    why: tuple[str, ...] = ()
    """The reasons for which notices wait."""
    at: str = ""
    """`at` as the expectation has it, where that is a length of time."""


class RuleTestResult(NamedTuple):
    """The result of one test."""

    planned: PlannedTest
    mismatches: tuple[Mismatch, ...] = ()
    error: str = ""
    """Why the test could not go on to its end; empty where it has."""

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.mismatches and not self.error


class _Taken(NamedTuple):
    """A notice as a receiver took it first."""

    wall_ns: int
    notice: Notice

    @property
    def text(self) -> str:
        """The notice as an expectation writes it."""
        return f"{self.notice.subject} {change_of(self.notice)}"

    @property
    def shown(self) -> str:
        """The same with its members and its moment."""
        members = members_of(self.notice)
        of = f" ({', '.join(members)})" if members != [self.notice.subject] else ""
        return f"{self.text}{of} at {_clock(self.wall_ns)}"

    def is_as(self, expected: ExpectedNotice) -> bool:
        if isinstance(expected, str):
            return expected == self.text
        ((change, members),) = expected.items()
        return change == change_of(self.notice) and sorted(members) == members_of(self.notice)


def run_test(planned: PlannedTest) -> RuleTestResult:
    """Runs one test in virtual time, and returns its result. Blocks; nothing is probed, and no notice leaves the process."""
    with quiet():
        return _Course(planned).run()


class _Course:
    """The course of one test."""

    def __init__(self, planned: PlannedTest) -> None:
        self._planned = planned
        clock = ManualClock(wall_ns=planned.start_ns)
        self._world = World(planned.configuration, clock=clock, is_wall_steady=True)
        self._begun_ns = self._world.now.monotonic_ns
        for target, series in planned.series.items():
            if target not in self._reporting():
                self._world.prober.script(target, series)
        for target, script in planned.scripts.items():
            self._world.prober.script(target, script)
        for channel, receiver in planned.channels.items():
            if channel in self._world.messengers:
                self._world.messengers[channel].script(receiver)
        self._seen: dict[str, int] = {}
        """By channel the number of its notices that were compared."""
        self._mismatches: list[Mismatch] = []

    def _reporting(self) -> set[str]:
        """Returns the targets of the test that report by themselves."""
        return {target.id for target in self._planned.configuration.targets if target.heartbeat is not None}

    def run(self) -> RuleTestResult:
        try:
            for at_ns, happens in self._events():
                self._advance(at_ns)
                happens()
        except (WatchkeeperError, LookupError, AssertionError, ValueError) as error:
            passed_ns = self._world.now.monotonic_ns - self._begun_ns
            said = str(error.args[0]) if error.args else repr(error)
            text = f"after {format_duration(passed_ns)}: {said}"
            return RuleTestResult(self._planned, tuple(self._mismatches), text)
        return RuleTestResult(self._planned, tuple(self._mismatches))

    def _advance(self, at_ns: int) -> None:
        left_ns = self._begun_ns + at_ns - self._world.now.monotonic_ns
        if left_ns > 0:
            self._world.run(f"{left_ns}ns")

    def _events(self) -> Iterator[tuple[int, Callable[[], object]]]:
        """Yields what happens, in the order of time: at one moment reports, then acts, then comparisons."""
        planned = self._planned
        reports = [self._reports(target) for target in planned.series if target in self._reporting()]
        acts: Iterator[_Event] = ((act.at_ns, 1, partial(self._act, act)) for act in planned.acts)
        compared: Iterator[_Event] = (
            (each.at_ns, 2, partial(self._compare, each)) for each in planned.expectations
        )
        for at_ns, _, happens in merge(*reports, acts, compared, key=lambda event: event[:2]):
            yield at_ns, happens

    def _reports(self, target: str) -> Iterator["_Event"]:
        for at_ns, ok in self._planned.series[target].reports():
            if at_ns <= self._planned.length_ns:
                yield at_ns, 0, partial(self._world.heartbeat, target, ok=ok)

    # Acts.

    def _act(self, planned: PlannedAct) -> None:
        world, act = self._world, planned.act
        length = "" if planned.length_ns is None else f"{planned.length_ns}ns"
        match act.given():
            case "silence":
                muted = ALL if act.silence == EVERY else act.silence or ""
                world.silence(muted, length, by=act.by, id=act.id, match=act.match)
            case "acknowledge":
                world.acknowledge(self._open(act.acknowledge or ""), act.by, until=length)
            case "unacknowledge":
                world.unacknowledge(self._open(act.unacknowledge or ""), act.by)
            case "unsilence":
                world.unsilence(act.unsilence or "", by=act.by)
            case "pause":
                world.pause(act.pause or "")
            case "resume":
                world.resume(act.resume or "")
            case "check_now":
                world.check_now(act.check_now or "")
            case "heartbeat":
                world.heartbeat(act.heartbeat or "", ok=not act.failed)
            case "drill":
                world.drill(act.drill or "", act.by, length)
            case "restart":
                world.restart(act.restart or "")
            case _:
                self._reload(planned)

    def _reload(self, planned: PlannedAct) -> None:
        if planned.configuration is not None:
            self._world.reload(planned.configuration)

    def _open(self, place: str) -> str:
        """Returns the id of an open incident. Raises: LookupError where none is open."""
        found = [each for each in self._incidents() if f"{each.target}/{each.rule}" == place]
        if not found:
            there = ", ".join(map(incident_text, self._incidents())) or "none"
            raise LookupError(f"{place} is not open, so that it cannot be acknowledged; open are: {there}")
        return found[0].id

    def _incidents(self) -> tuple[Incident, ...]:
        return self._world.incidents(open_only=True)

    # Comparisons.

    def _compare(self, planned: PlannedExpectation) -> None:
        expected = planned.expected
        if expected.open is not None:
            self._compare_open(planned, expected.open)
        if expected.notices is not None:
            self._compare_notices(planned, expected.notices)
        rows = {row.id: row.status.value for row in self._world.status().targets} if expected.status else {}
        for target, status in (expected.status or {}).items():
            if rows.get(target, "") != status:
                self._note(planned, f"status of {target}", (status,), (rows.get(target, "not watched"),))

    def _note(
        self,
        planned: PlannedExpectation,
        what: str,
        expected: tuple[str, ...],
        seen: tuple[str, ...],
        why: tuple[str, ...] = (),
    ) -> None:
        wall_ns = self._planned.start_ns + planned.at_ns
        place = planned.line, planned.column
        at = "" if names_moment(planned.expected.at) else planned.expected.at
        self._mismatches.append(Mismatch(planned.at_ns, wall_ns, *place, what, expected, seen, why, at))

    def _compare_open(self, planned: PlannedExpectation, expected: tuple[str, ...]) -> None:
        left = list(self._incidents())
        missing = []
        for text in expected:
            found = next((incident for incident in left if is_expected(text, incident)), None)
            if found is None:
                missing.append(text)
            else:
                left.remove(found)
        if missing or left:
            seen = tuple(
                f"{incident_text(each)} since {_clock(each.opened_at_ns)}" for each in self._incidents()
            )
            self._note(planned, "open incidents", expected, seen)

    def _compare_notices(
        self, planned: PlannedExpectation, expected: Mapping[str, tuple[ExpectedNotice, ...]]
    ) -> None:
        for channel in sorted(self._world.messengers.keys() | expected.keys()):
            wanted, taken = expected.get(channel, ()), self._taken(channel)
            alike = len(wanted) == len(taken) and all(map(_Taken.is_as, taken, wanted))
            if not alike:
                texts = tuple(map(_notice_text, wanted))
                self._note(planned, channel, texts, tuple(each.shown for each in taken), self._waits(channel))

    def _taken(self, channel: str) -> list[_Taken]:
        """Returns the notices that a channel has taken since the last comparison."""
        if channel not in self._world.messengers:
            return []
        first: dict[str, _Taken] = {}
        for post in self._world.messengers[channel].posts:
            if post.accepted and not post.notice.is_test:
                first.setdefault(post.notice.key, _Taken(post.at.wall_ns, post.notice))
        taken = [*first.values()]
        before, self._seen[channel] = self._seen.get(channel, 0), len(taken)
        return taken[before:]

    def _waits(self, channel: str) -> tuple[str, ...]:
        """Returns why notices for a channel wait now."""
        status = self._world.status()
        named = {each.id: f"{each.target}/{each.rule}" for each in self._world.incidents()}
        return tuple(
            f"{named.get(wait.incident_id, wait.incident_id)} waits: {wait.hold.said(_clock)}"
            for wait in status.waits
            if wait.channel == channel
        )


def _notice_text(expected: ExpectedNotice) -> str:
    if isinstance(expected, str):
        return expected
    ((change, members),) = expected.items()
    return f"{{{change}: [{', '.join(members)}]}}"


def _clock(wall_ns: int) -> str:
    """Returns a moment as `12:06:00`, with its fraction where it has one, and with its day beside others in a difference."""
    text = wall_text(wall_ns)
    return text[11:-1].removesuffix(".000")
