"""Operator marks: the silences, pauses and announcements that operators command, kept for the sink, which writes them."""

from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from ..domain.incidents.announcement import Announcement, AnnouncementBook
from ..domain.incidents.pending_batch import Gathering
from ..domain.incidents.record import PauseMark, Renamed, Restored, Silence
from ..domain.suppression.suppression import Suppression
from ..domain.time.moment import Moment
from ..protocol import sink as heard
from ..protocol.recorder import AnnouncementsChanged, SilencesChanged
from .ports import Neighbours


class OperatorMarks:
    """Owns the pauses and the announcements, and keeps the book of silences and of the texts by which they choose. Used by the sink alone."""

    def __init__(
        self,
        policy: Suppression,
        gathered: Gathering,
        neighbours: Neighbours,
        reconcile: Callable[[Moment], None],
        commit_soon: Callable[[bool], None],
    ) -> None:
        self._policy, self._silences, self._gathered = policy, policy.silences, gathered
        self._to = neighbours
        self._reconcile = reconcile
        self._commit_soon = commit_soon
        self._pauses: dict[str, PauseMark] = {}
        self.announcements = AnnouncementBook()
        self._is_redescribed = False
        """Whether what is said of a target has changed, and with it which notices wait."""

    @property
    def pauses(self) -> tuple[PauseMark, ...]:
        """The commanded pauses in force."""
        return tuple(self._pauses.values())

    def silences(self, now: Moment) -> tuple[Silence, ...]:
        """Returns the silences that have not ended."""
        return self._silences.in_force(now)

    def restore(self, restored: Restored) -> None:
        """Takes over the pauses and the announcements of an earlier process."""
        self._pauses = {mark.target: mark for mark in restored.pauses}
        for target in self._pauses:
            self._policy.pause(target, paused=True)
        self.announcements.restore(restored.announcements)

    def write_again(self, restored: Restored, now: Moment) -> None:
        """Gathers every pause and announcement for a store that has lost some, and the end of those that it has still."""
        self._gathered.announcements += self.announcements.instead_of(restored.announcements, now.wall_ns)
        self._gathered.pauses |= {mark.target: PauseMark(mark.target, None) for mark in restored.pauses}
        self._gathered.pauses |= self._pauses

    def handle(self, message: heard.OfOperators, now: Moment) -> tuple[PauseMark, ...] | None:
        """Obeys a command; answers GetPauses."""
        match message:
            case heard.Mute(silence):
                self._mute(silence, now)
            case heard.Unmute(name, by):
                self._unmute(name, by, now)
            case heard.DescribeTarget(target, metadata, specification):
                self._is_redescribed |= self._policy.describe(target, metadata, specification)
                # The commit reviews the notices, once for all targets of a reload.
                self._commit_soon(self._is_redescribed)
            case heard.RecordPause(mark):
                self._pause(mark)
            case heard.Announce(announcement):
                self._announce(self.announcements.put(announcement, now.wall_ns), now)
            case heard.EndAnnouncement(name, by):
                self._announce(self.announcements.end(name, by, now.wall_ns), now)
            case heard.GetPauses():
                return self.pauses
            case _:
                assert_never(message)
        return None

    def _mute(self, silence: Silence, now: Moment) -> None:
        known = self._silences.find(silence.id, now)
        former = None if silence.former_id is None else self._silences.find(silence.former_id, now)
        if former is not None:
            # It goes on under its present id; an end in its place is recorded below.
            self._keep(replace(former, until_ns=now.wall_ns))
            known = known or replace(former, id=silence.id)
        # Also an end of what is not in force: after a wall clock that was set to and fro the store may have it still.
        self._keep(silence.after(known, now.wall_ns))
        self._changed(now)

    def _unmute(self, name: str, by: str, now: Moment) -> None:
        known = self._silences.find(name, now)
        if known is not None:
            self._keep(known.ended(now.wall_ns, by))
            self._changed(now)

    def _keep(self, silence: Silence) -> None:
        self._gathered.silences.append(silence)
        self._silences.put(silence)

    def _changed(self, now: Moment) -> None:
        self._reconcile(now)
        self._to.recorder.tell(SilencesChanged(self._silences.in_force(now)))
        self._commit_soon(True)

    def _pause(self, mark: PauseMark) -> None:
        """Keeps the first command of a pause, until one ends it. A parent that is paused holds no notice back."""
        if self._policy.pause(mark.target, paused=mark.at_ns is not None):
            self._is_redescribed = True
            self._commit_soon(True)
        if (mark.at_ns is not None) is (mark.target in self._pauses):
            return
        if mark.at_ns is None:
            del self._pauses[mark.target]
        else:
            self._pauses[mark.target] = mark
        self._gathered.pauses[mark.target] = mark
        self._commit_soon(True)

    def _announce(self, announcement: Announcement | None, now: Moment) -> None:
        """Records a changed announcement and shows those that stand; None is no change."""
        if announcement is not None:
            self._gathered.announcements.append(announcement)
            self._to.recorder.tell(AnnouncementsChanged(self.announcements.standing(now.wall_ns)))
            self._commit_soon(True)

    def rename(self, renamed: Renamed, now: Moment) -> None:
        """Lets the silences of a target's former name mute it under its present one, and shows them so."""
        if moved := self._silences.rename(renamed):
            self._gathered.silences.extend(moved)
            self._to.recorder.tell(SilencesChanged(self._silences.in_force(now)))

    def review(self, now: Moment) -> None:
        """Lets the notices go that a silence held back until now, or until what is said of targets changed."""
        if self._silences.drop_ended(now):
            self._to.recorder.tell(SilencesChanged(self._silences.in_force(now)))
        elif not self._is_redescribed:
            return
        self._is_redescribed = False
        self._reconcile(now)
