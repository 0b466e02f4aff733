"""A small run of the cluster leg, and the judgement that it rests on."""

import pytest

from tests.system.cluster import faults_of, finish, strike
from tests.system.clustering.judging import Blind, Known, Span, judge
from tests.system.clustering.ledger import Told
from tests.system.clustering.network import Statements
from tests.system.clustering.script import Outage
from tests.system.clustering.world import Cluster, Plan


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(
        tmp_path,
        Plan(seed=1, nodes=2, targets=16, shards=4, every_s=1.0, phase_s=(6.0, 9.0), is_timed=False),
    )
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.needs("postgres")
def test_a_node_and_a_commit_that_end_halfway_lose_and_repeat_nothing(cluster):
    result = finish(cluster, strike(cluster, ["backend", "freeze"]))
    assert faults_of([result]) == []
    assert result.verdict.judged > 0
    assert sum(len(row.struck.takeover.took_s) for row in result.rows) >= 1


@pytest.mark.slow
@pytest.mark.needs("postgres")
def test_targets_that_move_while_they_are_down_are_told_once(cluster):
    result = finish(cluster, strike(cluster, ["move", "move"]))
    assert faults_of([result]) == []


ARRIVED = 112.0
OUTAGE = Outage("shop", 100.0, 110.0)


def told(change="opened", key=None, incident="inc_1", at=102.0, cause="http_status"):
    return Told(key or f"{incident}.{change}", "shop", incident, change, 1, at, at, ARRIVED, 0, 0, cause)


BOTH = [told(), told("resolved")]


def found(*notices, outages=(OUTAGE,), arrivals=1, blind=(), rewound=()):
    """The kinds of the findings."""
    counts = dict.fromkeys((each.key for each in notices), arrivals)
    verdict = judge(outages, notices, counts, Known(4.0, 3.0, tuple(blind), tuple(rewound)))
    return [each.kind for each in verdict.findings]


CASES = {
    "told once": (found(*BOTH), []),
    "told under a repeated key": (found(*BOTH, arrivals=2), []),
    "a key three times": (found(*BOTH, arrivals=3), ["repeated", "repeated"]),
    "not told": (found(), ["lost"]),
    "without its end": (found(told()), ["lost"]),
    "without its begin": (found(told("resolved")), ["lost"]),
    "under two keys": (found(*BOTH, told(key="another")), ["twice"]),
    "as two incidents": (
        found(*BOTH, told(incident="inc_2"), told("resolved", incident="inc_2")),
        ["twice"],
    ),
    "of a target that was up": (found(*BOTH, outages=[Outage("shop", 90.0, 95.0)]), ["lost"]),
    "while it answered too late": (found(told(cause="timed_out: ...")), []),
    "not watched": (found(blind=[Blind(102.0, 108.0)]), []),
    "watched, unlike others": (found(blind=[Blind(102.0, 108.0, frozenset({"door"}))]), ["lost"]),
    "watched long enough": (found(blind=[Blind(100.0, 104.0)]), ["lost"]),
    "in the time that a database has lost": (found(rewound=[Span(109.0, 120.0)]), []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_judgement_tells_what_was_lost_and_repeated(case):
    judged, wanted = CASES[case]
    assert judged == wanted


def test_two_outages_that_no_owner_could_tell_apart_may_be_told_as_one():
    both = (OUTAGE, Outage("shop", 116.0, 126.0))
    assert found(*BOTH, outages=both, blind=[Blind(110.0, 116.0)]) == []
    assert found(*BOTH, outages=both) == ["lost"]


def message(kind, body):
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def said(*queries):
    """A client that begins and then runs these statements without names."""
    start = (8).to_bytes(4, "big") + b"\0\3\0\0"
    parts = [message(b"P", b"\0" + each + b"\0\0\0") + message(b"B", b"\0\0") for each in queries]
    return start, parts


def test_a_commit_behind_the_fence_is_found_and_another_one_is_not():
    reading = Statements()
    start, parts = said(b"BEGIN", b"UPDATE shard SET commits = 1", b"INSERT INTO chain", b"COMMIT")
    assert reading.commit_in(start + b"".join(parts)) == len(start + b"".join(parts[:3]))
    _, parts = said(b"BEGIN", b"INSERT INTO member", b"COMMIT")
    assert reading.commit_in(b"".join(parts)) is None


def test_a_commit_that_was_prepared_is_found_by_its_name():
    reading = Statements()
    start, parts = said(b"begin", b"WITH mine AS (UPDATE watchkeeper.shard SET x = 1) SELECT 1")
    assert reading.commit_in(start + message(b"P", b"c\0COMMIT\0\0\0") + b"".join(parts)) is None
    assert reading.commit_in(message(b"B", b"\0c\0")) == 0
