"""blackbox_exporter: each module becomes a template, which targets use; the hosts that it probes stand elsewhere."""

from collections.abc import Callable
from typing import Any

from ..imported import Imported, literal, placed
from ..source import PeerFile, PeerPart
from .access import Made, family_of, tls_of
from .dialogues import tcp_of
from .http import http_of

_RECORDS = {
    "fail_if_matches_regexp": "none_match",
    "fail_if_all_match_regexp": "not_all_match",
    "fail_if_not_matches_regexp": "all_match",
    "fail_if_none_matches_regexp": "any_match",
}
_HOST = {"host": "www.example.com", "port": 443}
_COMPLETING: dict[str, dict[str, Any]] = {
    "http": {"http": {"url": "https://www.example.com/"}},
    "tcp": {"tcp": _HOST},
    "tls": {"tls": _HOST},
    "icmp": {"icmp": {"host": "www.example.com"}},
    "dns": {"dns": {"server": "ns.example.com"}},
    "grpc": {"grpc": _HOST},
}
"""The keys that a target adds to a template of each kind."""
_ADDED = {
    "http": "http: {url}",
    "tcp": "tcp: {host, port}",
    "tls": "tls: {host, port}",
    "icmp": "icmp: {host}",
    "dns": "dns: {server}",
    "grpc": "grpc: {host, port}",
}
_NO_PROBER = {"unix": "there is no probe of a local socket"}


def from_blackbox(file: PeerFile) -> Imported:
    """Returns the templates that a file of blackbox_exporter comes to; its notes list the rest."""
    made = Imported()
    modules = file.root.part("modules")
    for name in [] if modules is None else [*modules.value]:
        if modules is not None and (module := modules.part(name)) is not None:
            _module(module, name, made)
    file.note_what_is_left()
    return made


def _module(module: PeerPart, name: str, made: Imported) -> None:
    prober = module.text("prober") or ""
    # The options of another prober are not in force there either, and are listed.
    options = module.part(prober) or PeerPart(module.file, (*module.path, prober), {})
    makers: dict[str, Callable[[PeerPart], Made]] = {
        "http": http_of,
        "tcp": tcp_of,
        "dns": _dns,
        "icmp": _icmp,
        "grpc": _grpc,
    }
    maker = makers.get(prober)
    if maker is None:
        reason = f"there is no probe for the prober {prober!r}" if prober else "it names no prober"
        module.leave_whole(_NO_PROBER.get(prober, reason))
        return
    kind, probe, expect = maker(options)
    data: dict[str, Any] = {
        "timeout": placed(module, "timeout", module.text("timeout")),
        kind: probe,
        "expect": expect,
    }
    entry = made.add("templates", data, module, name)
    entry.completing = _COMPLETING[kind]
    entry.remarks = (f"a target that uses it adds {_ADDED[kind]}",)


def _dns(options: PeerPart) -> Made:
    transport = options.text("transport_protocol")
    if options.flag("dns_over_tls"):
        transport = "tls"
    queried = options.text("query_class")
    if queried not in {None, "IN"}:
        options.leave("query_class", "questions are of the class IN")
    probe: dict[str, Any] = {
        "name": placed(options, "query_name", options.text("query_name")),
        "type": placed(options, "query_type", options.text("query_type") or "ANY"),
        "transport": transport,
        "recursion": None if options.flag("recursion_desired", default=True) else False,
        "rcodes": options.texts("valid_rcodes"),
        **{
            part: _records(options.part(f"validate_{part}_rrs"))
            for part in ("answer", "authority", "additional")
        },
        "tls": tls_of(options.part("tls_config")),
        **family_of(options),
    }
    return Made("dns", probe, [])


def _records(rules: PeerPart | None) -> dict[str, Any]:
    if rules is None:
        return {}
    return {ours: [*map(literal, rules.texts(key))] for key, ours in _RECORDS.items()}


def _icmp(options: PeerPart) -> Made:
    size, ttl = options.number("payload_size"), options.number("ttl")
    probe = {
        "payload_bytes": placed(options, "payload_size", None if size is None else int(size)),
        "ttl": placed(options, "ttl", None if ttl is None else int(ttl)),
        "dont_fragment": True if options.flag("dont_fragment") else None,
        **family_of(options),
    }
    return Made("icmp", probe, [])


def _grpc(options: PeerPart) -> Made:
    service = options.text("service")
    tls = tls_of(options.part("tls_config"))
    probe = {
        "service": placed(options, "service", service and literal(service)),
        # Without a key of its own the mapping would not be written.
        "tls": (tls or {"verify": True}) if options.flag("tls") else {},
        **family_of(options),
    }
    return Made("grpc", probe, [])
