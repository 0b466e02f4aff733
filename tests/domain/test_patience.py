"""Patience: the budget of a notice counts from its first failure, whatever happens to others."""

from watchkeeper.domain.patience import Patience
from watchkeeper.domain.retry import RetryPolicy

S = 1_000_000_000
POLICIES = {
    "short": RetryPolicy(name="short", jitter=0.0, give_up_after_ns=10 * S),
    "long": RetryPolicy(name="long", jitter=0.0, give_up_after_ns=1_000 * S),
}


def ask(patience, key, attempts, now_s, channel="short", retry_after_ns=None):
    return patience.next_try_ns(channel, key, attempts, now_s * S, 0.0, retry_after_ns)


def test_the_budget_counts_from_the_first_failure():
    patience = Patience(POLICIES)
    assert ask(patience, "a", 1, now_s=100) == 101 * S
    assert ask(patience, "a", 2, now_s=105) == 107 * S
    assert ask(patience, "a", 3, now_s=106) is None


def test_a_notice_given_up_and_driven_again_has_its_whole_budget():
    patience = Patience(POLICIES)
    ask(patience, "a", 1, now_s=0)
    assert ask(patience, "a", 5, now_s=50) is None
    assert ask(patience, "a", 1, now_s=60) == 61 * S


def test_a_notice_that_was_delivered_is_forgotten():
    patience = Patience(POLICIES)
    ask(patience, "a", 1, now_s=0)
    patience.settled("a")
    patience.settled("a")
    assert ask(patience, "a", 1, now_s=500) == 501 * S


def test_each_notice_and_each_channel_has_its_own_patience():
    patience = Patience(POLICIES)
    ask(patience, "a", 1, now_s=0)
    assert ask(patience, "b", 1, now_s=50) == 51 * S
    assert ask(patience, "c", 4, now_s=50, channel="long") == 58 * S
    assert ask(patience, "a", 2, now_s=50) is None


def test_a_receiver_may_ask_for_what_is_left_of_the_budget():
    patience = Patience(POLICIES)
    assert ask(patience, "a", 1, now_s=0, retry_after_ns=9 * S) == 9 * S
    assert ask(patience, "b", 1, now_s=0, retry_after_ns=10 * S) == 10 * S - 1
