"""A delivery policy that tests set by hand, and a ledger whose every step goes through a store."""

from records import NOON, delivery_of, opened, then
from watchkeeper.adapters.stores.memory import MemoryStore
from watchkeeper.domain.incidents.delivery_plan import Hold, HoldKind, Recipient
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.ledger import Ledger
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.specification.channel import Channel, Log

S = 1_000_000_000
DELIVERED, DEAD = DeliveryState.DELIVERED, DeliveryState.DEAD


def grouped(channel="ops", route="shop", wait_s=30, interval_s=300, **fields):
    """Returns a recipient that is told by digests."""
    return Recipient(
        channel=channel,
        route=route,
        group=(("group", "shop"),),
        group_wait_ns=wait_s * S,
        group_interval_ns=interval_s * S,
        **fields,
    )


def incident(number, desk=None, **fields):
    """Returns the opening of the incident of one target of many, at the desk's time."""
    at_ns = NOON.wall_ns if desk is None else desk.now.wall_ns
    said = {"at_ns": at_ns, "opened_at_ns": at_ns - S} | fields
    return opened(f"inc_{number:03}", target=f"t{number}", notify=(), **said)


def ended(step, desk):
    """Returns the end of an incident, at the desk's time."""
    at_ns = desk.now.wall_ns
    return then(step, TransitionKind.RESOLVED, at_ns=at_ns, resolved_at_ns=at_ns)


def seen(step, desk):
    """Returns the acknowledgement of an incident, at the desk's time."""
    at_ns = desk.now.wall_ns
    return then(step, TransitionKind.ACKNOWLEDGED, at_ns=at_ns, acknowledged_at_ns=at_ns)


def told(notices):
    """Returns what each notice tells, and of how many incidents."""
    return [(notice.change, len(notice.steps)) for notice in notices]


class Planned:
    """Names the same recipients for each incident, and holds the targets and channels that a test names."""

    def __init__(self, *recipients):
        self.chosen = recipients
        self.of_target = {}
        self.held = {}
        """By target, until when (wall); None: until a test lets it go."""
        self.kind = HoldKind.MAINTENANCE
        self.quieted = set()

    def restore(self, restored, now):
        pass

    def recipients(self, incident):
        return self.of_target.get(incident.target, self.chosen)

    def hold(self, incident, now):
        if incident.target not in self.held:
            return None
        until_ns = self.held[incident.target]
        if until_ns is not None and until_ns <= now.wall_ns:
            return None
        return Hold(kind=self.kind, name="work", until_ns=until_ns)

    def remark(self, incident):
        return ""

    def quiet(self, recipient, now):
        return Hold(kind=HoldKind.QUIET, name="nights") if recipient.channel in self.quieted else None

    def note(self, transition, now):
        return ()

    def take(self, samples, now):
        return ()

    def next_change_ns(self, now):
        return None


class Desk:
    """A ledger as the sink uses it: what it decides is committed to a store, from which it can be restarted."""

    def __init__(self, policy, *channels):
        self.policy = policy
        self.channels = channels or (Channel(id="ops", log=Log()),)
        self.now = NOON
        self.store = MemoryStore()
        self.ledger = Ledger(self.channels, policy)
        self.ledger.restore(self.store.open(self.now), self.now)
        self.under_way = []
        self.made = []

    def _keep(self, notices, **records):
        self.store.commit(Batch(notices=notices, **records))
        self.under_way += notices
        self.made += notices
        return list(notices)

    def tell(self, *steps):
        """Lets steps happen now. Returns the notices that leave."""
        alone = []
        for step in steps:
            notices = self.ledger.note(step, self.now)
            alone += self._keep(notices, transitions=(step,))
        return alone + self.look()

    def look(self):
        """Does what the sink does with each commit and at each moment of the ledger."""
        self.ledger.queue_due(self.now)
        found = []
        while self.ledger.is_reviewing:
            found += self._keep(self.ledger.review(self.now))
        found += self._keep(self.ledger.flush(self.now))
        while self.ledger.has_more:
            found += self._keep(self.ledger.flush(self.now))
        return found

    def review(self):
        """Reviews every incident, as when a hold begins or ends."""
        self.ledger.queue_all()
        return self.look()

    def settle(self, notice, state=DELIVERED, **fields):
        """Ends a delivery now. Returns the notices that leave because of it."""
        self.under_way.remove(notice)
        delivery = delivery_of(notice, state)
        delivery = type(delivery)(**{**_fields(delivery), "at_ns": self.now.wall_ns, **fields})
        notices = self.ledger.settle(notice, delivery, self.now)
        return self._keep(notices, deliveries=(delivery,)) + self.look()

    def deliver(self):
        """Delivers all that is under way. Returns the notices that leave because of it."""
        return [made for notice in list(self.under_way) for made in self.settle(notice)]

    def wait(self, seconds):
        """Lets time pass, from moment to moment of the ledger. Returns the notices that leave; none is delivered meanwhile."""
        end, found = self.now.shifted(round(seconds * S)), []
        for _ in range(10_000):
            next_ns = self.ledger.next_ns
            if next_ns is None or next_ns > end.wall_ns:
                break
            self.now = self.now.shifted(max(0, next_ns - self.now.wall_ns))
            found += self.look()
        else:
            raise AssertionError("the ledger asks for moments without an end")
        self.now = end
        return found + self.look()

    def restart(self):
        """Ends the process and starts another one on the same store. Returns the notices that leave at its start."""
        self.store.close()
        self.ledger = Ledger(self.channels, self.policy)
        self.ledger.restore(self.store.open(self.now), self.now)
        return self.look()


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
