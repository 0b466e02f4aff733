"""A command of a host shows in its next read, from threads and event loops, where the record is a file."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from watchkeeper import ALL, Consecutive, Heartbeat, Runtime, Target

TRIES = 40
MISSED = Consecutive(id="down", after=1, recover=1)


def jobs(count=1):
    return [
        Target(id=f"job-{number}", every="1h", heartbeat=Heartbeat(), rules=(MISSED,), default_rules=False)
        for number in range(count)
    ]


@pytest.fixture
def store(tmp_path):
    return tmp_path / "watch.db"


def said_by(status):
    return {silence.by for silence in status.silences}


@pytest.mark.parametrize("max_age", ["0s", "1m"])
def test_a_silence_is_in_the_status_asked_right_after_it(store, max_age):
    with Runtime(targets=jobs(), store=store) as runtime:
        seen = []
        for number in range(TRIES):
            runtime.silence(ALL, "1h", by=f"operator {number}")
            seen.append(said_by(runtime.status(max_age)))

    assert seen == [{f"operator {number}"} for number in range(TRIES)]


def test_a_silence_is_in_the_status_awaited_right_after_it(store):
    async def host():
        seen = []
        async with Runtime(targets=jobs(), store=store) as runtime:
            for number in range(TRIES):
                runtime.silence(ALL, "1h", by=f"operator {number}")
                seen.append(said_by(await runtime.aio.status()))
        return seen

    assert asyncio.run(host()) == [{f"operator {number}"} for number in range(TRIES)]


def test_each_of_many_threads_reads_its_own_silence(store):
    with Runtime(targets=jobs(), store=store) as runtime, ThreadPoolExecutor(8) as threads:

        def silenced(number):
            runtime.silence(ALL, "1h", by=f"operator {number}", id=f"works {number}")
            return f"operator {number}" in said_by(runtime.status())

        assert all(threads.map(silenced, range(TRIES)))


def test_a_failed_heartbeat_and_its_acknowledgement_are_in_the_incidents_asked_right_after(store):
    with Runtime(targets=jobs(TRIES), store=store) as runtime:
        acknowledged = []
        for job in jobs(TRIES):
            runtime.heartbeat(job.id, ok=False)
            (opened,) = [one for one in runtime.incidents() if one.target == job.id]
            runtime.acknowledge(opened.id, by=job.id)
            acknowledged += [one.acknowledged_by for one in runtime.incidents() if one.target == job.id]
            runtime.untrack(job.id)
            assert runtime.incidents(open_only=True) == ()

    assert acknowledged == [job.id for job in jobs(TRIES)]
