"""Own problems among nodes: the text that a node leaves for the others, and since when it sees one silent or a shard unserved."""

import pytest
from records import NOON
from watchkeeper.domain import limits
from watchkeeper.domain.cluster.membership import ClusterView, Member, ShardRow
from watchkeeper.domain.cluster.node_problems import (
    NodeProblems,
    own_problem,
    report_text,
    reported_problems,
    shown_problems,
)
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.incidents.own_problems import OwnProblem, OwnProblems, joined_problems
from watchkeeper.domain.read_model.problems import ToldProblems
from watchkeeper.domain.time.moment import NS_PER_S as S

MINUTE = 60 * S


def problem(part, lasted_ns, detail="it failed"):
    return OwnProblem(part, detail, NOON.shifted(-lasted_ns))


def member(name, *, is_alive=True, silent_ns=0):
    return Member(
        name=name,
        incarnation=name,
        process=f"process 1 on {name}",
        stamp=ConfigurationStamp(),
        is_alive=is_alive,
        silent_ns=silent_ns,
    )


def view(*members, free=()):
    shards = tuple(
        ShardRow(shard=shard, incarnation="" if shard in free else "a", epoch=1) for shard in range(4)
    )
    return ClusterView(members=members, shards=shards)


A, SILENT_B = member("a"), member("b", is_alive=False, silent_ns=600 * S)


def looked(seen, what, since_s, until_s, own=""):
    """Looks once a second, and returns the parts and ages in seconds of what is there at the end."""
    for second in range(since_s, until_s + 1):
        seen.look(what, own, NOON.shifted(second * S))
    now = NOON.shifted(until_s * S)
    return {each.part: now.since(each.began) // S for each in seen.all(now)}


def test_of_a_problem_that_several_shards_have_the_first_is_told():
    joined = joined_problems(
        [
            [problem("channel ops", MINUTE, "HTTP 500"), problem("targets", MINUTE), problem("ping", MINUTE)],
            [problem("channel ops", 2 * MINUTE, "HTTP 503"), problem("poller/shop", MINUTE)],
            [problem("poller/post", 2 * MINUTE), problem("store", MINUTE)],
        ]
    )
    assert [(each.part, each.detail) for each in joined] == [
        ("channel ops", "HTTP 503"),
        ("pollers", "poller/post: it failed"),
        ("store", "it failed"),
    ]
    assert [step.rule for step in OwnProblems(1).review(joined, ("mail",), NOON)] == ["pollers", "store"]


@pytest.mark.parametrize("skew_ns", [0, 3_600 * S, -3_600 * S])
def test_the_age_of_a_problem_does_not_depend_on_the_clocks_of_machines(skew_ns):
    """The clock of the node that reports is off by an hour, and that of the reader is not."""
    there = NOON.__class__(5 * S, NOON.wall_ns + skew_ns)
    began = there.shifted(-90 * S)
    text = report_text([OwnProblem("channel ops", "HTTP 503", began)], skew_ns, there)
    (found,) = reported_problems("b", text, 0, NOON)
    assert (found.part, found.detail) == ("channel ops", "node b: HTTP 503")
    assert 90 * S <= NOON.since(found.began) < 91 * S


def test_a_report_that_stays_the_same_is_the_same_text():
    texts = {report_text([problem("store", MINUTE)], 0, NOON.shifted(second * MINUTE)) for second in range(5)}
    assert len(texts) == 1
    assert report_text([], 0, NOON) == ""
    assert [*reported_problems("b", "", 0, NOON)] == []


@pytest.mark.parametrize("text", ["{}", '[["store"]]', '[["store", 1, 2]]', "["])
def test_a_report_of_another_version_says_nothing(text):
    assert [*reported_problems("b", text, 0, NOON)] == []


@pytest.mark.parametrize("detail", ["x" * 10_000, "\0" * 10_000, "é" * 10_000])
def test_a_report_is_bounded_and_has_what_began_first(detail):
    text = report_text([problem(f"channel {n}", n * S, detail) for n in range(1_000)], 0, NOON)
    assert len(text.encode()) <= limits.NODE_PROBLEMS_BYTES_MAX
    found = [each.part for each in reported_problems("b", text, 0, NOON)]
    assert found == [f"channel {n}" for n in range(999, 999 - len(found), -1)]
    assert 8 <= len(found) <= limits.NODE_PROBLEMS_MAX


def test_a_silent_node_is_named_since_this_one_has_seen_it():
    """Its row says ten minutes: in these the store was away for all, or nobody looked."""
    seen = NodeProblems("a")
    assert looked(seen, view(A, SILENT_B), 0, 2) == {}
    assert looked(seen, view(A, SILENT_B), 3, 9) == {"silent node b": 9}
    assert looked(seen, view(A, member("b")), 10, 10) == {}
    assert looked(seen, view(A), 11, 20) == {}


def test_a_pause_between_two_looks_names_nobody_at_first_and_forgets_nothing():
    seen = NodeProblems("a")
    looked(seen, view(A, SILENT_B, free={2}), 0, 20)
    assert looked(seen, view(A, SILENT_B, free={2}), 400, 402) == {}
    assert looked(seen, view(A, SILENT_B, free={2}), 403, 403) == {"silent node b": 403, "shards": 403}


def test_shards_that_change_hands_are_not_named():
    seen = NodeProblems("a")
    assert looked(seen, view(A, free={0, 1}), 0, 9) == {}
    assert looked(seen, view(A, free={1}), 10, 10) == {"shards": 10}
    assert looked(seen, view(A), 11, 11) == {}


def test_a_problem_of_the_node_itself_is_named_at_once():
    seen = NodeProblems("a")
    assert looked(seen, view(A), 0, 5, own="shard 1 does not start: no room") == {"node a": 5}
    (found,) = seen.all(NOON.shifted(5 * S))
    text = report_text([found], 0, NOON.shifted(5 * S))
    (there,) = reported_problems("a", text, 0, NOON.shifted(5 * S))
    assert there.detail == "node a: shard 1 does not start: no room"


@pytest.mark.parametrize(
    ("part", "patience_ns", "severity"),
    [
        ("shards", limits.OWN_PROBLEM_PATIENCE_NS, "critical"),
        ("silent node b", limits.OWN_SILENCE_PATIENCE_NS, "warning"),
        ("node b", limits.OWN_NODE_PATIENCE_NS, "warning"),
    ],
)
def test_problems_of_nodes_are_told_once_they_have_lasted(part, patience_ns, severity):
    own = OwnProblems(1)
    assert own.review([problem(part, patience_ns - 1)], ("mail",), NOON) == ()
    (step,) = own.review([problem(part, patience_ns)], ("mail",), NOON)
    assert step.severity == severity


def told(looks):
    """Returns all that is told of what looks show, of which there is one a second."""
    events = ToldProblems()
    return [
        (second, *said)
        for second, shown in enumerate(looks)
        for said in events.look(shown, NOON.shifted(second * S))
    ]


def test_a_problem_that_lasts_is_told_with_its_end_and_one_of_a_look_or_two_is_not():
    silent = [("nodes", "1 node silent: b")]
    assert told([silent] * 3 + [[]] * 3) == []
    assert told([[], *[silent] * 6, [], []]) == [(4, *silent[0]), (7, "nodes", "")]


def test_a_changed_text_is_told_at_once_and_of_many_a_few():
    begun = [[("shards", "no node runs 1 shard: 0")]] * 4
    changed = [[("shards", f"no node runs {count} shards")] for count in range(2, 12)]
    found = told(begun + changed + [[]])
    assert found[0] == (3, *begun[0][0])
    assert [text for _, _, text in found[1:-1]] == [
        each[0][1] for each in changed[: limits.PROBLEM_TEXTS_MAX]
    ]
    assert found[-1] == (14, "shards", "")


@pytest.mark.parametrize("measured_ns", [89_600_000_000, 90_000_000_000, 90_400_000_000])
def test_a_clock_that_is_off_by_the_same_has_the_same_text_at_each_look(measured_ns):
    me = Member(
        name="a", incarnation="a", process="process 1", stamp=ConfigurationStamp(), skew_ns=measured_ns
    )
    ((part, text),) = shown_problems(view(me), own_problem(view(me), "a", "", {}), ())
    assert (part, text) == (
        "node",
        "the clock of this machine is 1m30s ahead of that of the database: set it by NTP",
    )
