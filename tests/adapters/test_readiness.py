"""Readiness by an epoll and by the loop's own readers and writers: the same to a listener."""

import asyncio
import select
import socket

import pytest
import uvloop
from watchkeeper.adapters.net.readiness import EDGE, READABLE, WRITABLE, KernelEvents, LoopEvents

KINDS = [KernelEvents, LoopEvents] if hasattr(select, "epoll") else [LoopEvents]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request):
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture(params=KINDS)
def listener(request, loop):
    made = Listener(loop, request.param)
    yield made
    made.events.close()
    made.events.close()


class Listener:
    """Records its events; `next` runs the loop until one comes."""

    def __init__(self, loop, kind):
        self._loop = loop
        self._answer = None
        self.heard = []
        self.events = kind(loop, self._on_events)

    def _on_events(self, events):
        self.heard += events
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(events)

    def next(self):
        self._answer = self._loop.create_future()
        events = self._loop.run_until_complete(asyncio.wait_for(self._answer, 20))
        self.heard.clear()
        return [(descriptor, mask & (READABLE | WRITABLE)) for descriptor, mask in events]

    def turn(self):
        """Lets the loop check all descriptors once. Returns the reported events."""
        for _ in range(5):
            self._loop.run_until_complete(asyncio.sleep(0))
        return self.heard


def test_a_readable_descriptor_is_reported_until_it_is_read(listener, pair):
    ours, theirs = pair
    listener.events.register(ours.fileno(), READABLE)
    assert listener.turn() == []
    theirs.send(b"x")
    assert listener.next() == [(ours.fileno(), READABLE)]
    assert listener.next() == [(ours.fileno(), READABLE)]
    ours.recv(1)
    listener.turn()
    listener.heard.clear()
    assert listener.turn() == []


def test_the_mask_named_last_is_the_one_that_counts(listener, pair):
    ours, theirs = pair
    theirs.send(b"x")
    listener.events.register(ours.fileno(), READABLE)
    listener.events.modify(ours.fileno(), WRITABLE)
    assert listener.next() == [(ours.fileno(), WRITABLE)]
    listener.events.modify(ours.fileno(), READABLE)
    assert listener.next() == [(ours.fileno(), READABLE)]
    listener.events.modify(ours.fileno(), 0)
    listener.heard.clear()
    assert listener.turn() == []


def test_an_edge_of_writability_is_reported_once_and_again_on_request(listener, pair):
    ours, _ = pair
    listener.events.register(ours.fileno(), WRITABLE | EDGE)
    assert listener.next() == [(ours.fileno(), WRITABLE)]
    assert listener.turn() == []
    listener.events.modify(ours.fileno(), WRITABLE | EDGE)
    assert listener.next() == [(ours.fileno(), WRITABLE)]
    assert listener.turn() == []


def test_nothing_is_reported_for_a_descriptor_that_was_removed(listener, pair):
    ours, theirs = pair
    theirs.send(b"x")
    listener.events.register(ours.fileno(), READABLE | WRITABLE)
    listener.events.unregister(ours.fileno())
    assert listener.turn() == []
    listener.events.register(ours.fileno(), READABLE | WRITABLE)
    descriptor = ours.fileno()
    listener.events.will_close(descriptor)
    ours.close()
    assert listener.turn() == []
    listener.events.will_close(descriptor)


def test_after_closing_nothing_is_reported_and_nothing_is_left_on_the_loop(loop, listener, pair):
    ours, theirs = pair
    listener.events.register(ours.fileno(), READABLE | WRITABLE)
    theirs.send(b"x")
    listener.events.close()
    assert listener.events.closed
    assert listener.turn() == []
    assert not loop.remove_reader(ours.fileno())
    assert not loop.remove_writer(ours.fileno())


def test_a_loop_that_is_closed_already_does_not_keep_it_from_closing(loop, listener, pair):
    listener.events.register(pair[0].fileno(), READABLE)
    loop.close()
    listener.events.close()
    assert listener.events.closed
