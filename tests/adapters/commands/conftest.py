"""Fixtures of the tests of commands: a loop on its own thread, and a check of what is left behind."""

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop
from watchkeeper.adapters.probes.local.exec import ExecProber

from tests.adapters.commands.running import CLOCK
from tests.adapters.timing import call_at_of
from tests.support.left_behind import becomes_true


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine with a prober on a loop outside the main thread, and checks that nothing is left behind."""

    def run(main):
        async def whole():
            loop = asyncio.get_running_loop()
            prober = ExecProber(loop, CLOCK, call_at_of(loop, CLOCK))
            try:
                return await asyncio.wait_for(main(prober), 30)
            finally:
                prober.close()
                assert becomes_true(lambda: prober.abandoned() == ())

        def on_thread():
            try:
                with asyncio.Runner(loop_factory=request.param) as runner:
                    outcome.append(runner.run(whole()))
            except BaseException as error:  # noqa: BLE001  # shown on the test's own thread
                outcome.append(error)

        with asyncio.Runner(loop_factory=request.param) as first:
            # uvloop opens two descriptors for the whole process with its first loop.
            first.get_loop()
        # A server for all tests of the session is a child, too.
        before, others, outcome = open_descriptors(), children(), []
        thread = threading.Thread(target=on_thread)
        thread.start()
        thread.join(60)
        assert becomes_true(lambda: children() <= others)
        assert becomes_true(lambda: open_descriptors() <= before)
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    return run


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def children():
    """Every child of this process, zombies included."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found.update((task / "children").read_text().split())
    return found
