"""Commands for shards of other nodes are refused before they are sent, with the errors that their verbs have in one process."""

from collections.abc import Callable
from typing import TypeVar

from ...actors.dispatch.run.future import blocking, run_blocking
from ...actors.ports import Clock
from ...adapters.stores.opening import make_reader
from ...adapters.stores.record_reader import RecordReader
from ...domain.errors import NotSent, StoreError
from ...domain.incidents.announcement import Announcement
from ...domain.incidents.record import Silence
from ...domain.limits import COMMAND_READ_NS
from ...protocol.message import Message
from ...protocol.sink import Announce, EndAnnouncement, Unmute
from ...protocol.supervisor import Beat, CheckNow, Pause, Resume
from ..access.announcing import require_room
from ..access.refusals import require_heartbeats
from ..configured import ConfiguredTargets
from ..silencing import KnownInForce, scope_text
from .other_shards import OtherShards

R = TypeVar("R")


class RemoteRefusals:
    """Judges commands by the configuration of this node, and by the record of all."""

    def __init__(self, configured: ConfiguredTargets, store: str, clock: Clock) -> None:
        self._configured, self._store, self._clock = configured, store, clock
        self._others = OtherShards(COMMAND_READ_NS)

    def require(self, command: Message) -> None:
        """Raises: UnknownName for a target, a silence or an announcement that is not there; UsageError; NotSent."""
        match command:
            case Pause(target) | Resume(target) | CheckNow(target):
                self._configured.known(target)
            case Beat():
                require_heartbeats(self._configured.known(command.target))
            case Unmute():
                self._require_silence(command.id)
            case Announce():
                standing = self._announcements().all(self._clock.read())
                require_room((each.id for each in standing), command.announcement.id)
            case EndAnnouncement():
                self._announcements().require(command.id, self._clock.read())
            case _:
                pass  # the owner alone knows

    def _require_silence(self, name: str) -> None:
        now, known = self._clock.read(), KnownInForce[Silence]("silence", scope_text)
        known.show(self._read(lambda reader: reader.silences(now.wall_ns)))
        known.require(name, now)

    def _announcements(self) -> KnownInForce[Announcement]:
        known = KnownInForce[Announcement]("announcement", lambda each: each.title)
        known.show(self._read(lambda reader: reader.announcements(self._clock.read().wall_ns)))
        return known

    def _read(self, read: Callable[[RecordReader], R]) -> R:
        try:
            found: R = run_blocking(self._others.read(lambda: read(make_reader(self._store)), blocking))
        except StoreError as error:
            raise NotSent(f"nothing was done: {error}") from error
        return found
