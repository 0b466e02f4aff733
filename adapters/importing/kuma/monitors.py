"""Uptime Kuma: monitors of its JSON backup become targets, groups composites, and notifications channels."""

from typing import Any

from ..imported import Imported, label_name, literal, placed, seconds_text
from ..source import PeerFile, PeerPart
from .answers import Probed
from .channels import channel_of
from .keys import GENERAL, KEYS, OF_TYPES, SHOWN_OR_SEEN, WITHOUT_PROBE
from .probes import GROUP, KINDS
from .web import Proxies

_EXPIRY = "[CERTIFICATE_EXPIRATION] > 14d"


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
    proxies = Proxies(root.parts("proxyList"))
    monitors = root.parts("monitorList")
    names = {each.text("id") or "": (each.text("name") or "", each.text("parent")) for each in monitors}
    known: list[_Monitor] = []
    for part in monitors:
        group = _group(part.text("parent"), names)
        known.append(_Monitor(part, made.new_id(group and group.replace("/", "."), part.text("name")), group))
    for monitor in known:
        _target(monitor, known, channels, proxies, made)
    proxies.leave_unnamed()
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


def _target(
    monitor: _Monitor, known: list[_Monitor], channels: dict[str, str], proxies: Proxies, made: Imported
) -> None:
    part = monitor.part
    kind = part.text("type") or "http"
    if kind == GROUP:
        members = [each.key for each in _children(monitor, known)]
        key, (probe, expect) = "composite", _composite(members)
        if not members:
            part.leave_whole("no monitor is in this group that can be watched")
            return
    elif kind in KINDS:
        key = KINDS[kind].key
        try:
            probe, expect = KINDS[kind].make(part)
        except ValueError as error:
            part.leave_whole(str(error))
            return
    else:
        part.leave_whole(WITHOUT_PROBE.get(kind, f"there is no probe for monitors of type {kind!r}"))
        return
    if key == "http" and (proxy := proxies.of(part)):
        probe["proxy"] = proxy
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


def _composite(members: list[str]) -> Probed:
    return {"worst_of": members}, []


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
        if each.part.text("parent") == own and (each.part.text("type") or "http") in {GROUP, *KINDS}
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
