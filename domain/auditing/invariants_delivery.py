"""Invariants of sending, checked before bytes leave and when a receiver takes them in."""

from collections.abc import Mapping

from .. import limits
from ..incidents.incident import TransitionKind
from ..incidents.notice import DeliveryState, Notice
from .durable import Durable
from .receipts import Receipts
from .violation import Complain, Happened


class DeliveryRules:
    """S5, S7, S9, S10, S16, S24."""

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
        """How many notices a channel may carry at once."""

    def process_began(self) -> None:
        self._claims = {}

    @property
    def in_flight(self) -> int:
        """Requests that have left and are not answered."""
        return len(self._claims)

    def sending(self, channel: str, notice: Notice, attempt: int) -> None:
        """S5, S10, S16, S24: committed, announced, carried by one courier, within its room."""
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
        """S7, S10: a repeated post says the same, under a new attempt number."""
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
        """S9: by incident in the order of its steps; nobody hears of an end who has not heard of the beginning."""
        if not first:
            self._happened("repeated key absorbed")
            return
        heard = self._heard.setdefault((channel, notice.incident.id), [])
        if heard and heard[-1].sequence >= notice.sequence:
            if self._is_given_up(notice.key) or self._was_driven_again_behind(heard[-1], notice):
                self._happened("given up, and heard late all the same")
                return
            self._complain("S9", f"{channel} hears step {notice.sequence} after {heard[-1].sequence}")
        if not heard and notice.change is not TransitionKind.OPENED:
            self._complain("S9", f"{channel} hears {notice.change} first of {notice.incident.target}")
        heard.append(notice)

    def _is_given_up(self, key: str) -> bool:
        """What was on its way when it was given up may arrive behind its successor, and nobody can call it back."""
        delivery = self._durable.deliveries.get(key)
        return delivery is not None and delivery.state is DeliveryState.DEAD

    def _was_driven_again_behind(self, later: Notice, notice: Notice) -> bool:
        """Nobody knew that the later step had been heard: its answer was lost, and the earlier one a dead letter meanwhile."""
        told = self._durable.told.get((later.incident.id, later.channel), 0)
        return notice.key in self._durable.given_up and told < later.sequence

    def heard(self, channel: str, incident: str) -> list[Notice]:
        """What a receiver applied of an incident, in order."""
        return self._heard.get((channel, incident), [])
