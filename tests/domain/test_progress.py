"""Rounds of the dead-man's ping: which part of them has come round, and which stands still."""

import pytest
from watchkeeper.domain.supervision.progress import MovingPart, Progress

ROUND = (MovingPart.JUDGING, MovingPart.COMMITTING)


def shown(progress, number, *parts, channel="ops"):
    for part in parts:
        progress.show(part, number)
    return progress.show(MovingPart.SENDING, number, channel)


def test_a_round_comes_round_once():
    progress = Progress(["ops", "boss"])
    number = progress.begin(0, 0)

    assert shown(progress, number, *ROUND)
    assert not progress.show(MovingPart.SENDING, number, "boss")
    assert progress.standing_still(1, 0) == ""


def test_news_of_an_earlier_round_is_none():
    progress = Progress(["ops"])
    former = progress.begin(0, 0)
    progress.begin(0, 0)

    assert not shown(progress, former, *ROUND)
    assert progress.standing_still(1, 0).startswith("judging")


def test_news_of_a_round_that_an_earlier_incarnation_has_begun_is_none():
    former = Progress(["ops"], 1 << 40).begin(0, 0)
    progress = Progress(["ops"], 2 << 40)
    progress.begin(0, 0)

    assert not shown(progress, former, *ROUND)


@pytest.mark.parametrize(
    ("parts", "says"), [((), "judging"), ((MovingPart.JUDGING,), "committing"), (ROUND, "sending")]
)
def test_the_first_part_that_is_missing_is_named(parts, says):
    progress = Progress(["ops"])
    number = progress.begin(0, 0)
    for part in parts:
        progress.show(part, number)

    assert progress.standing_still(0, 0).startswith(f"{says} stands still")


def test_a_channel_that_refuses_does_not_move_until_it_accepts():
    progress = Progress(["ops"])
    progress.refused("ops")
    assert not shown(progress, progress.begin(0, 0), *ROUND)

    progress.accepted("ops")
    assert shown(progress, progress.begin(0, 0), *ROUND)


def test_a_channel_that_does_not_count_sends_nothing():
    progress = Progress(["ops"])

    assert not shown(progress, progress.begin(0, 0), *ROUND, channel="log")


@pytest.mark.parametrize(
    ("answered", "unanswered", "moves"), [(0, 0, True), (5, 5, True), (0, 1, False), (1, 0, True)]
)
def test_polling_moves_where_attempts_are_answered_or_none_was_owed(answered, unanswered, moves):
    progress = Progress([])
    progress.begin(0, 0)
    shown(progress, progress.begin(answered, unanswered), *ROUND, channel="")

    assert (progress.standing_still(answered, unanswered) == "") is moves
