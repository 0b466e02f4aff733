"""Invariants of sending, checked before bytes leave and when a receiver applies them."""

from collections.abc import Mapping

from .. import limits
from ..incidents.incident import TransitionKind
from ..incidents.notice import DeliveryState, Notice
from .durable import Durable
from .receipts import Receipts
from .violation import Complain, Happened


class DeliveryRules:
    """Checks S5, S7, S9, S10, S16 and S24; owns the claims of couriers and each receiver's order of notices."""

    def __init__(
        self, durable: Durable, receivers: Mapping[str, Receipts], complain: Complain, happened: Happened
    ) -> None:
        self._durable = durable
        self._receivers = receivers
        self._complain = complain
        self._happened = happened
        self._claims: dict[tuple[str, str], int] = {}
        self._heard: dict[tuple[str, str], list[Notice]] = {}
        self.room: dict[str, int] = {}
        """How many notices a channel may have in flight."""

    def process_began(self) -> None:
        self._claims = {}

    @property
    def in_flight(self) -> int:
        """The number of requests without an answer."""
        return len(self._claims)

    def sending(self, channel: str, notice: Notice, attempt: int) -> None:
        """Checks S5, S10, S16, S24: committed, recorded, sent by one courier, within the channel's limit."""
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
        self._claims[place] = attempt
        carried = sum(1 for claimed, _ in self._claims if claimed == channel)
        if carried > self.room.get(channel, limits.AUDITED_CLAIMS_MAX):
            self._complain("S24", f"channel {channel} carries {carried} notices at once")
        self._repeated(channel, notice, attempt)

    def _repeated(self, channel: str, notice: Notice, attempt: int) -> None:
        """Checks S7, S10: a repeated post has the same content and a new attempt number."""
        posts = self._receivers[channel].posts.get(notice.key, [])
        if any(post.notice != notice for post in posts):
            self._complain("S7", f"posts of {notice.key} differ")
        if any(post.attempt == attempt for post in posts):
            self._complain("S10", f"attempt {attempt} of {notice.key} is posted twice")
        if posts:
            self._happened("key sent again")

    def sent(self, channel: str, key: str) -> None:
        self._claims.pop((channel, key), None)

    def applied(self, channel: str, notice: Notice, *, first: bool) -> None:
        """Checks S9: each channel receives an incident's steps in order, and its opening before any other step."""
        if not first:
            self._happened("repeated key absorbed")
            return
        heard = self._heard.setdefault((channel, notice.incident.id), [])
        if heard and heard[-1].sequence >= notice.sequence:
            if self._is_given_up(notice.key) or self._was_driven_again_behind(heard[-1], notice):
                self._happened("given up, and heard late all the same")
                return
            self._complain("S9", f"{channel} receives step {notice.sequence} after {heard[-1].sequence}")
        if not heard and notice.change is not TransitionKind.OPENED:
            self._complain("S9", f"{channel} receives {notice.change} first of {notice.incident.target}")
        heard.append(notice)

    def _is_given_up(self, key: str) -> bool:
        """Whether the notice was given up in flight: it cannot be recalled, and may arrive behind its successor."""
        delivery = self._durable.deliveries.get(key)
        return delivery is not None and delivery.state is DeliveryState.DEAD

    def _was_driven_again_behind(self, later: Notice, notice: Notice) -> bool:
        """Whether the notice was re-driven while the later one's delivery was unknown, because its answer was lost."""
        told = self._durable.told.get((later.incident.id, later.channel), 0)
        return notice.key in self._durable.given_up and told < later.sequence

    def heard(self, channel: str, incident: str) -> list[Notice]:
        """Returns the notices of an incident that a receiver applied, in order."""
        return self._heard.get((channel, incident), [])
