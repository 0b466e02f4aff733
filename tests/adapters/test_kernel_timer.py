"""The kernel's timer behind a loop's descriptor: never early, settable again at any time, and gone when it is closed."""

import asyncio
import errno
import resource
import time
from pathlib import Path

import pytest
import uvloop
from watchkeeper.adapters.kernel_timer import KernelTimer, has_kernel_timer
from watchkeeper.domain.time.moment import NS_PER_MS

SOON_S = 20.0

pytestmark = pytest.mark.skipif(not has_kernel_timer(), reason="this system has no timerfd")


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request):
    made = request.param()
    yield made
    made.close()


class Bell:
    """The callback of a timer; records its moments on the clock that the timer uses."""

    def __init__(self, loop):
        self.rang = asyncio.Event()
        self.at_ns = []
        self.timer = KernelTimer(loop, self._ring)

    def _ring(self):
        self.at_ns.append(time.monotonic_ns())
        self.timer.set(0)
        self.rang.set()

    async def next(self):
        await asyncio.wait_for(self.rang.wait(), SOON_S)
        self.rang.clear()


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_never_rings_early_and_rings_once(loop):
    bell = Bell(loop)

    async def ring_after(after_ns):
        begin_ns = time.monotonic_ns()
        bell.timer.set(after_ns)
        await bell.next()
        assert bell.at_ns[-1] - begin_ns >= after_ns

    for after_ns in (1, 100_000, 3 * NS_PER_MS + 1):
        loop.run_until_complete(ring_after(after_ns))
    assert len(bell.at_ns) == 3
    bell.timer.close()


def test_setting_again_replaces_the_time_and_zero_is_never(loop):
    bell, other = Bell(loop), Bell(loop)

    async def run():
        begin_ns = time.monotonic_ns()
        bell.timer.set(NS_PER_MS)
        bell.timer.set(15 * NS_PER_MS)
        other.timer.set(2 * NS_PER_MS)
        other.timer.set(0)
        await bell.next()
        assert bell.at_ns[0] - begin_ns >= 15 * NS_PER_MS

    loop.run_until_complete(run())
    assert (len(bell.at_ns), other.at_ns) == (1, [])
    bell.timer.close()
    other.timer.close()


def test_closed_it_is_silent_and_leaves_no_descriptor(loop):
    bell, other = Bell(loop), Bell(loop)
    before = descriptors()

    async def run():
        bell.timer.set(NS_PER_MS)
        bell.timer.close()
        bell.timer.close()
        other.timer.set(3 * NS_PER_MS)
        await other.next()

    loop.run_until_complete(run())
    assert bell.at_ns == []
    assert descriptors() <= before - 1
    other.timer.close()


def test_a_loop_that_is_closed_already_does_not_keep_it_from_closing(loop):
    timer = KernelTimer(loop, lambda: None)
    loop.close()
    after = descriptors()
    timer.close()
    assert descriptors() <= after - 1


def test_where_no_descriptor_is_left_the_error_says_so(loop):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="open files") as refused:
            KernelTimer(loop, lambda: None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert refused.value.errno == errno.EMFILE
