"""Dead letters: each is counted, some are logged."""

from logged import messages, records
from watchkeeper.actors.dispatch.mailbox.dead_letters import DeadLetters
from watchkeeper.domain.limits import DEAD_LETTERS_LOGGED_EVERY_NS, DEAD_LETTERS_LOGGED_FIRST


def test_the_log_of_dead_letters_is_throttled(caplog):
    now_ns = [0]
    letters = DeadLetters(lambda: now_ns[0])
    for _ in range(DEAD_LETTERS_LOGGED_FIRST + 5):
        letters.record("a", 1)
    assert len(records(caplog)) == DEAD_LETTERS_LOGGED_FIRST
    for at_ns, logged in (
        (DEAD_LETTERS_LOGGED_EVERY_NS - 1, 0),
        (DEAD_LETTERS_LOGGED_EVERY_NS, 1),
        (DEAD_LETTERS_LOGGED_EVERY_NS, 1),
        (2 * DEAD_LETTERS_LOGGED_EVERY_NS - 1, 1),
        (2 * DEAD_LETTERS_LOGGED_EVERY_NS, 2),
    ):
        now_ns[0] = at_ns
        letters.record("a", 1)
        assert len(records(caplog)) == DEAD_LETTERS_LOGGED_FIRST + logged
    assert letters.total == DEAD_LETTERS_LOGGED_FIRST + 10
    assert repr(letters) == f"<DeadLetters {letters.total}>"


def test_dead_letters_that_are_hushed_are_counted_and_not_logged(caplog):
    letters = DeadLetters(lambda: 0)
    letters.hush()
    letters.record("a", 1)
    assert (letters.total, records(caplog)) == (1, [])


def test_an_unlogged_kind_is_counted_and_not_logged(caplog):
    letters = DeadLetters(lambda: 0, unlogged=(int,))
    letters.record("a", 1)
    letters.record("a", "two")
    assert messages(caplog) == ["Dead letter: a str for a, which is closed"]
    assert letters.total == 2
