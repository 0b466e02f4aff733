"""The effect of each key of the dead-man's ping, seen at its receiver."""

import threading
from pathlib import Path
from typing import Any

from of_channels import pause_for
from seeing import written
from servers import Authority, web
from watched import NOWHERE, Real, watching
from watchkeeper import Runtime
from watchkeeper.adapters.configuration import load
from watchkeeper.testing.world import World

IDLE = threading.Event()


def pinged(folder: Path, server: Any, ping: dict[str, Any] | None) -> list[str]:
    """Returns the paths of the first ping, once it has come or failed; none where none is configured."""
    runtime = {"ping": ping} if ping else {}
    document = watching({"http": {"url": NOWHERE}}, runtime, paused=True)
    with Runtime.from_config(written(folder, document), {}) as made:
        if ping:
            pause_for(lambda: server.heard or made.status().problems, IDLE)
        return [heard.path for heard in server.heard[:1]]


def has_ping(folder: Path, value: bool) -> Any:
    with web() as server:
        return pinged(folder, server, {"url": server.url("/ping")} if value else None)


def ping_url(folder: Path, value: str) -> Any:
    with web() as server:
        return pinged(folder, server, {"url": server.url(value)})


def ping_tls(folder: Path, value: dict[str, Any]) -> Any:
    with Authority(folder).web() as server:
        return len(pinged(folder, server, {"url": server.url(), "tls": value}))


def ping_every(folder: Path, value: str) -> Any:
    """Returns how many pings go in ten minutes of virtual time after the first one."""
    ping = {"url": "https://hc.example/ping", "every": value}
    document = watching({"http": {"url": NOWHERE}}, {"ping": ping})
    world = World(load(written(folder, document), {}))
    world.run("10m")
    return len(world.pinger.pings) - 1


PING: dict[str, Real] = {
    "RuntimeOptions.ping": Real(has_ping, (False, True), ([], ["/ping"])),
    "PingOptions.url": Real(ping_url, ("/one", "/two"), (["/one"], ["/two"])),
    "PingOptions.every": Real(ping_every, ("1m", "2m"), (10, 5)),
    "PingOptions.tls": Real(ping_tls, ({}, {"verify": False}), (0, 1)),
}
