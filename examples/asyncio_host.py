"""An asyncio host: nothing here blocks the event loop, and async checks run on it."""

import asyncio

from watchkeeper import CallChannel, Channel, Notice, Runtime, Threshold


async def main() -> None:
    told = asyncio.Event()
    waiting = [5, 7, 250]

    async def announce(notice: Notice) -> None:
        print(f"{notice.incident.target} {notice.change.value}: {notice.incident.summary()}")
        told.set()

    runtime = Runtime(
        channels=[Channel(id="team", call=CallChannel(name="announce"))], callables={"announce": announce}
    )

    @runtime.check("queue", every="50ms", rules=(Threshold(id="deep", measure="value", value=100),))
    async def queue() -> int:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async with runtime:
        await asyncio.wait_for(told.wait(), 10)
        status = await runtime.aio.status()
        print(status.targets[0].id, status.targets[0].status.value)


if __name__ == "__main__":
    asyncio.run(main())
