"""Commands that do not end by themselves: killed with all their children, at the deadline, a cancel or the end."""

import asyncio
import os
import re
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.time.moment import NS_PER_MS

from tests.adapters.commands.running import LONG_NS, begin, shell
from tests.adapters.timing import outlasting


def is_gone(pid):
    """Whether a process has ended; one that is killed has a moment to go, and a parent that may never ask for it."""
    looked = threading.Event()
    for _ in range(1_000):
        if has_ended(int(pid)):
            return True
        looked.wait(0.005)
    return False


def has_ended(pid):
    try:
        os.kill(pid, 0)
        # Without /proc, a parent that reaps what it is given is relied on.
        return (
            Path("/proc/self").exists()
            and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1] in "ZX"
        )
    except (ProcessLookupError, FileNotFoundError):
        return True


def attempts(run, script, **settings):
    """Returns a function that runs a script until a deadline in milliseconds."""
    return lambda within_ms: shell(run, script, timeout_ns=within_ms * NS_PER_MS, **settings)


def test_a_hang_is_killed_at_the_deadline_with_its_children(run, tmp_path):
    noted = tmp_path / "pids"
    script = (
        f"sleep 1000 & echo $! >{noted}; sleep 1000 & echo $! >>{noted}; echo $$ >>{noted}; echo begun; wait"
    )

    seen = outlasting(attempts(run, script), lambda seen: seen.detail.endswith("begun"), 700)

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.TIMED_OUT)
    assert seen.detail == "killed at the deadline: begun"
    pids = noted.read_text().split()
    assert len(pids) == 3
    assert all(is_gone(pid) for pid in pids)


def test_a_signal_that_is_ignored_does_not_save_a_program(run):
    script = "trap '' TERM INT HUP QUIT; echo begun; while :; do sleep 1000; done"

    seen = outlasting(attempts(run, script), lambda seen: seen.detail.endswith("begun"), 300)

    assert seen.outcome is Outcome.TIMED_OUT


def test_a_child_left_behind_is_killed_when_the_plugin_ends(run, tmp_path):
    noted = tmp_path / "pid"

    seen = shell(run, f"sleep 1000 & echo $! >{noted}; echo OK")

    assert (seen.outcome, seen.detail) == (Outcome.UP, "OK")
    assert seen.response_time_ns < LONG_NS // 2, "it waited for the child that holds the pipe"
    assert is_gone(noted.read_text())


def test_a_daemon_that_holds_the_pipe_delays_nothing(run, tmp_path):
    noted = tmp_path / "pid"

    seen = shell(run, f"{daemon(noted)}; echo OK")
    with suppress(ProcessLookupError):
        os.kill(int(noted.read_text()), signal.SIGKILL)

    assert (seen.outcome, seen.detail) == (Outcome.UP, "OK")
    assert seen.response_time_ns < LONG_NS // 2


@pytest.mark.needs("pidfd")
def test_a_daemon_is_killed_when_the_program_that_started_it_ends(run, tmp_path):
    noted = tmp_path / "pid"
    assert shell(run, f"{daemon(noted)}; echo OK").outcome is Outcome.UP
    assert is_gone(noted.read_text())


def daemon(noted):
    """A script that leaves a program in a session of its own, and notes its number."""
    return f"setsid sh -c 'echo $$ >{noted}; exec sleep 1000' & while [ ! -s {noted} ]; do :; done"


@pytest.mark.needs("pidfd")
def test_a_daemon_is_killed_at_the_deadline_of_the_program_that_started_it(run, tmp_path):
    noted = tmp_path / "pid"
    script = f"{daemon(noted)}; sleep 1000"
    seen = outlasting(attempts(run, script), lambda _: noted.exists() and noted.read_text(), 400)
    assert seen.outcome is Outcome.TIMED_OUT
    assert is_gone(noted.read_text())


@pytest.mark.needs("pidfd")
def test_a_daemon_whose_parents_have_all_ended_is_killed_with_what_it_started(run, tmp_path):
    noted, other = tmp_path / "pid", tmp_path / "other"
    twice = f"sleep 1000 & echo $! >{other}; echo $$ >{noted}; exec sleep 1000"
    seen = shell(run, f"(setsid sh -c '{twice}' &); while [ ! -s {noted} ]; do :; done; echo OK")
    assert seen.outcome is Outcome.UP
    assert is_gone(noted.read_text())
    assert is_gone(other.read_text())


@pytest.mark.needs("pidfd")
def test_a_daemon_that_is_executing_a_program_at_every_look_is_killed(run, tmp_path):
    noted, again = tmp_path / "pid", tmp_path / "again"
    again.write_text('exec /bin/sh "$0"\n')  # inside execve, no environment is shown
    script = (
        f"setsid sh -c 'echo $$ >>{noted}; exec sh {again}' & while [ ! -s {noted} ]; do :; done; echo OK"
    )
    for _ in range(20):
        noted.write_text("")
        assert shell(run, script).outcome is Outcome.UP
        assert is_gone(noted.read_text())


@pytest.mark.needs("pidfd")
def test_a_daemon_is_killed_at_a_close_whose_program_runs(run, tmp_path):
    noted = tmp_path / "pid"

    async def main(prober):
        answer = begin(prober, "/bin/sh", "-c", f"{daemon(noted)}; sleep 1000")[1]
        while not (noted.exists() and noted.read_text()):
            await begin(prober, "/bin/true")[1]
        prober.close()
        assert is_gone(noted.read_text())
        return await answer

    assert run(main).outcome is Outcome.CANCELLED


@pytest.mark.needs("pidfd")
def test_a_daemon_of_another_program_that_runs_is_left_alone(run, tmp_path):
    noted = tmp_path / "pid"

    async def main(prober):
        answer = begin(prober, "/bin/sh", "-c", f"{daemon(noted)}; sleep 1000")[1]
        while not (noted.exists() and noted.read_text()):
            await begin(prober, "/bin/true")[1]
        for _ in range(3):
            await begin(prober, "/bin/sh", "-c", "setsid true & echo OK")[1]
        assert not has_ended(int(noted.read_text()))
        prober.close()
        return await answer

    assert run(main).outcome is Outcome.CANCELLED


def test_an_endless_flood_ends_at_the_deadline(run):
    flood = attempts(run, "exec cat /dev/zero", output_bytes_max=10)
    seen = outlasting(flood, lambda seen: seen.body, 300)

    assert (seen.outcome, len(seen.body)) == (Outcome.TIMED_OUT, 10)


def test_cancelling_kills_and_reaps_and_never_calls_back(run, tmp_path):
    noted = tmp_path / "fifo"
    os.mkfifo(noted)

    async def main(prober):
        attempt, answered = begin(prober, "/bin/sh", "-c", f"echo $$ >{noted}; exec sleep 1000")
        pid = await asyncio.to_thread(noted.read_text)
        while "running=0," in repr(prober):
            await begin(prober, "/bin/true")[1]
        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        assert attempt.cancel() is CancelOutcome.COMPLETED_ANYWAY
        while "reaping=0)" not in repr(prober):
            await begin(prober, "/bin/true")[1]
        assert is_gone(pid)
        assert not answered.done()

    run(main)


def test_cancelling_before_it_was_started_is_without_effect(run, tmp_path):
    async def main(prober):
        attempts = [begin(prober, "/bin/touch", str(tmp_path / str(n))) for n in range(40)]
        outcomes = [attempt.cancel() for attempt, _ in attempts]
        await begin(prober, "/bin/true")[1]
        assert set(outcomes) <= {CancelOutcome.WITHOUT_EFFECT, CancelOutcome.UNKNOWN}
        assert outcomes[-1] is CancelOutcome.WITHOUT_EFFECT
        assert not attempts[-1][1].done()

    run(main)
    assert not (tmp_path / "39").exists()


def test_cancelling_what_has_answered_is_too_late(run):
    async def main(prober):
        attempt, answered = begin(prober, "/bin/true")
        await answered
        return attempt.cancel()

    assert run(main) is CancelOutcome.COMPLETED_ANYWAY


def test_closing_kills_everything_and_answers_cancelled(run):
    async def main(prober):
        answers = [begin(prober, "/bin/sleep", "1000")[1] for _ in range(10)]
        while int(re.search(r"running=(\d+)", repr(prober))[1]) < 5:
            await begin(prober, "/bin/true")[1]
        prober.close()
        after = await begin(prober, "/bin/true")[1]
        return await asyncio.gather(*answers), after

    seen, after = run(main)

    assert {each.outcome for each in seen} == {Outcome.CANCELLED}
    assert after.outcome is Outcome.UNKNOWN
