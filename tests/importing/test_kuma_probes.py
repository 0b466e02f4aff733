"""Monitors of Uptime Kuma by their type: the probe of each, its login and its proxy."""

import json

import pytest
from bringing import brought
from watchkeeper.domain.specification.probe import Tls

USUAL = {
    "interval": 60,
    "retryInterval": 60,
    "maxretries": 0,
    "timeout": 48,
    "accepted_statuscodes": ["200-299"],
}


def backup(monitor, **more):
    """A backup with one monitor."""
    return json.dumps({"monitorList": [USUAL | {"id": 1, "name": "m"} | monitor], **more}, indent=1)


def monitor(**fields):
    """The target that one monitor comes to."""
    made, whole = brought("uptime-kuma", backup({"type": "http", "url": "https://m.example/", **fields}))
    assert not made.notes
    return whole.targets[0]


SERVERS = [
    (
        {
            "type": "postgres",
            "databaseConnectionString": "postgres://u:p%40@db.example:5433/shop?sslmode=require",
            "databaseQuery": "SELECT 2",
        },
        "postgres",
        {
            "host": "db.example",
            "port": 5433,
            "user": "u",
            "password": "p@",
            "database": "shop",
            "query": "SELECT 2",
            "tls": Tls(verify=False),
        },
    ),
    (
        {"type": "mysql", "databaseConnectionString": "mysql://u@db.example/shop", "radiusPassword": "p"},
        "mysql",
        {
            "host": "db.example",
            "port": 3306,
            "user": "u",
            "password": "p",
            "database": "shop",
            "query": "SELECT 1",
        },
    ),
    (
        {"type": "redis", "databaseConnectionString": "rediss://:p@cache.example:6380/2", "ignoreTls": True},
        "redis",
        {
            "host": "cache.example",
            "port": 6380,
            "user": None,
            "password": "p",
            "database": 2,
            "tls": Tls(verify=False),
        },
    ),
    (
        {
            "type": "mqtt",
            "hostname": "mqtt://broker.example",
            "port": 1883,
            "mqttUsername": "u",
            "mqttPassword": "p",
            "mqttTopic": "shop/state",
            "mqttSuccessMessage": "on",
            "mqttCheckType": "keyword",
        },
        "mqtt",
        {
            "host": "broker.example",
            "port": 1883,
            "user": "u",
            "password": "p",
            "topic": "shop/state",
            "expect": "on",
        },
    ),
    (
        {"type": "smtp", "hostname": "mail.example", "port": 587, "smtpSecurity": "starttls"},
        "smtp",
        {"host": "mail.example", "port": 587, "encryption": "starttls"},
    ),
    (
        {
            "type": "rabbitmq",
            "rabbitmqNodes": '["https://mq.example:15672/"]',
            "rabbitmqUsername": "u",
            "rabbitmqPassword": "p",
        },
        "http",
        {"url": "https://mq.example:15672/api/health/checks/alarms/"},
    ),
    (
        {"type": "websocket-upgrade", "url": "wss://ws.example/a", "wsSubprotocol": "chat, superchat"},
        "websocket",
        {"url": "wss://ws.example/a", "subprotocols": ("chat", "superchat")},
    ),
    (
        {
            "type": "grpc-keyword",
            "grpcUrl": "api.example:443",
            "grpcServiceName": "Health",
            "grpcMethod": "check",
            "grpcBody": '{"service": "shop"}',
            "grpcEnableTls": True,
            "grpcProtobuf": "x",
            "keyword": "SERVING",
        },
        "grpc",
        {"host": "api.example", "port": 443, "service": "shop", "tls": Tls()},
    ),
    (
        {"type": "ping", "hostname": "h.example", "ping_count": 3},
        "icmp",
        {"host": "h.example", "count": 3, "payload_bytes": 56},
    ),
]


@pytest.mark.parametrize(("fields", "kind", "probe"), SERVERS)
def test_a_type_has_the_probe_of_its_protocol(fields, kind, probe):
    target = monitor(**{"url": None} | fields)
    assert target.kind == kind
    assert {key: getattr(target.probe, key) for key in probe} == probe


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"type": "postgres", "databaseConnectionString": "host=db password=hunter2"},
            "is no URL of postgres",
        ),
        ({"type": "redis", "databaseConnectionString": "redis://h:99999999/hunter2"}, "is no URL of redis"),
        ({"type": "mqtt", "hostname": "ws://h"}, "there is no MQTT by ws://"),
        (
            {"type": "grpc-keyword", "grpcServiceName": "Orders", "grpcMethod": "get"},
            "no probe calls Orders/get",
        ),
        ({"type": "rabbitmq", "rabbitmqNodes": "[]"}, "it names no node"),
    ],
)
def test_a_monitor_that_no_probe_can_have_is_listed_without_its_secrets(fields, reason):
    made, whole = brought("uptime-kuma", backup({"name": "m", **fields}))
    assert not whole.targets
    assert reason in made.notes[0].reason
    assert "hunter2" not in made.text


def test_a_login_by_a_token_is_kept():
    fields = {
        "authMethod": "oauth2-cc",
        "oauth_token_url": "https://t.example/",
        "oauth_client_id": "c",
        "oauth_client_secret": "s",
        "oauth_scopes": "read write",
        "oauth_auth_method": "client_secret_post",
        "oauth_audience": "a",
    }
    token = monitor(**fields).http.oauth2
    assert (token.client_secret, token.scopes, token.authentication) == ("s", ("read", "write"), "body")
    assert token.parameters == (("audience", "a"),)


def test_a_login_that_no_probe_has_is_listed():
    made, _ = brought(
        "uptime-kuma",
        backup(
            {
                "name": "m",
                "type": "http",
                "url": "https://m.example/",
                "authMethod": "ntlm",
                "authDomain": "d",
            }
        ),
    )
    assert {note.reason for note in made.notes} == {"there is no login by NTLM"}


PROXY = {"id": 4, "userId": 1, "host": "proxy.example", "port": 3128, "active": True, "default": False}


def test_a_monitor_has_the_proxy_that_it_names():
    proxy = PROXY | {"protocol": "socks5h", "auth": True, "username": "u", "password": "hunter2"}
    text = backup({"name": "m", "type": "http", "url": "https://m.example/", "proxyId": 4}, proxyList=[proxy])
    made, whole = brought("uptime-kuma", text)
    assert not made.notes
    found = whole.targets[0].http.proxy
    assert (found.url, found.user, found.password) == ("socks5h://proxy.example:3128", "u", "hunter2")


@pytest.mark.parametrize(("protocol", "key"), [("socks4", 4), ("http", 5)])
def test_a_proxy_that_cannot_be_used_is_listed(protocol, key):
    text = backup(
        {"name": "m", "type": "http", "url": "https://m.example/", "proxyId": key},
        proxyList=[PROXY | {"protocol": protocol, "auth": False}],
    )
    made, whole = brought("uptime-kuma", text)
    unnamed = ["proxyList[0]"] if key != PROXY["id"] else []
    assert {note.key for note in made.notes} == {"monitorList[0].proxyId", *unnamed}
    assert len(whole.targets) == 1


@pytest.mark.parametrize("key", ["headers", "grpcMetadata"])
def test_a_text_that_may_hold_a_secret_is_listed_without_it(key):
    kind = {"type": "grpc-keyword", "grpcUrl": "h:1", "grpcServiceName": "Health", "grpcMethod": "check"}
    fields = kind if key == "grpcMetadata" else {"type": "http", "url": "https://m.example/"}
    made, _ = brought("uptime-kuma", backup(fields | {key: "Authorization: hunter2"}))
    assert [note.key for note in made.notes] == [f"monitorList[0].{key}"]
    assert "hunter2" not in made.text
