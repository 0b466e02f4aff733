"""Planning: one test of a file, checked against its configurations and turned into what a world plays."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from ...domain.limits import RULE_TEST_NS_MAX
from ...domain.specification.configuration import Configuration
from ...domain.specification.matcher import is_glob, parsed
from ...domain.specification.problem import Path, Problem, quoted
from ...domain.specification.rule import illegal_transitions
from ...domain.time.duration import parse_duration
from ...domain.time.moment import wall_ns_of
from ...domain.time.occurrences import Occurrences
from ..script import Script
from .cases import PlannedAct, PlannedExpectation, PlannedTest
from .moments import offset_ns
from .notation import expanded
from .series import UP, CheckSeries, fault_of
from .specification import Act, ExpectedState, RuleTest
from .words import STATUSES, KnownNames

T = TypeVar("T")
EVERY = "*"
_TARGETS = ("pause", "resume", "check_now", "heartbeat")
_USES = {
    "for_": ("silence", "acknowledge", "drill"),
    "until": ("silence",),
    "match": ("silence",),
    "id": ("silence",),
    "failed": ("heartbeat",),
}
"""The acts that each further key belongs to."""


class Planner:
    """Plans one test, and gathers the problems that it has, whose paths begin at the test."""

    def __init__(
        self,
        test: RuleTest,
        configuration: Configuration,
        reloads: Mapping[str, Configuration | None],
        start: str,
    ) -> None:
        self.problems: list[Problem] = []
        self._test, self._configuration, self._reloads = test, configuration, reloads
        given = [each for each in reloads.values() if each is not None]
        self._known = KnownNames([configuration, *given])
        self._targets = {target.id: target for each in (*given, configuration) for target in each.targets}
        self._interval_ns = None if test.interval is None else parse_duration(test.interval)
        if self._interval_ns == 0:
            self._tell("an interval is longer than nothing", ("interval",))
        self._start_ns = self._try(partial(wall_ns_of, start), ("start",)) or 0

    def planned(self, file: str) -> PlannedTest | None:
        """Returns the planned test; None where it has problems."""
        test = self._test
        series = {name: self._series(name, said) for name, said in test.series.items()}
        scripts = dict(self._scripts("scripts", test.scripts, self._known.target_fault))
        channels = dict(self._scripts("channels", test.channels, self._known.channel_fault))
        acts = [act for at, each in enumerate(test.acts) if (act := self._act(each, ("acts", at)))]
        expectations = [*self._expectations()]
        self._check_doubles()
        self._check_reloads(acts)
        if self.problems:
            return None
        last_ns = max(each.at_ns for each in expectations)
        return PlannedTest(
            file=file,
            name=test.name,
            configuration=self._configuration,
            start_ns=self._start_ns,
            series={name: each for name, each in series.items() if each is not None},
            scripts=scripts,
            channels=channels,
            acts=tuple(sorted((act for act in acts if act.at_ns <= last_ns), key=lambda act: act.at_ns)),
            expectations=tuple(sorted(expectations, key=lambda each: each.at_ns)),
        )

    def _try(self, read: Callable[[], T], path: Path) -> T | None:
        """Returns what `read` does; where it fails, its error is a problem of this place."""
        try:
            return read()
        except ValueError as error:
            self.problems.append(Problem(path, str(error)))
            return None

    def _tell(self, fault: str, path: Path, *, at_key: bool = False) -> None:
        if fault:
            self.problems.append(Problem(path, fault, at_key))

    # Targets and channels.

    def _series(self, target: str, said: str | Mapping[str, str]) -> CheckSeries | None:
        path: Path = ("series", target)
        self._tell(self._known.target_fault(target), path, at_key=True)
        figures = {UP: said} if isinstance(said, str) else said
        if not figures:
            self._tell("names no figure: write {response_time: 120x10}, or 1x10 for good checks", path)
        read: dict[str, list[float | None]] = {}
        for name, text in figures.items():
            place = path if isinstance(said, str) else (*path, name)
            values = self._try(partial(expanded, text), place)
            if values is not None:
                self._tell(fault_of(name, values), place)
                read[name] = values
        watched = self._targets.get(target)
        if watched is None or not read or self.problems:
            return None
        if watched.heartbeat is not None and set(read) != {UP}:
            self._tell("a heartbeat reports 1 for well and 0 for failed: it has no other figures", path)
            return None
        occurrences = None if watched.heartbeat is None else watched.heartbeat.occurrences
        if occurrences is None or self._interval_ns is not None:
            return CheckSeries(read, self._interval_ns or watched.every_ns)
        return CheckSeries(read, watched.every_ns, self._moments(occurrences, len(read[UP])))

    def _moments(self, occurrences: Occurrences, count: int) -> list[int]:
        """Returns the first moments of a schedule in the test, in nanoseconds since its beginning."""
        moments: list[int] = []
        at_ns = occurrences.next_after(self._start_ns - 1)
        while at_ns is not None and len(moments) < count and at_ns - self._start_ns <= RULE_TEST_NS_MAX:
            moments.append(at_ns - self._start_ns)
            at_ns = occurrences.next_after(at_ns)
        return moments

    def _scripts(
        self, key: str, scripts: Mapping[str, str], fault: Callable[[str], str]
    ) -> Iterator[tuple[str, Script]]:
        for name, text in scripts.items():
            self._tell(fault(name), (key, name), at_key=True)
            script = self._try(partial(Script.parse, text), (key, name))
            if script is not None:
                yield name, script

    def _check_doubles(self) -> None:
        for name in self._test.series.keys() & self._test.scripts.keys():
            self._tell("this target has a series and a script: keep one", ("scripts", name), at_key=True)

    # Acts.

    def _act(self, act: Act, path: Path) -> PlannedAct | None:
        kind = act.given()
        at_ns = self._try(partial(offset_ns, act.at, self._start_ns), (*path, "at"))
        for key, kinds in _USES.items():
            if getattr(act, key) and kind not in kinds:
                name = key.rstrip("_")
                self._tell(f"{name} says nothing of {kind}: it belongs to {', '.join(kinds)}", (*path, name))
        for name in _TARGETS:
            if (target := getattr(act, name)) is not None:
                self._tell(self._known.target_fault(target), (*path, name))
        for name in ("acknowledge", "unacknowledge"):
            if (place := getattr(act, name)) is not None:
                self._tell(self._known.place_fault(place), (*path, name))
        if act.drill is not None:
            self._tell(self._known.route_fault(act.drill), (*path, "drill"))
        if act.silence is not None:
            self._silence(act, act.silence, path)
        self._try(partial(parsed, act.match), (*path, "match"))
        length_ns = None if at_ns is None else self._length_ns(act, at_ns, path)
        return (
            None if at_ns is None else PlannedAct(at_ns, act, length_ns, self._reloads.get(act.reload or ""))
        )

    def _silence(self, act: Act, target: str, path: Path) -> None:
        if (act.for_ is None) == (act.until is None):
            self._tell("a silence ends: give `for` or `until`, one of the two", path)
        if not target:
            self._tell(f"names no target: write its id, a glob such as shop*, or {EVERY}", (*path, "silence"))
        elif not is_glob(target):
            self._tell(self._known.target_fault(target), (*path, "silence"))

    def _length_ns(self, act: Act, at_ns: int, path: Path) -> int | None:
        if act.until is None:
            return None if act.for_ is None else parse_duration(act.for_)
        until_ns = self._try(partial(offset_ns, act.until, self._start_ns), (*path, "until"))
        if until_ns is not None and until_ns <= at_ns:
            self._tell(f"{act.until} is not after {act.at}: the silence would mute nothing", (*path, "until"))
        return None if until_ns is None else until_ns - at_ns

    def _check_reloads(self, acts: list[PlannedAct]) -> None:
        """A rule may not go back in its life: an active one has sent notices."""
        present = {target.id: target for target in self._configuration.targets}
        for planned in sorted(acts, key=lambda each: each.at_ns):
            if planned.configuration is None:
                continue
            place: Path = ("acts", self._test.acts.index(planned.act), "reload")
            for target in planned.configuration.targets:
                if target.id in present:
                    for fault in illegal_transitions(present[target.id].judged_rules, target.judged_rules):
                        self._tell(f"target {quoted(target.id)}: {fault}", place)
            present = {target.id: target for target in planned.configuration.targets}

    # Expectations.

    def _expectations(self) -> Iterator[PlannedExpectation]:
        for at, expected in enumerate(self._test.expect):
            path: Path = ("expect", at)
            at_ns = self._try(partial(offset_ns, expected.at, self._start_ns), (*path, "at"))
            self._check_expected(expected, path)
            if at_ns is not None:
                yield PlannedExpectation(at_ns, expected, 0, 0)

    def _check_expected(self, expected: ExpectedState, path: Path) -> None:
        if expected.open is None and expected.notices is None and expected.status is None:
            self._tell("expects nothing: give open, notices or status", path)
        for at, text in enumerate(expected.open or ()):
            self._tell(self._known.incident_fault(text), (*path, "open", at))
        for name, status in (expected.status or {}).items():
            self._tell(self._known.target_fault(name), (*path, "status", name), at_key=True)
            if status not in STATUSES:
                self._tell(
                    f"{quoted(status)} is no status: it is one of {', '.join(STATUSES)}",
                    (*path, "status", name),
                )
        for channel, notices in (expected.notices or {}).items():
            place = (*path, "notices", channel)
            self._tell(self._known.channel_fault(channel), place, at_key=True)
            for at, notice in enumerate(notices):
                self._check_notice(notice, (*place, at))

    def _check_notice(self, notice: str | Mapping[str, tuple[str, ...]], path: Path) -> None:
        if isinstance(notice, str):
            self._tell(self._known.notice_fault(notice), path)
            return
        if len(notice) != 1:
            self._tell("a digest has one change, as {opened: [shop/down, cart/down]}", path)
        for change, members in notice.items():
            for at, place in enumerate(members):
                fault = self._known.notice_fault(f"{place} {change}")
                self._tell(fault, (*path, change, at))
