"""The whole public surface as a host may write it. Type checkers read it; it never runs.

A line with `type: ignore[...]` is wrong, and a type checker that stops saying so fails the test.
"""

import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Unpack

from watchkeeper import (
    ALL,
    AbandonedWork,
    Alertmanager,
    Announcement,
    AnnouncementKind,
    Apprise,
    AttemptRecord,
    AttemptState,
    Backup,
    BasicAuth,
    BlindInterval,
    Call,
    CallChannel,
    Channel,
    ChannelTold,
    Configuration,
    ConfigurationError,
    Connection,
    Connectivity,
    Consecutive,
    Delivery,
    DeliveryState,
    DeliveryTry,
    Dependency,
    Discord,
    Duration,
    Email,
    Escalation,
    Evidence,
    Exec,
    ExecChannel,
    Flapping,
    HealthChanged,
    Heartbeat,
    Http,
    Incident,
    IncidentChanged,
    Job,
    Log,
    Maintenance,
    Measurement,
    NoData,
    NotAllowed,
    Notice,
    NoticeEnded,
    NoticeReason,
    NotRunning,
    Ntfy,
    Observation,
    Outcome,
    Outgoing,
    PagerDuty,
    PauseMark,
    PingOptions,
    PublicPage,
    Reason,
    Record,
    Retention,
    Role,
    RoleChanged,
    Rollup,
    Route,
    Rule,
    Runtime,
    RuntimeOptions,
    RuntimeStatus,
    Sample,
    SampleSeen,
    Severity,
    Silence,
    SilencePreview,
    Slack,
    Status,
    StoreBusy,
    StoreCorrupt,
    StoredSample,
    StoreError,
    Subscription,
    Summed,
    Surface,
    Target,
    TargetFields,
    TargetStatus,
    Tcp,
    Telegram,
    Threshold,
    Tls,
    Token,
    Totals,
    Transition,
    TransitionKind,
    TryResult,
    UnknownName,
    UsageError,
    Verification,
    WatchkeeperError,
    Web,
    Webhook,
    WebMetrics,
    WentBlind,
    Window,
    __version__,
    asgi,
    connect,
    surface_of,
)
from watchkeeper.testing import FakeRuntime, InvariantBroken, ManualClock, Script, World

logger = logging.getLogger(__name__)
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
]
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
    tls=Tls(
        verify=True,
        ca_file="ca.pem",
        certificate_file="c.pem",
        key_file="k.pem",
        key_password="p",  # noqa: S106  # it opens nothing
        server_name="h",
    ),
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
    Target(id="disk", exec=Exec(argv=["df", "-h"], environment={"LANG": "C"}, directory="/")),
    Target(id="depth", call=Call(name="depth"), notify=("ops",)),
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
    Runtime(targets=TARGETS[0])  # type: ignore[arg-type]
    Runtime().check("depth", evry=5)  # type: ignore[call-arg]
    Runtime().stop(within=b"5s")  # type: ignore[arg-type]


# Specifications: the types of their fields.


def kept(target: Target, channel: Channel, rule: Threshold) -> tuple[object, ...]:
    every: str = target.every
    notify: tuple[str, ...] = target.notify
    severity: Severity = rule.severity
    floor: Severity = channel.min_severity
    window: str | int = rule.window
    lengths_ns: tuple[int, int] = (target.every_ns, target.timeout_ns)
    return every, notify, severity, floor, window, lengths_ns


# A runtime.


def watched_like(runtime: Runtime, name: str, **fields: Unpack[TargetFields]) -> None:
    """A host's own wrapper passes the fields on."""

    @runtime.check(name, **fields)
    async def depth() -> Observation:
        return Observation(
            outcome=Outcome.DOWN, reason=Reason.REPORTED, measurements=(Measurement("depth", 5),)
        )

    @runtime.check("plain", every=5, rules=RULES, notify=["ops"])
    def plain() -> int:
        return 42

    number: int = plain()
    logger.info("%s %s", number, depth)


def embedded(path: Path, within: Duration) -> AbandonedWork:
    runtime = Runtime(
        targets=TARGETS, channels=CHANNELS, store=path, options=OPTIONS, callables={"depth": int}
    )
    with runtime, runtime.subscribe(samples=True) as events:
        runtime.track(TARGETS[0])
        runtime.pause("shop", by="ada")
        runtime.check_now("shop")
        runtime.resume("shop")
        runtime.heartbeat("nightly", ok=False, detail="disk full")
        runtime.silence("shop", timedelta(hours=1), by="ada", reason="move", id="move")
        name: str = runtime.silence(ALL, until="2026-01-31T12:30:00Z", match=["group=shop"])
        runtime.unsilence(name, by="ada")
        said: str = runtime.announce("A move", kind="maintenance", until=timedelta(hours=1), pages=["shop"])
        runtime.end_announcement(said, by="ada")
        logger.info("%s", runtime.preview_silence("shop*", match="rule=down").targets)
        for incident in runtime.incidents(open_only=True):
            runtime.acknowledge(incident.id, by="ada", note="restarting it", until="2h")
            runtime.unacknowledge(incident.id, by="ada")
            runtime.end_drill(runtime.drill("shop", by="ada", length="2m", severity="warning"), by="ada")
            runtime.test_channel("ops", by="ada")
            logger.info("%s %s %s", incident.cause, incident.latest, incident.lasted)
        runtime.untrack("shop")
        runtime.reload(CONFIGURATION)
        shown(runtime.status(max_age=5))
        heard(events)
        logger.info("%s %s %s", runtime.attempts("shop"), runtime.redrive("key"), runtime.policies())
        runtime.wait(timeout_s=SECONDS)
        return runtime.stop(within=within)


def recorded(path: Path, at: datetime) -> tuple[object, ...]:
    record = Record(path)
    ends: list[datetime | None] = [incident.resolved_at for incident in record.incidents(target="shop")]
    shares: dict[str, float] = record.uptimes("7d")
    uptime: float | None = record.uptime("shop", since=timedelta(days=30)).uptime
    begins: list[datetime] = [hour.at for hour in record.hourly("shop", at, "2026-01-31T12:30:00Z")]
    slowest: list[float | None] = [day.rollup.latency_at_ms(0.99) for day in record.daily("shop")]
    bulk = {begin: totals["shop"].good for begin, totals in record.days("90d")}
    said = (record.notices("dead"), record.transitions("inc"), record.silences(), record.pauses())
    tries: list[int] = [each.attempt for each in record.deliveries(incident="inc")]
    last = [(each.channel, tries) for each in record.told("inc")]
    seen = (record.samples("shop", 3_600), record.evidence("shop"), record.blind(), record.targets())
    whole: bool = not record.verify().problems
    until: datetime | None = record.backup("copy.db", replace=True).until
    samples: tuple[StoredSample, ...] = record.samples("shop")
    pieces: tuple[Evidence, ...] = record.evidence("shop")
    summed: Rollup = record.uptime("shop")
    muted: tuple[Silence, ...] = record.silences()
    told: tuple[Announcement, ...] = record.announcements()
    kinds: set[AnnouncementKind] = {each.kind for each in told}
    logger.info("%s", kinds)
    checked: Verification = record.verify()
    copy: Backup = record.backup("copy.db")
    logger.info("%s %s %s %s %s %s", samples, pieces, summed, muted, checked, copy)
    record.samples("shop", since=[])  # type: ignore[arg-type]
    return ends, shares, uptime, begins, slowest, bulk, said, seen, whole, until, last, record.run_by()


async def on_an_event_loop(path: str) -> None:
    async with Runtime.from_config(path, {"NAME": "value"}, callables={"depth": int}) as runtime:
        shown(await runtime.aio.status(timedelta(seconds=5)))
        async for event in runtime.subscribe():
            logger.info("%s", event)
        logger.info("%s %s", await runtime.aio.incidents(), await runtime.aio.attempts("shop"))
        await runtime.aio.reload()
        await runtime.aio.redrive("key")
        await runtime.aio.preview_silence("shop", "1h")
        work: AbandonedWork = await runtime.aio.stop(within=0.5)
        logger.info("%s %s", work.lost, work.waiting)


def shown(status: RuntimeStatus) -> tuple[bool, tuple[TargetStatus, ...]]:
    return status.healthy, status.targets


def opened(runtime: Runtime) -> str:
    tokens = [Token(name="anna", role=Role.ADMIN, sha256="0" * 64)]
    web = Web(listen="127.0.0.1:0", tokens=tokens, metrics=WebMetrics(targets=False))
    logger.info("%s", [*runtime.collector(targets=True).collect()])
    logger.info("%s %s", asgi(runtime, lambda scope: ("anna", "admin")), web.anonymous)
    return runtime.serve("127.0.0.1:0", anonymous="viewer")


def heard(events: Subscription) -> None:
    for event in events:
        match event:
            case SampleSeen():
                sample: Sample = event.sample
                logger.info("%s %s", sample.outcome, event)
            case IncidentChanged() | HealthChanged() | NoticeEnded() | RoleChanged() | WentBlind():
                logger.info("%s", event)


def told(notice: Notice) -> tuple[Incident, TransitionKind, bool]:
    return notice.incident, notice.change, notice.incident.severity is Severity.CRITICAL


def failing() -> None:
    try:
        Runtime().start()
    except ConfigurationError as error:
        logger.info("%s", error.problems)
    except (StoreBusy, StoreCorrupt, StoreError, UnknownName, UsageError, WatchkeeperError):
        label: Surface | None = surface_of(Runtime.start)
        logger.info("%s %s %s", label, Status.UP, __version__)


def tested() -> list[str]:
    world = World(TARGETS, seed=1)
    world.script("shop", "ok 10m, down 5m, ok")
    Script.parse("ok")
    world.silence("shop", timedelta(minutes=1), by="ada")
    try:
        world.run(3_600)
        world.stall("5s")
        world.suspend(5)
    except InvariantBroken:
        logger.info("%s", ManualClock().read())
    return world.delivered("ops")


def tested_host() -> str:
    with FakeRuntime(targets=TARGETS, channels=CONFIGURATION.channels) as runtime:
        with runtime.job("shop") as job:
            job.detail = "7 rows"
        run: Job = job
        runtime.world.run("1h")
        status = runtime.status()
        since: datetime = status["shop"].since
        plain: dict[str, object] = dict(status)
        opened: list[datetime] = [incident.opened_at for incident in status.incidents]
        logger.info("%s %s %s %s %s", since, plain, opened, run.took_ns, status["shop"].metadata.group)
        return status.to_json()


def second_process(url: str, secret: str) -> list[str]:
    try:
        with connect("watch.db", author="worker") as here, here.job("etl") as job:
            job.detail = "3 rows"
    except (NotRunning, NotAllowed) as error:
        return [str(error)]
    there: Connection = connect(url, token=secret, ca=Path("ca.pem"), timeout_s=3)
    seen = there.status()
    since: datetime = seen["shop"].since
    latency: float | None = seen["shop"].latency_ms
    there.end_drill(there.drill("shop", length="2m", despite_holds=True).incident.id)
    there.acknowledge(seen.incidents[0].id, note="rolling back")
    ends: datetime = there.silence(ALL, timedelta(hours=1), reason="deploy").until
    told: datetime | None = there.announce("Slow", "We look into it.", kind="outage").until
    logger.info("%s %s", told, PublicPage(id="shop", title="Shop", match=["group=shop"]).match)
    there.end_announcement(7)  # type: ignore[arg-type]
    there.unsilence("s-1", by=7)  # type: ignore[arg-type]
    return [repr((since, latency, ends, there.redrive("msg_1"))), *(each.cause for each in seen.incidents)]


def named(runtime: Runtime, record: Record) -> tuple[object, ...]:
    tried: DeliveryTry = runtime.test_channel("ops", by="ann")
    result: TryResult = tried.result
    took: float | None = tried.took_ms
    muted: SilencePreview = runtime.preview_silence("shop*", "2h", match="team=sales")
    attempts: tuple[AttemptRecord, ...] = runtime.attempts("shop")
    state: AttemptState = attempts[-1].state
    blind: tuple[BlindInterval, ...] = record.blind()
    steps: tuple[Transition, ...] = record.transitions("inc_1")
    told: tuple[ChannelTold, ...] = record.told("inc_1")
    notices: tuple[Outgoing, ...] = record.notices(DeliveryState.DEAD)
    delivery: Delivery = notices[0].delivery
    reason: NoticeReason = notices[0].notice.reason
    pauses: tuple[PauseMark, ...] = record.pauses()
    hours: tuple[Summed, ...] = record.hourly("shop")
    totals: dict[str, Totals] = next(record.days())[1]
    return result, took, muted, state, blind, steps, told, delivery, reason, pauses, hours, totals
