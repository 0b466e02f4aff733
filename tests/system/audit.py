"""The agreement of a store, a receiver and the output of every process once nothing is pending."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from watchkeeper import StoreBusy
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.incidents.incident import Incident, Transition
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.domain.incidents.record import Outgoing
from watchkeeper.domain.read_model.event import IncidentChanged, NoticeEnded
from watchkeeper.launcher.operate.telling import line_of

from tests.system.outside import Post, Receiver

MUST_BE_NONE = (
    "acknowledged_writes_lost",
    "notices_lost",
    "notices_undelivered",
    "notices_applied_twice",
    "bodies_that_differ",
    "out_of_order",
    "unknown_to_the_store",
    "unsigned",
    "store_problems",
    "still_open",
    "repeated_within_a_life",
)


class Record(NamedTuple):
    """The part of a store that notices depend on."""

    incidents: tuple[Incident, ...]
    transitions: dict[str, tuple[Transition, ...]]
    outbox: tuple[Outgoing, ...]
    problems: tuple[str, ...]


def read_record(path: Path) -> Record:
    reader = StoreReader(str(path))
    incidents = reader.incidents(limit=10_000)
    transitions = {incident.id: reader.transitions(incident.id) for incident in incidents}
    return Record(incidents, transitions, reader.outbox(), reader.verify().problems)


def is_quiet(path: Path) -> bool:
    """Whether no incident is open and no notice is pending, as far as the store can be read at the moment."""
    reader = StoreReader(str(path))
    try:
        return not reader.incidents(open_only=True) and not reader.outbox(DeliveryState.PENDING)
    except StoreBusy:
        return False


def audit(path: Path, receiver: Receiver, said: Sequence[str]) -> Counter[str]:
    """Returns the figures of one store with its receiver. Those of MUST_BE_NONE are 0 where nothing was lost or repeated."""
    record = read_record(path)
    posts, applied = receiver.posts, receiver.applied
    figures = Counter(dict.fromkeys(MUST_BE_NONE, 0))
    figures["incidents"] = len(record.incidents)
    figures["transitions"] = sum(map(len, record.transitions.values()))
    figures["posts"] = len(posts)
    figures["posts_refused_or_cut"] = sum(post.status != 200 for post in posts)
    figures["notices_applied"] = len(applied)
    figures["raw_duplicates"] = sum(bool(post.answered_before) for post in posts)
    figures["repeated_within_a_life"] = sum(post.life in post.answered_before for post in posts)
    figures["unsigned"] = receiver.unsigned
    figures["store_problems"] = len(record.problems)
    figures["still_open"] = sum(incident.is_open for incident in record.incidents)
    figures["bodies_that_differ"] = len({(post.key, post.body) for post in posts}) - len(
        {p.key for p in posts}
    )
    figures["notices_undelivered"] = sum(
        each.delivery.state is not DeliveryState.DELIVERED for each in record.outbox
    )
    figures.update(_writes(record, said))
    figures.update(_heard(record, applied))
    return figures


def _writes(record: Record, said: Iterable[str]) -> Counter[str]:
    """Counts the acknowledged writes, those that a process printed, and those of them that the store lacks."""
    steps = [step for steps in record.transitions.values() for step in steps]
    known = {line_of(IncidentChanged(step), 0) for step in steps}
    known |= {line_of(NoticeEnded(each.notice, each.delivery), 0) for each in record.outbox}
    kinds = (" opened: ", " changed: ", " resolved: ", " notice ")
    promised = [line for line in said if any(kind in line for kind in kinds)]
    lost = sum(line not in known for line in promised)
    return Counter(acknowledged_writes=len(promised), acknowledged_writes_lost=lost)


def _heard(record: Record, applied: Sequence[Post]) -> Counter[str]:
    """Counts the notices that the receiver applied, against those that every incident requires."""
    rows = {each.notice.key: each for each in record.outbox}
    figures: Counter[str] = Counter()
    heard: dict[str, list[Outgoing]] = {incident.id: [] for incident in record.incidents}
    for post in applied:
        row = rows.get(post.key)
        if row is None or notice_body(row.notice) != post.body:
            figures["unknown_to_the_store"] += 1
        else:
            heard[row.notice.incident.id].append(row)
    figures["notices_applied_twice"] = _applied_twice(applied)
    for incident, told in heard.items():
        sequences = [row.notice.sequence for row in told]
        figures["out_of_order"] += sequences != sorted(sequences)
        lost, collapsed = lost_and_collapsed(record.transitions[incident], told)
        figures["notices_lost"] += lost
        figures["notices_collapsed"] += collapsed
    return figures


def _applied_twice(applied: Sequence[Post]) -> int:
    """Counts the transitions that were applied under a second id."""
    documents = [json.loads(post.body) for post in applied]
    steps = Counter((document["incident"]["id"], document["sequence"]) for document in documents)
    return sum(count - 1 for count in steps.values())


def lost_and_collapsed(steps: Sequence[Transition], told: Sequence[Outgoing]) -> tuple[int, int]:
    """Counts the transitions that lack a notice, and those that a later notice covers.

    The first transition and the last always need a notice. One between them needs none where another notice was under way
    at its time: the next comparison then notifies the state of that moment.
    """
    heard = {row.notice.sequence for row in told}
    lost = collapsed = 0
    for step in steps:
        if step.sequence in heard:
            continue
        between = 1 < step.sequence < len(steps)
        if between and any(_was_under_way(row, step) for row in told):
            collapsed += 1
        else:
            lost += 1
    return lost, collapsed


def _was_under_way(row: Outgoing, step: Transition) -> bool:
    return row.notice.sequence < step.sequence and step.at_ns <= row.delivery.at_ns
