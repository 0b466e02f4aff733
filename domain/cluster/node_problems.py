"""Own problems among nodes: the text by which a node tells the others of its own, and what it sees of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from .. import limits
from ..incidents.own_problems import UNSERVED, OwnProblem, node_part, silent_node_part
from ..line import count_of, listed
from ..time.duration import format_duration
from ..time.moment import NS_PER_S, Moment
from .membership import NEWER_CONFIGURATION, OLDER_VERSION, ClusterView, Member

CANNOT_SUCCEED = "no shard starts on such a node, and it takes over from no other"
NODE = "node"
"""The part by which the health of a node names what is wrong with it."""


class ReportedProblem(msgspec.Struct, frozen=True, array_like=True):
    """An own problem of a node as it stands in the store."""

    part: str
    detail: str
    began_s: int
    """Seconds since 1970 by the clock of the store."""


_REPORTS = msgspec.json.Decoder(list[ReportedProblem])


def report_text(problems: Iterable[OwnProblem], skew_ns: int, now: Moment) -> str:
    """Returns own problems as a text for the store, those that began first within its bounds; empty for none.

    `skew_ns` is how far the clock of this machine is ahead of that of the store.
    """
    first = sorted(problems, key=_begin)[: limits.NODE_PROBLEMS_MAX]
    said = [
        ReportedProblem(
            each.part,
            each.detail[: limits.NODE_PROBLEM_CHARACTERS_MAX],
            (now.wall_ns - now.since(each.began) - skew_ns) // NS_PER_S,
        )
        for each in first
    ]
    while said:
        text = msgspec.json.encode(said)
        if len(text) <= limits.NODE_PROBLEMS_BYTES_MAX:
            return text.decode()
        said.pop()
    return ""


def reported_problems(node: str, text: str, skew_ns: int, now: Moment) -> Iterator[OwnProblem]:
    """Yields the problems of another node's text, each with its name; none of a text of another version."""
    try:
        said = _REPORTS.decode(text)
    except msgspec.MsgspecError:
        return
    for each in said:
        age_ns = now.wall_ns - skew_ns - each.began_s * NS_PER_S
        detail = each.detail if each.part == node_part(node) else f"node {node}: {each.detail}"
        yield OwnProblem(each.part, detail, now.shifted(-max(0, age_ns)))


def _begin(problem: OwnProblem) -> int:
    return problem.began.monotonic_ns


def own_problem(view: ClusterView, incarnation: str, failure: str, failed: Mapping[int, str]) -> str:
    """Returns what is wrong with the node of an incarnation; empty for nothing.

    `failure` says why its last look failed, empty where it did not; `failed` why shards did not start on it.
    """
    said = [failure] if failure else []
    mine = next((each for each in view.members if each.incarnation == incarnation), None)
    if mine is not None:
        if mine.is_older and failed:
            said.append(f"this version is {OLDER_VERSION}: {CANNOT_SUCCEED}")
        if mine.is_alive and mine not in view.newest():
            said.append(NEWER_CONFIGURATION)
        if abs(mine.skew_ns) > limits.NODE_SKEW_NS_MAX:
            way = "ahead of" if mine.skew_ns > 0 else "behind"
            # To the nearest second: each look measures a little more or less, and a text that changes is told again.
            length = format_duration(round(abs(mine.skew_ns) / NS_PER_S) * NS_PER_S)
            said.append(f"the clock of this machine is {length} {way} that of the database: set it by NTP")
    said += [f"shard {shard} does not start: {why}" for shard, why in sorted(failed.items())]
    return "; ".join(said)


def shown_problems(view: ClusterView, own: str, unserved: Collection[int]) -> Iterator[tuple[str, str]]:
    """Yields what the health of a node shows: a part and a text each. `unserved` has the shards that no node has run for a while."""
    if own:
        yield NODE, own
    silent = [each for each in view.members if not each.is_alive]
    owners = {each.incarnation for each in view.shards}
    # One that runs shards goes on with them until it opens one anew: an upgrade node by node is no problem.
    older = [each for each in view.alive() if each.is_older and each.incarnation not in owners]
    said = [f"{count_of(len(silent), 'node')} silent: {_names(silent)}"] if silent else []
    if older:
        said.append(
            f"{count_of(len(older), 'node')} older than the schema: {_names(older)}: upgrade {'it' if len(older) == 1 else 'them'}: {CANNOT_SUCCEED}"
        )
    if said:
        yield "nodes", "; ".join(said)
    if unserved:
        yield UNSERVED, _unserved_text(unserved)


def _names(members: Iterable[Member]) -> str:
    return listed([f"{each.name} ({each.process})" for each in members])


def _unserved_text(shards: Collection[int]) -> str:
    return (
        f"no node runs {count_of(len(shards), 'shard')}: {listed([str(shard) for shard in sorted(shards)])}"
    )


class NodeProblems:
    """Keeps the problems that a node sees: its own, silent nodes and shards that no node runs, each since it has seen it.

    The time that rows say is not used: after a time in which the store was away for all, every row is old.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._since: dict[str, Moment] = {}
        self._unserved_since: dict[int, Moment] = {}
        self._looked: Moment | None = None
        self._steady_since: Moment | None = None
        """Since when this node has looked without a longer pause."""
        self._texts: dict[str, str] = {}

    def look(self, view: ClusterView, own: str, now: Moment) -> None:
        """Takes all nodes and shards as they are now, and what is wrong with this node itself, if anything."""
        if self._looked is None or now.since(self._looked) >= limits.TENURE_LEASE_NS:
            self._steady_since = now
        self._looked = now
        unserved = [each.shard for each in view.shards if each.is_free or each.is_silent]
        self._unserved_since = {shard: self._unserved_since.get(shard, now) for shard in unserved}
        self._texts = {
            silent_node_part(each.name): f"{each.process} shows no sign of life"
            for each in view.members
            if not each.is_alive
        }
        if own:
            self._texts[node_part(self._node)] = f"node {self._node}: {own}"
        self._since = {part: self._since.get(part, now) for part in self._texts}

    def all(self, now: Moment) -> Iterator[OwnProblem]:
        """Yields the problems; of the others none that a node may have which has only just reached the store again."""
        steady_since = self._steady_since or now
        is_steady = now.since(steady_since) >= limits.TENURE_LEASE_NS
        for part, text in self._texts.items():
            if is_steady or part == node_part(self._node):
                yield OwnProblem(part, text, self._since[part])
        lasting = {
            shard: since
            for shard, since in self._unserved_since.items()
            if now.since(since) >= limits.NODE_UNSERVED_NS
        }
        if lasting and is_steady:
            yield OwnProblem(UNSERVED, _unserved_text(lasting), min(lasting.values(), key=_instant))


def _instant(moment: Moment) -> int:
    return moment.monotonic_ns
