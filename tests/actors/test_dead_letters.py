"""Dead letters: each is counted, some are logged."""

from watchkeeper.actors.dispatch.mailbox.dead_letters import DeadLetters
from watchkeeper.domain.limits import DEAD_LETTERS_LOGGED_EVERY_NS, DEAD_LETTERS_LOGGED_FIRST


def test_the_log_of_dead_letters_is_throttled(caplog):
    now_ns = 0
    letters = DeadLetters(lambda: now_ns)
    for _ in range(DEAD_LETTERS_LOGGED_FIRST + 5):
        letters.record("a", 1)
    assert len(caplog.records) == DEAD_LETTERS_LOGGED_FIRST
    now_ns = DEAD_LETTERS_LOGGED_EVERY_NS
    letters.record("a", 1)
    letters.record("a", 1)
    assert len(caplog.records) == DEAD_LETTERS_LOGGED_FIRST + 1
    assert letters.total == DEAD_LETTERS_LOGGED_FIRST + 7


def test_an_unlogged_kind_is_counted_and_not_logged(caplog):
    letters = DeadLetters(lambda: 0, unlogged=(int,))
    letters.record("a", 1)
    letters.record("a", "two")
    assert [record.getMessage() for record in caplog.records] == ["Dead letter: a str for a, which is closed"]
    assert letters.total == 2
