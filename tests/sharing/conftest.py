"""Processes that run one store, driven line by line."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.system.standby import is_locked

HOST = Path(__file__).with_name("host.py")
WITHIN_S = 120


class HostProcess:
    """A program with a runtime; it obeys one line of input at a time and answers each with one line."""

    def __init__(self, store, *options):
        self.popen = subprocess.Popen(
            [sys.executable, str(HOST), str(store), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.started = self.line()
        except BaseException:
            self.close()
            raise

    def line(self):
        said = self.popen.stdout.readline().rstrip("\n")
        assert said, "the process ended"
        return said

    def ask(self, expression):
        self.popen.stdin.write(f"{expression}\n")
        self.popen.stdin.flush()
        return self.line()

    @property
    def role(self):
        return self.ask("runtime.role")

    @property
    def next_role_detail(self):
        """The detail of the next change of the role. A freeze that lasts longer than usual is an event, too."""
        roles = "(event for event in iter(lambda: events.get(60), None) if hasattr(event, 'role'))"
        return self.ask(f"next({roles}).detail")

    def wait_for(self, expression, answer):
        """Waits until an expression has this answer: the host looks, so that nothing here sleeps."""
        assert self.ask(f"until(lambda: {expression}, {answer!r})") == "True"

    def freeze(self, store=None):
        """Stops every thread; with the file of a store between two writes, as in the middle of one nobody else can write."""
        while True:
            self.popen.send_signal(signal.SIGSTOP)
            # The signal goes to one thread, and on a busy machine the others go on until that one has run.
            os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED)
            if store is None or not is_locked(store):
                return
            self.thaw()

    def thaw(self):
        self.popen.send_signal(signal.SIGCONT)

    def kill(self):
        self.popen.kill()
        self.popen.wait(WITHIN_S)

    def close(self):
        with self.popen as process:
            try:
                # One that was killed reads no more.
                with suppress(BrokenPipeError):
                    process.stdin.close()
                process.wait(WITHIN_S)
            finally:
                process.kill()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "watch.db"


@pytest.fixture
def host(store):
    """Starts host programs on the store, or at another name of it, and ends them."""
    with ExitStack() as stack:

        def start(*options, at=store):
            process = HostProcess(at, *options)
            stack.callback(process.close)
            return process

        yield start
