"""The feed: events from the runtime's thread to subscribers, through bounded queues that never block it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from threading import Condition
from typing import Protocol, Self

from ..domain.errors import UnknownName
from ..domain.incidents.announcement import Announcement
from ..domain.incidents.incident import Incident
from ..domain.incidents.record import Silence
from ..domain.limits import SUBSCRIPTION_EVENTS_MAX
from ..domain.line import count_of, listed, one_line
from ..domain.read_model.event import Event, IncidentChanged, SampleSeen
from .silencing import KnownInForce, scope_text

EventWaiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]
"""The event loop of a coroutine that awaits the next event, and the asyncio event that wakes it up."""


class Subscription:
    """The event queue of one subscriber, oldest first. A full queue drops its oldest event and counts it in `dropped`.

    Iterate it from a thread (blocks that thread) or with `async for` (blocks nothing); both end when the runtime stops
    or the subscription is closed.
    """

    def __init__(self, feed: "Subscriptions", *, samples: bool) -> None:
        self._feed = feed
        self._samples = samples
        self._events: deque[Event] = deque()
        self._arrived = Condition()
        self._waiters: list[EventWaiter] = []
        self._closed = False
        self.dropped = 0

    def offer(self, event: Event) -> None:
        """Queues an event. The feed calls it on the runtime's thread, so it never waits for the subscriber."""
        if not self._samples and type(event) is SampleSeen:
            return
        with self._arrived:
            if self._closed:
                return
            if len(self._events) >= SUBSCRIPTION_EVENTS_MAX:
                self._events.popleft()
                self.dropped += 1
            self._events.append(event)
            self._wake()

    def _wake(self) -> None:
        self._arrived.notify_all()
        waiters, self._waiters = self._waiters, []
        for loop, waiter in waiters:
            with suppress(RuntimeError):  # the loop is closed, and its coroutine is gone with it
                loop.call_soon_threadsafe(waiter.set)

    def __repr__(self) -> str:
        return f"<Subscription: {count_of(len(self._events), 'event')} queued, {self.dropped} dropped>"

    def get(self, timeout_s: float | None = None) -> Event | None:
        """Returns the next event; None after the timeout or the end of the subscription. Blocks the calling thread."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._events or self._closed, timeout_s)
            return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Ends the subscription; queued events can still be read."""
        self._feed.forget(self)
        with self._arrived:
            self._closed = True
            self._wake()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.get()) is not None:
            yield event

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            waiter = (asyncio.get_running_loop(), asyncio.Event())
            with self._arrived:
                event = self._events.popleft() if self._events else None
                if event is None and self._closed:
                    return
                if event is None:
                    self._waiters.append(waiter)
            if event is None:
                await self._wait(waiter)
            else:
                yield event

    async def _wait(self, waiter: EventWaiter) -> None:
        try:
            await waiter[1].wait()
        finally:
            # Also after a cancelled wait: a host that waits with a timeout in a loop would leave one waiter each time.
            with self._arrived:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Listening(Protocol):
    """A receiver of events: called on the runtime's thread, so it never waits."""

    def offer(self, event: Event, /) -> None: ...

    def close(self) -> None: ...


class Subscriptions:
    """Passes events to all subscriptions. Their tuple is replaced as a whole, so that publishing needs no lock."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Listening, ...] = ()
        self._changing = Condition()
        self._open: dict[str, Incident] = {}
        """Written on the runtime's thread alone; single look-ups and copies from other threads need no lock."""
        self.silences = KnownInForce[Silence]("silence", scope_text)
        self.announcements = KnownInForce[Announcement]("announcement", lambda each: each.title)

    def resume(self, incidents: Iterable[Incident]) -> None:
        """Replaces the open incidents by those of the record."""
        self._open = {incident.id: incident for incident in incidents if incident.is_open}

    def show_silences(self, silences: Iterable[Silence]) -> None:
        """Replaces the silences in force."""
        self.silences.show(silences)

    def show_announcements(self, announcements: Iterable[Announcement]) -> None:
        """Replaces the announcements that stand."""
        self.announcements.show(announcements)

    def require_open(self, incident: str) -> None:
        """Raises: UnknownName for an incident that is not open, with those that are."""
        if incident in self._open:
            return
        names = [f"{one.id} ({one.target}/{one.rule})" for one in self._open.copy().values()]
        raise UnknownName(f"no open incident is {one_line(incident)}; open: {listed(names) or 'none'}")

    def publish(self, event: Event) -> None:
        # First: a subscriber may acknowledge an incident as soon as it hears of it.
        if type(event) is IncidentChanged:
            self._follow(event.incident)
        for subscription in self._subscriptions:
            subscription.offer(event)

    def _follow(self, incident: Incident) -> None:
        if incident.is_open:
            self._open[incident.id] = incident
        else:
            self._open.pop(incident.id, None)

    def subscribe(self, *, samples: bool = False) -> Subscription:
        subscription = Subscription(self, samples=samples)
        self.join(subscription)
        return subscription

    def join(self, listener: Listening) -> None:
        """Passes events to a receiver from now on."""
        with self._changing:
            self._subscriptions = (*self._subscriptions, listener)

    def forget(self, subscription: Listening) -> None:
        with self._changing:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()
