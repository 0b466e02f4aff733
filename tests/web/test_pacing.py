"""The pace of long work: whatever else the loop has to do comes between two slices."""

import asyncio
from time import monotonic

from watchkeeper.web import limits
from watchkeeper.web.pacing import VALUES_PER_LOOK, Pacing, joined, sliced


def work():
    until_s = monotonic() + limits.SLICE_S
    while monotonic() < until_s:
        pass


async def turns_beside(make):
    """Returns what `make` gives, which gets a function that tells how many turns another task has had so far."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    try:
        return await make(lambda: turns)
    finally:
        task.cancel()


def test_another_task_has_its_turn_after_each_slice_of_rows():
    def row(turns):
        work()
        return turns()

    count = 4 * VALUES_PER_LOOK
    seen = asyncio.run(turns_beside(lambda turns: sliced(range(count), lambda _: row(turns))))
    firsts = seen[::VALUES_PER_LOOK]
    assert firsts == sorted(set(firsts))


def test_another_task_has_its_turn_after_each_slice_of_a_text():
    seen = []

    def parts(turns):
        for _ in range(4):
            work()
            seen.append(turns())
            yield "é"

    found = asyncio.run(turns_beside(lambda turns: joined(parts(turns))))
    assert b"".join(found) == "éééé".encode()
    assert seen == sorted(set(seen))


def test_a_slice_goes_on_from_one_part_of_the_work_to_the_next():
    async def run():
        pace = Pacing()
        work()
        return await turns_beside(lambda turns: sliced(range(VALUES_PER_LOOK + 1), lambda _: turns(), pace))

    first, *_, last = asyncio.run(run())
    assert last > first
