"""`probe`: one attempt with its whole log. Nothing is recorded, and no runtime is needed."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import click

from ...adapters.attempt_log.drivers import refusal_of_probe
from ...adapters.attempt_log.request_log import RequestLog, TlsLog
from ...adapters.configuration import load_leniently
from ...adapters.configuration.loading import examine, folder_of, lines_of
from ...adapters.configuration.reuse.reading import read_text
from ...adapters.http.destination import host_and_port
from ...adapters.masking import SecretMask, secrets_of
from ...domain.conditions.condition import ConditionResult
from ...domain.errors import ConfigurationError, UnknownName
from ...domain.line import count_of, one_line, together
from ...domain.observation.evidence import kept_body
from ...domain.observation.observation import Observation
from ...domain.observation.outcome import Outcome
from ...domain.observation.secret_forms import SecretForms
from ...domain.specification.configuration import Configuration
from ...domain.specification.probe import Exec, Http, Tcp
from ...domain.specification.problem import quoted, suggestion
from ...domain.specification.target import Target
from ...domain.units import NS_PER_DAY, NS_PER_MS
from ...host.single_attempt import SingleAttempt, attempt_once
from ..output import ExitStatus
from ..place import config_named
from .tables import print_json

_NAMES_SHOWN, _ADDRESSES_SHOWN = 1, 4
_COLOURS = {Outcome.UP: "green", Outcome.DEGRADED: "yellow", Outcome.DOWN: "red", Outcome.TIMED_OUT: "red"}


class ProbeOrder(NamedTuple):
    """The target of a command line, and how it is probed."""

    target: Target
    deny_private_addresses: bool
    discreet: Callable[[str], str]

    def keeping(self, secrets: Iterable[str]) -> Self:
        """Returns the same with the secrets of an attempt masked, too."""
        masked, discreet = SecretForms(secrets), self.discreet
        return self._replace(discreet=lambda text: masked(discreet(text)))


def probe_once(text: str, config: Path | None, *, shows_body: bool, as_json: bool) -> ExitStatus:
    """Probes a URL, or a target of the configuration, and prints what it found. Returns FAILED where it is not up.

    Raises: ConfigurationError, also for a target that only its runtime can check; UnknownName for a target that the
    configuration lacks; click.UsageError for a URL of another scheme.
    """
    asked = _of_url(text) if "://" in text else _of_configuration(text, config)
    if refusal := refusal_of_probe(asked.target.probe):
        raise ConfigurationError(f"{text} cannot be probed: {refusal}")
    attempt = attempt_once(asked.target, deny_private_addresses=asked.deny_private_addresses)
    asked = asked.keeping(attempt.log.observation.secrets)
    body = asked.discreet(kept_body(attempt.log.observation.body or b"")) if shows_body else None
    if as_json:
        print_json(_document(asked, text, attempt, body))
    else:
        for line in (*_lines(asked, attempt), *_of_body(body)):
            click.echo(line)
    return ExitStatus.FINE if attempt.sample.outcome is Outcome.UP else ExitStatus.FAILED


def _of_url(text: str) -> ProbeOrder:
    scheme = text.partition("://")[0].lower()
    if scheme in {"http", "https"}:
        target = Target(id="probe", http=Http(url=text))
    elif scheme == "tcp":
        target = Target(id="probe", tcp=_tcp_of(text))
    else:
        raise click.UsageError(
            f"{scheme}: is no scheme that is probed: write http://, https:// or tcp://HOST:PORT,"
            " or the name of a target of a configuration, which may be of any kind"
        )
    return ProbeOrder(_required(target), False, _mask_of([target]))


def _tcp_of(text: str) -> Tcp:
    with suppress(ValueError):
        parsed = urlsplit(text)
        host, port = parsed.hostname, parsed.port
        if host and port and not (parsed.path.strip("/") or parsed.query or parsed.username):
            return Tcp(host=host, port=port)
    raise click.UsageError("a tcp address has a host and a port and nothing else: tcp://db.example:5432")


def _required(target: Target) -> Target:
    """Returns the target. Raises: ConfigurationError for a URL that cannot be requested."""
    from ...domain.validation.partial import judged_target

    _, problems = judged_target(target, channels=())
    if problems:
        raise ConfigurationError(*(f"watchkeeper: {problem.text}" for problem in problems))
    return target


def _of_configuration(name: str, config: Path | None) -> ProbeOrder:
    mask = SecretMask()
    file = config_named(config, "-c FILE, or write a URL")
    configuration = _configuration_for(name, file, mask)
    targets = {target.id: target for target in configuration.targets}
    if name not in targets:
        raise UnknownName(f"no target of {file} is named {quoted(name)}{suggestion(name, targets)}")
    mask.learn(secrets_of(configuration.targets))
    return ProbeOrder(targets[name], configuration.runtime.deny_private_addresses, mask)


def _configuration_for(name: str, file: Path, mask: SecretMask) -> Configuration:
    """Returns the configuration, in which only what a probe of this target needs must be right: a secret of a channel is not.

    Raises: ConfigurationError with every other problem.
    """
    text = read_text(file, str(file))
    examined = examine(text, os.environ, folder=folder_of(file), name=str(file), file=file)
    mask.learn(examined.secrets)
    if examined.configuration is not None:
        return examined.configuration
    own = _place_of(name, examined.data)
    needed = examined.about(lambda path: _concerns(path, own))
    if needed or examined.left_out:
        raise ConfigurationError(*lines_of(str(file), needed or examined.faults))
    return load_leniently(file, os.environ, needs_store=False)


def _place_of(name: str, data: Any) -> int | None:
    """Returns the index of a target in plain data."""
    entries = data.get("targets") if isinstance(data, dict) else None
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in entries or ()]
    return ids.index(name) if name in ids else None


def _concerns(path: tuple[str | int, ...], own: int | None) -> bool:
    """Whether a problem may be one of this target, or of what all targets share."""
    match path:
        case ("channels" | "web" | "agents", *_) | ("runtime", "store", *_):
            return False
        case ("targets", int(index), *_):
            return own is None or index == own
        case _:
            return True


def _mask_of(targets: Iterable[Target]) -> SecretMask:
    mask = SecretMask()
    mask.learn(secrets_of(targets))
    return mask


# For people.


def _lines(asked: ProbeOrder, attempt: SingleAttempt) -> Iterator[str]:
    since_ns = 0
    for request in attempt.log.requests:
        for name, at_ns, says in _phases(request):
            yield f"{name:<7}{(since_ns + at_ns) / NS_PER_MS:>6.1f} ms  {asked.discreet(one_line(says))}"
        since_ns += request.total_ns
    if isinstance(asked.target.probe, Exec):
        yield from (asked.discreet(one_line(line)) for line in _of_program(attempt.log.observation))
    for text, result in attempt.conditions:
        yield _of_condition(text, result, _WORDS, asked.discreet)
    for text, result in attempt.warnings:
        yield _of_condition(text, result, _WARNING_WORDS, asked.discreet)
    yield _verdict(asked, attempt)
    if places := asked.target.places:
        yield f"from this machine; {together(places)} probe it, and {asked.target.judged_quorum} of them decide"


_WORDS = {True: ("ok", "green"), False: ("no", "red"), None: ("--", "yellow")}
_WARNING_WORDS = _WORDS | {False: ("warn", "yellow")}


def _of_condition(
    text: str,
    result: ConditionResult | None,
    words: Mapping[bool | None, tuple[str, str]],
    discreet: Callable[[str], str],
) -> str:
    word, colour = words[None if result is None else result.passed]
    why = f": {result.error}" if result is not None and result.error else ""
    shown = text if result is None else result.shown
    return f"  {click.style(word, fg=colour)}  {discreet(one_line(f'{shown}{why}'))}"


def _phases(request: RequestLog) -> Iterator[tuple[str, int, str]]:
    """Yields each phase that was reached: its name, when it was over, and what it found."""
    if request.addresses:
        yield "name", request.name_ns, f"{request.host} -> {_few(request.addresses, _ADDRESSES_SHOWN)}"
    if request.peer:
        place = host_and_port(request.peer, request.port)
        yield "connect", request.connect_ns, f"{place}, the proxy" if request.by_proxy else place
    if request.tls is not None:
        yield "TLS", request.tls_ns, ", ".join(_of_tls(request.tls))
    if request.version:
        parts = [f"{request.version} {request.status}", _length(request)]
        parts += [request.media_type] if request.media_type else []
        parts += [f"-> {request.leads_to}"] if request.leads_to else []
        yield "answer", request.total_ns, ", ".join(parts)
    elif request.first_byte_ns:
        yield "answer", request.total_ns, _length(request)


def _of_tls(tls: TlsLog) -> Iterator[str]:
    if tls.version is not None:
        yield f"TLS {tls.version}"
    yield _few(tls.names, _NAMES_SHOWN)
    if tls.expires_in_ns is not None:
        days = tls.expires_in_ns // NS_PER_DAY
        yield f"{count_of(days, 'day')} left" if days >= 0 else f"expired {count_of(-days, 'day')} ago"
    if tls.issuer:
        yield f"issued by {tls.issuer}"


def _few(names: tuple[str, ...], count: int) -> str:
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more} more" if more > 0 else "")


def _length(request: RequestLog) -> str:
    return f"more than {request.length:,} bytes" if request.is_cut else _bytes(request.length)


def _bytes(length: int) -> str:
    return "1 byte" if length == 1 else f"{length:,} bytes"


def _of_program(seen: Observation) -> Iterator[str]:
    if seen.response_time_ns is not None:
        took_ms = seen.response_time_ns / NS_PER_MS
        yield f"{'program':<7}{took_ms:>6.1f} ms  {_bytes(len(seen.body or b''))}"
    for figure in seen.measurements:
        yield f"  {figure.name} = {figure.value:g} {figure.unit}".rstrip()


def _verdict(asked: ProbeOrder, attempt: SingleAttempt) -> str:
    sample = attempt.sample
    parts = [sample.outcome.value]
    if sample.outcome is not Outcome.UP and sample.reason.value != sample.outcome.value:
        parts.append(sample.reason.value)
    if sample.detail and not sample.failed:
        parts.append(asked.discreet(one_line(sample.detail)))
    return ": ".join([click.style(parts[0], fg=_COLOURS.get(sample.outcome), bold=True), *parts[1:]])


def _of_body(body: str | None) -> Iterator[str]:
    if body is not None:
        yield "body" if body else "body: none"
        yield from (f"  {line}" for line in body.splitlines())


# For programs.


def _document(asked: ProbeOrder, text: str, attempt: SingleAttempt, body: str | None) -> dict[str, Any]:
    sample = attempt.sample.told(asked.discreet)
    return {
        "target": asked.discreet(text),
        "kind": asked.target.kind,
        "locations": list(asked.target.places),
        "outcome": sample.outcome.value,
        "reason": sample.reason.value,
        "detail": sample.detail,
        "took_ms": _ms(sample.latency_ns),
        "status": sample.status,
        "requests": [_request(request, asked.discreet) for request in attempt.log.requests],
        "conditions": [
            {"text": text, **_result(result, asked.discreet)} for text, result in attempt.conditions
        ],
        "warnings": [{"text": text, **_result(result, asked.discreet)} for text, result in attempt.warnings],
        **({} if body is None else {"body": body}),
    }


def _result(result: ConditionResult | None, discreet: Callable[[str], str]) -> dict[str, Any]:
    if result is None:
        return {"passed": None, "shown": None, "error": None}
    error = None if result.error is None else discreet(result.error)
    return {"passed": result.passed, "shown": discreet(result.shown), "error": error}


def _request(request: RequestLog, discreet: Callable[[str], str]) -> dict[str, Any]:
    tls = request.tls
    return {
        "host": request.host,
        "port": request.port,
        "by_proxy": request.by_proxy,
        "addresses": list(request.addresses),
        "peer": request.peer or None,
        "name_ms": _ms(request.name_ns or None),
        "connect_ms": _ms(request.connect_ns or None),
        "tls_ms": _ms(request.tls_ns or None),
        "first_byte_ms": _ms(request.first_byte_ns or None),
        "total_ms": _ms(request.total_ns),
        "tls": None
        if tls is None
        else {
            "version": tls.version,
            "names": list(tls.names),
            "issuer": tls.issuer,
            "expires_in_ms": _ms(tls.expires_in_ns),
        },
        "version": request.version or None,
        "status": request.status or None,
        "bytes": request.length,
        "is_cut": request.is_cut,
        "type": request.media_type or None,
        "leads_to": discreet(request.leads_to) or None,
    }


def _ms(length_ns: int | None) -> float | None:
    return None if length_ns is None else round(length_ns / NS_PER_MS, 3)
