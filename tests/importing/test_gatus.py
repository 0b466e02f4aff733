"""Gatus: what its endpoints come to, and that every key of its reference is mapped or listed."""

import pytest
import yaml
from bringing import brought, target_of
from watchkeeper.adapters.importing.gatus.keys import LEFT, MAPPED
from watchkeeper.domain.specification.probe import Tls

COMMENTED = """\
# Shop and its neighbours
endpoints:
  # The front of the shop
  - name: front end   # seen by all
    group: core/shop
    url: "https://shop.example/health#top"
    interval: 5m
    conditions:
      - "[STATUS] == 200"      # always
      # a word
      - "[BODY].status == UP"
  - name: front end
    group: core/shop
    url: "https://two.example/"
    conditions: ["[STATUS] < 300"]
# the end
"""

EVERY_KEY = """\
metrics: true
debug: true
storage: {type: sqlite, path: data.db, caching: true, maximum-number-of-results: 5, maximum-number-of-events: 5}
announcements: [{timestamp: 2025-11-07T14:00:00Z, type: outage, message: m, archived: true}]
security: {basic: {username: a}}
concurrency: 3
disable-monitoring-lock: true
skip-invalid-config-update: true
web: {port: 1}
ui: {title: t}
connectivity: {checker: {target: "1.1.1.1:53", interval: 60s}}
tunneling: {t: {host: h}}
remote: {instances: []}
suites:
  - name: s
    enabled: true
    group: g
    interval: 5m
    timeout: 1m
    context: {price: "9"}
    ui: {hide-url: true}
    endpoints:
      - name: one
        url: "https://shop.example/a"
        always-run: true
        store: {a: "[BODY].a"}
        conditions: ["[STATUS] == 200"]
        ui: {hide-url: true}
        alerts: [{type: slack, provider-override: {a: b}}]
        maintenance-windows: [{start: "03:30", duration: 2h}]
        client: {timeout: 7s, store-cookies: true, identity-aware-proxy: {audience: a}, tunnel: t, tls: {renegotiation: once}}
maintenance: {enabled: true, start: "23:00", duration: 1h, timezone: Europe/Amsterdam, every: [Monday, Sunday]}
alerting:
  slack: {webhook-url: "https://hooks.slack.com/services/a/b/c", default-alert: {failure-threshold: 5, success-threshold: 4}}
  discord: {webhook-url: "https://discord.com/api/webhooks/1/abc"}
  pagerduty: {integration-key: 0123456789abcdef0123456789abcdef}
  telegram: {token: "123456:abc", id: "-100"}
  ntfy: {topic: shop, url: "https://ntfy.example", token: tk_1}
  email: {from: a@shop.example, to: "b@shop.example,c@shop.example", host: mail.shop.example, port: 587, username: u, password: p}
  custom: {url: "https://hook.example/in", method: POST, headers: {X-A: b}, body: "[ALERT_DESCRIPTION]"}
  gotify: {server-url: "https://push.example", token: t}
  pushover: {user-key: u, application-token: t}
  teams: {webhook-url: "https://teams.example/in"}
endpoints:
  - name: all
    enabled: false
    group: g
    url: "https://shop.example/"
    method: POST
    interval: 2m
    graphql: true
    body: "{ shops }"
    headers: {X-A: b}
    conditions: ["[STATUS] == 200", "[DOMAIN_EXPIRATION] > 720h"]
    extra-labels: {team: shop}
    ui: {hide-url: true, badge: {response-time: {thresholds: [1]}}}
    maintenance-windows: [{enabled: true, start: "03:30", duration: 2h, timezone: UTC, every: []}]
    alerts:
      - {type: slack, enabled: true, send-on-resolved: false, description: d}
      - {type: teams, failure-threshold: 7, success-threshold: 2, minimum-reminder-interval: 1h, provider-override: {a: b}}
    client:
      insecure: true
      ignore-redirect: true
      timeout: 7s
      dns-resolver: "tcp://1.1.1.1:53"
      oauth2: {token-url: "https://t.example", client-id: c, client-secret: s, scopes: [a]}
      proxy-url: "http://proxy.example"
      identity-aware-proxy: {audience: a}
      tls: {certificate-file: a.pem, private-key-file: b.pem, renegotiation: once}
      network: ip4
      tunnel: t
      store-cookies: true
  - {name: d, url: "8.8.8.8:53", dns: {query-name: shop.example, query-type: MX}, conditions: ["[DNS_RCODE] == NOERROR"]}
  - {name: s, url: "ssh://h:22", ssh: {username: u, password: p}, conditions: ["[CONNECTED] == true"]}
  - {name: r, url: "grpc://h:1", grpc: {service: grpc.health.v1.Health, method: Check, body: '{"service": "x"}'}, conditions: ["[CONNECTED] == true"]}
external-endpoints:
  - name: e
    enabled: true
    group: g
    token: 0123456789abcdef
    heartbeat: {interval: 30m}
    extra-labels: {team: shop}
    maintenance-windows: [{start: "04:30", duration: 2h}]
    alerts: [{type: slack, minimum-reminder-interval: 1h, provider-override: {a: b}}]
"""


def test_groups_names_and_comments_are_kept():
    made, text = brought("gatus", COMMENTED)
    assert not made.notes
    assert [(each.id, each.name, each.group) for each in text.targets] == [
        ("core-shop.front end", "front end", "core/shop"),
        ("core-shop.front end-2", "front end", "core/shop"),
    ]
    lines = [line.strip() for line in made.text.splitlines()]
    above = lines.index('- id: "core-shop.front end"  # seen by all')
    assert lines[above - 2 : above] == ["# Shop and its neighbours", "# The front of the shop"]
    assert '- "[STATUS] == 200"  # always' in lines
    assert lines[lines.index('- "[BODY].status == UP"') - 1] == "# a word"
    assert lines[-1] == "# the end"


def test_an_endpoint_keeps_the_defaults_of_gatus():
    target = target_of(
        "gatus", "endpoints: [{name: a, url: 'https://a.example', conditions: ['[STATUS] == 200']}]"
    )
    assert (target.every, target.timeout, target.notify) == ("60s", "10s", ())


@pytest.mark.parametrize(
    ("endpoint", "kind", "probe"),
    [
        ("url: 'tcp://db.example:5432'", "tcp", {"host": "db.example", "port": 5432}),
        ("url: 'tcp://[2001:db8::1]:53'", "tcp", {"host": "2001:db8::1", "port": 53}),
        ("url: 'tls://mail.example:993'", "tls", {"host": "mail.example", "port": 993, "starttls": None}),
        ("url: 'starttls://mail.example:587'", "tls", {"port": 587, "starttls": "smtp"}),
        (
            "url: 'icmp://gw.example', client: {network: ip6}",
            "icmp",
            {"host": "gw.example", "address_family": "ipv6"},
        ),
        ("url: 'udp://gw.example:1', body: hi", "udp", {"host": "gw.example", "send": "hi"}),
        (
            "url: 1.1.1.1, dns: {query-name: a.example, query-type: AAAA}",
            "dns",
            {"server": "1.1.1.1", "type": "AAAA"},
        ),
        ("url: 'http://u:p%40@h.example/'", "http", {"url": "http://h.example/"}),
        (
            "url: 'wss://h.example/a#b', body: hi, client: {insecure: true}",
            "websocket",
            {"url": "wss://h.example/a", "send": "hi", "tls": Tls(verify=False)},
        ),
        ("url: 'grpc://h.example:50051'", "grpc", {"host": "h.example", "port": 50051, "tls": None}),
        ("url: 'grpcs://h.example:443'", "grpc", {"port": 443, "tls": Tls()}),
        (
            "url: 'ssh://h.example:22', ssh: {username: '', password: ''}",
            "ssh",
            {"host": "h.example", "port": 22},
        ),
        ("url: 'ssh://h.example:2222'", "ssh", {"port": 2222}),
        ("url: 'tls://h.example:636', body: hi", "tcp", {"port": 636, "send": "hi", "tls": Tls()}),
    ],
)
def test_the_url_of_an_endpoint_chooses_the_probe(endpoint, kind, probe):
    target = target_of("gatus", f"endpoints: [{{name: a, {endpoint}, conditions: ['[CONNECTED] == true']}}]")
    assert target.kind == kind
    assert {key: getattr(target.probe, key) for key in probe} == probe


def test_the_way_of_a_request_is_kept():
    target = target_of(
        "gatus",
        "endpoints: [{name: a, url: 'https://a.example', conditions: ['[STATUS] == 200'], client: {"
        "proxy-url: 'http://u:p@proxy.example:8080', dns-resolver: 'tcp://192.0.2.53:53', oauth2: {"
        "token-url: 'https://t.example/token', client-id: c, client-secret: s, scopes: [read]}}}]",
    )
    proxy, token = target.http.proxy, target.http.oauth2
    assert (proxy.url, proxy.user, proxy.password) == ("http://proxy.example:8080", "u", "p")
    assert (token.token_url, token.client_id, token.client_secret, token.scopes) == (
        "https://t.example/token",
        "c",
        "s",
        ("read",),
    )
    assert target.http.resolver == "tcp://192.0.2.53:53"


def test_a_login_by_ssh_is_listed_and_the_banner_is_watched():
    made, whole = brought(
        "gatus",
        "endpoints: [{name: a, url: 'ssh://h.example:22', ssh: {username: u, password: hunter2},"
        " body: '{}', conditions: ['[CONNECTED] == true', '[STATUS] == 0']}]",
    )
    assert [note.key for note in made.notes] == ["endpoints[0].ssh"]
    assert (whole.targets[0].kind, whole.targets[0].expect) == ("ssh", ())
    assert "hunter2" not in made.text


def test_a_call_of_another_service_is_no_question_of_health():
    made, whole = brought(
        "gatus",
        "endpoints: [{name: a, url: 'grpc://h:1', grpc: {service: shop.Orders}, conditions: ['[CONNECTED] == true']}]",
    )
    assert not whole.targets
    assert "no probe calls Orders" in made.notes[0].reason


@pytest.mark.parametrize(
    ("host", "registered"),
    [("www.shop.example.org", "example.org"), ("shop.example.co.uk", "example.co.uk"), ("a.b.de", "b.de")],
)
def test_a_registration_is_watched_by_a_target_of_its_own(host, registered):
    made, whole = brought(
        "gatus",
        f"endpoints: [{{name: a, group: g, url: 'https://{host}/x', interval: 1m, alerts: [{{type: slack}}],"
        " conditions: ['[STATUS] == 200', '[DOMAIN_EXPIRATION] > 720h']}]",
    )
    assert not made.notes
    site, name = whole.targets
    assert (site.id, site.expect, site.every) == ("g.a", ("[STATUS] == 200",), "1m")
    assert (name.id, name.expect, name.every) == ("g.a registration", ("[DOMAIN_EXPIRATION] > 720h",), "6h")
    assert (name.domain.name, name.notify, name.group) == (registered, ("slack",), "g")


def test_an_endpoint_that_asks_for_a_registration_alone_is_one_target():
    target = target_of(
        "gatus",
        "endpoints: [{name: a, url: 'https://example.org', interval: 24h, conditions: ['[DOMAIN_EXPIRATION] > 720h']}]",
    )
    assert (target.id, target.kind, target.every) == ("a", "domain", "24h")


def test_channels_of_groups_are_those_of_their_endpoints():
    made, whole = brought("gatus", OVERRIDDEN)
    assert not made.notes
    assert [(each.id, each.slack.url) for each in whole.channels] == [
        ("slack", "https://hooks.slack.com/services/a/b/c"),
        ("slack.core", "https://hooks.slack.com/services/d/e/f"),
    ]
    assert [each.notify for each in whole.targets] == [("slack.core",), ("slack",)]


OVERRIDDEN = """
alerting:
  slack:
    webhook-url: "https://hooks.slack.com/services/a/b/c"
    overrides: [{group: core, webhook-url: "https://hooks.slack.com/services/d/e/f"}]
endpoints:
  - {name: a, group: core, url: "https://a.example", conditions: ["[STATUS] == 200"], alerts: [{type: slack}]}
  - {name: b, group: other, url: "https://a.example", conditions: ["[STATUS] == 200"], alerts: [{type: slack}]}
"""


def test_variables_are_those_of_the_environment():
    made, _ = brought(
        "gatus", "endpoints: [{name: a, url: 'http://h/$ID/$$x/${A}', conditions: ['[STATUS] == 200']}]"
    )
    assert 'url: "http://h/${ID}/$x/${A}"' in made.text


def test_an_endpoint_that_no_probe_can_watch_is_a_comment_at_its_place():
    made, whole = brought(
        "gatus",
        "endpoints:\n"
        "  - {name: a, url: 'icmp://a.example', conditions: ['[CONNECTED] == true']}\n"
        "  - {name: b, url: 'sctp://b.example:1', conditions: ['[CONNECTED] == true']}\n"
        "  - {name: c, url: 'icmp://c.example', conditions: ['[CONNECTED] == true']}\n",
    )
    assert [each.id for each in whole.targets] == ["a", "c"]
    assert [(note.line, note.key, note.reason) for note in made.notes] == [
        (3, "endpoints[1]", "there is no probe for sctp://")
    ]
    lines = made.text.splitlines()
    at = next(at for at, line in enumerate(lines) if "endpoints[1]" in line)
    assert lines[at + 1] == "  - id: c"


def test_a_key_that_holds_anchors_is_not_listed():
    made, whole = brought(
        "gatus",
        "x-api: &api {interval: 5m}\nendpoints: [{<<: *api, name: a, url: 'http://a', conditions: ['[STATUS] == 200']}]",
    )
    assert not made.notes
    assert whole.targets[0].every == "5m"


def test_a_condition_that_check_refuses_is_listed_and_the_others_stay():
    made, whole = brought(
        "gatus",
        "endpoints: [{name: a, url: 'http://a', conditions: ['[STATUS] == OK', '[RESPONSE_TIME] < 9']}]",
    )
    assert whole.targets[0].expect == ("[RESPONSE_TIME] < 9",)
    assert "can never hold" in made.notes[0].reason


def test_thresholds_of_alerts_become_the_rule_of_the_target():
    made, whole = brought("gatus", EVERY_KEY)
    target = whole.targets[0]
    assert [(rule.id, rule.after, rule.recover) for rule in target.rules] == [("down", 5, 4)]
    assert target.notify == ("slack", "teams")
    assert "endpoints[0].alerts[1].failure-threshold" in {note.key for note in made.notes}


def test_windows_become_maintenance():
    _, whole = brought("gatus", EVERY_KEY)
    assert [(each.cron, each.length, each.zone, each.match) for each in whole.maintenance] == [
        ("30 3 * * *", "2h", "UTC", (r'target=~"g\\.all|g\\.all registration"',)),
        ("30 4 * * *", "2h", None, ('target="g.e"',)),
        ("0 23 * * MON,SUN", "1h", "Europe/Amsterdam", ("target=~.+",)),
    ]


def test_secrets_are_in_no_comment():
    made, _ = brought("gatus", EVERY_KEY)
    told = "\n".join(line for line in made.text.splitlines() if "not imported" in line)
    assert "teams.example" not in told
    assert "identity-aware-proxy" in told


def test_every_key_of_the_reference_is_mapped_or_listed():
    made, whole = brought("gatus", EVERY_KEY)
    listed = {note.key for note in made.notes}
    assert not [
        note for note in made.notes if "does not know" in note.reason and "custom.body" not in note.key
    ]
    for key in LEFT:
        first = key.replace("[]", "[0]")
        name = {"endpoints[0].ssh": "endpoints[2].ssh"}.get(first, first)
        if name.startswith("endpoints"):
            name = name.replace("alerts[0]", "alerts[1]")
        assert key == "alerting" or any(
            each.startswith(name) or name.startswith(each + ".") for each in listed
        ), key
    assert not set(LEFT) & set(MAPPED)
    assert len(whole.channels) == 10
    urls = {each.id: each.apprise.urls for each in whole.channels if each.apprise}
    assert urls == {"gotify": ("gotifys://push.example/t",), "pushover": ("pover://u@t",)}


def test_the_reference_is_tested_whole():
    stated = {*keys_of(yaml.safe_load(EVERY_KEY))} | {*keys_of(yaml.safe_load(OVERRIDDEN))}
    stated |= {key.replace("alerting.slack.", "alerting[].") for key in stated}
    assert {*MAPPED, *LEFT} <= stated


def keys_of(value, path=""):
    """The keys of a document, written as tables of keys write them."""
    yield path
    if isinstance(value, list):
        for each in value:
            yield from keys_of(each, f"{path}[]")
    for key, each in value.items() if isinstance(value, dict) else ():
        yield from keys_of(each, f"{path}.{key}".removeprefix("."))
