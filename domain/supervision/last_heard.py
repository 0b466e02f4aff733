"""Last heard: when each target last gave evidence or reported, in a form that a restart resumes."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from .. import limits
from ..incidents.record import HeardMark, Renamed
from ..observation.outcome import SILENCES
from ..observation.sample import Sample
from ..time.moment import Moment
from .runs import OpenRun

RUNTIME = ""
"""The name of the mark that says until when a process kept this record; no target has it."""


class LastHeard(msgspec.Struct, frozen=True, gc=False):
    """When a target was last heard, on the clock of this process."""

    target: str
    at: Moment | None
    """Its last report or evidence, or when its wait began; None where it is tracked no longer."""
    missed_at: Moment | None = None
    """When the newest missed report was counted, which may be long after it was due; the record has it already."""
    stopped_ns: int = 0
    """How long no process ran after that, which both moments leave out; 0 once a supervisor has settled whether it counts."""
    reports: bool = False
    """Whether it reports by itself, as a supervisor states; what it reports is written with the next commit."""
    run: OpenRun | UnsetType = UNSET
    """Its run that has begun and not ended; UNSET, and left out of the bytes, without one."""

    @property
    def heard_ns(self) -> int | None:
        """The later one of the last report and the last miss on the wall clock, however long no process ran after that."""
        known = [each.wall_ns for each in (self.at, self.missed_at) if each is not None]
        return max(known) - self.stopped_ns if known else None

    def settled(self, *, reports: bool) -> "LastHeard":
        """Returns the same with the stop counted where it counts.

        A stop up to `OUTAGE_TOLERANCE_NS` counts for a target that reports by itself. A longer one does not, as no report
        could arrive, nor does any for a target that is checked.
        """
        counts = reports and self.stopped_ns <= limits.OUTAGE_TOLERANCE_NS
        by_ns = -self.stopped_ns if counts else 0
        at, missed_at = (each and each.shifted(by_ns) for each in (self.at, self.missed_at))
        run = self.run
        if run is not UNSET:
            # A job runs on while no process listens: the stop counts for its length, however long it is.
            run = OpenRun(run.id, run.at.shifted(-self.stopped_ns))
        return LastHeard(self.target, at, missed_at, reports=reports, run=run)


class HeardRegister:
    """When each target was last heard, on the clock of this process; owned by the sink.

    A mark becomes wall time when it is written, from the time elapsed since then, so that a clock that was set in between
    changes nothing. Evidence of checked targets is written once a minute and at the end; reports, missed ones, and
    what a supervisor states are written with the next commit. No mark moves back: a statement that comes after a newer
    sample is older than what is known, and a miss that was counted would be counted again by the next process.
    """

    def __init__(self) -> None:
        self._heard: dict[str, Moment] = {}
        self._missed: dict[str, Moment] = {}
        self._runs: dict[str, OpenRun] = {}
        self._reporting: set[str] = set()
        self._restored: dict[str, LastHeard] = {}
        self._written: Moment | None = None
        self._changed: dict[str, None] = {}
        self._urgent: dict[str, None] = {}

    def restore(self, marks: Iterable[HeardMark], now: Moment) -> None:
        """Takes over the marks of an earlier process."""
        by_name = {mark.target: mark for mark in marks}
        runtime = by_name.pop(RUNTIME, None)
        alive_ns = now.wall_ns if runtime is None or runtime.at_ns is None else runtime.at_ns
        self._restored = {name: _restored(mark, alive_ns, now) for name, mark in by_name.items()}

    def known(self) -> tuple[LastHeard, ...]:
        """Returns what is known of every target, for a supervisor that starts."""
        heard = [
            LastHeard(target, at, self._missed.get(target), run=self._runs.get(target, UNSET))
            for target, at in self._heard.items()
        ]
        return (*self._restored.values(), *heard)

    def take(self, samples: Iterable[Sample], now: Moment, *, are_judged: bool = True) -> None:
        """Notes what samples say: that a target was heard, or that a report was missed.

        A miss is noted as of now: moments between its own and now were skipped, and no restart counts them either. It is noted
        only with its judgement, in whose batch the mark goes; one whose judgement was refused is judged again.
        """
        for sample in samples:
            target = sample.target
            if sample.ended_run is not UNSET:
                self._end_run(target, sample.at)
            if sample.is_sign_of_life:
                before = self._heard.get(target)
                if before is not None and before.monotonic_ns > sample.at.monotonic_ns:
                    continue  # a report that is judged again is older than what is known
                self._heard[target] = sample.at
                (self._urgent if target in self._reporting else self._changed)[target] = None
                if self._restored:
                    self._restored.pop(target, None)
            elif are_judged and sample.reason in SILENCES:
                restored = self._restored.get(target)
                if restored is not None:
                    # The statement of the supervisor that counted the miss is still under way.
                    self.note(restored.settled(reports=True))
                self._missed[target] = now
                self._urgent[target] = None

    def note_all(self, noted: Iterable[LastHeard]) -> None:
        """Notes what a supervisor states of several targets."""
        for each in noted:
            self.note(each)

    def note(self, noted: LastHeard) -> None:
        """Notes what a supervisor states of a target."""
        target = noted.target
        self._note_run(target, noted, was_restored=self._restored.pop(target, None) is not None)
        self._urgent[target] = None
        if noted.at is None or not noted.reports:
            self._reporting.discard(target)
        if noted.at is None:
            self._heard.pop(target, None)
            self._missed.pop(target, None)
            return
        self._heard[target] = _later(self._heard.get(target), noted.at)
        if noted.reports:
            self._reporting.add(target)
        if noted.missed_at is not None:
            self._missed[target] = _later(self._missed.get(target), noted.missed_at)

    def _note_run(self, target: str, noted: LastHeard, *, was_restored: bool) -> None:
        run = noted.run
        if run is UNSET:
            self._runs.pop(target, None)
            return
        known = self._runs.get(target)
        is_same = known is not None and (known.id, known.at.wall_ns) == (run.id, run.at.wall_ns)
        # The same run is older than it seemed where the machine has slept meanwhile.
        if known is None or was_restored or is_same or known.at.monotonic_ns < run.at.monotonic_ns:
            self._runs[target] = run

    def _end_run(self, target: str, at: Moment) -> None:
        """Forgets the run that a report ended; one that began after this report goes on."""
        run = self._runs.get(target)
        if run is not None and run.at.monotonic_ns <= at.monotonic_ns:
            del self._runs[target]
            self._urgent[target] = None

    def rename(self, renamed: Renamed) -> None:
        """Gives the marks of an earlier process to a target that has none under its present name."""
        for name in renamed.former:
            before = self._restored.pop(name, None)
            if before is None:
                continue
            # Taken away with the write that has the mark under the present name at the latest.
            self._changed[name] = None
            if renamed.target not in self._restored and renamed.target not in self._heard:
                self._restored[renamed.target] = replace(before, target=renamed.target)

    @property
    def has_urgent(self) -> bool:
        """Whether a mark does not wait for other records to be committed."""
        return bool(self._urgent)

    def urgent(self, now: Moment) -> list[HeardMark]:
        """Returns the marks that go with the next commit, first that a process keeps the record until now."""
        before, self._written = self._written or now, now
        # A wall clock that was set has every mark written again.
        if abs(now.wall_ns - before.wall_ns - now.since(before)) >= limits.CLOCK_STEP_NS:
            self._urgent |= dict.fromkeys(self._heard)
        urgent, self._urgent = self._urgent, {}
        return [HeardMark(RUNTIME, now.wall_ns), *self._marks(urgent, now)]

    def write_again(self) -> None:
        """Has every mark written with the next commit: the record may have lost some."""
        self._urgent |= dict.fromkeys(self._heard)

    def changed(self, now: Moment) -> list[HeardMark]:
        """Returns every mark that differs from the record."""
        changed, self._changed = self._changed, {}
        # A target that no supervisor has settled by now is written without the stop; later stops add up to it.
        unsettled = [
            _mark(each.target, each.at, each.missed_at, each.run or None, now)
            for each in self._restored.values()
        ]
        return [*self.urgent(now), *self._marks(changed, now), *unsettled]

    def _marks(self, targets: Iterable[str], now: Moment) -> list[HeardMark]:
        heard, missed, runs = self._heard, self._missed, self._runs
        return [
            _mark(target, heard.get(target), missed.get(target), runs.get(target), now) for target in targets
        ]


def _later(known: Moment | None, stated: Moment) -> Moment:
    return stated if known is None or known.monotonic_ns < stated.monotonic_ns else known


def _mark(
    target: str, at: Moment | None, missed_at: Moment | None, run: OpenRun | None, now: Moment
) -> HeardMark:
    heard_ns, missed_ns = _wall_ns(at, now), _wall_ns(missed_at, now)
    if run is None:
        return HeardMark(target, heard_ns, missed_ns)
    return HeardMark(target, heard_ns, missed_ns, run.id, _wall_ns(run.at, now))


def _wall_ns(at: Moment | None, now: Moment) -> int | None:
    return None if at is None else now.wall_ns - now.since(at)


def _restored(mark: HeardMark, alive_ns: int, now: Moment) -> LastHeard:
    """Returns a mark on the clock of this process; a process kept the record until `alive_ns`.

    A report that was written to the store while none ran is newer than that: the stop counts from it on.
    """
    reported_ns = alive_ns if mark.at_ns is None else mark.at_ns
    alive_ns = max(alive_ns, reported_ns)

    def moment(wall_ns: int | None) -> Moment | None:
        return None if wall_ns is None else now.shifted(-max(0, alive_ns - wall_ns))

    # A wall clock that was set back while nothing ran makes no stop negative.
    began = moment(mark.run_at_ns)
    return LastHeard(
        mark.target,
        moment(mark.at_ns),
        moment(mark.missed_at_ns),
        max(0, now.wall_ns - alive_ns),
        run=UNSET if began is None else OpenRun(mark.run or "", began),
    )
