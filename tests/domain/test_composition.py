"""Composite targets: the outcome that members make, by a table and against a naive count of what may be."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import NOON, sample_at
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Composite, Heartbeat, Tcp
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.supervision.composition import MemberSamples, composed
from watchkeeper.domain.supervision.schedule import Scheduled
from watchkeeper.domain.units import NS_PER_S

LETTERS = {
    "u": Outcome.UP,
    "d": Outcome.DEGRADED,
    "x": Outcome.DOWN,
    "t": Outcome.TIMED_OUT,
    "?": Outcome.UNKNOWN,
}
NAMES = {outcome: letter for letter, outcome in LETTERS.items()}
NAMES[Outcome.TIMED_OUT] = "x"


def found(members, at_least=None):
    """The letter of the outcome; a member with a dash is left out."""
    names = tuple("abcdef"[: len(members)])
    composite = Composite(targets=names, at_least=at_least) if at_least else Composite(worst_of=names)
    outcomes = {name: LETTERS[letter] for name, letter in zip(names, members, strict=True) if letter != "-"}
    return NAMES[composed(composite, outcomes).outcome]


TABLE = [
    # Worst of.
    ("uuu", None, "u"),
    ("udu", None, "d"),
    ("uxu", None, "x"),
    ("utd", None, "x"),
    ("uu?", None, "?"),
    ("ux?", None, "x"),
    ("ud?", None, "?"),
    # A paused or removed member is left out; without any nothing is known.
    ("uu-", None, "u"),
    ("ux-", None, "x"),
    ("---", None, "?"),
    ("??-", None, "?"),
    # At least two of three.
    ("uuu", 2, "u"),
    ("uux", 2, "d"),
    ("uxx", 2, "x"),
    ("uu?", 2, "u"),
    ("ux?", 2, "?"),
    ("xx?", 2, "x"),
    ("udx", 2, "d"),
    # Those that are left out lower what is needed: work on two of three is no outage.
    ("u--", 2, "u"),
    ("x--", 2, "x"),
    ("ux-", 2, "x"),
    ("ux", 1, "d"),
]


@pytest.mark.parametrize(("members", "at_least", "wanted"), TABLE)
def test_members_make_an_outcome_as_the_table_says(members, at_least, wanted):
    assert found(members, at_least) == wanted


@given(st.text("udx?-", min_size=1, max_size=5), st.integers(1, 5))
def test_an_outcome_is_the_one_that_whatever_the_unknown_members_are_gives(members, at_least):
    """Every member that says nothing is tried as well and as down: where both agree, that is the outcome."""
    at_least = min(at_least, len(members))
    tried = {
        found("".join(letters), at_least)
        for letters in product(*(("u", "x") if letter == "?" else (letter,) for letter in members))
    }
    works = {letter in "ud" for letter in tried - {"?"}}
    got = found(members, at_least)
    if len(works) == 1 and set(members) != {"-"}:
        assert (got in "ud") is works.pop()
        assert got != "?"
    else:
        assert got == "?"


def test_a_sample_says_which_members_are_how():
    composite = Composite(targets=("a", "b", "c", "d", "e"), at_least=3)
    outcomes = {"a": Outcome.UP, "b": Outcome.DOWN, "c": Outcome.DEGRADED, "d": Outcome.UNKNOWN}
    assert (
        composed(composite, outcomes).detail == "2 of 4 well; down: b; degraded: c; unknown: d; left out: e"
    )


def test_many_members_are_counted_and_not_all_named():
    names = tuple(f"m{number}" for number in range(100))
    detail = composed(Composite(worst_of=names), dict.fromkeys(names, Outcome.DOWN)).detail
    assert detail == f"0 of 100 well; down: {', '.join(names[:10])} and 90 more"


def member(name, **fields):
    return Target(id=name, **({"every": "10s", "timeout": "5s", "tcp": Tcp(host=name, port=1)} | fields))


PAIR = Target(id="pair", composite=Composite(worst_of=("a", "b")))


class Watch:
    """A composite target with two members, each of which has just answered."""

    def __init__(self, *others):
        """The composite comes last, so that its members are known."""
        targets = {each.id: each for each in (member("a"), member("b"), *others, PAIR)}
        self.scheduled = {name: Scheduled(target) for name, target in targets.items()}
        self.members = MemberSamples(self.scheduled)
        for target in targets.values():
            self.members.track(target)
        for name in ("a", "b"):
            self.hear(name)

    def hear(self, name, after_ns=0, outcome=Outcome.UP):
        self.members.note(sample_at(after_ns, target=name, outcome=outcome))

    def sample(self, after_ns=0):
        now = NOON.shifted(after_ns)
        entry = self.scheduled["pair"]
        entry.pending = None
        entry.enqueue(now, now)
        return self.members.compose(entry, now)


def test_members_that_are_up_make_it_up():
    made = Watch().sample()
    assert (made.target, made.outcome, made.reason, made.detail) == (
        "pair",
        Outcome.UP,
        Reason.OK,
        "2 of 2 well",
    )


def test_a_member_that_is_down_makes_it_down():
    watch = Watch()
    watch.hear("b", 1, Outcome.TIMED_OUT)
    assert (watch.sample(2).outcome, watch.sample(2).reason) == (Outcome.DOWN, Reason.REPORTED)


def test_a_member_that_is_silent_for_too_long_says_nothing_more():
    watch, limit_ns = Watch(), member("a").stale_after_ns
    watch.hear("b", limit_ns)
    assert watch.sample(limit_ns).outcome is Outcome.UP
    late = watch.sample(limit_ns + 1)
    assert (late.outcome, late.detail) == (Outcome.UNKNOWN, "1 of 2 well; unknown: a")


def test_a_member_that_was_not_heard_yet_says_nothing():
    watch = Watch()
    watch.members.forget("a")
    assert watch.sample().outcome is Outcome.UNKNOWN


def test_a_paused_member_is_left_out():
    watch = Watch()
    watch.hear("a", 1, Outcome.DOWN)
    watch.scheduled["a"].paused = True
    assert (watch.sample(2).outcome, watch.sample(2).detail) == (Outcome.UP, "1 of 1 well; left out: a")


def test_a_removed_member_is_left_out():
    watch = Watch()
    del watch.scheduled["a"]
    watch.members.forget("a")
    assert watch.sample().detail == "1 of 1 well; left out: a"


def test_a_heartbeat_may_be_a_member():
    watch = Watch(member("a", tcp=None, heartbeat=Heartbeat(grace="1m"), every="1h"))
    watch.hear("b", 3_600 * NS_PER_S)
    assert watch.sample(3_600 * NS_PER_S).outcome is Outcome.UP


def test_samples_of_others_are_not_kept():
    watch = Watch(member("c"))
    watch.hear("c", 0, Outcome.DOWN)
    watch.members.track(PAIR)
    watch.members.track(Target(id="pair", composite=Composite(worst_of=("c",))))
    assert watch.sample().outcome is Outcome.UNKNOWN


def test_a_target_that_is_no_composite_any_more_needs_no_samples():
    watch = Watch()
    watch.members.track(member("pair"))
    watch.hear("a", 1, Outcome.DOWN)
    watch.members.track(PAIR)
    assert watch.sample(2).outcome is Outcome.UNKNOWN
