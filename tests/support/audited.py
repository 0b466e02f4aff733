"""A second book with an open store and two receivers, for tests of what its rules complain of."""

from records import NOON, delivery_of, notice_of, opened, then
from watchkeeper.domain.auditing.durable import Durable
from watchkeeper.domain.auditing.invariants_delivery import DeliveryRules
from watchkeeper.domain.auditing.invariants_record import RecordRules
from watchkeeper.domain.auditing.receipts import Receipts
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, Outgoing, Restored, Silence

S = 1_000_000_000
OPENED = opened()
CHANGED = then(OPENED, TransitionKind.CHANGED)
ACKNOWLEDGED = then(
    OPENED, TransitionKind.ACKNOWLEDGED, acknowledged_at_ns=OPENED.at_ns, acknowledged_by="ada"
)
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
NOTICE = notice_of(OPENED)
PENDING, DELIVERED, DEAD = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DEAD
UNTOLD = {"notify": ()}
"""An incident that no channel is told of: nothing is due for its steps."""


class Book:
    """The rules with an open store and two receivers, and what they have complained of."""

    def __init__(self):
        self.said = []
        self.durable = Durable()
        self.receivers = {"ops": Receipts(), "boss": Receipts()}
        self.rules = RecordRules(self.durable, self.receivers, self._complain)
        self.delivery = DeliveryRules(self.durable, self.receivers, self._complain)
        self.rules.opened(Restored(epoch=1), NOON)

    def _complain(self, invariant, says):
        assert says
        self.said.append(invariant)

    def complaints(self):
        said, self.said = self.said, []
        return said

    def commit(self, *transitions, **records):
        self.rules.committed(Batch(transitions=transitions, **records))
        return self.complaints()

    def tell(self, step, channel="ops"):
        """Commit a step with its notice, which is accepted and recorded as delivered."""
        notice = notice_of(step, channel)
        said = self.commit(step, notices=(notice,))
        self.receivers[channel].apply(notice)
        return said + self.commit(deliveries=(delivery_of(notice, DELIVERED),))

    def open(self, now=NOON, **restored):
        self.rules.opened(Restored(epoch=self.durable.epoch + 1, **restored), now)
        return self.complaints()


def silence(name="quiet", target=None, until_s=60, **fields):
    return Silence(id=name, target=target, until_ns=NOON.wall_ns + until_s * S, **fields)


def outgoing(step, channel="ops", state=PENDING):
    return Outgoing(notice_of(step, channel), delivery_of(notice_of(step, channel), state))
