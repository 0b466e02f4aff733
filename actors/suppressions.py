"""Suppressions: the silences and pauses that operators command, kept for the sink, which writes them."""

from collections.abc import Callable, Iterable
from typing import assert_never

from ..domain.incidents.ledger import Ledger
from ..domain.incidents.pending_batch import Gathering
from ..domain.incidents.record import PauseMark, Restored, Silence
from ..domain.time.moment import Moment
from ..protocol import sink as heard
from ..protocol.recorder import SilencesChanged
from ..protocol.supervisor import SilenceCheckRequested
from .ports import Neighbours


class Suppressions:
    """Owns the pauses, and lets the ledger follow each silence as it begins and ends. Used by the sink alone."""

    def __init__(
        self,
        ledger: Ledger,
        gathered: Gathering,
        neighbours: Neighbours,
        *,
        reconcile: Callable[[Moment], None],
        commit_soon: Callable[[bool], None],
    ) -> None:
        self._ledger, self._gathered = ledger, gathered
        self._to = neighbours
        self._reconcile = reconcile
        self._commit_soon = commit_soon
        self._pauses: dict[str, PauseMark] = {}

    @property
    def pauses(self) -> tuple[PauseMark, ...]:
        """The commanded pauses in force."""
        return tuple(self._pauses.values())

    def restore(self, pauses: Iterable[PauseMark]) -> None:
        """Takes over the pauses of an earlier process."""
        self._pauses = {mark.target: mark for mark in pauses}

    def write_again(self, restored: Restored) -> None:
        """Gathers every pause for a store that has lost some, and the end of those that it has still."""
        self._gathered.pauses |= {mark.target: PauseMark(mark.target, None) for mark in restored.pauses}
        self._gathered.pauses |= self._pauses

    def handle(self, message: heard.OfSuppression, now: Moment) -> tuple[PauseMark, ...] | None:
        """Obeys a command; answers GetPauses."""
        match message:
            case heard.Mute(silence):
                self._mute(silence, now)
            case heard.ExpireSilences():
                self.expire_silences(now)
                self.request_silence_check()
            case heard.RecordPause(mark):
                self._pause(mark)
            case heard.GetPauses():
                return self.pauses
            case _:
                assert_never(message)
        return None

    def _mute(self, silence: Silence, now: Moment) -> None:
        silence = silence.after(self._ledger.silence_of(silence.id, now), now.wall_ns)
        self._gathered.silences.append(silence)
        self._ledger.silence(silence)
        self._reconcile(now)
        self._to.recorder.tell(SilencesChanged(self._ledger.silences(now)))
        self.request_silence_check()
        self._commit_soon(True)

    def _pause(self, mark: PauseMark) -> None:
        """Keeps the first command of a pause, until one ends it."""
        if (mark.at_ns is not None) is (mark.target in self._pauses):
            return
        if mark.at_ns is None:
            del self._pauses[mark.target]
        else:
            self._pauses[mark.target] = mark
        self._gathered.pauses[mark.target] = mark
        self._commit_soon(True)

    def expire_silences(self, now: Moment) -> None:
        """Lets the notices go that a silence held back until now."""
        if self._ledger.some_mute_ended(now):
            self._reconcile(now)
            self._to.recorder.tell(SilencesChanged(self._ledger.silences(now)))

    def request_silence_check(self) -> None:
        """Asks the supervisor, which owns time, for ExpireSilences when the next silence ends."""
        until_ns = self._ledger.next_end_ns
        if until_ns is not None:
            self._to.supervisor.tell(SilenceCheckRequested(until_ns))
