"""A runtime that is stopped in the middle of its work logs nothing that a reader would have to explain away."""

import logging

import pytest
from logged import messages
from watchkeeper import ALL, Consecutive, Heartbeat, Runtime, Target

MISSED = Consecutive(id="down", after=1, recover=1)


@pytest.mark.parametrize("attempt", range(10))
def test_a_stop_right_after_a_silence_logs_no_dead_letter(attempt, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    job = Target(id="job", every="1h", heartbeat=Heartbeat())
    with Runtime(targets=[job], store=tmp_path / "watch.db") as runtime:
        for number in range(20):
            runtime.silence(ALL, "1h", id=f"works {number}")

    assert messages(caplog) == []


@pytest.mark.parametrize("attempt", range(5))
def test_a_stop_while_notices_are_delivered_logs_no_dead_letter(attempt, tmp_path, caplog, ops):
    caplog.set_level(logging.WARNING)
    jobs = [
        Target(
            id=f"job-{number}",
            every="1h",
            heartbeat=Heartbeat(),
            rules=(MISSED,),
            default_rules=False,
            notify=("ops",),
        )
        for number in range(20)
    ]
    with Runtime(targets=jobs, store=tmp_path / "watch.db", **ops) as runtime:
        for job in jobs:
            runtime.heartbeat(job.id, ok=False)

    assert messages(caplog) == []
