"""The whole public surface as a host may write it. Type checkers read it; it never runs.

A line with `type: ignore[...]` is wrong, and a type checker that stops saying so fails the test.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

from public_specifications import CHANNELS, CONFIGURATION, OPTIONS, RULES, SECONDS, TARGETS
from watchkeeper import (
    ALL,
    AbandonedWork,
    Agent,
    AgentStatistics,
    Announcement,
    AnnouncementKind,
    AttemptRecord,
    AttemptState,
    Backup,
    BlindInterval,
    ChannelTold,
    ConfigurationError,
    Connection,
    Delivery,
    DeliveryState,
    DeliveryTry,
    Duration,
    Evidence,
    HealthChanged,
    Incident,
    IncidentChanged,
    Job,
    LocationResult,
    Measurement,
    NotAllowed,
    Notice,
    NoticeEnded,
    NoticeReason,
    NotRunning,
    Observation,
    Outcome,
    Outgoing,
    PauseMark,
    ProbePlugin,
    PublicPage,
    Reason,
    Record,
    Role,
    RoleChanged,
    Rollup,
    Runtime,
    RuntimeStatus,
    Sample,
    SampleSeen,
    Severity,
    Silence,
    SilencePreview,
    Status,
    StoreBusy,
    StoreCorrupt,
    StoredSample,
    StoreError,
    StoreNewer,
    Subscription,
    Summed,
    Surface,
    TargetFields,
    TargetStatus,
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
    WebMetrics,
    WentBlind,
    __version__,
    asgi,
    connect,
    surface_of,
)
from watchkeeper.testing import (
    FakeRuntime,
    InvariantBroken,
    ManualClock,
    RuleCase,
    Script,
    World,
    rule_cases,
)

logger = logging.getLogger(__name__)

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
                found: tuple[LocationResult, ...] = sample.locations or ()
                logger.info("%s %s %s", sample.outcome, found, event)
            case IncidentChanged() | HealthChanged() | NoticeEnded() | RoleChanged() | WentBlind():
                logger.info("%s", event)


def told(notice: Notice) -> tuple[Incident, TransitionKind, bool]:
    return notice.incident, notice.change, notice.incident.severity is Severity.CRITICAL


def failing() -> None:
    try:
        Runtime().start()
    except ConfigurationError as error:
        logger.info("%s", error.problems)
    except (StoreBusy, StoreCorrupt, StoreNewer, StoreError, UnknownName, UsageError, WatchkeeperError):
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


def mistakes() -> None:
    Runtime(targets=TARGETS[0])  # type: ignore[arg-type]
    Runtime().check("depth", evry=5)  # type: ignore[call-arg]
    Runtime().stop(within=b"5s")  # type: ignore[arg-type]


class OwnKind:
    def validate(self, settings: Mapping[str, Any]) -> list[str]:
        return [f"{name} is too long" for name in settings if len(name) > 9]

    async def probe(self, settings: Mapping[str, Any], deadline: float) -> Observation:
        return Observation(detail=f"{len(settings)} until {deadline}")


OWN_KIND: ProbePlugin = OwnKind()


def rule_tests() -> list[str]:
    cases: list[RuleCase] = rule_cases("shop.rules.yaml")
    for case in cases:
        case.check()
    return [case.name for case in cases if not case.run().passed]


def serve_a_location() -> AgentStatistics:
    agent = Agent(location="fra", nats="tls://nats.example:4222", credentials="fra:secret", in_flight_max=100)
    with agent:
        if not agent.wait_connected("5s"):
            agent.stop(within=1)
    return agent.statistics()
