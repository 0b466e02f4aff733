"""The checks of probes of databases, message brokers and mailboxes."""

from collections.abc import Callable, Iterator
from typing import Any

from ...specification.probe import Tls
from ...specification.probes.networked import NetworkProbe
from ...specification.probes.servers.imap import Imap
from ...specification.probes.servers.mqtt import Mqtt
from ...specification.probes.servers.mysql import Mysql
from ...specification.probes.servers.postgres import Postgres
from ...specification.problem import Path, Problem
from ..network import place_problems, tls_problems


def login_problems(probe: Any, path: Path) -> Iterator[Problem]:
    """Yields the problem of a login of which only a half is written."""
    if (probe.user is None) is not (probe.password is None):
        given, lacking = ("user", "password") if probe.password is None else ("password", "user")
        text = f"has no effect without a {lacking}: give both or none"
        yield Problem((*path, given), text, depends_on=((*path, lacking),))


def mail_problems(probe: Any, path: Path) -> Iterator[Problem]:
    """Yields the problems of a probe that greets a server of mail, with TLS and a login."""
    yield from place_problems(probe.host, probe.address_family, path)
    yield from tls_problems(probe.tls, (*path, "tls"))
    yield from login_problems(probe, path)
    if probe.encryption == "none" and probe.password is not None:
        yield Problem((*path, "password"), "would be sent in clear: write encryption: starttls or tls")
    if probe.encryption == "none" and probe.tls != Tls():
        text = "has no effect with encryption: none: leave it out"
        yield Problem((*path, "tls"), text, depends_on=((*path, "encryption"),))


def _of_imap(probe: Imap, path: Path) -> Iterator[Problem]:
    yield from mail_problems(probe, path)
    yield from _control_problems(probe, path, ("user", "password"))


def _of_mqtt(probe: Mqtt, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    if probe.tls is not None:
        yield from tls_problems(probe.tls, (*path, "tls"))
    yield from login_problems(probe, path)
    yield from _control_problems(probe, path, ("user", "password", "client_id", "topic"))
    for key in ("expect", "publish"):
        if getattr(probe, key) is not None and probe.topic is None:
            text = "has no effect without a topic: write the topic of the message"
            yield Problem((*path, key), text, depends_on=((*path, "topic"),))
    if probe.expect == "":
        yield Problem(
            (*path, "expect"), "an empty text is in every message: write what to look for or leave it out"
        )
    if probe.topic is not None and (fault := _topic_fault(probe.topic)):
        yield Problem((*path, "topic"), fault)
    elif probe.topic is not None and probe.publish is not None and set("#+") & set(probe.topic):
        yield Problem(
            (*path, "topic"), "holds a wildcard, to which nothing can be published: write one topic"
        )


def _topic_fault(topic: str) -> str | None:
    levels = topic.split("/")
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        return "holds # in another place than the last level: write it alone behind the last slash"
    if any("+" in level and level != "+" for level in levels):
        return "holds + beside other characters: write it alone between two slashes"
    return None


def _of_database(probe: Postgres | Mysql, path: Path) -> Iterator[Problem]:
    yield from place_problems(probe.host, probe.address_family, path)
    if probe.tls is not None:
        yield from tls_problems(probe.tls, (*path, "tls"))
    if probe.user == "":
        yield Problem((*path, "user"), "is empty: write the user of the login")
    if probe.database == "":
        yield Problem((*path, "database"), "is empty: write the name of a database or leave it out")
    yield from _control_problems(probe, path, ("user", "password", "database", "query"))
    if probe.query is not None and not probe.query.strip():
        yield Problem((*path, "query"), "is empty: write a statement such as SELECT 1 or leave it out")


def _control_problems(probe: NetworkProbe, path: Path, keys: tuple[str, ...]) -> Iterator[Problem]:
    """Yields the problem of each text with a byte 0, which ends it in the protocol."""
    for key in keys:
        if "\0" in (getattr(probe, key) or ""):
            yield Problem((*path, key), "holds a character 0, which the protocol cannot send: leave it out")


SERVER_PROBLEMS: dict[type[NetworkProbe], Callable[[Any, Path], Iterator[Problem]]] = {
    Imap: _of_imap,
    Mqtt: _of_mqtt,
    Postgres: _of_database,
    Mysql: _of_database,
}
