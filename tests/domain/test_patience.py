"""Patience: the budget of a notice counts from its first failure, whatever happens to others."""

from watchkeeper.domain.supervision.delivery_backoff import DeliveryBackoff
from watchkeeper.domain.supervision.retry import RetryPolicy

S = 1_000_000_000
POLICIES = {
    "short": RetryPolicy(name="short", jitter=0.0, give_up_after_ns=10 * S),
    "long": RetryPolicy(name="long", jitter=0.0, give_up_after_ns=1_000 * S),
}


def ask(patience, key, attempts, now_s, channel="short", retry_after_ns=None):
    return patience.next_try_ns(channel, key, attempts, now_s * S, 0.0, retry_after_ns)


def test_the_budget_counts_from_the_first_failure():
    patience = DeliveryBackoff(POLICIES)
    assert ask(patience, "a", 1, now_s=100) == 101 * S
    assert ask(patience, "a", 2, now_s=105) == 107 * S
    assert ask(patience, "a", 3, now_s=106) is None


def test_an_abandoned_notice_that_is_redriven_has_its_full_budget():
    patience = DeliveryBackoff(POLICIES)
    ask(patience, "a", 1, now_s=0)
    assert ask(patience, "a", 5, now_s=50) is None
    assert ask(patience, "a", 6, now_s=60) == 61 * S
    assert ask(patience, "a", 7, now_s=61) == 63 * S


def test_a_notice_that_was_delivered_is_forgotten():
    patience = DeliveryBackoff(POLICIES)
    ask(patience, "a", 1, now_s=0)
    patience.settled("short", "a")
    patience.settled("short", "a")
    assert ask(patience, "a", 1, now_s=500) == 501 * S


def test_each_notice_and_each_channel_has_its_own_budget():
    patience = DeliveryBackoff(POLICIES)
    ask(patience, "a", 1, now_s=0)
    assert ask(patience, "b", 1, now_s=50) == 51 * S
    ask(patience, "c", 1, now_s=50, channel="long")
    assert ask(patience, "c", 4, now_s=50, channel="long") == 58 * S
    assert ask(patience, "a", 2, now_s=50) is None


def test_a_receiver_may_ask_for_what_is_left_of_the_budget():
    patience = DeliveryBackoff(POLICIES)
    assert ask(patience, "a", 1, now_s=0, retry_after_ns=9 * S) == 9 * S
    assert ask(patience, "b", 1, now_s=0, retry_after_ns=10 * S) == 10 * S - 1


def test_a_recovered_channel_retries_a_few_at_a_time_longest_waiting_first():
    patience = DeliveryBackoff(POLICIES)
    for second, key in enumerate("abcde"):
        ask(patience, key, 1, now_s=second, channel="long")
    assert patience.retry_now("long") == ("a", "b")
    assert patience.retry_now("long") == ("c", "d")
    assert patience.retry_now("long") == ("e",)
    assert patience.retry_now("long") == ()


def test_no_notice_is_retried_now_under_retry_after_or_for_another_channel():
    patience = DeliveryBackoff(POLICIES)
    ask(patience, "asked", 1, now_s=0, channel="long", retry_after_ns=60 * S)
    ask(patience, "elsewhere", 1, now_s=0, channel="short")
    ask(patience, "settled", 1, now_s=0, channel="long")
    patience.settled("long", "settled")
    assert patience.retry_now("long") == ()
    assert patience.retry_now("short") == ("elsewhere",)


def test_a_notice_retried_now_that_failed_again_waits_with_the_others():
    patience = DeliveryBackoff(POLICIES)
    ask(patience, "a", 1, now_s=0, channel="long")
    assert patience.retry_now("long") == ("a",)
    assert ask(patience, "a", 2, now_s=1, channel="long") == 3 * S
    assert patience.retry_now("long") == ("a",)
