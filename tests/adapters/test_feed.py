"""The feed: events reach every subscriber, and a subscriber that does not read delays no other."""

import asyncio
import gc
import threading
import weakref

from watchkeeper.domain.limits import SUBSCRIPTION_EVENTS_MAX
from watchkeeper.domain.read_model.event import HealthChanged
from watchkeeper.host.subscriptions import Subscriptions

WITHIN_S = 20


def event(number):
    return HealthChanged("store", str(number))


def test_a_subscriber_that_never_reads_loses_the_oldest_and_knows_it():
    feed = Subscriptions()
    slow = feed.subscribe()
    for number in range(SUBSCRIPTION_EVENTS_MAX + 7):
        feed.publish(event(number))
    slow.close()

    assert slow.dropped == 7
    assert [int(each.detail) for each in slow] == list(range(7, SUBSCRIPTION_EVENTS_MAX + 7))


def test_a_cancelled_wait_leaves_nothing_behind():
    async def host():
        subscription = Subscriptions().subscribe()
        for _ in range(5):
            events = aiter(subscription)
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return subscription, weakref.ref(asyncio.get_running_loop())

    subscription, loop = asyncio.run(host())
    gc.collect()
    assert loop() is None, f"{subscription} holds the loop of those that gave up"


def test_a_loop_that_closed_while_it_waited_harms_nobody():
    feed = Subscriptions()
    subscription = feed.subscribe()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(anext(aiter(subscription)))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    feed.publish(event(1))

    assert not waiting.done()
    assert subscription.get(0).detail == "1"


def test_a_thread_and_a_task_that_share_one_get_every_event_once():
    feed = Subscriptions()
    subscription = feed.subscribe()
    by_thread, by_task = [], []

    async def listen():
        by_task.extend([each.detail async for each in subscription])

    threads = [
        threading.Thread(target=lambda: by_thread.extend(each.detail for each in subscription)),
        threading.Thread(target=lambda: asyncio.run(listen())),
    ]
    for thread in threads:
        thread.start()
    for number in range(1_000):
        feed.publish(event(number))
    feed.close()
    for thread in threads:
        thread.join(WITHIN_S)

    assert sorted([*by_thread, *by_task], key=int) == [str(number) for number in range(1_000)]
