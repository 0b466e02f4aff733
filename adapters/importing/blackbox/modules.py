"""blackbox_exporter: each module becomes a template, which targets use; the hosts that it probes stand elsewhere."""

import re
from collections.abc import Callable
from typing import Any

from ..conditions import matches, status_condition
from ..imported import Imported, Placed, literal, placed
from ..source import PeerFile, PeerPart
from .keys import TLS_FILES

_FAMILIES = {"ip4": "ipv4", "ip6": "ipv6"}
_SIZE = re.compile(r"(\d+)\s*([KMG]?)i?B?", re.IGNORECASE)
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])|([A-Za-z0-9 _@:,;!<>=%&#~'\"/-])")
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
    "dns": {"dns": {"server": "192.0.2.53"}},
}
"""The keys that a target adds to a template of each kind."""
_ADDED = {
    "http": "http: {url}",
    "tcp": "tcp: {host, port}",
    "tls": "tls: {host, port}",
    "icmp": "icmp: {host}",
    "dns": "dns: {server}",
}

_Made = tuple[str, dict[str, Any], list[Any]]
"""The kind of probe, its keys and its conditions."""


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
    makers: dict[str, Callable[[PeerPart], _Made]] = {"http": _http, "tcp": _tcp, "dns": _dns, "icmp": _icmp}
    maker = makers.get(prober)
    if maker is None:
        module.leave_whole(f"there is no probe for the prober {prober!r}" if prober else "it names no prober")
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


def _http(options: PeerPart) -> _Made:
    conditions: list[Any] = []

    def demand(key: str, text: str | None) -> None:
        if text is not None:
            conditions.append(placed(options, key, text))

    if options.flag("accept_any_response"):
        demand("accept_any_response", "[CONNECTED] == true")
    else:
        demand(
            "valid_status_codes", status_condition(options.texts("valid_status_codes")) or "[STATUS] == 2xx"
        )
    for key, sign in (("fail_if_body_matches_regexp", "!="), ("fail_if_body_not_matches_regexp", "==")):
        for expression in options.texts(key):
            demand(key, f"[BODY] {sign} {matches(expression)}")
    for key, sign in (("fail_if_header_matches", "!="), ("fail_if_header_not_matches", "==")):
        for rule in options.parts(key):
            demand(key, _header(rule, sign))
    for key, answer in (("fail_if_ssl", "false"), ("fail_if_not_ssl", "true")):
        if options.flag(key):
            demand(key, f"has([CERTIFICATE_EXPIRATION]) == {answer}")
    versions = options.texts("valid_http_versions")
    if versions and "HTTP/1.1" not in versions:
        options.leave("valid_http_versions", "the version of the answer is not judged")
    compression = options.text("compression")
    if compression not in {None, "gzip", "deflate", "identity"}:
        options.leave("compression", "an answer in this compression satisfies no condition on its body")
    method = options.text("method")
    probe = {
        "method": placed(options, "method", method and method.upper()),
        "headers": _headers(options),
        "body": placed(options, "body", _secret(options, "body")),
        "follow_redirects": _redirects(options),
        "body_bytes_max": _size(options),
        **_login(options),
        **_family(options),
        "tls": _tls(options.part("tls_config")),
    }
    return "http", probe, conditions


def _header(rule: PeerPart, sign: str) -> str | None:
    name, expression = (rule.text("header") or "").lower(), rule.text("regexp") or ""
    if not rule.flag("allow_missing"):
        return f"[HEADERS].{name} {sign} {matches(expression)}"
    if sign == "!=" and expression in {".*", ".+"}:
        return f"has([HEADERS].{name}) == false"
    rule.leave_whole("a condition on a header that did not come fails")
    return None


def _headers(options: PeerPart) -> dict[str, Any]:
    found: dict[str, Any] = {key: literal(text) for key, text in options.pairs("headers").items()}
    several = options.part("http_headers")
    for name in [] if several is None else [*several.value]:
        stated = several.part(name) if several is not None else None
        if stated is None:
            continue
        values = [*map(literal, [*stated.texts("values"), *stated.texts("secrets")])]
        values += [f"${{file:{path}}}" for path in stated.texts("files")]
        found[name] = ", ".join(values)
    authorization = options.part("authorization")
    if authorization is not None:
        kind = authorization.text("type") or "Bearer"
        found["Authorization"] = f"{kind} {_secret(authorization, 'credentials') or ''}"
    return found


def _login(options: PeerPart) -> dict[str, Any]:
    """Returns the login of a request."""
    login: dict[str, Any] = {"bearer": placed(options, "bearer_token", _secret(options, "bearer_token"))}
    if (basic := options.part("basic_auth")) is not None:
        user, password = _secret(basic, "username"), _secret(basic, "password")
        login["basic_auth"] = {
            "user": user or Placed("", basic.line),
            "password": password or Placed("", basic.line),
        }
    return login


def _secret(part: PeerPart, key: str) -> str | None:
    """Returns the text of a key, or the reference to the file that `KEY_file` names."""
    stated, path = part.text(key), part.text(f"{key}_file")
    return f"${{file:{path}}}" if path else None if stated is None else literal(stated)


def _redirects(options: PeerPart) -> Any:
    older = "no_follow_redirects"
    stays, follows = options.flag(older), options.flag("follow_redirects", default=True)
    if not follows:
        return placed(options, "follow_redirects", False)
    return placed(options, older, False) if stays else None


def _size(options: PeerPart) -> Any:
    stated = options.text("body_size_limit")
    if stated is None:
        return None
    size = _SIZE.fullmatch(stated)
    if size is None:
        options.leave("body_size_limit", "a size such as 1MB is expected here")
        return None
    return placed(options, "body_size_limit", int(size[1]) * _SIZES[size[2].upper()])


def _tcp(options: PeerPart) -> _Made:
    steps = options.parts("query_response")
    if options.flag("tls") or any(step.flag("starttls") for step in steps):
        return _handshake(options, steps)
    sends = [text for step in steps if (text := step.text("send")) is not None]
    expects = [text for step in steps if (text := step.text("expect")) is not None]
    probe: dict[str, Any] = _family(options)
    conditions: list[Any] = []
    if len(sends) > 1 or len(expects) > 1 or (options.part("tls_config") is not None):
        options.leave(
            "query_response", "a dialogue has one text to send and one to expect: `tcp.send` and `tcp.expect`"
        )
        sends, expects = sends[:1], expects[:1]
    line = options.line_of("query_response")
    if sends:
        probe["send"] = Placed(literal(f"{sends[0]}\n"), line)
    for expression in expects:
        text, is_whole = _beginning(expression)
        probe["expect"] = Placed(literal(text), line) if text else None
        if not text and not sends:
            options.leave(
                "query_response", "an answer without a fixed text at its beginning is not waited for"
            )
        elif not is_whole:
            conditions.append(Placed(f"[BODY] == {matches(f'(?m){expression}')}", line))
    return "tcp", probe, conditions


def _handshake(options: PeerPart, steps: list[PeerPart]) -> _Made:
    """A probe of TLS: from the first byte on, or after the words of a protocol."""
    said = " ".join(
        text for step in steps for key in ("send", "expect") if (text := step.text(key)) is not None
    )
    words = None
    if any(step.value.get("starttls") for step in steps):
        upper = said.upper()
        words = (
            "smtp"
            if "EHLO" in upper or "HELO" in upper
            else "imap"
            if "OK" in upper and "STARTTLS" in upper
            else None
        )
        words = words or ("pop3" if "STLS" in upper else "ftp" if "AUTH TLS" in upper else None)
    begins = [bool(step.value.get("starttls")) for step in steps]
    if steps and (words is None or begins.index(True) < len(steps) - 1):
        options.leave("query_response", "behind a handshake no dialogue follows")
    probe = {"starttls": words, "tls": _tls(options.part("tls_config")), **_family(options)}
    if words:
        probe["starttls"] = Placed(words, options.line_of("query_response"))
    return "tls", probe, []


def _beginning(expression: str) -> tuple[str, bool]:
    """Returns the fixed text at the beginning of a regular expression, and whether that is all of it."""
    rest, text = expression.removeprefix("^"), ""
    is_anchored = rest != expression
    if rest.startswith("+"):  # `^+OK` is the usual way to write the banner of POP3
        rest, text = rest[1:], "+"
    at = 0
    while found := _ESCAPED.match(rest, at):
        if rest[found.end() : found.end() + 1] in {"*", "?", "+", "{"}:
            break
        text, at = text + (found[1] or found[2]), found.end()
    is_alternative = "|" in rest
    is_whole = at == len(rest) and (not is_anchored or text.startswith("+"))
    return ("" if is_alternative else text), is_whole and not is_alternative


def _dns(options: PeerPart) -> _Made:
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
        "tls": _tls(options.part("tls_config")),
        **_family(options),
    }
    return "dns", probe, []


def _records(rules: PeerPart | None) -> dict[str, Any]:
    if rules is None:
        return {}
    return {ours: [*map(literal, rules.texts(key))] for key, ours in _RECORDS.items()}


def _icmp(options: PeerPart) -> _Made:
    size, ttl = options.number("payload_size"), options.number("ttl")
    probe = {
        "payload_bytes": placed(options, "payload_size", None if size is None else int(size)),
        "ttl": placed(options, "ttl", None if ttl is None else int(ttl)),
        "dont_fragment": True if options.flag("dont_fragment") else None,
        **_family(options),
    }
    return "icmp", probe, []


def _family(options: PeerPart) -> dict[str, Any]:
    """Both families are tried side by side, unless the peer must not fall back."""
    preferred, falls_back = (
        options.text("preferred_ip_protocol"),
        options.flag("ip_protocol_fallback", default=True),
    )
    family = None if falls_back else _FAMILIES.get(preferred or "ip6")
    return {"address_family": placed(options, "ip_protocol_fallback", family)}


def _tls(stated: PeerPart | None) -> dict[str, Any]:
    if stated is None:
        return {}
    found: dict[str, Any] = {
        ours: placed(stated, key, text)
        for key, ours in TLS_FILES.items()
        if (text := stated.text(key)) is not None
    }
    if stated.flag("insecure_skip_verify"):
        found["verify"] = placed(stated, "insecure_skip_verify", False)
    return found
