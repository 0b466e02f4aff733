"""Timers of a test that moves time by hand."""

import heapq
from itertools import count


class ManualTimers:
    """Timers that go off when the clock is moved by hand."""

    def __init__(self, clock):
        self.clock, self.heap, self.order = clock, [], count()

    def call_at(self, monotonic_ns, callback):
        timer = ManualTimer(callback)
        heapq.heappush(self.heap, (monotonic_ns, next(self.order), timer))
        return timer

    def advance(self, by_ns):
        self.clock.advance(by_ns)
        while self.heap and self.heap[0][0] <= self.clock.read().monotonic_ns:
            heapq.heappop(self.heap)[2].ring()


class ManualTimer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None

    def ring(self):
        if self.callback:
            self.callback()
