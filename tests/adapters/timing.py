"""The dispatcher's `call_at` on a loop that a test runs by itself."""

from watchkeeper.actors.dispatch.run.alarm import AlarmClock


def call_at_of(loop, clock):
    """Call back on the loop, by the clock that the driver under test is given too."""
    return AlarmClock(loop, lambda: clock.read().monotonic_ns).call_at
