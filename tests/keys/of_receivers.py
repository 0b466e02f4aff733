"""The effect of each key of the channels that are known receivers: the request that one of them hears."""

import json
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from of_channels import LONG, failing, patience_s, pause_for, until
from ports import free_port
from seeing import samples
from servers import Authority, web
from watched import Real

See = Callable[[Path, Any], Any]
BASES: dict[str, tuple[str, dict[str, Any]]] = {
    "webhook": ("url", {}),
    "slack": ("api", {"token": "xoxb-1", "channel": "#ops"}),
    "pagerduty": ("api", {"routing_key": "a" * 32}),
    "discord": ("url", {}),
    "telegram": ("api", {"token": "1:a", "chat": 7}),
    "ntfy": ("server", {"topic": "ops"}),
    "alertmanager": ("url", {}),
}
"""The key of each that says where it is, and its further required keys."""


def document(kind: str, url: str, **fields: Any) -> dict[str, Any]:
    base, given = BASES[kind]
    return failing({kind: {base: url, **given, **fields}}, group="shop/api")


def heard(kind: str, key: str, pick: Callable[[Any], Any]) -> See:
    """Returns a part of the first request that a receiver hears."""

    def see(folder: Path, value: Any) -> Any:
        with web() as server:
            samples(folder, document(kind, server.url("/hook"), **{key: value}), settle=until(server.arrived))
            return pick(server.heard[0])

    return see


def asked_at(kind: str) -> See:
    """Returns the path that a receiver is asked for."""

    def see(folder: Path, value: str) -> Any:
        with web() as server:
            samples(folder, document(kind, server.url(value)), settle=until(server.arrived))
            return server.heard[0].path.partition("?")[0]

    return see


def hook_of_slack(folder: Path, value: str) -> Any:
    with web() as server:
        said = failing({"slack": {"url": server.url(value)}})
        samples(folder, said, settle=until(server.arrived))
        return server.heard[0].path


def timeout(kind: str) -> See:
    """Returns whether the receiver saw the runtime leave soon."""

    def see(folder: Path, value: str) -> Any:
        with web() as server:
            left = []
            samples(
                folder,
                document(kind, server.url("/nothing"), timeout=value),
                settle=lambda _: (server.arrived.wait(20), left.append(server.gone.wait(patience_s(value)))),
            )
            return left

    return see


def tls(kind: str) -> See:
    """Returns whether a receiver hears anything whose certificate nobody vouches for."""

    def see(folder: Path, value: dict[str, Any]) -> Any:
        with Authority(folder).web() as server:
            arrived = []

            def settle(runtime: Any) -> None:
                pause_for(lambda: server.arrived.is_set() or runtime.status().problems, threading.Event())
                arrived.append(server.arrived.is_set())

            samples(folder, document(kind, server.url(), tls=value), settle=settle)
            return arrived

    return see


def accepted(folder: Path, value: Any) -> Any:
    """Returns the result of a test of the channel, which the receiver answers with a redirect."""
    with web() as server:
        found: list[Any] = []
        said = document("webhook", server.url("/status/302"), accepted=value)
        samples(folder, said, settle=lambda runtime: found.append(runtime.test_channel("ops").result.value))
        return found


def linked(folder: Path, value: str | None) -> Any:
    """Returns the link of a notice to the page of its incident, without the id."""
    with web() as server:
        said = document("webhook", server.url("/hook"), body='{"link": "{link}"}')
        said["web"] = {"listen": f"127.0.0.1:{free_port()}", "address": value}
        samples(folder, said, settle=until(server.arrived))
        return body(server.heard[0])["link"].partition("inc_")[0]


def kind_of_channel(kind: str) -> See:
    """Returns whether a notice reaches this receiver, or the webhook in its place."""

    def see(folder: Path, value: str) -> Any:
        with web() as server:
            samples(folder, document(value, server.url("/hook")), settle=until(server.arrived))
            return bool(server.heard[0].header("webhook-id"))

    return see


def body(request: Any) -> Any:
    return json.loads(request.body)


def bearer(request: Any) -> Any:
    return request.header("authorization")


TIMEOUTS = (LONG, "200ms"), ([False], [True])
CERTIFICATES = ({}, {"verify": False}), ([False], [True])
NAMES = {
    "webhook": "Webhook", "slack": "Slack", "pagerduty": "PagerDuty", "discord": "Discord", "telegram": "Telegram",
    "ntfy": "Ntfy", "alertmanager": "Alertmanager",
}  # fmt: skip
KEYS = "a" * 32, "b" * 32

RECEIVERS: dict[str, Real] = {
    "Web.address": Real(linked, (None, "https://watch.example/"), ("", "https://watch.example/i/")),
    **{f"Channel.{kind}": Real(kind_of_channel(kind), ("webhook", kind), (True, False)) for kind in BASES if kind != "webhook"},
    **{f"{NAMES[kind]}.timeout": Real(timeout(kind), *TIMEOUTS) for kind in BASES},
    **{f"{NAMES[kind]}.tls": Real(tls(kind), *CERTIFICATES) for kind in BASES},
    "Webhook.method": Real(heard("webhook", "method", lambda one: one.method), ("POST", "PUT"), ("POST", "PUT")),
    "Webhook.body": Real(
        heard("webhook", "body", lambda one: body(one).get("text")), (None, '{"text": "{title}"}'), (None, "[critical] shop: down")
    ),
    "Webhook.accepted": Real(accepted, (["2xx"], ["2xx", 302]), (["failed"], ["accepted"])),
    "Slack.token": Real(heard("slack", "token", bearer), ("xoxb-1", "xoxb-2"), ("Bearer xoxb-1", "Bearer xoxb-2")),
    "Slack.channel": Real(heard("slack", "channel", lambda one: body(one)["channel"]), ("#ops", "#all"), ("#ops", "#all")),
    "Slack.url": Real(hook_of_slack, ("/hook/1", "/hook/2"), ("/hook/1", "/hook/2")),
    "Slack.api": Real(asked_at("slack"), ("/a", "/b"), ("/a/chat.postMessage", "/b/chat.postMessage")),
    "PagerDuty.routing_key": Real(heard("pagerduty", "routing_key", lambda one: body(one)["routing_key"]), KEYS, KEYS),
    "PagerDuty.api": Real(asked_at("pagerduty"), ("/eu", "/us"), ("/eu/v2/enqueue", "/us/v2/enqueue")),
    "Discord.url": Real(asked_at("discord"), ("/hook/1", "/hook/2"), ("/hook/1", "/hook/2")),
    "Telegram.token": Real(heard("telegram", "token", lambda one: one.path), ("1:a", "2:b"), ("/hook/bot1:a/sendMessage", "/hook/bot2:b/sendMessage")),
    "Telegram.chat": Real(heard("telegram", "chat", lambda one: body(one)["chat_id"]), (7, "@ops"), (7, "@ops")),
    "Telegram.topic": Real(heard("telegram", "topic", lambda one: body(one).get("message_thread_id")), (None, 4), (None, 4)),
    "Telegram.api": Real(asked_at("telegram"), ("/a", "/b"), ("/a/bot1:a/sendMessage", "/b/bot1:a/sendMessage")),
    "Ntfy.topic": Real(heard("ntfy", "topic", lambda one: one.path), ("ops", "all"), ("/hook/ops", "/hook/all")),
    "Ntfy.server": Real(asked_at("ntfy"), ("/a", "/b"), ("/a/ops", "/b/ops")),
    "Ntfy.token": Real(heard("ntfy", "token", bearer), (None, "tk_1"), (None, "Bearer tk_1")),
    "Alertmanager.url": Real(asked_at("alertmanager"), ("/a", "/b"), ("/a/api/v2/alerts", "/b/api/v2/alerts")),
    "Alertmanager.headers": Real(heard("alertmanager", "headers", lambda one: one.header("x-key")), ({}, {"X-Key": "7"}), (None, "7")),
    "Alertmanager.ends_after": Real(heard("alertmanager", "ends_after", lambda one: lasts_h(body(one)[0])), ("1h", "7d"), (1, 168)),
}  # fmt: skip


def lasts_h(alert: Any) -> int:
    """The hours from its beginning to its end, rounded."""
    starts, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
    return round((ends - starts).total_seconds() / 3_600)
