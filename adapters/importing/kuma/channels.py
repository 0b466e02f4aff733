"""Notifications of Uptime Kuma as channels."""

import json
from typing import Any

from ..addresses import gotify_address, pushover_address
from ..imported import Imported, literal
from ..source import PeerPart

_KEYS = {
    "slack": ("slack", {"url": "slackwebhookURL"}),
    "discord": ("discord", {"url": "discordWebhookUrl"}),
    "telegram": ("telegram", {"token": "telegramBotToken", "chat": "telegramChatID"}),
    "ntfy": ("ntfy", {"topic": "ntfytopic", "server": "ntfyserverurl", "token": "ntfyaccesstoken"}),
    "PagerDuty": ("pagerduty", {"routing_key": "pagerdutyIntegrationKey"}),
    "webhook": ("webhook", {"url": "webhookURL"}),
}
"""By the type of a notification: the kind of channel, and which of its keys each of ours is."""
_OPTIONAL = frozenset({"server", "token"})


def channel_of(notification: PeerPart, made: Imported) -> str:
    """Adds the channel of a notification, and returns its id; one without a counterpart is a log."""
    name = notification.text("name")
    for key in ("id", "userId", "active", "isDefault", "applyExisting"):
        notification.raw(key)
    stated = notification.raw("config")
    try:
        config = json.loads(stated) if isinstance(stated, str) else stated
    except ValueError:
        config = None
    config = config if isinstance(config, dict) else notification.value
    probe = _probe(config)
    for key in notification.unread:
        notification.raw(key)
    channel = made.new_id(name or "channel")
    entry = made.add("channels", {"id": channel, **probe}, notification)
    if not probe:
        entry.data["log"] = {}
        kind = config.get("type")
        notification.leave_whole(
            f"no channel speaks to {kind!r} yet: the notices are lines of the log until one is chosen"
        )
    return channel


def _probe(config: dict[str, Any]) -> dict[str, Any]:
    kind = config.get("type")
    if kind == "smtp":
        return _mail(config)
    if url := _apprise(config):
        return {"apprise": {"urls": [literal(url)]}}
    ours, keys = _KEYS.get(str(kind), ("", {}))
    found = {key: literal(str(config[theirs])) for key, theirs in keys.items() if config.get(theirs)}
    return (
        {ours: found}
        if ours and found.keys() >= keys.keys() - (_OPTIONAL if ours == "ntfy" else set())
        else {}
    )


def _apprise(config: dict[str, Any]) -> str | None:
    """Returns the URL of Apprise of a notification that it carries; None for another one, or one that is not complete."""
    match config:
        case {"type": "apprise", "appriseURL": str(url)}:
            return url
        case {"type": "gotify", "gotifyserverurl": str(server), "gotifyapplicationToken": str(token)}:
            return gotify_address(server, token)
        case {"type": "pushover", "pushoveruserkey": str(user), "pushoverapptoken": str(token)}:
            return pushover_address(user, token)
        case _:
            return None


def _mail(config: dict[str, Any]) -> dict[str, Any]:
    host, sender, to = (config.get(key) for key in ("smtpHost", "smtpFrom", "smtpTo"))
    if not host or not sender or not to:
        return {}
    scheme = "smtps" if config.get("smtpSecure") else "smtp"
    login = {
        ours: literal(str(config[key]))
        for ours, key in (("user", "smtpUsername"), ("password", "smtpPassword"))
        if config.get(key)
    }
    address = str(sender).rpartition("<")[2].rstrip("> ")
    smtp = f"{scheme}://{host}:{config.get('smtpPort') or (465 if scheme == 'smtps' else 587)}"
    return {
        "email": {"from": address, "to": [each.strip() for each in str(to).split(",")], "smtp": smtp, **login}
    }
