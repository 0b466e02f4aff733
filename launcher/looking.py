"""One look at addresses by the probers of a runtime, without a runtime: nothing is judged, recorded or told."""

import asyncio
from collections.abc import Callable, Sequence

from ..adapters.clock import SystemClock
from ..adapters.drivers import Drivers
from ..domain.observation.attempt import AttemptId, ProbeRequest
from ..domain.observation.observation import Observation
from ..domain.specification.configuration import Configuration
from ..domain.specification.target import Target
from ..domain.time.moment import NS_PER_S, Deadline
from ..domain.time.timers import Timer


def look_once(targets: Sequence[Target]) -> list[Observation]:
    """Returns what one probe of each target observes, all at the same time. Blocks until the last answer or deadline."""
    return asyncio.run(_look(targets))


async def _look(targets: Sequence[Target]) -> list[Observation]:
    loop, clock = asyncio.get_running_loop(), SystemClock()

    def call_at(monotonic_ns: int, callback: Callable[[], object]) -> Timer:
        return loop.call_later(max(monotonic_ns - clock.monotonic_ns(), 0) / NS_PER_S, callback)

    drivers = Drivers(loop, clock, call_at, Configuration(), {}, None)
    try:
        answers = []
        for number, target in enumerate(targets):
            answer: asyncio.Future[Observation] = loop.create_future()
            now = clock.read()
            request = ProbeRequest(
                attempt=AttemptId(target.id, 1, number),
                probe=target.probe,
                deadline=Deadline.after(now, target.timeout_ns),
                started=now,
            )
            drivers.probers[type(target.probe)].start(request, answer.set_result)
            answers.append(answer)
        # Each driver ends by itself at its deadline.
        return await asyncio.gather(*answers)
    finally:
        drivers.close()
