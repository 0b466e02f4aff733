"""Dependencies: when an incident of a child is held, and what lets it go."""

import pytest
from records import NOON, opened, sample_at, then
from watchkeeper.domain.incidents.delivery_plan import HoldKind
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.suppression.dependency_book import DependencyBook, Needs
from watchkeeper.domain.time.moment import NS_PER_S

SILENCE_NS = 65 * NS_PER_S


def second(number):
    return NOON.shifted(int(number * NS_PER_S))


def book_of(parents=("gateway",), at_least=None, child="shop"):
    book = DependencyBook()
    needs = Needs(tuple(parents), len(parents) if at_least is None else at_least, SILENCE_NS)
    for _ in range(2):  # as at a start: each of them may be named before the others
        book.watch(child, needs, SILENCE_NS)
        for parent in parents:
            book.watch(parent, None, SILENCE_NS)
    return book


def sample(at, target="gateway", outcome=Outcome.UP):
    return sample_at(int(at * NS_PER_S), target, outcome)


def fails(book, at, target="shop", first_bad=None, **fields):
    """Opens an incident; returns it."""
    began = second(at if first_bad is None else first_bad)
    step = opened(f"inc_{target}", target, at_ns=second(at).wall_ns, opened_at_ns=began.wall_ns, **fields)
    book.note(step.incident, second(at))
    return step


def is_held(book, step, at):
    return book.hold(step.incident, second(at)) is not None


def test_a_child_waits_for_a_sample_of_its_parent_since_its_own_first_bad_one():
    book = book_of()
    book.take([sample(9)])
    step = fails(book, 20, first_bad=10)
    hold = book.hold(step.incident, second(20))
    assert (hold.kind, hold.name) == (HoldKind.DEPENDENCY, "gateway")
    assert hold.until_ns == second(10).wall_ns + SILENCE_NS
    assert book.take([sample(21)]) == {"shop"}
    assert not is_held(book, step, 21)


def test_a_child_whose_parent_was_seen_well_meanwhile_is_told_at_once():
    book = book_of()
    book.take([sample(11)])
    assert not is_held(book, fails(book, 20, first_bad=10), 20)


def test_a_child_behind_a_bad_sample_of_its_parent_waits():
    book = book_of()
    book.take([sample(11, outcome=Outcome.TIMED_OUT)])
    assert is_held(book, fails(book, 20, first_bad=10), 20)


def test_a_child_behind_an_open_incident_of_its_parent_waits_without_an_end():
    book = book_of()
    fails(book, 15, "gateway")
    book.take([sample(16)])
    step = fails(book, 20, first_bad=10)
    assert book.hold(step.incident, second(20)).until_ns is None


@pytest.mark.parametrize("fields", [{"severity": Severity.WARNING}, {"draft": True}])
def test_a_parent_that_has_but_a_warning_or_a_draft_hides_no_outage(fields):
    book = book_of()
    fails(book, 15, "gateway", **fields)
    book.take([sample(16)])
    assert not is_held(book, fails(book, 20, first_bad=10), 20)


def test_a_degraded_parent_is_well():
    book = book_of()
    book.take([sample(16, outcome=Outcome.DEGRADED)])
    assert not is_held(book, fails(book, 20, first_bad=10), 20)


def recovered(book):
    """Lets the parent fail at 15 s and be well again at 100 s; returns the child's incident."""
    cause = fails(book, 15, "gateway")
    book.take([sample(15, outcome=Outcome.DOWN)])
    step = fails(book, 20, first_bad=10)
    book.take([sample(99), sample(99, "shop", Outcome.DOWN)])
    assert book.note(then(cause, TransitionKind.RESOLVED).incident, second(100)) == ("shop",)
    return step


def test_a_child_is_told_by_its_first_bad_sample_after_its_parents_recovery():
    book = book_of()
    step = recovered(book)
    assert book.hold(step.incident, second(100)).until_ns == second(100).wall_ns + SILENCE_NS
    assert book.take([sample(105, "shop", Outcome.UNKNOWN)]) == set()
    assert is_held(book, step, 105)
    assert book.take([sample(110, "shop", Outcome.DOWN)]) == {"shop"}
    assert not is_held(book, step, 110)


def test_a_child_that_says_nothing_after_its_parents_recovery_is_told_after_a_while():
    book = book_of()
    step = recovered(book)
    assert not is_held(book, step, 165)


def test_the_end_of_a_child_never_waits():
    book = book_of()
    fails(book, 15, "gateway")
    end = then(fails(book, 20), TransitionKind.RESOLVED)
    book.note(end.incident, second(30))
    assert not is_held(book, end, 30)


def test_a_silent_parent_hides_nothing_for_longer_than_two_periods_and_a_timeout():
    book = book_of()
    step = fails(book, 20, first_bad=10)
    assert is_held(book, step, 74)
    assert not is_held(book, step, 75)


def test_a_parent_that_falls_silent_after_a_bad_sample_hides_nothing_for_longer():
    book = book_of()
    step = fails(book, 20, first_bad=10)
    assert book.take([sample(30, outcome=Outcome.DOWN)]) == {"shop"}
    assert is_held(book, step, 94)
    assert not is_held(book, step, 95)


def test_a_slow_parent_is_waited_for_at_most_five_minutes():
    book = book_of()
    book.watch("gateway", None, 7_200 * NS_PER_S)
    step = fails(book, 20, first_bad=10)
    assert is_held(book, step, 309)
    assert not is_held(book, step, 310)


@pytest.mark.parametrize(
    "act", [lambda book: book.pause("gateway", paused=True), lambda book: book.leave("gateway")]
)
def test_a_parent_that_is_paused_or_gone_lets_its_children_go(act):
    book = book_of()
    fails(book, 15, "gateway")
    step = fails(book, 20)
    assert act(book) == ("shop",)
    assert not is_held(book, step, 20)


def test_a_parent_that_is_resumed_is_waited_for_again():
    book = book_of()
    book.pause("gateway", paused=True)
    step = fails(book, 20)
    assert book.pause("gateway", paused=False) == ("shop",)
    assert is_held(book, step, 20)


@pytest.mark.parametrize(
    ("well", "held"), [((), True), (("a",), True), (("a", "b"), False), (("a", "b", "c"), False)]
)
def test_two_of_three_parents_are_enough_where_two_are_needed(well, held):
    book = book_of(("a", "b", "c"), at_least=2)
    for parent in "abc":
        book.take([sample(21, parent, Outcome.UP if parent in well else Outcome.DOWN)])
    step = fails(book, 22, first_bad=20)
    assert is_held(book, step, 22) is held


def test_a_hold_ends_when_as_many_parents_as_are_needed_have_been_silent():
    book = book_of(("a", "b"), at_least=1)
    book.watch("b", None, 3 * SILENCE_NS)
    step = fails(book, 20)
    assert book.hold(step.incident, second(20)).until_ns == second(20).wall_ns + SILENCE_NS
    fails(book, 21, "a")
    assert book.hold(step.incident, second(21)).until_ns == second(20).wall_ns + 3 * SILENCE_NS


def test_a_grandchild_waits_while_its_parent_waits_itself():
    book = book_of()
    book.watch("pay", Needs(("shop",), 1, SILENCE_NS), SILENCE_NS)
    fails(book, 15, "gateway")
    fails(book, 16)
    book.take([sample(17, target) for target in ("gateway", "shop")])
    assert is_held(book, fails(book, 18, "pay"), 18)


def test_a_circle_holds_and_does_not_hang():
    book = book_of(("b",), child="a")
    book.watch("b", Needs(("a",), 1, SILENCE_NS), SILENCE_NS)
    steps = [fails(book, 20, target) for target in "ab"]
    assert all(is_held(book, step, 20) for step in steps)


def test_the_incidents_of_a_record_are_waited_for_from_the_restart_on():
    book = book_of()
    book.begin(second(1_000))
    step = opened("inc_shop", "shop", opened_at_ns=second(10).wall_ns)
    book.note(step.incident, second(1_000))
    assert is_held(book, step, 1_064)
    assert not is_held(book, step, 1_065)


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_step_of_the_wall_clock_changes_nothing(hours):
    book = book_of()
    step = fails(book, 20, first_bad=10)
    later = second(74)
    stepped = type(later)(later.monotonic_ns, later.wall_ns + hours * 3_600 * NS_PER_S)
    assert book.hold(step.incident, stepped).until_ns == stepped.wall_ns + NS_PER_S
    assert book.hold(step.incident, stepped.shifted(NS_PER_S)) is None


def test_a_dependency_that_a_reload_adds_holds_what_is_open():
    book = DependencyBook()
    book.watch("gateway", None, SILENCE_NS)
    step = fails(book, 20)
    assert not is_held(book, step, 20)
    book.watch("shop", Needs(("gateway",), 1, SILENCE_NS), SILENCE_NS)
    fails(book, 21, "gateway")
    assert is_held(book, step, 22)
    book.watch("shop", None, SILENCE_NS)
    assert not is_held(book, step, 22)


def test_a_target_that_nobody_depends_on_leaves_nothing_behind():
    book = book_of()
    assert book.take([sample(at, f"t{at}") for at in range(100)]) == set()
    book.watch("shop", None, SILENCE_NS)
    assert len(book) == 0


def test_an_incident_that_is_renamed_goes_on_under_its_present_name():
    book = book_of()
    step = fails(book, 20, "store")
    moved = then(step, TransitionKind.CHANGED, target="shop")
    book.note(moved.incident, second(21))
    assert is_held(book, moved, 21)
    book.note(then(moved, TransitionKind.RESOLVED).incident, second(22))
    assert len(book) == 2, "the child and its parent alone"


def test_the_parents_that_are_down_are_named_while_too_few_are_left():
    book = book_of(("a", "b"), at_least=1)
    fails(book, 20, "a")
    assert book.parents_down("shop", second(20)) == ()
    book.take([sample(21, "b", Outcome.DOWN)])
    assert book.parents_down("shop", second(22)) == ("a", "b")
    assert book.parents_down("shop", second(90)) == (), "b has been silent for too long to say anything"


def test_an_incident_of_a_parent_that_was_silent_has_its_children_reviewed():
    """It vouched for the network, and a child may be about to be told."""
    book = book_of()
    book.take([sample(11, outcome=Outcome.DOWN)])
    step = fails(book, 20, first_bad=10)
    assert not is_held(book, step, 80)
    cause = opened("inc_gateway", "gateway", at_ns=second(80).wall_ns)
    assert book.note(cause.incident, second(80)) == ("shop",)
    assert is_held(book, step, 80)


def test_an_incident_of_a_parent_that_is_known_to_be_down_has_no_child_reviewed_again():
    book = book_of()
    book.take([sample(11, outcome=Outcome.DOWN)])
    fails(book, 20, first_bad=10)
    cause = opened("inc_gateway", "gateway", at_ns=second(30).wall_ns)
    assert book.note(cause.incident, second(30)) == ()
