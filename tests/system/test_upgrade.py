"""The checks that the upgrade leg counts as missed."""

from tests.system.upgrade import Step, missed

STEP = Step("first", 10.0, 20.0, "")


def test_checks_that_were_not_made_are_counted_in_the_step_in_which_the_next_one_came():
    assert missed([8.0, 10.0, 12.0, 18.1, 22.0, 28.0], 2.0, STEP) == (2, 18.1 - 12.0)


def test_late_checks_are_no_missed_ones():
    assert missed([8.0, 10.9, 12.0, 14.0, 16.9, 18.0], 2.0, STEP) == (0, 10.9 - 8.0)


def test_a_step_without_checks_has_missed_none_that_it_could_know_of():
    assert missed([2.0, 4.0], 2.0, STEP) == (0, 0.0)
