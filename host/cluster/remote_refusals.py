"""Commands for shards of other nodes are refused before they are sent, with the errors that their verbs have in one process."""

from ...actors.ports import Clock
from ...adapters.stores.opening import make_reader
from ...domain.incidents.announcement import Announcement
from ...domain.incidents.record import Silence
from ...protocol.message import Message
from ...protocol.sink import Announce, EndAnnouncement, Unmute
from ...protocol.supervisor import Beat, CheckNow, Pause, Resume
from ..access.announcing import require_room
from ..access.refusals import require_heartbeats
from ..configured import ConfiguredTargets
from ..silencing import KnownInForce, scope_text


class RemoteRefusals:
    """Judges commands by the configuration of this node, and by the record of all."""

    def __init__(self, configured: ConfiguredTargets, store: str, clock: Clock) -> None:
        self._configured, self._store, self._clock = configured, store, clock

    def require(self, command: Message) -> None:
        """Raises: UnknownName for a target, a silence or an announcement that is not there; UsageError; StoreError."""
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
        known.show(make_reader(self._store).silences(now.wall_ns))
        known.require(name, now)

    def _announcements(self) -> KnownInForce[Announcement]:
        known = KnownInForce[Announcement]("announcement", lambda each: each.title)
        known.show(make_reader(self._store).announcements(self._clock.read().wall_ns))
        return known
