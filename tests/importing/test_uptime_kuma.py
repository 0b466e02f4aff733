"""Uptime Kuma: what the monitors of a backup come to, and that every field of one is mapped or listed."""

import json

import pytest
from bringing import brought
from watchkeeper.adapters.importing.kuma.keys import GENERAL, LEFT, MAPPED, OF_TYPES, SHOWN_OR_SEEN

PUSHED_BY = "abcdefghij1234567890"
TWELVE = [
    {"type": "group", "name": "Shop"},
    {"type": "http", "name": "front", "parent": 1, "url": "https://shop.example/"},
    {
        "type": "keyword",
        "name": "basket",
        "parent": 1,
        "url": "https://shop.example/",
        "keyword": "Basket (1)",
    },
    {
        "type": "keyword",
        "name": "no error",
        "url": "https://shop.example/",
        "keyword": "error",
        "invertKeyword": True,
    },
    {
        "type": "json-query",
        "name": "api",
        "url": "https://shop.example/",
        "jsonPath": "$.a[0].b",
        "expectedValue": "ok",
    },
    {"type": "port", "name": "database", "hostname": "db.example", "port": 5432},
    {"type": "ping", "name": "gateway", "hostname": "gw.example", "packetSize": 64},
    {
        "type": "dns",
        "name": "names",
        "hostname": "a.example",
        "dns_resolve_type": "MX",
        "dns_resolve_server": "1.1.1.1",
    },
    {"type": "push", "name": "backup", "pushToken": PUSHED_BY, "maxretries": 2, "retryInterval": 30},
    {"type": "http", "name": "closed", "url": "http://shop.example/admin", "upsideDown": True},
    {
        "type": "http",
        "name": "login",
        "url": "http://h.example/",
        "authMethod": "basic",
        "basic_auth_user": "u",
        "basic_auth_pass": "p",
    },
    {"type": "port", "name": "off", "hostname": "h.example", "port": 1, "active": False},
]
USUAL = {
    "active": True,
    "interval": 60,
    "retryInterval": 60,
    "maxretries": 0,
    "timeout": 48,
    "accepted_statuscodes": ["200-299"],
    "maxredirects": 10,
    "dns_resolve_type": "A",
    "packetSize": 56,
    "notificationIDList": {},
    "proxyId": None,
    "mqttTopic": "",
    "oauth_auth_method": "client_secret_basic",
    "kafkaProducerSaslOptions": {"mechanism": "None"},
    "gamedigGivenPortOnly": True,
    "weight": 2000,
}


def backup(*monitors, **more):
    """A backup with these monitors, numbered from one."""
    listed = [USUAL | {"id": number} | monitor for number, monitor in enumerate(monitors, 1)]
    return json.dumps({"version": "1.23.11", "monitorList": listed, **more}, indent=1)


def monitor(**fields):
    """The target that one monitor comes to."""
    made, whole = brought(
        "uptime-kuma", backup({"name": "m", "type": "http", "url": "https://m.example/", **fields})
    )
    assert not made.notes
    return whole.targets[0]


def test_twelve_monitors_become_twelve_targets():
    made, whole = brought("uptime-kuma", backup(*TWELVE))
    assert not made.notes
    kinds = [target.kind for target in whole.targets]
    assert kinds == [
        *("composite", "http", "http", "http", "http", "tcp", "icmp", "dns", "heartbeat"),
        "http",
        "http",
        "tcp",
    ]
    by_id = {target.id: target for target in whole.targets}
    assert by_id["Shop"].composite.worst_of == ("Shop.front", "Shop.basket")
    assert by_id["Shop.front"].group == "Shop"
    assert by_id["Shop.basket"].expect == ("[STATUS] == 2xx", r"[BODY] == matches(Basket \(1\))")
    assert by_id["no error"].expect[1] == "[BODY] != matches(error)"
    assert by_id["api"].expect[1] == "[BODY].a[0].b == ok"
    assert (by_id["backup"].heartbeat.key, by_id["backup"].heartbeat.grace) == (PUSHED_BY, "1m")
    assert by_id["closed"].upside_down is True
    assert by_id["off"].paused


def test_retries_become_the_rule_of_the_target():
    (rule,) = monitor(maxretries=2).rules
    assert (rule.after, rule.recover) == (3, 1)


def test_times_are_those_of_the_monitor():
    target = monitor(interval=300, retryInterval=20, timeout=None)
    assert (target.every, target.retry_every, target.timeout) == ("5m", "20s", "4m")


def test_a_certificate_that_expires_soon_is_a_warning():
    assert monitor(expiryNotification=True).warn == ("[CERTIFICATE_EXPIRATION] > 14d",)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"type": "slack", "slackwebhookURL": "https://hooks.slack.com/services/a/b/c"}, "slack"),
        ({"type": "discord", "discordWebhookUrl": "https://discord.com/api/webhooks/1/a"}, "discord"),
        ({"type": "telegram", "telegramBotToken": "123456:abc", "telegramChatID": "1"}, "telegram"),
        ({"type": "ntfy", "ntfytopic": "shop", "ntfyserverurl": "https://ntfy.sh"}, "ntfy"),
        ({"type": "PagerDuty", "pagerdutyIntegrationKey": "a" * 32}, "pagerduty"),
        ({"type": "webhook", "webhookURL": "https://hook.example/"}, "webhook"),
        ({"type": "apprise", "appriseURL": "json://hook.example/"}, "apprise"),
        (
            {"type": "gotify", "gotifyserverurl": "https://a.example", "gotifyapplicationToken": "t"},
            "apprise",
        ),
        ({"type": "pushover", "pushoveruserkey": "u", "pushoverapptoken": "t"}, "apprise"),
        (
            {
                "type": "smtp",
                "smtpHost": "mail.example",
                "smtpFrom": "Shop <a@b.example>",
                "smtpTo": "c@d.example",
            },
            "email",
        ),
    ],
)
def test_a_notification_becomes_a_channel(config, kind):
    notification = {
        "id": 7,
        "name": "My team",
        "active": True,
        "userId": 1,
        "isDefault": True,
        "config": json.dumps(config),
    }
    text = backup(
        {"name": "m", "type": "ping", "hostname": "h", "notificationIDList": {"7": True}},
        notificationList=[notification],
    )
    made, whole = brought("uptime-kuma", text)
    assert not made.notes
    assert getattr(whole.channels[0], kind) is not None
    assert whole.targets[0].notify == ("My team",)


def test_a_notification_without_a_counterpart_is_a_log_and_listed():
    notification = {
        "id": 1,
        "name": "g",
        "config": json.dumps({"type": "line", "lineChannelAccessToken": "hunter2"}),
    }
    made, whole = brought(
        "uptime-kuma", backup({"name": "m", "type": "ping", "hostname": "h"}, notificationList=[notification])
    )
    assert whole.channels[0].log is not None
    assert [note.key for note in made.notes] == ["notificationList[0]"]
    assert "hunter2" not in made.text


def test_a_type_without_a_counterpart_is_listed_without_its_secrets():
    made, whole = brought(
        "uptime-kuma", backup({"name": "m", "type": "mongodb", "databaseConnectionString": "hunter2"})
    )
    assert not whole.targets
    assert [(note.key, note.reason) for note in made.notes] == [
        ("monitorList[0]", "there is no probe for MongoDB: watch its port by the kind `tcp`")
    ]
    assert "hunter2" not in made.text


VALID = {
    "grpcUrl": "h.example:443",
    "grpcServiceName": "Health",
    "grpcMethod": "check",
    "grpcBody": "{}",
    "grpcMetadata": "{}",
    "rabbitmqNodes": '["http://h.example:15672"]',
    "mqttCheckType": "keyword",
}


@pytest.mark.parametrize("kind", [*OF_TYPES, "group"])
def test_every_field_with_a_value_is_mapped_or_listed(kind):
    fields = {key.rpartition(".")[2]: "7" for key in [*MAPPED, *LEFT] if key.startswith("monitorList")}
    fields |= {
        "type": kind,
        "name": "m",
        "id": 1,
        "tags": [],
        "notificationIDList": {},
        "headers": "{}",
        "parent": None,
    }
    fields |= {
        "url": "https://m.example/",
        "hostname": "h",
        "method": "GET",
        "accepted_statuscodes": ["200"],
        "new field": 1,
        "databaseConnectionString": f"{kind}://u:p@h.example/1",
        **VALID,
    }
    if kind == "websocket-upgrade":
        fields["url"] = "wss://m.example/"
    made, _ = brought(
        "uptime-kuma",
        json.dumps(
            {"monitorList": [fields, {"id": 2, "type": "ping", "name": "n", "hostname": "h", "parent": 1}]}
        ),
    )
    listed = {note.key.rpartition(".")[2] for note in made.notes if note.key.startswith("monitorList[0].")}
    own = (GENERAL | OF_TYPES.get(kind, frozenset())) - SHOWN_OR_SEEN
    expected = {key for key in own if f"monitorList[].{key}" in LEFT}
    assert expected | {"new field"} <= listed | ({"authMethod"} & listed)
    assert not set(LEFT) & set(MAPPED)
