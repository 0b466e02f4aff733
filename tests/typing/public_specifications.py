"""Every specification as a host may write it: type checkers read it, and `public_api.py` uses it; it never runs.

A line with `type: ignore[...]` is wrong, and a type checker that stops saying so fails the test.
"""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from watchkeeper import (
    Agents,
    Alertmanager,
    Apprise,
    BasicAuth,
    Call,
    CallChannel,
    Channel,
    Composite,
    Configuration,
    Connectivity,
    Consecutive,
    Dependency,
    DialogueStep,
    DigestAuth,
    Discord,
    Dns,
    DnsRecords,
    DomainRegistration,
    Email,
    Escalation,
    Exec,
    ExecChannel,
    Flapping,
    Grpc,
    HeaderRule,
    Heartbeat,
    Http,
    HttpCapture,
    HttpStep,
    HttpSteps,
    Icmp,
    Imap,
    KOfN,
    Log,
    Maintenance,
    Mqtt,
    Mysql,
    Nagios,
    NoData,
    Ntfy,
    OAuth2,
    PagerDuty,
    PingOptions,
    Plugin,
    Postgres,
    Proxy,
    Redis,
    Retention,
    Route,
    Rule,
    RuntimeOptions,
    Severity,
    Slack,
    Slo,
    Smtp,
    Ssh,
    Target,
    Tcp,
    Telegram,
    Threshold,
    Tls,
    TlsHandshake,
    Udp,
    Webhook,
    WebSocket,
    Window,
)

HEADERS: Mapping[str, str] = {"Accept": "text/plain"}
SECONDS: float = 0.5

# Specifications: what may be written.

RULES: list[Rule] = [
    Consecutive(id="down", after=3, recover=2, on="degraded", severity="warning", state="draft", for_=60),
    Threshold(
        id="slow",
        measure="response_time",
        operator=">=",
        value=300,
        window=timedelta(minutes=5),
        aggregate="p95",
        mode="consecutive",
        severity=Severity.INFO,
        keep_firing_for=timedelta(minutes=1),
    ),
    NoData(id="silent", after=SECONDS, policy="fire"),
    KOfN(id="some", bad=3, of=5, recover=2, on="degraded", for_="1m"),
    Nagios(id="hard", max_check_attempts=4, severity="critical"),
    Threshold(
        id="slower",
        value=50,
        recover=20.0,
        window="5m",
        baseline=timedelta(hours=1),
        min_samples=10,
        mode="relative_change",
    ),
]
SLO = Slo(objective="99.9%", window=timedelta(days=30), min_samples=10)
HTTP = Http(
    url="https://h/",
    method="POST",
    headers=HEADERS,
    body="{}",
    basic_auth=BasicAuth(user="u", password="p"),  # noqa: S106  # it opens nothing
    bearer=None,
    follow_redirects=False,
    redirects_max=3,
    body_bytes_max=1_000,
    address_family="ipv4",
    connection="reuse",
    versions=("1.1", "2"),
    encryption="required",
    header_rules=(HeaderRule(header="X-Frame-Options", matches="DENY"),),
    compression="gzip",
    cookies={"session": "7"},
    tls=Tls(
        verify=True,
        ca_file="ca.pem",
        certificate_file="c.pem",
        key_file="k.pem",
        key_password="p",  # noqa: S106  # it opens nothing
        server_name="h",
        minimum_version="1.3",
    ),
)
PROXY = Proxy(url="http://proxy:3128", user="u", password="p", headers=HEADERS, exceptions=[".example"])  # noqa: S106  # as above
LOGIN = OAuth2(
    token_url="https://id.example/token",  # noqa: S106  # no secret
    client_id="me",
    client_secret="s",  # noqa: S106  # as above
    scopes=["read"],
    parameters=HEADERS,
    authentication="body",
)
TARGETS = [
    Target(
        id="shop",
        every=5,
        timeout=SECONDS,
        retry_every=timedelta(seconds=1),
        http=HTTP,
        expect=["[STATUS] == 200"],
        rules=RULES,
        notify=["ops"],
        max_age="30s",
        paused=False,
    ),
    Target(id="port", tcp=Tcp(host="h", port=1, send="PING", expect="PONG"), notify=deque(["ops"])),
    Target(id="dialogue", tcp=Tcp(host="h", port=25, dialogue=[DialogueStep(expect="^220", starttls=True)])),
    Target(id="disk", exec=Exec(argv=["df", "-h"], environment={"LANG": "C"}, directory="/")),
    Target(id="depth", call=Call(name="depth"), notify=("ops",)),
    Target(id="imaps", tls=TlsHandshake(host="h", port=993, minimum_version="1.3", tls=Tls(ca_file="f"))),
    Target(id="mail", tls=TlsHandshake(host="h", port=25, starttls="smtp", address_family="ipv4")),
    Target(
        id="name",
        dns=Dns(
            name="h", type="MX", server="ns", rcodes=["NOERROR"], answer=DnsRecords(any_match=deque(["mail"]))
        ),
    ),
    Target(id="ping", icmp=Icmp(host="h", count=3, payload_bytes=64, ttl=9, dont_fragment=True)),
    Target(id="game", udp=Udp(host="h", port=1, send="status", expect="players")),
    Target(id="far", tcp=Tcp(host="h", port=1), locations=["fra", "iad", "syd"], quorum=2),
    Target(id="whole", composite=Composite(worst_of=["shop", "port"]), slo=SLO),
    Target(id="some", composite=Composite(targets=("shop", "port"), at_least=1), upside_down=True),
    Target(id="door", http=Http(url="https://x.example/", digest_auth=DigestAuth(user="u", password="p"))),  # noqa: S106  # as above
    Target(
        id="far", http=Http(url="https://x.example/", proxy=PROXY, resolver="udp://192.0.2.53", oauth2=LOGIN)
    ),
    Target(id="store", redis=Redis(host="store.example", command=["LLEN", "jobs"])),
    Target(id="gate", ssh=Ssh(host="gate.example", fingerprints=["SHA256:" + "a" * 43])),
    Target(
        id="live",
        websocket=WebSocket(url="wss://h/", headers=HEADERS, subprotocols=["v1"], send="a", expect="b"),
    ),
    Target(id="orders", grpc=Grpc(host="h", port=443, service="shop.Orders", metadata=HEADERS, tls=Tls())),
    Target(id="own", plugin=Plugin(name="shop-queue", settings={"host": "h", "port": 1, "hosts": ["a"]})),
    Target(id="post", smtp=Smtp(host="mail.example", encryption="tls")),
    Target(
        id="order",
        http_steps=HttpSteps(
            steps=[
                HttpStep(id="login", url="https://h/login", method="POST", capture={"token": "[BODY].token"}),
                HttpStep(
                    id="cart",
                    url="https://h/cart",
                    bearer="{{token}}",
                    capture={"id": HttpCapture(of="[BODY]", shown=True)},
                ),
                HttpStep(id="logout", url="https://h/logout", expect=["[STATUS] == 204"], always=True),
            ]
        ),
    ),
    Target(
        id="name", every="24h", domain=DomainRegistration(name="shop.example", rdap_server="https://h/rdap")
    ),
    Target(id="boxes", imap=Imap(host="mail.example", user="u", password="p")),  # noqa: S106
    Target(id="broker", mqtt=Mqtt(host="broker.example", version="5", topic="t", publish="x")),
    Target(id="data", postgres=Postgres(host="data.example", user="u", query="SELECT 1", tls=Tls())),
    Target(id="other", mysql=Mysql(host="data.example", user="u", database="shop")),
    Target(id="nightly", every="24h", heartbeat=Heartbeat(grace=timedelta(hours=1))),
]
CHANNELS = (
    Channel(id="log", log=Log(logger="notices", level="error"), min_severity="critical"),
    Channel(id="call", call=CallChannel(name="tell", timeout=5), give_up_after=timedelta(days=1)),
    Channel(id="ops", webhook=Webhook(url="https://h/", secret="s", headers=HEADERS, timeout=10)),  # noqa: S106
    Channel(
        id="hook", webhook=Webhook(url="https://h/", method="PUT", body="{title}", accepted=[200, "3xx"])
    ),
    Channel(id="chat", slack=Slack(token="xoxb-1", channel="#ops", timeout=5)),  # noqa: S106
    Channel(id="page", pagerduty=PagerDuty(routing_key="a" * 32, api="https://events.eu.pagerduty.com")),
    Channel(id="game", discord=Discord(url="https://h/", tls=Tls())),
    Channel(id="bot", telegram=Telegram(token="1:a", chat=-100, topic=4)),  # noqa: S106
    Channel(id="phone", ntfy=Ntfy(topic="ops", server="https://h", token="tk_1")),  # noqa: S106
    Channel(id="post", email=Email(to=["a@h"], from_="b@h", smtp="smtp://h", user="u", password="p")),  # noqa: S106
    Channel(id="own", exec=ExecChannel(argv=["/bin/true"], environment={"A": "b"}, timeout=5)),
    Channel(id="rest", apprise=Apprise(urls=["json://h"], timeout="20s")),
    Channel(id="prom", alertmanager=Alertmanager(url="http://h:9093", headers=HEADERS, ends_after="7d")),
)
OPTIONS = RuntimeOptions(
    store="watch.db",
    grace=10,
    connectivity=Connectivity(targets=["port"], every=timedelta(seconds=10)),
    ping=PingOptions(url="https://h/ping", every=timedelta(minutes=1)),
    retention=Retention(samples=timedelta(days=2), hourly=3_600),
    tls_library="rustls",
)
AGENTS = Agents(nats="tls://a,b", locations=["fra", "iad", "syd"], credentials="${file:/run/secrets/nats}")
ROUTES = (
    Route(id="shop", match=["group=shop"], to=["ops"], group_by=["group"], group_wait=30, continue_=True),
    Route(to=["log"], escalate=[Escalation(after=timedelta(minutes=15), to=["call"])], quiet=["nights"]),
)
WINDOWS = (Window(id="nights", cron="0 22 * * *", length=timedelta(hours=9), zone="Europe/Berlin"),)
MAINTENANCE = (
    Maintenance(id="patch-day", match=["group=shop"], cron="0 3 * * SUN", length="2h"),
    Maintenance(
        id="move",
        match=["group=shop"],
        from_="2026-12-24T20:00:00Z",
        until=datetime(2026, 12, 25, tzinfo=UTC),
    ),
)
BEHIND = (
    Target(id="mirror", http=HTTP, depends_on=["shop"], flapping=False),
    Target(
        id="far",
        http=HTTP,
        depends_on=Dependency(targets=["shop"], at_least=1),
        flapping=Flapping(method="nagios", high=40),
    ),
)
CONFIGURATION = Configuration(
    runtime=OPTIONS,
    channels=CHANNELS,
    routes=ROUTES,
    windows=WINDOWS,
    maintenance=MAINTENANCE,
    targets=(*TARGETS, *BEHIND),
)


def mistakes() -> None:
    Target(id="a", http=HTTP, every=[])  # type: ignore[arg-type]
    Target(id="a", http=HTTP, interval="5s")  # type: ignore[call-arg]
    Target(http=HTTP)  # type: ignore[call-arg]
    Target(id="a", http=Tcp(host="h", port=1))  # type: ignore[arg-type]
    Target(id="a", http=HTTP, notify=[5])  # type: ignore[list-item]
    Target(id="a", http=HTTP, depends_on=5)  # type: ignore[arg-type]
    Route(to=["ops"], remind_every=[])  # type: ignore[arg-type]
    Route(match=["group=shop"])  # type: ignore[call-arg]
    Flapping(method="nagos")  # type: ignore[arg-type]
    Threshold(id="r", value=1, severity="fatal")  # type: ignore[arg-type]
    Threshold(id="r", value=1, window=0.5)  # type: ignore[arg-type]


# Specifications: the types of their fields.


def kept(target: Target, channel: Channel, rule: Threshold) -> tuple[object, ...]:
    every: str = target.every
    notify: tuple[str, ...] = target.notify
    severity: Severity = rule.severity
    floor: Severity = channel.min_severity
    window: str | int = rule.window
    lengths_ns: tuple[int, int] = (target.every_ns, target.timeout_ns)
    return every, notify, severity, floor, window, lengths_ns
