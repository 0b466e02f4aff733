"""The effect of each key of a channel, seen at receivers, functions and the log."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from mail_server import MailServer
from seeing import WITHIN_S, logged, samples
from servers import web
from watched import NOWHERE, watching
from watchkeeper import Runtime

IDLE = threading.Event()
"""Never set: waiting for it is a pause between two looks."""


# Channels.


def failing(channel: dict[str, Any], **fields: Any) -> dict[str, Any]:
    rules = [{"id": "down", "kind": "consecutive", "after": 1}]
    probe = {"http": {"url": NOWHERE}}
    document = watching(probe, rules=rules, notify=["ops"], **fields)
    return {**document, "channels": [{"id": "ops", **channel}]}


def until(arrived: threading.Event) -> Callable[[Runtime], None]:
    def wait(runtime: Runtime) -> None:
        assert arrived.wait(20), runtime.status()

    return wait


def hook(folder: Path, path: str = "/healthy", **fields: Any) -> Any:
    with web() as server:
        samples(
            folder, failing({"webhook": {"url": server.url(path), **fields}}), settle=until(server.arrived)
        )
        return server.heard[0]


def hook_secret(folder: Path, value: str | None) -> Any:
    return hook(folder, secret=value).header("webhook-signature") is not None


def hook_url(folder: Path, value: str) -> Any:
    return hook(folder, value).path


def hook_header(folder: Path, value: dict[str, str]) -> Any:
    return hook(folder, headers=value).header("x-key")


def logger(folder: Path, value: str) -> Any:
    arrived = threading.Event()
    with logged("elsewhere") as records:
        records_of = failing({"log": {"logger": value}})
        with logged("watchkeeper.notices") as usual:
            samples(folder, records_of, settle=lambda _: pause_for(lambda: records or usual, arrived))
            return len(records) > 0


def level(folder: Path, value: str) -> Any:
    with logged("watchkeeper.notices") as records:
        samples(
            folder,
            failing({"log": {"level": value}}),
            settle=lambda _: pause_for(lambda: records, threading.Event()),
        )
        return records[0].levelname


LONG = "60s"
"""A timeout that no test waits for."""


def patience_s(timeout: str) -> float:
    """Returns how long a test waits for the effect of a timeout: that of a short one may come late on a busy machine."""
    return 4 if timeout == LONG else WITHIN_S


def problems_of(runtime: Runtime, timeout: str) -> list[str]:
    """Returns the problems of the channel in the status, as soon as there are any."""
    ends = monotonic() + patience_s(timeout)
    while True:
        found = [says for part, says in runtime.status().problems if part == "channel ops"]
        if found or monotonic() >= ends:
            return found
        IDLE.wait(0.02)


def pause_for(done: Callable[[], Any], idle: threading.Event) -> None:
    for _ in range(2_000):
        if done():
            return
        idle.wait(0.01)


def told_function(folder: Path, value: str) -> Any:
    arrived, told = threading.Event(), []
    functions = {
        name: lambda notice, name=name: (told.append(name), arrived.set()) for name in ("one", "two")
    }
    samples(folder, failing({"call": {"name": value}}), callables=functions, settle=until(arrived))
    return told[0]


def channel_kind(folder: Path, value: dict[str, Any]) -> Any:
    """Whether a notice of a failing target reaches a function or the log."""
    idle, told = threading.Event(), []
    with logged("watchkeeper.notices") as records, web() as server, MailServer() as mail:
        if "webhook" in value:
            value = {"webhook": {"url": server.url()}}
        if "email" in value:
            value = {"email": {**value["email"], "smtp": mail.url()}}
        samples(
            folder,
            failing(value),
            callables={"one": lambda notice: told.append("call")},
            settle=lambda _: pause_for(lambda: told or records or server.heard or mail.mails, idle),
        )
        seen = {"log": records, "webhook": server.heard, "email": mail.mails}
        return told[:1] or [kind for kind, heard in seen.items() if heard]


def function_timeout(folder: Path, value: str) -> Any:
    """Returns the problems in the status of a channel whose function does not return."""
    release = threading.Event()
    problems: list[str] = []

    def settle(runtime: Runtime) -> None:
        problems.extend(problems_of(runtime, value))
        release.set()

    document = failing({"call": {"name": "one", "timeout": value}})
    samples(folder, document, callables={"one": lambda notice: release.wait(60)}, settle=settle)
    return bool(problems)
