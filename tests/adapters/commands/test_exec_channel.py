"""The program of an `exec` channel gets the notice, and its exit status is the answer."""

import asyncio
import json
import threading
from pathlib import Path

import msgspec
import pytest
from records import SHOP_DOWN
from watchkeeper.adapters.channels.local.exec import ExecMessenger
from watchkeeper.domain.incidents.notice import NoticeReason, make_notice
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.specification.local_channels import ExecChannel
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline

from tests.adapters.commands.running import CLOCK, LONG_NS
from tests.adapters.timing import call_at_of, outlasting
from tests.support.left_behind import becomes_true

OPENED, AT_NS = SHOP_DOWN, SHOP_DOWN.at_ns


def notice_of(incident=OPENED):
    return make_notice(incident, "ops", incident.change, AT_NS, NoticeReason.TRANSITION)


def deliver(run, script, notice=None, timeout_ns=LONG_NS, **fields):
    """The answer of one delivery by a shell script, on a loop that leaves nothing behind."""

    async def main(_):
        loop = asyncio.get_running_loop()
        spec = ExecChannel(argv=("/bin/sh", "-c", script), **fields)
        messenger = ExecMessenger("ops", spec, loop, CLOCK, call_at_of(loop, CLOCK))
        answered = loop.create_future()
        try:
            deadline = Deadline.after(CLOCK.read(), timeout_ns)
            messenger.send(notice or notice_of(), 1, deadline, answered.set_result)
            assert not answered.done()
            return await answered
        finally:
            messenger.close()
            assert becomes_true(lambda: messenger.abandoned() == ())

    return run(main)


def test_a_program_reads_the_document_of_a_notice(run, tmp_path):
    answer = deliver(run, f"cat > {tmp_path}/heard")

    assert answer.accepted
    assert Path(tmp_path, "heard").read_bytes() == notice_body(notice_of())


def test_a_long_document_arrives_whole(run, tmp_path):
    long = msgspec.structs.replace(OPENED, explanation="x" * 300_000, evidence=tuple(range(100_000)))
    answer = deliver(run, f"cat > {tmp_path}/heard", notice_of(long))

    assert answer.accepted
    assert json.loads(Path(tmp_path, "heard").read_bytes())["incident"]["evidence"][-1] == 99_999


def test_a_program_that_reads_nothing_is_none_the_worse(run):
    long = msgspec.structs.replace(OPENED, evidence=tuple(range(100_000)))

    assert deliver(run, "exit 0", notice_of(long)).accepted


@pytest.mark.parametrize(
    ("script", "accepted", "retryable", "detail"),
    [
        ("echo paged ann", True, True, "exit status 0: paged ann"),
        ("exit 75", False, True, "exit status 75"),
        ("exit 65", False, False, "exit status 65"),
        ("echo no such user >&2; exit 1", False, True, "exit status 1: no such user"),
        ("/no/such/thing 2> /dev/null", False, True, "exit status 127"),
        ("kill -9 $$", False, True, "killed by SIGKILL"),
    ],
)
def test_the_exit_status_is_the_answer(run, script, accepted, retryable, detail):
    answer = deliver(run, script)

    assert (answer.accepted, answer.retryable, answer.detail) == (accepted, retryable, detail)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTICE_KEY", notice_of().key),
        ("NOTICE_TITLE", "[critical] shop: down"),
        ("NOTICE_TARGET", "shop"),
        ("NOTICE_CHANGE", "opened"),
        ("NOTICE_SEVERITY", "critical"),
        ("OWN", "7"),
        ("HOME", ""),
    ],
)
def test_the_facts_of_a_notice_stand_in_the_environment(run, name, value):
    answer = deliver(run, f'echo "${name}"', environment={"OWN": "7"})

    assert answer.detail == (f"exit status 0: {value}" if value else "exit status 0")


def test_a_program_that_cannot_be_run_is_tried_again(run):
    answer = deliver(run, "exit 0", directory="/no/such/folder")

    assert (answer.accepted, answer.retryable) == (False, True)
    assert answer.detail.startswith("cannot run /bin/sh: ")


def test_a_program_is_killed_with_its_children_at_the_deadline(run):
    def attempt(within_ms):
        return deliver(run, "echo began; sleep 1000 & sleep 1000", timeout_ns=within_ms * NS_PER_MS)

    answer = outlasting(attempt, lambda answer: answer.detail.endswith("began"), 300)

    assert (answer.accepted, answer.retryable) == (False, True)
    assert answer.detail == "killed at the deadline, the outcome is unknown: began"


def test_a_cancelled_program_may_have_told_somebody(run, tmp_path):
    began = tmp_path / "began"

    async def main(_):
        loop = asyncio.get_running_loop()
        spec = ExecChannel(argv=("/bin/sh", "-c", f"touch {began}; sleep 1000"))
        messenger = ExecMessenger("ops", spec, loop, CLOCK, call_at_of(loop, CLOCK))
        answers = []
        running = messenger.send(notice_of(), 1, Deadline.after(CLOCK.read(), LONG_NS), answers.append)
        # One whose start the loop has not seen yet is answered for later.
        while not began.exists() or "running=1" not in repr(messenger):
            await asyncio.to_thread(threading.Event().wait, 0.01)
        outcomes = running.cancel(), running.cancel()
        messenger.close()
        return outcomes, answers

    assert run(main) == ((CancelOutcome.UNKNOWN, CancelOutcome.UNKNOWN), [])
