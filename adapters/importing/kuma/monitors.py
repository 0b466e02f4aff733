"""Uptime Kuma: monitors of its JSON backup become targets, groups composites, and notifications channels."""

import json
from collections.abc import Callable
from typing import Any

from ..addresses import http_address
from ..conditions import contains, status_condition
from ..imported import Imported, label_name, literal, ping_key, placed, seconds_text
from ..source import PeerFile, PeerPart
from .channels import channel_of
from .keys import GENERAL, KEYS, OF_TYPES, SHOWN_OR_SEEN

_EXPIRY = "[CERTIFICATE_EXPIRATION] > 14d"
_OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">="})


class _Monitor:
    """One monitor, with the id that its target has."""

    def __init__(self, part: PeerPart, key: str, group: str | None) -> None:
        self.part, self.key, self.group = part, key, group


def from_uptime_kuma(file: PeerFile) -> Imported:
    """Returns the configuration that a backup of Uptime Kuma comes to; its notes list the rest."""
    made = Imported()
    made.add("runtime", {"store": "watch.db"})
    root = file.root
    root.raw("version")
    channels = {each.text("id") or "": channel_of(each, made) for each in root.parts("notificationList")}
    monitors = root.parts("monitorList")
    names = {each.text("id") or "": (each.text("name") or "", each.text("parent")) for each in monitors}
    known: list[_Monitor] = []
    for part in monitors:
        group = _group(part.text("parent"), names)
        known.append(_Monitor(part, made.new_id(group and group.replace("/", "."), part.text("name")), group))
    for monitor in known:
        _target(monitor, known, channels, made)
    made.open_door()
    file.note_what_is_left()
    return made


def _group(parent: str | None, names: dict[str, tuple[str, str | None]]) -> str | None:
    """Returns the names of the groups above a monitor, the outermost first."""
    steps: list[str] = []
    while parent in names and len(steps) < len(names):
        name, parent = names[parent or ""]
        steps.append(name.replace("/", "-").strip())
    return "/".join(filter(None, reversed(steps))) or None


def _target(monitor: _Monitor, known: list[_Monitor], channels: dict[str, str], made: Imported) -> None:
    part = monitor.part
    kind = part.text("type") or "http"
    if kind not in _KINDS:
        part.leave_whole(f"there is no probe for monitors of type {kind!r}")
        return
    key, maker = _KINDS[kind]
    if maker is not None:
        probe, expect = maker(part)
    elif members := [each.key for each in _children(monitor, known)]:
        probe, expect = {"worst_of": members}, []
    else:
        part.leave_whole("no monitor is in this group that can be watched")
        return
    _pass_over(part, kind)
    name, retries = part.text("name"), part.whole("maxretries") or 0
    data: dict[str, Any] = {
        "id": placed(part, "name", monitor.key),
        "name": None if name == monitor.key else name and literal(name),
        "group": monitor.group and literal(monitor.group),
        "description": placed(part, "description", (text := part.text("description")) and literal(text)),
        "labels": _labels(part),
        **_times(part, kind),
        key: probe,
        "expect": expect,
        "warn": _warnings(part) if key == "http" else [],
        "upside_down": True if part.flag("upsideDown") else None,
        "paused": None if part.flag("active", default=True) else True,
        "rules": [{"id": "down", "kind": "consecutive", "after": retries + 1, "recover": 1}]
        if kind != "push"
        else [],
        "notify": _notified(part, channels),
    }
    entry = made.add("targets", data, part)
    if times := part.number("resendInterval"):
        # There it counts failures, which come once in an interval.
        made.remind(entry, seconds_text(times * (part.number("interval") or 60)), part, "resendInterval")
    if key == "heartbeat":
        entry.data.setdefault("heartbeat", {})


def _notified(part: PeerPart, channels: dict[str, str]) -> list[str]:
    """Returns the channels of the notifications that are chosen by their ids."""
    chosen = part.raw("notificationIDList") or {}
    if not isinstance(chosen, dict):
        part.leave("notificationIDList", "a mapping is expected here")
        return []
    return [channels[each] for each, is_on in chosen.items() if is_on and each in channels]


def _children(monitor: _Monitor, known: list[_Monitor]) -> list[_Monitor]:
    own = monitor.part.text("id")
    return [
        each
        for each in known
        if each.part.text("parent") == own and (each.part.text("type") or "http") in _KINDS
    ]


def _times(part: PeerPart, kind: str) -> dict[str, Any]:
    """Returns the cadence, the cadence after a failure and the timeout."""
    every, retry, timeout = (part.number(key) for key in ("interval", "retryInterval", "timeout"))
    every = every or 60
    times: dict[str, Any] = {"every": placed(part, "interval", seconds_text(every))}
    if kind in {"push", "group"}:
        return times
    if retry and retry != every:
        times["retry_every"] = placed(part, "retryInterval", seconds_text(retry))
    # Without a timeout of its own a monitor has four fifths of its interval.
    times["timeout"] = placed(part, "timeout", seconds_text(timeout or every * 0.8))
    return times


def _warnings(part: PeerPart) -> list[Any]:
    """A certificate that expires soon is told of there, and the monitor stays up."""
    is_secure = (part.text("url") or "").startswith("https:")
    return (
        [placed(part, "expiryNotification", _EXPIRY)] if part.flag("expiryNotification") and is_secure else []
    )


def _labels(part: PeerPart) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, tag in enumerate(part.parts("tags")):
        for key in ("id", "tag_id", "monitor_id", "color"):
            tag.raw(key)
        name, value = tag.text("name"), tag.text("value")
        found[label_name(name or "", number)] = literal(value or "true")
    return found


def _pass_over(part: PeerPart, kind: str) -> None:
    """Reads past the fields of other types of monitor, which an export states everywhere, and those without a value."""
    used = GENERAL | OF_TYPES.get(kind, frozenset())
    for key in part.unread:
        is_empty = part.value[key] in (None, "", False, 0, [], {}, "0")
        if is_empty or key in SHOWN_OR_SEEN or (key in KEYS and key not in used):
            part.raw(key)


# Probes.

_Made = tuple[dict[str, Any], list[Any]]


def _http(part: PeerPart) -> _Made:
    statuses = part.texts("accepted_statuscodes")
    expect = [placed(part, "accepted_statuscodes", status_condition(statuses) or "[STATUS] == 2xx")]
    address = http_address(literal(part.text("url") or ""))
    method, body, encoding = part.text("method"), part.text("body"), part.text("httpBodyEncoding")
    headers = _headers(part)
    if body and encoding in {None, "json"}:
        headers = {"Content-Type": "application/json", **headers}
    user, password, login = (
        part.text("basic_auth_user"),
        part.text("basic_auth_pass"),
        part.text("authMethod"),
    )
    if login not in {None, "basic", "null"}:
        part.leave("authMethod", f"there is no login by {login}")
    elif user or password:
        address["basic_auth"] = {
            "user": literal(user or ""),
            "password": placed(part, "basic_auth_pass", literal(password or "")),
        }
    redirects = part.whole("maxredirects")
    address["url"] = placed(part, "url", address["url"])
    probe = {
        **address,
        "method": placed(part, "method", method) if method != "GET" else None,
        "headers": headers,
        "body": placed(part, "body", body and literal(body)),
        "follow_redirects": False if redirects == 0 else None,
        # Ten are the default of both.
        "redirects_max": placed(part, "maxredirects", redirects if redirects not in {0, 10} else None),
        "tls": {"verify": False} if part.flag("ignoreTls") else {},
    }
    return probe, expect


def _headers(part: PeerPart) -> dict[str, Any]:
    stated = part.text("headers")
    if stated is None:
        return {}
    try:
        found = json.loads(stated)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        part.leave("headers", "JSON with a text for each header is expected here")
        return {}
    return {name: literal(str(text)) for name, text in found.items()}


def _keyword(part: PeerPart) -> _Made:
    probe, expect = _http(part)
    sign = "!=" if part.flag("invertKeyword") else "=="
    return probe, [*expect, placed(part, "keyword", f"[BODY] {sign} {contains(part.text('keyword') or '')}")]


def _json_query(part: PeerPart) -> _Made:
    probe, expect = _http(part)
    path, wanted = part.text("jsonPath") or "$", part.text("expectedValue") or ""
    operator = part.text("jsonPathOperator") or "=="
    steps = path.removeprefix("$").lstrip(".")
    is_plain = all(each.isalnum() or each in "_-.[]" for each in steps)
    if not is_plain or operator not in _OPERATORS:
        part.leave("jsonPath", f"write a condition on `[BODY].path` by hand: {operator} {wanted}")
        return probe, expect
    left = f"[BODY]{'' if not steps or steps.startswith('[') else '.'}{steps}"
    return probe, [*expect, placed(part, "jsonPath", f"{left} {operator} {literal(wanted)}")]


def _port(part: PeerPart) -> _Made:
    return {"host": _host(part), "port": placed(part, "port", part.whole("port"))}, []


def _ping(part: PeerPart) -> _Made:
    return {
        "host": _host(part),
        "payload_bytes": placed(part, "packetSize", part.whole("packetSize")),
    }, []


def _dns(part: PeerPart) -> _Made:
    probe = {
        "name": _host(part),
        "type": placed(part, "dns_resolve_type", part.text("dns_resolve_type") or "A"),
        "server": placed(
            part, "dns_resolve_server", (part.text("dns_resolve_server") or "").split(",")[0].strip() or None
        ),
        "port": placed(part, "port", part.whole("port") or None),
    }
    return probe, []


def _push(part: PeerPart) -> _Made:
    token = part.text("pushToken")
    retries, retry = part.number("maxretries") or 0, part.number("retryInterval") or 0
    probe = {
        "grace": seconds_text(retries * retry) if retries and retry else None,
        "key": ping_key(part, "pushToken", token and literal(token)),
    }
    return probe, []


def _host(part: PeerPart) -> Any:
    return placed(part, "hostname", literal(part.text("hostname") or ""))


_KINDS: dict[str, tuple[str, Callable[[PeerPart], _Made] | None]] = {
    "http": ("http", _http),
    "keyword": ("http", _keyword),
    "json-query": ("http", _json_query),
    "port": ("tcp", _port),
    "ping": ("icmp", _ping),
    "dns": ("dns", _dns),
    "push": ("heartbeat", _push),
    "group": ("composite", None),
}
"""By the type of a monitor: the kind of probe, and its keys with the conditions; those of a group are found among all monitors."""
