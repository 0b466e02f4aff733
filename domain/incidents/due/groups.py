"""Groups: the incidents that one channel is told of by digests, and when the next digest of each is due."""

import msgspec

from ...time.timers import Timers
from ..delivery_plan import Recipient
from ..digest import GROUP_INTERVAL_NS, GROUP_WAIT_NS, Grouping
from ..incident import Incident, TransitionKind
from ..notice import LastDelivered, Notice

GroupKey = tuple[str, Grouping]
"""A channel, and the group of which it is told."""


class DigestGroup(msgspec.Struct, eq=False):
    """A group of incidents, as one channel is told of it. Moments are wall times. Owned by the ledger."""

    channel: str
    grouping: Grouping
    wait_ns: int = GROUP_WAIT_NS
    interval_ns: int = GROUP_INTERVAL_NS
    remind_every_ns: int | None = None
    due: dict[str, tuple[TransitionKind, str]] = {}
    """The incidents that the next digest tells, in the order in which they became due: the kind of notice, and its remark."""
    since_ns: int = 0
    """The transition of the first of them, or the moment at which its turn came."""
    known: dict[str, None] = {}
    """The incidents of which the channel knows that they are open."""
    under_way: Notice | None = None
    last_ns: int | None = None
    """When the last digest was made."""
    before_ns: int | None = None
    """When the one before was made: in force again where the last one is taken back."""
    memory: str = ""
    """The text that the channel needs to go on with its thread."""

    @property
    def key(self) -> GroupKey:
        return self.channel, self.grouping

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is due, under way or known."""
        return not self.due and not self.known and self.under_way is None

    def follow(self, recipient: Recipient) -> None:
        """Takes over the times of a recipient, which a reload may have changed."""
        self.wait_ns, self.interval_ns = recipient.group_wait_ns, recipient.group_interval_ns
        self.remind_every_ns = recipient.remind_every_ns

    def add(self, incident: Incident, said: tuple[TransitionKind, str], since_ns: int, now_ns: int) -> None:
        """Lets the next digest tell of an incident; others have its `wait_ns` from `since_ns` on to join it."""
        if incident.id not in self.due:
            self.since_ns = min(since_ns, self.since_ns) if self.due else since_ns
        # A wall clock that was set back must not make a group wait for the time that it has lost.
        self.since_ns = min(self.since_ns, now_ns)
        self.due[incident.id] = said

    def digest_at_ns(self, now_ns: int) -> int | None:
        """Returns when the next digest may leave; None where nothing is due, or one is under way."""
        if not self.due or self.under_way is not None:
            return None
        at_ns = self.since_ns + self.wait_ns
        return at_ns if self.last_ns is None else max(at_ns, self._last(now_ns) + self.interval_ns)

    def reminder_at_ns(self, now_ns: int) -> int | None:
        """Returns when the group is to be reminded of what is known; None where it is not, as where a digest is due."""
        if self.remind_every_ns is None or self.last_ns is None or self.under_way is not None or self.due:
            return None
        return self._last(now_ns) + self.remind_every_ns if self.known else None

    def ends_at_ns(self, now_ns: int) -> int | None:
        """Returns until when the last digest may hold back the next one; None without any."""
        return None if self.last_ns is None else self._last(now_ns) + self.interval_ns

    def _last(self, now_ns: int) -> int:
        """Returns when the last digest was made: not later than now, where the clock was set back."""
        self.last_ns = min(self.last_ns or 0, now_ns)
        return self.last_ns

    def begin(self, notice: Notice) -> None:
        """Puts a digest under way."""
        # A dead letter that is sent again was made before the last one, which goes on holding back the next one.
        self.before_ns, self.last_ns = self.last_ns, max(notice.created_at_ns, self.last_ns or 0)
        self.under_way = notice
        if notice.change is TransitionKind.OPENED:
            self.memory = ""
        for step in notice.steps:
            self.due.pop(step.incident_id, None)

    def take_back(self) -> None:
        """Notes that the digest under way is not sent."""
        self.under_way, self.last_ns = None, self.before_ns

    def know(self, told: LastDelivered) -> None:
        """Notes what the channel knows of a member."""
        if told.is_end:
            self.known.pop(told.incident_id, None)
        else:
            self.known[told.incident_id] = None
        if told.memory:
            self.memory = told.memory


class GroupBook:
    """The groups of all channels, and their timers. Owned by the ledger."""

    def __init__(self, timers: Timers[str | GroupKey]) -> None:
        self._groups: dict[GroupKey, DigestGroup] = {}
        self._timers = timers

    def __len__(self) -> int:
        return len(self._groups)

    def find(self, key: GroupKey) -> DigestGroup | None:
        return self._groups.get(key)

    def of(self, channel: str, grouping: Grouping) -> DigestGroup:
        """Returns a group, which is made where it is not known."""
        group = self._groups.get((channel, grouping))
        if group is None:
            group = self._groups[channel, grouping] = DigestGroup(channel, grouping)
        return group

    def of_notice(self, notice: Notice) -> DigestGroup | None:
        """Returns the group of a digest; None of a notice about one incident."""
        return self.of(notice.channel, notice.digest.grouping) if notice.digest else None

    def arm(self, group: DigestGroup, now_ns: int) -> int | None:
        """Sets the timer of a group. Returns when its next digest is due; None where nothing waits for one."""
        if self._groups.get(group.key) is not group:
            return None  # forgotten: another one may have taken its place
        digest_ns = group.digest_at_ns(now_ns)
        ends_ns = group.ends_at_ns(now_ns) if group.is_idle else None
        moments = [at_ns for at_ns in (digest_ns, group.reminder_at_ns(now_ns), ends_ns) if at_ns is not None]
        if moments:
            self._timers.arm(group.key, min(moments))
        else:
            self._timers.cancel(group.key)
        return digest_ns

    def arm_all(self, now_ns: int) -> None:
        """Sets all timers anew: the wall clock was set back."""
        for group in self._groups.values():
            self.arm(group, now_ns)

    def begin(self, notice: Notice) -> None:
        """Puts a digest under way; of a notice about one incident it does nothing."""
        if (group := self.of_notice(notice)) is not None:
            group.begin(notice)
            self._timers.cancel(group.key)

    def drop(self, group: DigestGroup) -> None:
        """Forgets a group that nothing is known of."""
        self._groups.pop(group.key, None)
        self._timers.cancel(group.key)
