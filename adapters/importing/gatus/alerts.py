"""Alerts of Gatus: its providers become channels, and the thresholds of an endpoint the rule `down`."""

from typing import Any, NamedTuple

from ..addresses import gotify_address, pushover_address
from ..imported import Imported, ImportedEntry, placed
from ..source import PeerPart
from .texts import filled

_FAILURES, _SUCCESSES = 3, 2
"""The thresholds of Gatus where nothing states them."""
_REMINDER = "minimum-reminder-interval"
_OF_DEFAULTS = (
    "enabled",
    "failure-threshold",
    "success-threshold",
    "send-on-resolved",
    "description",
    _REMINDER,
)
_NO_PROVIDER = "no channel speaks to this service yet: the notices are lines of the log until one is chosen"


class Alerted(NamedTuple):
    """The alerts of an endpoint."""

    keys: dict[str, Any]
    """The keys of its target: `notify`, `rules` and `description`."""
    reminder: tuple[str, PeerPart, str] | None
    """How often its channels are told again, and the part and the key that state it."""


class GatusAlerts:
    """The providers of a file, and which endpoints use them."""

    def __init__(self, alerting: PeerPart | None, made: Imported) -> None:
        """Adds a channel for each provider."""
        self._made = made
        self._defaults: dict[str, PeerPart] = {}
        self._channels: set[str] = set()
        self._of_groups: dict[tuple[str, str | None], str] = {}
        for name in [] if alerting is None else [*alerting.value]:
            provider = alerting.part(name) if alerting is not None else None
            if provider is not None:
                self._provider(name, provider)

    def of(self, *endpoints: PeerPart) -> "Alerted":
        """Returns what the alerts of an endpoint come to, or those of all endpoints of a suite."""
        alerts = [alert for each in endpoints for alert in each.parts("alerts") if self._is_enabled(alert)]
        holder = next((each for each in endpoints if each.value.get("alerts")), endpoints[0])
        thresholds: list[tuple[int, int]] = []
        texts: list[str] = []
        notify: list[str] = []
        for alert in alerts:
            kind = alert.text("type") or "alert"
            failures = self._figure(alert, kind, "failure-threshold", _FAILURES)
            successes = self._figure(alert, kind, "success-threshold", _SUCCESSES)
            thresholds.append((failures, successes))
            if not alert.flag("send-on-resolved", default=True):
                alert.leave("send-on-resolved", "a channel is told of the end of what it was told of")
            text = alert.text("description") or (
                (default := self._defaults.get(kind)) and default.text("description")
            )
            if text and text not in texts:
                texts.append(text)
            notify.append(self._channel(kind, holder.text("group")))
        rules = []
        if thresholds and min(thresholds) != (_FAILURES, _SUCCESSES):
            after, recover = min(thresholds)
            rules = [{"id": "down", "kind": "consecutive", "after": after, "recover": recover}]
        for alert, threshold in zip(alerts, thresholds, strict=True):
            if threshold != min(thresholds):
                reason = "all channels of a target are told at its smallest threshold: delay one by `after` of the channel"
                alert.leave("failure-threshold", reason)
        described = "\n".join(texts) or None
        keys = {
            "description": None if described is None else filled(described),
            "rules": rules,
            "notify": placed(holder, "alerts", [*dict.fromkeys(notify)]) if notify else None,
        }
        return Alerted(keys, self._reminder(alerts))

    def remind(self, target: ImportedEntry, alerted: "Alerted") -> None:
        """Has the channels of a target told again, where its alerts say so."""
        if alerted.reminder is not None:
            every, part, key = alerted.reminder
            self._made.remind(target, filled(every), part, key)

    def _reminder(self, alerts: list[PeerPart]) -> tuple[str, PeerPart, str] | None:
        """Returns the time between reminders that all alerts state, and where the first states it; others are listed."""
        stated = [self._reminded(alert) for alert in alerts]
        first = next((each for each in stated if each is not None), None)
        if first is None or all(each is not None and each[0] == first[0] for each in stated):
            return first
        for each in stated:
            if each is not None:
                each[1].leave(
                    _REMINDER, "all channels of a target are told again alike: a route of its own for each"
                )
        return None

    def _reminded(self, alert: PeerPart) -> tuple[str, PeerPart, str] | None:
        default = self._defaults.get(alert.text("type") or "alert")
        for part in filter(None, (alert, default)):
            if (text := part.text(_REMINDER)) is not None:
                return text, part, _REMINDER
        return None

    def _is_enabled(self, alert: PeerPart) -> bool:
        if alert.flag("enabled", default=True):
            return True
        alert.leave_whole("an alert that is not enabled tells nobody")
        return False

    def _figure(self, alert: PeerPart, kind: str, key: str, usual: int) -> int:
        stated = alert.number(key)
        if stated is None and (default := self._defaults.get(kind)) is not None:
            stated = default.number(key)
        return usual if stated is None or stated < 1 else int(stated)

    def _channel(self, kind: str, group: str | None) -> str:
        """Returns the id of the channel of a provider for a group, which is made where the file does not configure it."""
        if (kind, group) in self._of_groups:
            return self._of_groups[kind, group or ""]
        if kind not in self._channels:
            self._channels.add(kind)
            self._made.add("channels", {"id": kind}).data["log"] = {}
        return kind

    def _provider(self, name: str, provider: PeerPart) -> None:
        if (default := provider.part("default-alert")) is not None:
            self._defaults[name] = default
            for key in _OF_DEFAULTS:
                default.raw(key)
        probe = _channel_of(name, provider)
        entry = self._made.add("channels", {"id": name, **probe}, provider)
        if not probe:
            entry.data["log"] = {}
            provider.leave_whole(_NO_PROVIDER)
        self._channels.add(name)
        for override in provider.parts("overrides"):
            self._override(name, provider, override)

    def _override(self, name: str, provider: PeerPart, override: PeerPart) -> None:
        """Adds the channel of one group, which has the keys of the provider besides its own."""
        group = override.text("group") or ""
        whole = {
            key: value for key, value in provider.value.items() if key not in {"overrides", "default-alert"}
        }
        both = PeerPart(provider.file, override.path, whole | override.value)
        probe = _channel_of(name, both)
        for key in both.unread:
            # The keys of the provider are listed there, and these where they come to nothing.
            both.raw(key)
        if not probe:
            override.leave_whole(_NO_PROVIDER)
            return
        for key in override.value:
            override.raw(key)
        channel = self._made.new_id(name, group)
        self._made.add("channels", {"id": channel, **probe}, override)
        self._of_groups[name, group] = channel


def _channel_of(name: str, provider: PeerPart) -> dict[str, Any]:
    """Returns the key of a channel with what it holds; nothing where no channel speaks to the service."""

    def text(key: str) -> Any:
        value = provider.text(key)
        return None if value is None else placed(provider, key, filled(value))

    match name:
        case "slack" | "discord" if provider.value.get("webhook-url"):
            return {name: {"url": text("webhook-url")}}
        case "pagerduty" if provider.value.get("integration-key"):
            return {name: {"routing_key": text("integration-key")}}
        case "telegram" if provider.value.get("token") and provider.value.get("id"):
            return {name: {"token": text("token"), "chat": text("id")}}
        case "ntfy" if provider.value.get("topic"):
            return {name: {"topic": text("topic"), "server": text("url"), "token": text("token")}}
        case "email" if (
            provider.value.get("from") and provider.value.get("host") and provider.value.get("to")
        ):
            return {name: _mail(provider)}
        case "gotify" if provider.value.get("server-url") and provider.value.get("token"):
            url = gotify_address(
                filled(provider.text("server-url") or ""), filled(provider.text("token") or "")
            )
            return {"apprise": {"urls": [url]}}
        case "pushover" if provider.value.get("user-key") and provider.value.get("application-token"):
            user, token = provider.text("user-key") or "", provider.text("application-token") or ""
            return {"apprise": {"urls": [pushover_address(filled(user), filled(token))]}}
        case "custom" if provider.value.get("url"):
            return {"webhook": _webhook(provider)}
        case _:
            return {}


def _mail(provider: PeerPart) -> dict[str, Any]:
    host, port = provider.text("host") or "", provider.text("port") or "587"
    user, password = provider.text("username") or provider.text("from"), provider.text("password")
    return {
        "from": placed(provider, "from", filled(provider.text("from") or "")),
        "to": [filled(each.strip()) for each in (provider.text("to") or "").split(",")],
        "smtp": placed(
            provider, "host", f"smtp{'s' if port == '465' else ''}://{filled(host)}:{filled(port)}"
        ),
        "user": filled(user or "") if password else None,
        "password": None if password is None else placed(provider, "password", filled(password)),
    }


def _webhook(provider: PeerPart) -> dict[str, Any]:
    method = (provider.text("method") or "GET").upper()
    if method not in {"POST", "PUT", "PATCH"}:
        provider.leave("method", "a webhook is a POST, PUT or PATCH")
    return {
        "url": placed(provider, "url", filled(provider.text("url") or "")),
        "method": method if method in {"PUT", "PATCH"} else None,
        "headers": {key: filled(text) for key, text in provider.pairs("headers").items()},
    }
