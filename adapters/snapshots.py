"""Snapshots of the read model, for pages that many people look at: one question answers all who ask within an age."""

from collections.abc import Callable
from typing import Final

from ..domain.limits import SNAPSHOT_NS_MAX
from ..domain.moment import Deadline
from ..domain.policy import CachePolicy
from ..domain.status import RuntimeStatus
from .cache import Failed, Loaded
from .clock import SystemClock
from .own_thread import in_own_thread
from .threaded_cache import ThreadedSingleFlight, WaitedTooLong

POLICY = CachePolicy(
    name="status snapshots",
    key="how everything stands: there is one",
    owner="the runtime",
    fresh_for_ns=SNAPSHOT_NS_MAX,
    entries_max=1,
    invalidation="by age, each question's own `max_age` before all; and when the runtime starts, stops or is commanded",
)
WHOLE: Final = "status"


class Snapshots:
    """Keeps the newest status. `load` asks for a new one and blocks."""

    def __init__(self, load: Callable[[], RuntimeStatus], answer_within_ns: int) -> None:
        self._load = load
        self._answer_within_ns = answer_within_ns
        self._clock = SystemClock()
        self._cache: ThreadedSingleFlight[str, RuntimeStatus] = ThreadedSingleFlight(POLICY, self._clock)

    def status(self, max_age_ns: int) -> RuntimeStatus:
        """One that is no older; whoever asks while another thread loads waits for that. Raises what loading raises."""
        if max_age_ns <= 0:
            return self._load()
        deadline = Deadline.after(self._clock.read(), self._answer_within_ns)
        answer = self._cache.get(WHOLE, self._load, deadline, max_age_ns)
        match answer:
            case Loaded(value):
                return value
            case Failed(error):
                raise error
            case WaitedTooLong():
                raise TimeoutError("the runtime did not say in time how it stands")

    async def status_async(self, max_age_ns: int) -> RuntimeStatus:
        """The same from an event loop: what is kept at once, anything else from a thread made for the question."""
        kept = self._cache.peek(WHOLE, max_age_ns)
        if isinstance(kept, Loaded):
            return kept.value
        return await in_own_thread("watchkeeper-status", lambda: self.status(max_age_ns))

    def forget(self) -> None:
        """What is known is outdated."""
        self._cache.clear()
