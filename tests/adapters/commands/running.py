"""How the tests run a command: one attempt with a deadline, and a script through the shell."""

import asyncio

from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.observation.attempt import AttemptId, ProbeRequest
from watchkeeper.domain.specification.probe import Exec
from watchkeeper.domain.time.moment import NS_PER_S, Deadline

CLOCK = SystemClock()
LONG_NS = 15 * NS_PER_S


def begin(prober, *argv, timeout_ns=LONG_NS, **settings):
    now = CLOCK.read()
    request = ProbeRequest(
        attempt=AttemptId("t", 1, 1),
        probe=Exec(argv=argv, **settings),
        deadline=Deadline.after(now, timeout_ns),
        started=now,
    )
    answered = asyncio.get_running_loop().create_future()
    attempt = prober.start(request, answered.set_result)
    assert not answered.done(), "done was called from within start"
    return attempt, answered


def shell(run, script, **settings):
    return run(lambda prober: begin(prober, "/bin/sh", "-c", script, **settings)[1])
