"""Delivery backoff: the budget of a notice counts from its first failure, independent of others."""

from watchkeeper.domain.supervision.delivery_backoff import DeliveryBackoff
from watchkeeper.domain.supervision.retry import RetryPolicy

S = 1_000_000_000
POLICIES = {
    "short": RetryPolicy(name="short", jitter=0.0, give_up_after_ns=10 * S),
    "long": RetryPolicy(name="long", jitter=0.0, give_up_after_ns=1_000 * S),
}


def ask(backoff, key, attempts, now_s, channel="short", retry_after_ns=None):
    return backoff.next_try_ns(channel, key, attempts, now_s * S, 0.0, retry_after_ns)


def test_the_budget_counts_from_the_first_failure():
    backoff = DeliveryBackoff(POLICIES)
    assert ask(backoff, "a", 1, now_s=100) == 101 * S
    assert ask(backoff, "a", 2, now_s=105) == 107 * S
    assert ask(backoff, "a", 3, now_s=106) is None


def test_an_abandoned_notice_that_is_redriven_has_its_full_budget():
    backoff = DeliveryBackoff(POLICIES)
    ask(backoff, "a", 1, now_s=0)
    assert ask(backoff, "a", 5, now_s=50) is None
    assert ask(backoff, "a", 6, now_s=60) == 61 * S
    assert ask(backoff, "a", 7, now_s=61) == 63 * S


def test_a_notice_that_was_delivered_is_forgotten():
    backoff = DeliveryBackoff(POLICIES)
    ask(backoff, "a", 1, now_s=0)
    backoff.settled("short", "a")
    backoff.settled("short", "a")
    assert ask(backoff, "a", 1, now_s=500) == 501 * S


def test_each_notice_and_each_channel_has_its_own_budget():
    backoff = DeliveryBackoff(POLICIES)
    ask(backoff, "a", 1, now_s=0)
    assert ask(backoff, "b", 1, now_s=50) == 51 * S
    ask(backoff, "c", 1, now_s=50, channel="long")
    assert ask(backoff, "c", 4, now_s=50, channel="long") == 58 * S
    assert ask(backoff, "a", 2, now_s=50) is None


def test_a_receiver_may_ask_for_what_is_left_of_the_budget():
    backoff = DeliveryBackoff(POLICIES)
    assert ask(backoff, "a", 1, now_s=0, retry_after_ns=9 * S) == 9 * S
    assert ask(backoff, "b", 1, now_s=0, retry_after_ns=10 * S) == 10 * S - 1


def test_a_recovered_channel_retries_a_few_at_a_time_longest_waiting_first():
    backoff = DeliveryBackoff(POLICIES)
    for second, key in enumerate("abcde"):
        ask(backoff, key, 1, now_s=second, channel="long")
    assert backoff.retry_now("long") == ("a", "b")
    assert backoff.retry_now("long") == ("c", "d")
    assert backoff.retry_now("long") == ("e",)
    assert backoff.retry_now("long") == ()


def test_no_notice_is_retried_now_under_retry_after_or_for_another_channel():
    backoff = DeliveryBackoff(POLICIES)
    ask(backoff, "asked", 1, now_s=0, channel="long", retry_after_ns=60 * S)
    ask(backoff, "elsewhere", 1, now_s=0, channel="short")
    ask(backoff, "settled", 1, now_s=0, channel="long")
    backoff.settled("long", "settled")
    assert backoff.retry_now("long") == ()
    assert backoff.retry_now("short") == ("elsewhere",)


def test_a_notice_retried_now_that_failed_again_waits_with_the_others():
    backoff = DeliveryBackoff(POLICIES)
    ask(backoff, "a", 1, now_s=0, channel="long")
    assert backoff.retry_now("long") == ("a",)
    assert ask(backoff, "a", 2, now_s=1, channel="long") == 3 * S
    assert backoff.retry_now("long") == ("a",)
