"""Flapping: openings counted within a window, and the weights of Nagios and Icinga with their published figures."""

import pytest
from records import NOON, opened, then
from watchkeeper.domain.incidents.delivery_plan import HoldKind
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.suppression.flapping_book import FlappingBook, OpeningsRule
from watchkeeper.domain.suppression.weighted_changes import WeightedChanges, WeightedRule
from watchkeeper.domain.time.moment import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
HOURLY = OpeningsRule()
LETTERS = {"O": Outcome.UP, "W": Outcome.DEGRADED, "C": Outcome.DOWN}
PUBLISHED = "CCCWCWOOOOWWWWOOOWWWC"
"""The states for which Icinga's documentation gives 39.1 %."""


def minute(number):
    return NOON.shifted(number * MINUTE_NS)


def opening(number, at, target="shop", rule="down", **fields):
    return opened(f"inc_{number}", target, rule, at_ns=at.wall_ns, opened_at_ns=at.wall_ns, **fields)


def flapped(count, book, every=6, rule=HOURLY):
    """Lets the rule open and resolve `count` times, one opening every six minutes; returns the last opening."""
    for number in range(count):
        step = opening(number, minute(every * number))
        book.note(step, rule, minute(every * number))
        if number < count - 1:
            book.note(then(step, TransitionKind.RESOLVED), rule, minute(every * number + 3))
    return step.incident


def test_the_third_opening_within_an_hour_waits_for_twenty_minutes():
    calm, book = FlappingBook(), FlappingBook()
    assert calm.hold(flapped(2, calm), minute(6)) is None
    third = flapped(3, book)
    hold = book.hold(third, minute(12))
    assert (hold.kind, hold.name) == (HoldKind.FLAPPING, "opened 3 times within 1h")
    assert hold.until_ns == minute(32).wall_ns
    assert book.hold(third, minute(32)) is None


def test_a_held_incident_says_how_often_its_rule_has_opened():
    book = FlappingBook()
    assert book.remark(flapped(2, book)) == ""
    book = FlappingBook()
    assert book.remark(flapped(7, book)) == "opened 7 times within 1h"


def test_openings_further_apart_than_the_window_allows_are_all_told():
    book = FlappingBook()
    for number in range(10):
        at = minute(31 * number)
        step = opening(number, at)
        book.note(step, HOURLY, at)
        assert book.hold(step.incident, at) is None


def test_the_end_of_an_incident_is_never_held():
    book = FlappingBook()
    last = flapped(3, book)
    end = then(opening(2, minute(12)), TransitionKind.RESOLVED)
    assert book.hold(last, minute(13)) is not None
    assert book.hold(end.incident, minute(13)) is None


def test_each_rule_of_each_target_is_counted_for_itself():
    book = FlappingBook()
    for number, (target, rule) in enumerate([("a", "down"), ("a", "slow"), ("b", "down")]):
        step = opening(number, minute(number), target, rule)
        book.note(step, HOURLY, minute(number))
        assert book.hold(step.incident, minute(number)) is None
    assert len(book) == 3


def test_drafts_and_targets_without_flapping_are_not_counted():
    book = FlappingBook()
    flapped(9, book, rule=None)
    book.note(opening(9, minute(60), draft=True), HOURLY, minute(60))
    assert len(book) == 0


def test_openings_are_forgotten_a_day_after_the_last_one():
    book = FlappingBook()
    for number in range(50):
        book.note(opening(number, NOON, f"t{number}"), HOURLY, NOON)
    later = minute(24 * 60)
    book.note(opening(50, later), HOURLY, later)
    assert len(book) == 1


def test_an_incident_that_has_ended_is_not_kept():
    book = FlappingBook()
    flapped(3, book)
    book.note(then(opening(2, minute(12)), TransitionKind.RESOLVED), HOURLY, minute(15))
    assert book.remark(opening(2, minute(12)).incident) == ""


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_step_of_the_wall_clock_neither_holds_for_longer_nor_forgets(hours):
    book = FlappingBook()
    last = flapped(3, book)
    stepped = minute(20)
    stepped = type(stepped)(stepped.monotonic_ns, stepped.wall_ns + hours * 60 * MINUTE_NS)
    assert book.hold(last, stepped).until_ns == stepped.wall_ns + 12 * MINUTE_NS
    assert book.hold(last, stepped.shifted(12 * MINUTE_NS)) is None


def test_a_restart_goes_on_with_the_openings_that_the_record_names():
    book = FlappingBook()
    counted = [book.count(("shop", "down"), minute(at).wall_ns, HOURLY, NOON) for at in (-70, -50, -10)]
    assert counted == [1, 2, 2], (
        "the first one is older than an hour, and lies within the hour before the second"
    )
    step = opening(9, minute(1))
    book.note(step, HOURLY, minute(1))
    assert book.remark(step.incident) == "opened 3 times within 1h"


def test_a_restart_holds_what_opened_too_often_for_the_rest_of_its_time():
    book, step = FlappingBook(), opening(9, minute(-5))
    book.keep(step.id, step.at_ns, 2, HOURLY, NOON)
    assert book.hold(step.incident, NOON) is None
    book.keep(step.id, step.at_ns, 3, HOURLY, NOON)
    assert book.hold(step.incident, NOON).until_ns == minute(15).wall_ns


def test_a_restart_late_in_a_hold_counts_what_opened_within_the_window_before_it():
    book, last = FlappingBook(), opening(2, minute(-10))
    for at in (-69, -40, -10):
        openings = book.count(("shop", "down"), minute(at).wall_ns, HOURLY, NOON)
    book.keep(last.id, last.at_ns, openings, HOURLY, NOON)
    assert book.hold(last.incident, NOON).until_ns == minute(10).wall_ns


def test_a_restart_leaves_out_openings_of_the_future():
    book = FlappingBook()
    assert book.count(("shop", "down"), minute(5).wall_ns, HOURLY, NOON) == 0
    assert len(book) == 0


def test_severities_do_not_matter_for_the_count():
    book = FlappingBook()
    for number, severity in enumerate(Severity):
        step = opening(number, minute(number), severity=severity)
        book.note(step, HOURLY, minute(number))
    assert book.hold(step.incident, minute(2)) is not None


def changes(rule, letters):
    seen = WeightedChanges(rule)
    for letter in letters:
        seen.take(LETTERS[letter])
    return seen


def test_icinga_weighs_the_published_states_as_its_documentation_says():
    seen = changes(WeightedRule.icinga(), PUBLISHED)
    assert seen.share == pytest.approx(39.1)
    assert seen.is_flapping
    after = changes(WeightedRule.icinga(), PUBLISHED + "C" * 7)
    assert after.share < 25
    assert not after.is_flapping


def test_nagios_weighs_every_change_from_three_quarters_to_five_quarters():
    alternating = changes(WeightedRule.nagios(), "OC" * 11)
    assert alternating.share == pytest.approx(100.0), "the weights of 20 changes sum up to 20"
    rule = WeightedRule.nagios()
    assert rule.share("CO" + "O" * 19) == pytest.approx(100 * 0.75 / 20)
    assert rule.share("O" * 20 + "C") == pytest.approx(100 * 1.25 / 20)


def test_icinga_weighs_every_change_from_eighty_to_a_hundred_and_eighteen():
    rule = WeightedRule.icinga()
    assert rule.share("CO" + "O" * 19) == pytest.approx(100 * 0.80 / 20)
    assert rule.share("O" * 20 + "C") == pytest.approx(100 * 1.18 / 20)


def test_a_target_flaps_from_high_until_low_and_keeps_its_state_between():
    rule = WeightedRule.nagios(low=10, high=25)
    seen = changes(rule, "OCOCO")
    assert seen.share == pytest.approx(100 * sum(0.75 + i * 0.5 / 19 for i in range(16, 20)) / 20)
    assert not seen.is_flapping
    assert seen.take(Outcome.DOWN), "the fifth change begins it"
    while seen.share > 10:
        assert seen.is_flapping
        ended = seen.take(Outcome.DOWN)
    assert ended
    assert not seen.is_flapping


@pytest.mark.parametrize(("rule", "flaps"), [(WeightedRule.nagios, True), (WeightedRule.icinga, False)])
def test_nagios_begins_at_high_itself_and_icinga_above_it(rule, flaps):
    share = rule().share("OC")
    assert changes(rule(low=0, high=share), "OC").is_flapping is flaps


def test_samples_that_are_no_evidence_change_nothing():
    seen = changes(WeightedRule.icinga(), "OC")
    share = seen.share
    for outcome in (Outcome.UNKNOWN, Outcome.CANCELLED):
        assert not seen.take(outcome)
    assert seen.share == share
