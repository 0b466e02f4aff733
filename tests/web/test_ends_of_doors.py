"""Doors that end while they begin, or later than a stop waits, as on a busy machine."""

import asyncio
import gc
import socket
import threading
from contextlib import suppress

import pytest
from watchkeeper import Web
from watchkeeper.host.access.doors import Doors, LoopThread
from watchkeeper.web.serving import serve

from tests.support.left_behind import threads_since

WITHIN_S = 20


def test_a_task_of_the_web_that_a_stop_does_not_wait_for_ends_all_the_same(caplog):
    """As while the libraries are loaded on a busy machine: nothing else runs on the loop meanwhile."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    thread = LoopThread("web of the test")

    async def serve():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    thread.start_task(serve)
    assert begun.wait(WITHIN_S)
    thread.call(lambda: go_on.wait(WITHIN_S))
    assert not thread.stop(0.01)
    go_on.set()
    assert ended.wait(WITHIN_S)
    assert caplog.text == ""


def refused_with(_scope, _receive, _send):
    raise AssertionError("nothing is asked")


class SmallSite:
    """A site that is made as slowly as one whose libraries are loaded first."""

    def __init__(self, meanwhile):
        meanwhile()

    async def serve(self, door):
        await serve(refused_with, door, before_the_end=lambda: None)


@pytest.mark.parametrize("ends", ["in time", "late"])
def test_a_connection_that_comes_while_its_door_begins_and_ends_is_closed(ends):
    """One that is left open is a warning of its socket when that is collected, and held until then."""
    web, begun, go_on = Web(listen="127.0.0.1:0"), threading.Event(), threading.Event()
    before = set(threading.enumerate())

    def meanwhile():
        begun.set()
        go_on.wait(WITHIN_S)
        if ends == "in time":
            closing.start()

    doors = Doors(lambda: SmallSite(meanwhile))
    door = doors.bound(web)
    closing = threading.Thread(target=doors.close)
    doors.use(door, web, None)
    try:
        assert begun.wait(WITHIN_S)
        with socket.create_connection(door.listening.getsockname(), WITHIN_S) as client:
            if ends == "late":
                # It goes on without the thread, which ends later as it would have.
                doors.close(within_s=0.0)
            go_on.set()
            with suppress(ConnectionResetError):  # it was never accepted
                assert client.recv(1) == b""
    finally:
        go_on.set()
        doors.close()
    assert threads_since(before) == set()
    gc.collect()
    assert door.listening.fileno() == -1
