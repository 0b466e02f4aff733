"""The effect of each key of channels that run a program, seen in files and at a server."""

from pathlib import Path
from typing import Any

from of_channels import IDLE, LONG, failing, pause_for, problems_of
from seeing import logged, samples
from servers import web
from watched import Real


def ran(folder: Path, script: str, **fields: Any) -> str:
    """Returns what a program has written by its end, or by the first problem of its channel."""
    written = folder / "written"
    document = failing({"exec": {"argv": ["/bin/sh", "-c", script.format(written)], **fields}})
    document["runtime"] = {"allow_exec": True}
    samples(
        folder,
        document,
        settle=lambda runtime: pause_for(
            lambda: (written.exists() and written.read_text()) or runtime.status().problems, IDLE
        ),
    )
    return written.read_text().strip() if written.exists() else ""


def argv(folder: Path, value: str) -> Any:
    return ran(folder, f"echo {value} > {{0}}")


def environment(folder: Path, value: dict[str, str]) -> Any:
    return ran(folder, 'echo "key $KEY" > {0}', environment=value)


def directory(folder: Path, value: str) -> Any:
    return ran(folder, "pwd > {0}", directory=value)


def program_timeout(folder: Path, value: str) -> Any:
    """Returns whether a channel has a problem soon whose program never ends."""
    problems: list[str] = []
    document = failing({"exec": {"argv": ["/bin/sleep", "1000"], "timeout": value}})
    document["runtime"] = {"allow_exec": True}
    samples(folder, document, settle=lambda runtime: problems.extend(problems_of(runtime, value)))
    return bool(problems)


def urls(folder: Path, value: list[str]) -> Any:
    """Returns the paths at which a server was asked."""
    with web() as server:
        asked = [server.url(path).replace("http://", "json://") for path in value]
        samples(
            folder,
            failing({"apprise": {"urls": asked}}),
            settle=lambda _: pause_for(
                lambda: len({heard.path for heard in server.heard}) >= len(value), IDLE
            ),
        )
        # A child that was late is started anew, and asks again.
        return sorted({heard.path for heard in server.heard})


def apprise_timeout(folder: Path, value: str) -> Any:
    """Returns whether a channel has a problem soon whose receiver says nothing: the child may not even have asked by then."""
    problems: list[str] = []
    with web() as server:
        url = server.url("/nothing").replace("http://", "json://") + "?rto=120"
        samples(
            folder,
            failing({"apprise": {"urls": [url], "timeout": value}}),
            settle=lambda runtime: problems.extend(problems_of(runtime, value)),
        )
        return bool(problems)


def by_program(folder: Path, value: bool) -> Any:
    """Returns whether a program is told, rather than the log."""
    written = folder / "written"
    channel = {"exec": {"argv": ["/usr/bin/touch", str(written)]}} if value else {"log": {}}
    with logged("watchkeeper.notices") as records:
        document = failing(channel)
        document["runtime"] = {"allow_exec": True}
        samples(folder, document, settle=lambda _: pause_for(lambda: records or written.exists(), IDLE))
        return written.exists()


def by_apprise(folder: Path, value: bool) -> Any:
    """Returns the type of the content that a server is sent."""
    with web() as server:
        url = server.url()
        channel = (
            {"apprise": {"urls": [url.replace("http", "xml", 1)]}} if value else {"webhook": {"url": url}}
        )
        samples(folder, failing(channel), settle=lambda _: server.arrived.wait(20))
        return server.heard[0].header("content-type")


PROGRAMS: dict[str, Real] = {
    "Channel.exec": Real(by_program, (False, True), (False, True)),
    "ExecChannel.argv": Real(argv, ("one", "two"), ("one", "two")),
    "ExecChannel.environment": Real(environment, ({}, {"KEY": "7"}), ("key", "key 7")),
    "ExecChannel.directory": Real(directory, ("/", "/usr"), ("/", "/usr")),
    "ExecChannel.timeout": Real(program_timeout, (LONG, "300ms"), (False, True)),
    "Channel.apprise": Real(by_apprise, (False, True), ("application/json", "application/xml")),
    "Apprise.urls": Real(urls, (["/one"], ["/one", "/two"]), (["/one"], ["/one", "/two"])),
    "Apprise.timeout": Real(apprise_timeout, (LONG, "300ms"), (False, True)),
}
