"""Receivers of notices that behave by a script: each keeps what people would see, as its service does."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from email.utils import formatdate
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from hostile.answers import DRIP_S, HEAD
from hostile.server import HostileServer
from hostile.visit import Visit

Said = dict[str, Any]
APPLIED_SILENTLY = frozenset({"cut", "hang", "drip"})
"""Ways of answering by which a receiver has taken a request that it does not confirm."""
REFUSED = {"429": "429 Too Many Requests", "500": "500 Internal Server Error", "redirect": "302 Found"}


class Peer:
    """A receiver on loopback. Requests are answered as the script says, one word each, and well after its end.

    The words: `200`; `429 WAIT`, where the wait is put into the header, and also into the body for services that do so;
    `500`; `redirect`; `hang`; `drip`; `cut`, which takes the request and closes; `reset`, which does not take it.
    """

    is_rewritten = True
    """Whether people see one thing for a thread, however many notices it has."""

    def __init__(self) -> None:
        self._script: deque[str] = deque()
        self._lock = threading.Lock()
        self.watcher: Callable[[str], None] | None = None
        """Called with `taken` once a request is taken, and with `answered` after its answer."""
        self.hangs = threading.Event()
        """Set once a request is left without an answer."""
        self.server = HostileServer({"healthy": self._attend})

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    @property
    def url(self) -> str:
        return self.server.url("/peer")

    @property
    def spec(self) -> Said:
        """The channel that leads here, as a configuration has it."""
        raise NotImplementedError

    @property
    def shown(self) -> list[str]:
        """The things that people see, each by the first line of it."""
        raise NotImplementedError

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        """Takes a request. Returns the status and the document of the answer."""
        raise NotImplementedError

    def script(self, *words: str) -> None:
        """Answers the next requests so."""
        self._script.extend(words)

    def _attend(self, visit: Visit) -> None:
        with self._lock:
            word, _, rest = (self._script.popleft() if self._script else "200").partition(" ")
            taken = (200, None)
            if word == "200" or word in APPLIED_SILENTLY:
                taken = self._taken(visit)
                self._look("taken")
        match word:
            case "200":
                status, document = taken
                visit.answer(f"{status} Said", ["Content-Type: application/json"], body=_bytes(document))
                self._look("answered")
            case "hang":
                self.hangs.set()
                visit.wait_for_client_to_leave()
            case "drip":
                visit.drip([HEAD + b"X-Drip: "], DRIP_S)
                visit.drip((b"1" for _ in count()), DRIP_S)
            case "cut":
                return
            case "reset":
                visit.reset()
            case _:
                visit.answer(REFUSED[word], self._headers(word, rest), body=self._refusal(rest))

    def _look(self, stage: str) -> None:
        watcher = self.watcher
        if watcher is not None:
            watcher(stage)

    def _taken(self, visit: Visit) -> tuple[int, Any]:
        parts = urlsplit(visit.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            said = json.loads(visit.body)
        except ValueError:
            said = visit.body.decode()
        headers = {name.lower(): value for name, value in visit.headers}
        return self.apply(visit.method, parts.path.removeprefix("/peer"), query, said, headers)

    @staticmethod
    def _headers(word: str, rest: str) -> Iterable[str]:
        if word == "redirect":
            return ["Location: /elsewhere"]
        wait = formatdate(4_000_000_000, usegmt=True) if rest == "date" else rest
        return [f"Retry-After: {wait}"] if rest else []

    def _refusal(self, rest: str) -> bytes:
        return b""


def _bytes(document: Any) -> bytes:
    return document.encode() if isinstance(document, str) else json.dumps(document).encode()


class WebhookPeer(Peer):
    """Applies each `webhook-id` once."""

    is_rewritten = False

    def __init__(self) -> None:
        super().__init__()
        self.applied: dict[str, Said] = {}

    @property
    def spec(self) -> Said:
        return {"webhook": {"url": self.url}}

    @property
    def shown(self) -> list[str]:
        return list(self.applied)

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        self.applied.setdefault(headers["webhook-id"], said)
        return 204, ""


class SlackPeer(Peer):
    """One channel of Slack, `C0PS0PS0`, with the methods of its API that are used."""

    channel = "C0PS0PS0"

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Said] = []

    @property
    def spec(self) -> Said:
        return {"slack": {"token": "xoxb-1", "channel": "#ops", "api": self.url}}

    @property
    def shown(self) -> list[str]:
        return [message["text"] for message in self.messages if "thread_ts" not in message]

    @staticmethod
    def key_of(message: Said) -> str:
        """Returns the key of the notice that a message was posted for."""
        key: str = message["metadata"]["event_payload"]["key"]
        return key

    @property
    def answers(self) -> list[str]:
        """The messages in threads."""
        return [message["text"] for message in self.messages if "thread_ts" in message]

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        match path.removeprefix("/"):
            case "chat.postMessage":
                if said["channel"] not in {"#ops", self.channel}:
                    return 200, {"ok": False, "error": "channel_not_found"}
                self.messages.append({**said, "ts": f"17000000{len(self.messages):02}.000100"})
                return 200, {"ok": True, "channel": self.channel, "ts": self.messages[-1]["ts"]}
            case "chat.update":
                for message in self.messages:
                    if message["ts"] == said["ts"]:
                        message.update(said)
                        return 200, {"ok": True, "channel": self.channel, "ts": said["ts"]}
                return 200, {"ok": False, "error": "message_not_found"}
            case "conversations.list":
                channels = [{"id": "C0THER00", "name": "all"}, {"id": self.channel, "name": "ops"}]
                return 200, {"ok": True, "channels": channels}
            case "conversations.history":
                found = [each for each in self.messages if "thread_ts" not in each]
            case _:
                found = [each for each in self.messages if query["ts"] in {each["ts"], each.get("thread_ts")}]
        return 200, {"ok": True, "messages": found[::-1]}


class SlackHookPeer(Peer):
    """An incoming webhook of Slack: a message for each request."""

    is_rewritten = False

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    @property
    def spec(self) -> Said:
        return {"slack": {"url": f"{self.url}/services/T0/B0/x"}}

    @property
    def shown(self) -> list[str]:
        return self.messages

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        self.messages.append(said["text"])
        return 200, "ok"


class PagerDutyPeer(Peer):
    """One service of PagerDuty: an alert for each key, until it is resolved."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: list[Said] = []

    @property
    def spec(self) -> Said:
        return {"pagerduty": {"routing_key": "a" * 32, "api": self.url}}

    @property
    def shown(self) -> list[str]:
        return [alert["dedup_key"] for alert in self.alerts]

    @property
    def open(self) -> list[str]:
        """The keys of the alerts that are not resolved."""
        return [alert["dedup_key"] for alert in self.alerts if alert["event_action"] != "resolve"]

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        if path != "/v2/enqueue" or len(said["routing_key"]) != 32:
            return 400, {"status": "invalid event", "errors": ["Length of 'routing_key' is incorrect"]}
        open_ = [
            each for each in self.alerts
            if each["dedup_key"] == said["dedup_key"] and each["event_action"] != "resolve"
        ]  # fmt: skip
        if open_:
            open_[0] |= said
        elif said["event_action"] == "trigger":
            self.alerts.append(said)
        return 202, {"status": "success", "dedup_key": said["dedup_key"]}


class DiscordPeer(Peer):
    """One channel of Discord behind a webhook."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, Said] = {}

    @property
    def spec(self) -> Said:
        return {"discord": {"url": f"{self.url}/1/canary"}}

    @property
    def shown(self) -> list[str]:
        return [message["content"] for message in self.messages.values()]

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        if method == "PATCH":
            name = path.rpartition("/")[2]
            if name not in self.messages:
                return 404, {"message": "Unknown Message", "code": 10008}
        else:
            name = f"{len(self.messages) + 1}"
        self.messages[name] = said
        return (200, {"id": name}) if query.get("wait") or method == "PATCH" else (204, "")

    def _refusal(self, rest: str) -> bytes:
        return _bytes({"message": "You are being rate limited.", "retry_after": 0.25}) if rest else b"{}"


class TelegramPeer(Peer):
    """One chat of Telegram with a bot."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[int, Said] = {}

    @property
    def spec(self) -> Said:
        return {"telegram": {"token": "1:a", "chat": -100, "api": self.url}}

    @property
    def shown(self) -> list[str]:
        messages = self.messages.values()
        return [each["text"].partition("\n")[0] for each in messages if "reply_parameters" not in each]

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        if path == "/bot1:a/editMessageText":
            number = said["message_id"]
            if self.messages[number]["text"] == said["text"]:
                return 400, {"ok": False, "description": "Bad Request: message is not modified"}
            self.messages[number] |= said
        else:
            number = len(self.messages) + 1
            self.messages[number] = said
        return 200, {"ok": True, "result": {"message_id": number}}

    def _refusal(self, rest: str) -> bytes:
        return _bytes(
            {"ok": False, "description": "Too Many", "parameters": {"retry_after": 3}} if rest else {}
        )


class NtfyPeer(Peer):
    """One phone that follows a topic of ntfy: a notification for each sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.notifications: dict[str, str] = {}

    @property
    def spec(self) -> Said:
        return {"ntfy": {"topic": "ops", "server": self.url}}

    @property
    def shown(self) -> list[str]:
        return list(self.notifications.values())

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        self.notifications[headers["x-sequence-id"]] = headers["title"]
        return 200, {"id": "x", "event": "message"}


class AlertmanagerPeer(Peer):
    """An Alertmanager: an alert for each set of labels."""

    is_rewritten = False

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[frozenset[tuple[str, str]], Said] = {}

    @property
    def spec(self) -> Said:
        return {"alertmanager": {"url": self.url}}

    @property
    def shown(self) -> list[str]:
        return [alert["labels"]["alertname"] for alert in self.alerts.values()]

    def apply(
        self, method: str, path: str, query: dict[str, str], said: Any, headers: Said
    ) -> tuple[int, Any]:
        for alert in said:
            self.alerts[frozenset(alert["labels"].items())] = alert
        return 200, ""


PEERS: dict[str, type[Peer]] = {
    "webhook": WebhookPeer,
    "slack": SlackPeer,
    "slack-hook": SlackHookPeer,
    "pagerduty": PagerDutyPeer,
    "discord": DiscordPeer,
    "telegram": TelegramPeer,
    "ntfy": NtfyPeer,
    "alertmanager": AlertmanagerPeer,
}
