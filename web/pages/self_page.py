"""The page of the runtime itself: whether it sees, how punctually, what waits, and the rules that it follows."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from starlette.responses import Response

from ...domain.errors import WatchkeeperError
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.incident import Incident
from ...domain.incidents.notice import DeliveryState
from ...domain.incidents.own_problems import NETWORK
from ...domain.incidents.record import BlindInterval, Outgoing
from ...domain.line import count_of
from ...domain.read_model.metrics import PartMetrics, RuntimeMetrics
from ...domain.read_model.node_status import NodeStatus, shards_text
from ...domain.read_model.status import RuntimeStatus
from ...domain.specification.target import OWN_NAME
from ...domain.time.duration import format_duration
from ...domain.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from ..limits import BLIND_SHOWN_MAX, DEAD_SHOWN_MAX, PROBLEMS_SHOWN_MAX
from ..resources import channels
from ..shapes.delivery_rows import ChannelRow
from ..shapes.documents import ns_of, policy_row
from ..table import ApiCall
from .layout import ViewQuery, render
from .words import capital, duration, latency, number

BLIND_FOR_NS = 90 * NS_PER_DAY
STUCK_AFTER_NS = NS_PER_MINUTE
"""How old the oldest notice of a channel is before the channel counts as stuck: a retry or two take less."""
STORE = "store"


class Headline(NamedTuple):
    """The sentence that the page begins with."""

    text: str
    status: str
    """`up`, `degraded` or `down`, as the colour of the sentence."""


class SelfView(NamedTuple):
    """The page of the runtime itself."""

    headline: Headline
    role: str
    figures: tuple[tuple[str, str, str], ...]
    """Name, value and explanation of each."""
    nodes: tuple[NodeStatus, ...]
    """The processes that share the shards of the store; none where one process has all of it."""
    parts: tuple[PartMetrics, ...]
    """Empty where the process that counts them does not answer."""
    channels: tuple[ChannelRow, ...]
    stuck: frozenset[str]
    """The channels that take nothing at present."""
    dead: tuple[Outgoing, ...]
    """Notices that were given up, the newest first."""
    dead_more: int
    test: DeliveryTry | None
    """The test of a channel that has just ended."""
    problems: tuple[tuple[str, str], ...]
    problems_more: int
    blind: tuple[BlindInterval, ...]
    """Of 90 days, the newest first."""
    blind_ns: int
    """The sum of all of them."""
    policies: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    """Name, kind and figures of each."""


class SelfQuery(ViewQuery, frozen=True, kw_only=True):
    """The parameters of the page."""

    tested: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The key of a test that has just ended."""


async def self_page(call: ApiCall) -> Response:
    """Shows the state of the runtime itself."""
    return await render(call, "self.html", view=await self_view(call), ns_of=ns_of, shards_text=shards_text)


async def self_view(call: ApiCall) -> SelfView:
    """Returns the state of the runtime itself, as far as a process answers: one that waits shows the record alone."""
    operations = call.operations
    status = await operations.status()
    metrics = await _metrics(call, status)
    dead: tuple[Outgoing, ...] = ()
    blind = status.blind
    tries: tuple[DeliveryTry, ...] = ()
    if operations.has_file:
        since_ns = status.at_ns - BLIND_FOR_NS
        dead, blind = await operations.read(
            lambda reader: (reader.outbox(DeliveryState.DEAD), reader.blind(since_ns))
        )
        if tested := call.query.tested:
            tries = await operations.read(lambda reader: reader.deliveries(key=tested))
    rows = (await channels.channels(call)).items
    stuck = [row for row in rows if is_stuck(row, operations.now_ns())]
    return SelfView(
        headline=headline_of(status, stuck),
        role=_role(call, status),
        nodes=status.nodes,
        figures=tuple(_figures(call, status, metrics)),
        parts=() if metrics is None else tuple(part for part in metrics.parts if _has_figures(part)),
        channels=tuple(rows),
        stuck=frozenset(row.id for row in stuck),
        dead=tuple(reversed(dead))[:DEAD_SHOWN_MAX],
        dead_more=max(0, len(dead) - DEAD_SHOWN_MAX),
        test=tries[-1] if tries else None,
        problems=status.problems[:PROBLEMS_SHOWN_MAX],
        problems_more=max(0, len(status.problems) - PROBLEMS_SHOWN_MAX),
        blind=tuple(reversed(blind))[:BLIND_SHOWN_MAX],
        blind_ns=sum(max(0, each.ended_at_ns - each.started_at_ns) for each in blind),
        policies=tuple(_policy(policy) for policy in operations.verbs.policies()),
    )


def headline_of(status: RuntimeStatus, stuck: Sequence[ChannelRow]) -> Headline:
    """Returns the sentence that says whether the runtime sees, writes and tells."""
    began = {each.rule: each for each in status.incidents if each.target == OWN_NAME}
    problems = dict(status.problems)
    if status.is_recorded:
        return Headline("The active process does not answer.", "down")
    if NETWORK in problems:
        return Headline(f"It is blind{_for(began.get(NETWORK), status)}.", "down")
    if STORE in problems:
        return Headline(f"It cannot write its record{_for(began.get(STORE), status)}.", "down")
    if stuck:
        oldest = [ns_of(row.oldest_pending_at) for row in stuck if row.oldest_pending_at is not None]
        length = f" for {duration(status.at_ns - min(oldest))}" if oldest else ""
        noun = "channel is" if len(stuck) == 1 else "channels are"
        return Headline(f"{capital(number(len(stuck)))} {noun} stuck{length}.", "degraded")
    if problems:
        return Headline(f"It sees, with {count_of(len(problems), 'problem')} of its own.", "degraded")
    return Headline("It sees.", "up")


def _for(incident: Incident | None, status: RuntimeStatus) -> str:
    return "" if incident is None else f" for {duration(status.at_ns - incident.opened_at_ns)}"


def _role(call: ApiCall, status: RuntimeStatus) -> str:
    own = next((each for each in status.nodes if each.is_this), None)
    if own is not None:
        alive = sum(each.is_alive for each in status.nodes)
        shards = count_of(len(own.shards), "shard")
        among = f"one of {alive} that live" if alive > 1 else "and the only one that lives"
        return f"This process is node {own.name}, {among}: it runs {shards}, and answers for all."
    if not call.operations.stands_by:
        return "This process is active: it checks, records and tells."
    holder = call.operations.active_process
    return (
        f"This process stands by, and passes commands on: {holder} is active."
        if holder
        else "This process stands by for its store."
    )


async def _metrics(call: ApiCall, status: RuntimeStatus) -> RuntimeMetrics | None:
    """Returns the figures of the process that watches; None where it does not answer."""
    if status.is_recorded:
        return None
    try:
        return await call.operations.figures()
    except (WatchkeeperError, TimeoutError):
        return None


def _figures(
    call: ApiCall, status: RuntimeStatus, metrics: RuntimeMetrics | None
) -> Iterator[tuple[str, str, str]]:
    counters, late = dict(status.counters), status.lateness
    targets = [each for each in call.operations.targets().values() if not each.paused]
    per_s = sum(NS_PER_S / each.every_ns for each in targets if each.is_probed and each.every_ns)
    if late.count:
        yield "Late, half of the checks", f"at most {latency(late.p50_ns)}", "from due to started"
        yield (
            "Late, 99 of 100 checks",
            f"at most {latency(late.p99_ns)}",
            f"the latest {latency(late.max_ns)}",
        )
    of_all, here = (" of all nodes", " by this one") if len(status.nodes) > 1 else ("", "")
    yield (
        "Checks",
        f"{per_s:.1f} a second",
        f"by schedule{of_all}; {counters.get('samples', 0):,} so far{here}",
    )
    yield "Missed ticks", f"{counters.get('missed_ticks', 0):,}", "a check was due while the one before ran"
    if metrics is not None:
        yield "In flight", f"{metrics.in_flight:,}", "checks that run"
        yield "Loop lag", latency(metrics.loop_lag_ns), "the worst of the last minute"
        if count := metrics.commits.count:
            yield "Writes", latency(metrics.commits.sum_ns // count), f"on average, of {count:,}"
    if call.operations.configuration().runtime.ping is not None:
        answered = status.pinged_at_ns
        ago = "" if answered is None else f"{duration(max(0, status.at_ns - answered))} ago"
        yield "Last ping", ago or "none yet", "that the dead-man's service has answered"
    if size := call.operations.store_bytes():
        yield "Store", f"{size / 1e6:,.1f} MB", "with its log"


def is_stuck(channel: ChannelRow, now_ns: int) -> bool:
    """Whether the last answer of a channel was no acceptance, or its oldest notice waits for longer than a retry or two take."""
    oldest = channel.oldest_pending_at
    return channel.stuck or (oldest is not None and now_ns - ns_of(oldest) >= STUCK_AFTER_NS)


def _policy(policy: Any) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    said = policy_row(policy)
    kind, name = said.pop("kind"), said.pop("name")
    figures = tuple(_figure(key, value) for key, value in said.items() if value not in ("", [], ()))
    return name, re.sub(r"(?<!^)(?=[A-Z])", " ", kind.removesuffix("Policy")).lower(), figures


def _has_figures(part: PartMetrics) -> bool:
    """Whether a part counts anything; the others stand among the parts in trouble when they are."""
    return (part.queued, part.shed, part.restarts) != (None, None, None)


def _figure(key: str, value: Any) -> tuple[str, str]:
    """Returns a field of a policy in words."""
    words = key.replace("_", " ")
    match value:
        case int() | float() if " ms" in f" {words}":
            return words.replace(" ms", ""), format_duration(int(value * NS_PER_MS))
        case int() | float():
            return words, f"{value:,}"
        case list() | tuple():
            return words, ", ".join(map(str, value))
        case _:
            return words, str(value).replace("_", " ")
