"""The end of a program by a pidfd and by a waiting thread: the same result for the caller."""

import errno
import os
import select
import signal
import subprocess
import threading

import pytest
from watchkeeper.adapters.programs.program_end import PidfdEnd, WaitedEnd

from tests.adapters.commands.conftest import open_descriptors
from tests.support.left_behind import threads_since

KINDS = [PidfdEnd, WaitedEnd] if hasattr(os, "pidfd_open") else [WaitedEnd]


@pytest.fixture(params=KINDS)
def watch(request):
    """Start a script in a group of its own, and watch for its end."""
    before, threads, started = open_descriptors(), set(threading.enumerate()), []

    def watch(script, **settings):
        started.append(subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, **settings))
        return started[-1], request.param(started[-1].pid)

    yield watch
    for process in started:
        # The number is given back by then: Popen must not wait for it.
        process.returncode = 0
    assert open_descriptors() <= before
    assert threads_since(threads) == set()


def ended(end):
    """Wait for it, and reap it."""
    poll = select.poll()
    poll.register(end.descriptor, select.POLLIN)
    assert poll.poll(20_000)
    assert end.reap()
    assert end.reap()
    assert end.reaped
    end.kill()
    return end.exit_status


def test_the_status_of_a_program_that_exits_is_its_own(watch):
    assert ended(watch("exit 3")[1]) == 3


def test_a_program_that_runs_is_not_reaped_and_a_killed_one_has_a_signal(watch):
    _, end = watch("exec sleep 1000")
    assert not end.reap()
    assert not end.reaped
    end.kill()
    end.kill()
    assert ended(end) == -signal.SIGKILL


def test_a_process_that_a_program_left_in_its_group_is_killed(watch):
    reading, writing = os.pipe()
    _, end = watch("sleep 1000 &", pass_fds=(writing,))
    os.close(writing)
    assert ended(end) == 0
    assert os.read(reading, 1) == b"", "the pipe ends with the last process that holds it"
    os.close(reading)


def test_a_status_that_the_host_does_not_want_is_none(watch):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process, end = watch("read line; exit 3", stdin=subprocess.PIPE)
        process.stdin.close()
        assert ended(end) is None
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_where_no_thread_can_be_had_the_error_says_so():
    process = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    before, size = open_descriptors(), threading.stack_size(1 << 46)
    try:
        with pytest.raises(OSError, match="no thread") as refused:
            WaitedEnd(process.pid)
    finally:
        threading.stack_size(size)
        process.kill()
        process.wait()
    assert refused.value.errno == errno.EAGAIN
    assert open_descriptors() <= before
