"""Ways to see what a configuration does, as a user would: a world in virtual time, or a runtime against a real server."""

import json
import logging
from collections.abc import Callable
from contextlib import contextmanager

from watchkeeper import Runtime, SampleSeen
from watchkeeper.domain.incidents.notice_body import notice_document
from watchkeeper.domain.time.moment import NS_PER_S
from watchkeeper.testing.world import World

WITHIN_S = 20.0


def written(folder, document):
    """The path of a file that holds the document. JSON is YAML."""
    path = folder / "watch.yaml"
    path.write_text(json.dumps(document))
    return path


def told(folder, document, script="ok 5m, down 5m, ok", length="20m", channel="ok"):
    """Returns the notices of each channel, as `(channel, target/rule change, seconds since the start)`."""
    world = World(written(folder, document))
    began_ns = world.now.wall_ns
    for target in world.targets:
        world.script(target, script)
    channels = [each["id"] for each in document["channels"]]
    for name in channels:
        world.script_channel(name, channel)
    world.run(length)
    return [
        (name, said, (notice.created_at_ns - began_ns) // NS_PER_S)
        for name in channels
        for said, notice in zip(world.delivered(name), world.notices(name), strict=True)
    ]


def posts(folder, document, script, length):
    """Returns the notices of all channels, as `(channel, seconds since the start, notice)`, in the order of time.

    `script` is that of every target, or a mapping of targets to their scripts.
    """
    world = World(written(folder, document))
    began_ns = world.now.wall_ns
    for target in world.targets:
        world.script(target, script if isinstance(script, str) else script[target])
    world.run(length)
    found = [
        (each["id"], (notice.created_at_ns - began_ns) // NS_PER_S, notice)
        for each in document["channels"]
        for notice in world.notices(each["id"])
    ]
    return sorted(found, key=lambda each: each[1])


def reasons(folder, document, script, length):
    """Returns what notices wait for after a length of time, in words."""
    world = World(written(folder, document))
    for target in world.targets:
        world.script(target, script)
    world.run(length)
    return [waiting.hold.reason for waiting in world.status().waits]


def words(folder, document, **how):
    """The same without the times."""
    return [said for _, said, _ in told(folder, document, **how)]


def about(folder, document):
    """The texts about the target in its first notice, which are those of its status."""
    world = World(written(folder, document))
    world.script("shop", "down")
    world.run("5m")
    incident = notice_document(world.notices("ops")[0])["incident"]
    (row,) = world.status().targets
    assert row.metadata.to_dict() == incident.get("about", {})
    return incident.get("about")


def without_a_gateway(folder, document):
    """Returns the notices where the shop and the gateway are down together."""
    world = World(written(folder, document))
    for target in ("shop", "gateway"):
        world.script(target, "ok 5m, down 5m, ok")
    world.run("20m")
    return world.delivered("ops")


def after_a_rename(folder, document):
    """Returns the notices of a process before which another had the target under the name `old`, down."""
    [target] = document["targets"]
    before = World(written(folder, document | {"targets": [target | {"id": "old", "renamed_from": []}]}))
    before.script("old", "down")
    before.run("5m")
    before.store.close()
    world = World(written(folder, document))
    world.clock.advance(before.now.monotonic_ns - world.now.monotonic_ns)
    world.store.close()
    world.store = before.store
    world.crash()
    world.script("shop", "down")
    world.run("5m")
    return world.delivered("ops")


def first(folder, document, **how):
    """The second in which the first notice is made; None without any."""
    return next(iter(sorted(at for _, _, at in told(folder, document, **how))), None)


def hourly(folder, document):
    """The second in which the first notice of an hour is made."""
    return first(folder, document, length="1h")


def after_a_start(folder, document):
    """The second of the first notice of a job that reported its start alone."""
    world = World(written(folder, document))
    began_ns = world.now.wall_ns
    world.heartbeat("job", start=True)
    world.run("2m")
    return (world.notices("ops")[0].created_at_ns - began_ns) // NS_PER_S


def samples(folder, document, count=1, callables=None, settle=None):
    """The samples of a real runtime that checks its only target so many times, one after the other."""
    runtime = Runtime.from_config(written(folder, document), {}, callables=callables)
    with runtime, runtime.subscribe(samples=True) as events:
        found = []
        for _ in range(count):
            runtime.check_now(document["targets"][0]["id"])
            while not isinstance(event := events.get(WITHIN_S), SampleSeen):
                assert event is not None, runtime.status()
            found.append(event.sample)
        if settle is not None:
            settle(runtime)
        return found


def sample(folder, document, **how):
    """Outcome and reason of the first sample of a real runtime."""
    (found,) = samples(folder, document, **how)
    return found.outcome.value, found.reason.value


@contextmanager
def logged(name):
    """The records of one logger while the block runs."""
    records = []

    class Keeping(logging.Handler):
        def emit(self, record):
            records.append(record)

    handler, logger = Keeping(), logging.getLogger(name)
    logger.addHandler(handler)
    level = logger.level
    # Not by the attribute: each logger below keeps what its level was when it was last asked, until `setLevel` clears that.
    logger.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def refusal(make: Callable[[], object]) -> str:
    """The last line of the error that making something raises; empty where it raises none."""
    try:
        make()
    except Exception as error:  # noqa: BLE001 - the text is what a user sees
        return str(error).splitlines()[-1]
    return ""
