"""Names to addresses for every probe and every channel of a runtime: asked once, kept for a while, never queued.

No name waits for another: however many zones are silent, the name service is asked for the next name at once.
"""

import asyncio
import errno
from collections.abc import Callable
from functools import partial

import msgspec

from ...domain.limits import (
    DNS_ENTRIES_MAX,
    DNS_FRESH_NS,
    NAME_HEARD_NS,
    NAME_SERVERS_KEPT,
    RESOLVER_QUEUE_MAX,
)
from ...domain.observation.outcome import Outcome, Reason
from ...domain.policy import CachePolicy
from ...domain.specification.probe import AddressFamily
from ...domain.validation.network import ascii_host
from ..activity import Activity, tell
from ..cache import Recent
from ..clock import MomentClock
from .chosen_servers import service_of
from .name_service import CaresNameService, NameService
from .names import PREFERRED, LookedUp, asked_name, not_found, numeric_addresses, preferred_first
from .sockets import has_route
from .system_errors import SystemErrorMeaning, verdict_of_error

DNS_CACHE = CachePolicy(
    name="names of targets and of channels",
    key="host and address family",
    owner="the one resolver of a runtime",
    fresh_for_ns=DNS_FRESH_NS,
    entries_max=DNS_ENTRIES_MAX,
    invalidation="by age; a name that was not found is asked for anew",
)

OnResolved = Callable[[LookedUp], None]
Question = tuple[str, AddressFamily]

TOO_MANY = LookedUp(verdict=verdict_of_error(errno.ENOBUFS, "too many names are being looked up"))


def routable(found: LookedUp) -> LookedUp:
    """The addresses without those of a family to which this machine has no route, where the other family has one.

    They would be refused one by one in each attempt, and the last refusal would pass for the reason.
    """
    firsts = {address.family: address for address in reversed(found.addresses)}
    if len(firsts) < 2:
        return found
    reached = {family for family, address in firsts.items() if has_route(address.host)}
    left = tuple(address for address in found.addresses if address.family in reached)
    return LookedUp(left) if left and len(reached) < len(firsts) else found


class PendingLookUp(Activity):
    """One question under way, and the callbacks that wait for its answer."""

    waiting: list[OnResolved] = msgspec.field(default_factory=list)
    found: LookedUp | None = None


class Resolver:
    """Looks names up once however many ask, and keeps the answers as its cache policy says. Used on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        *,
        service: NameService | None = None,
        policy: CachePolicy = DNS_CACHE,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._service: NameService = CaresNameService(loop, clock) if service is None else service
        self.kept: Recent[Question, LookedUp] = Recent(policy)
        self._pending: dict[Question, PendingLookUp] = {}
        self._chosen: dict[tuple[str, bool], Resolver] = {}
        self._closed = False

    def at(self, server: str | None, *, deny_private: bool) -> "Resolver":
        """The resolver that asks a chosen name server, such as `udp://192.0.2.53:53`; without one it is this.

        Where private addresses are denied, a name server that has one is not asked.
        """
        if server is None or self._closed:
            return self
        key = server, deny_private
        chosen = self._chosen.pop(key, None)
        if chosen is None:
            self._retire_chosen()
            service = service_of(self._loop, self._clock, server, deny_private=deny_private)
            chosen = Resolver(self._loop, self._clock, service=service)
        self._chosen[key] = chosen
        return chosen

    @property
    def is_idle(self) -> bool:
        """Whether no name is being looked up."""
        return not self._pending

    def _retire_chosen(self) -> None:
        """Makes room for another name server: those that were asked longest ago give way, unless a question waits there."""
        idle = [key for key, chosen in self._chosen.items() if chosen.is_idle]
        for key in idle[: max(0, len(self._chosen) - NAME_SERVERS_KEPT + 1)]:
            self._chosen.pop(key).close()

    def look_up(self, host: str, family: AddressFamily, done: OnResolved) -> LookedUp | None:
        """The addresses if they are known; else None, and `done` is called with them on the loop's thread later."""
        if family in PREFERRED:
            return self._look_up_both(host, family, done)
        question = (host, family)
        known = self.kept.fresh(question, self._clock.read())
        if known is not None:
            return known
        pending = self._pending.get(question)
        if pending is not None:
            pending.waiting.append(done)
            return None
        try:
            written = ascii_host(host)
        except UnicodeError:
            return not_found(host, "it is no valid name")
        if written != host:
            return self.look_up(written, family, done)
        numeric = numeric_addresses(host, family)
        return LookedUp(numeric) if numeric else self._ask(question, done)

    def _look_up_both(self, host: str, family: AddressFamily, done: OnResolved) -> LookedUp | None:
        """Both families by one question, which is that of targets without a preference; the preferred one comes first."""
        known = self.look_up(host, "any", lambda found: done(preferred_first(found, family)))
        return None if known is None else preferred_first(known, family)

    def _ask(self, question: Question, done: OnResolved) -> LookedUp | None:
        if len(self._pending) >= RESOLVER_QUEUE_MAX or self._closed:
            return TOO_MANY
        pending = self._pending[question] = PendingLookUp()
        answered = partial(self._answered, question, pending, self._clock.read().monotonic_ns)
        host, family = question
        self._service.ask(asked_name(host), family, answered)
        # The file of hosts answers at once.
        if pending.found is None:
            pending.waiting.append(done)
        return pending.found

    def _answered(self, question: Question, pending: PendingLookUp, asked_ns: int, found: LookedUp) -> None:
        found = routable(found)
        pending.found = found
        self._pending.pop(question, None)
        if found.addresses:
            self.kept.keep(question, found, asked_ns)
        waiting, pending.waiting = pending.waiting, []
        for done in waiting:
            tell(self._loop, done, found)

    def overdue(self, since_ns: int) -> SystemErrorMeaning:
        """The verdict of an attempt that has waited for an address since `since_ns` (monotonic), and has no time left.

        A name service that answers other questions meanwhile shows that this name's own servers are silent. One that
        answers nothing at all is a fault on this side, of which no target is guilty.
        """
        now_ns = self._clock.read().monotonic_ns
        if self._service.answered_since(min(since_ns, now_ns - NAME_HEARD_NS)):
            detail = "the deadline passed while the name was looked up"
            return Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT, detail
        detail = "the deadline passed while the name was looked up: the name service answers nothing"
        return Outcome.UNKNOWN, Reason.BLIND, detail

    def __repr__(self) -> str:
        return f"Resolver(kept={len(self.kept)}, under_way={len(self._pending)})"

    def close(self) -> None:
        """End every look-up; no callback is called any more."""
        self._closed = True
        for pending in self._pending.values():
            pending.waiting.clear()
        self._pending.clear()
        self._service.close()
        for chosen in self._chosen.values():
            chosen.close()
        self._chosen.clear()
