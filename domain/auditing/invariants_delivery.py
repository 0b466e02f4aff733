"""Invariants of sending, checked before bytes leave."""

from collections.abc import Mapping

from .. import limits
from ..incidents.notice import DeliveryState, Notice
from .durable import Durable
from .receipts import Receipts
from .violation import Complain


class DeliveryRules:
    """Checks S5, S7, S10, S16 and S24; owns the claims of couriers."""

    def __init__(self, durable: Durable, receivers: Mapping[str, Receipts], complain: Complain) -> None:
        self._durable = durable
        self._receivers = receivers
        self._complain = complain
        self._claims: set[tuple[str, str]] = set()
        self.room: dict[str, int] = {}
        """How many notices a channel may have in flight."""

    def process_began(self) -> None:
        self._claims = set()

    def sending(self, channel: str, notice: Notice, attempt: int) -> None:
        """Checks S5, S7, S10, S16, S24: committed, recorded, sent by one courier, within the channel's limit."""
        durable = self._durable
        if durable.notices.get(notice.key) != notice:
            self._complain("S5", f"{notice.key} leaves before it is committed")
        delivery = durable.deliveries.get(notice.key)
        if delivery is None or delivery.attempts < attempt:
            self._complain("S10", f"attempt {attempt} of {notice.key} leaves before it is recorded")
        elif delivery.state is not DeliveryState.PENDING:
            self._complain("S16", f"{notice.key} is sent although it is {delivery.state}")
        place = (channel, notice.key)
        if place in self._claims:
            self._complain("S16", f"{notice.key} is carried twice at once")
        self._claims.add(place)
        carried = sum(1 for claimed, _ in self._claims if claimed == channel)
        if carried > self.room.get(channel, limits.AUDITED_CLAIMS_MAX):
            self._complain("S24", f"channel {channel} carries {carried} notices at once")
        # A repeated post has the same content and a new attempt number.
        posts = self._receivers[channel].posts.get(notice.key, {})
        if any(posted != notice for posted in posts.values()):
            self._complain("S7", f"posts of {notice.key} differ")
        if attempt in posts:
            self._complain("S10", f"attempt {attempt} of {notice.key} is posted twice")

    def sent(self, channel: str, key: str) -> None:
        self._claims.discard((channel, key))
