"""`init`: a first configuration, made of addresses that were looked at once."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import click

from ...adapters.configuration.loading import examine, folder_of, lines_of
from ...adapters.net.listening import has_web
from ...domain.errors import ConfigurationError
from ...domain.line import count_of, one_line
from ...domain.observation.observation import Observation
from ...domain.observation.outcome import Outcome
from ...domain.specification.probe import Http, Tcp
from ...domain.specification.problem import quoted
from ...domain.specification.target import Target
from ...domain.time.duration import NS_PER_DAY
from ...domain.time.moment import NS_PER_MS
from ..looking import look_once
from ..place import USUAL_CONFIG, require_free, write_whole

WEB_PORT, WEB_PORTS = 8080, 20
"""The first port that is tried for the API, and how many from there on."""
WITHIN = "10s"
ADDRESSES_MAX = 100
GOOD_WORDS = frozenset({"ok", "up", "pass", "healthy", "green", "available", "running"})
"""Values by which services say that they are well."""
TELLING_KEYS = ("status", "state", "health")
CERTIFICATE_DAYS = 14

_HEAD = """\
# The targets that are watched, and the channels that are told. After a change: `watchkeeper check`. Every key: `watchkeeper schema`.
runtime:
  store: watch.db             # incidents, notices and samples; they outlive a restart
"""
_WEB = """
web:
  listen: "127.0.0.1:{port}"    # the page and the API, for this machine alone
"""
_CHANNEL = """
channels:
  - id: log
    log: {}                   # notices are lines of `watchkeeper run`; a webhook stands in their place like this:
# - id: ops
#   webhook: {url: "https://hooks.example.com/ops", secret: "${OPS_SECRET}"}

defaults:
  every: 30s
  notify: [log]

targets:
"""
_ITSELF = """\
  - id: watchkeeper itself    # the first target: replace it by an address of your own
    http: {{url: "http://127.0.0.1:{port}/healthz"}}
    expect:
      - "[STATUS] == 200"
"""
_WITHOUT_WEB = """\
  - id: example               # the first target: replace it by an address of your own
    http: {url: "https://example.com/"}
    expect:
      - "[STATUS] == 200"
"""


class Looked(NamedTuple):
    """An address, its target, and what one look saw."""

    address: str
    target: Target
    observation: Observation


def write_first_configuration(addresses: Sequence[str], file: Path, *, force: bool) -> None:
    """Looks once at each address, writes a configuration that passes `check`, and prints what to do next.

    Raises: ConfigurationError for an address that cannot be watched, and where a file lies there and `force` is not set.
    """
    require_free(file, force=force)
    if len(addresses) > ADDRESSES_MAX:
        raise ConfigurationError(
            f"{len(addresses)} addresses are more than the {ADDRESSES_MAX} that are looked at at once"
        )
    given = list(dict.fromkeys(addresses))
    targets = list(_targets(given))
    port = _free_port() if has_web() else None
    # Judged before anything is looked at: an address with a password in it is refused, not asked.
    seen = [Looked(*each, Observation()) for each in zip(given, targets, strict=True)]
    _require_sound(_text(seen, port), file)
    if targets:
        click.echo(f"looked at {len(given)} address{'es' * (len(given) > 1)}")
        seen = [Looked(*each) for each in zip(given, targets, look_once(targets), strict=True)]
        width = max(map(len, given))
        for each in seen:
            click.echo(f"  {each.address.ljust(width)}   {_said(each.observation)}")
    text = _text(seen, port)
    _require_sound(text, file)
    write_whole(file, text)
    _print_next(file, max(len(seen), 1), port)


def _print_next(file: Path, count: int, port: int | None) -> None:
    click.echo(f"wrote {file} ({count_of(count, 'target')}, 1 channel `log`); it passes check")
    run = "watchkeeper run" if file == USUAL_CONFIG else f"watchkeeper run {file}"
    if port is None:
        click.echo(f"next: {run}          then, beside it, watchkeeper status -c {file}")
    else:
        click.echo(f"next: {run}          then open http://127.0.0.1:{port}/")


# From an address to a target.


def _targets(addresses: Sequence[str]) -> Iterator[Target]:
    """Raises: ConfigurationError for an address that is no URL of a kind that can be watched."""
    taken: set[str] = set()
    for address in addresses:
        try:
            url = urlsplit(address)
            port = url.port
        except ValueError as error:
            raise ConfigurationError(f"{quoted(address)} is no address: {error}") from error
        host = url.hostname or ""
        if url.scheme in {"http", "https"} and host:
            probe: dict[str, Any] = {"http": Http(url=address)}
        elif url.scheme == "tcp" and host and port and not url.path:
            probe = {"tcp": Tcp(host=host, port=port)}
        else:
            raise ConfigurationError(f"{quoted(address)} cannot be watched: {_way(address, url)}")
        yield Target(id=_name(host, port, taken), timeout=WITHIN, **probe)


def _way(address: str, url: SplitResult) -> str:
    if url.scheme == "tcp":
        return "write tcp://HOST:PORT"
    ways = "write https://HOST/PATH, http://HOST/PATH or tcp://HOST:PORT"
    return ways if "://" in address or not address else f"did you mean https://{one_line(address)}? ({ways})"


def _name(host: str, port: int | None, taken: set[str]) -> str:
    """Returns an id that no other target has."""
    plain = one_line(host.removeprefix("www."), 100)
    ways = (plain, f"{plain} {port}", *(f"{plain} {number}" for number in range(2, ADDRESSES_MAX + 2)))
    name = next(way for way in ways if way not in taken)
    taken.add(name)
    return name


# The look in words.


def _said(seen: Observation) -> str:
    """Returns what one look saw, in one line for people."""
    if seen.outcome is not Outcome.UP:
        return one_line(f"no answer: {seen.detail or seen.reason.value}")
    took = f"{_ms(seen)} ms"
    if seen.status is None:
        return f"open in {took}"
    parts = [f"{seen.status} in {took}"]
    if seen.certificate_expires_in_ns is not None:
        parts.append(f"certificate {seen.certificate_expires_in_ns // NS_PER_DAY} days")
    if (telling := _telling(seen)) is not None:
        parts.append(f"JSON with {json.dumps(telling[0])}: {json.dumps(telling[1])}")
    return one_line(", ".join(parts))


def _ms(seen: Observation) -> int:
    return round((seen.response_time_ns or 0) / NS_PER_MS)


def _telling(seen: Observation) -> tuple[str, str] | None:
    """Returns the key and the value by which a JSON answer says that all is well."""
    try:
        document = json.loads(seen.body or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    found = ((key, document.get(key)) for key in TELLING_KEYS)
    return next(
        ((key, value) for key, value in found if isinstance(value, str) and value.lower() in GOOD_WORDS), None
    )


# The text.


def _text(seen: Sequence[Looked], port: int | None) -> str:
    web = "" if port is None else _WEB.format(port=port)
    if seen:
        targets = "\n".join(_target_text(each) for each in seen)
    else:
        targets = _WITHOUT_WEB if port is None else _ITSELF.format(port=port)
    return f"{_HEAD}{web}{_CHANNEL}{targets}"


def _target_text(seen: Looked) -> str:
    target, observation = seen.target, seen.observation
    probe = target.probe
    if isinstance(probe, Http):
        said = f"http: {{url: {_quoted(probe.url)}}}"
    else:
        said = f"tcp: {{host: {_quoted(probe.host)}, port: {probe.port}}}"  # type: ignore[union-attr]  # _targets makes no other
    lines = [f"  - id: {_quoted(target.id)}", f"    {said}"]
    if isinstance(probe, Http):
        lines += [
            "    expect:",
            *(f"      - {_quoted(text)}{note}" for text, note in _conditions(observation)),
        ]
    elif observation.outcome is not Outcome.UP:
        lines.append(f"    # {_said(observation)}")
    return "\n".join(lines) + "\n"


def _conditions(seen: Observation) -> Iterator[tuple[str, str]]:
    """The conditions that this look met, each with a comment."""
    if seen.outcome is not Outcome.UP or seen.status is None:
        yield "[STATUS] == 200", f"   # {_said(seen)}" if seen.outcome is not Outcome.UP else ""
        return
    is_good = 200 <= seen.status < 300
    yield (
        f"[STATUS] == {seen.status if is_good else 200}",
        "" if is_good else f"   # it answered {seen.status}",
    )
    if (telling := _telling(seen)) is not None:
        yield f"[BODY].{telling[0]} == {telling[1]}", ""
    left_ns = seen.certificate_expires_in_ns
    if left_ns is not None:
        yield f"[CERTIFICATE_EXPIRATION] > {CERTIFICATE_DAYS}d", f"   # {left_ns // NS_PER_DAY} days are left"


def _quoted(text: str) -> str:
    """Returns a text as YAML in double quotes, in which no variable is filled in."""
    return json.dumps(text.replace("${", "$${"), ensure_ascii=False)


def _require_sound(text: str, file: Path) -> None:
    """Raises: ConfigurationError where the text would not pass `check`: an address was valid as a URL alone."""
    faults = examine(text, {}, folder=folder_of(file)).faults
    if faults:
        raise ConfigurationError(*lines_of(str(file), faults))


def _free_port() -> int:
    """Returns the first port that nobody listens on now; the usual one where all are taken."""
    for port in range(WEB_PORT, WEB_PORT + WEB_PORTS):
        with socket.socket() as tried, suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", port))
            return port
    return WEB_PORT
