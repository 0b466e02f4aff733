"""The times that a target and a channel come to: stated, derived from the cadence, or bounded by it."""

import pytest
from watchkeeper import Call, CallChannel, Channel, Heartbeat, Log, NoData, Target, Webhook

S = 1_000_000_000
SILENT = NoData(id="quiet", after="20s")


def target(*rules, **fields):
    return Target(
        **({"id": "a", "every": "10s", "timeout": "4s", "call": Call(name="f"), "rules": rules} | fields)
    )


@pytest.mark.parametrize(
    ("made", "every_s", "retry_every_s", "timeout_s", "grace_s"),
    [
        (target(), 10, 10, 4, 0),
        (target(retry_every="2s"), 10, 2, 4, 0),
        (target(timeout="30s"), 10, 10, 10, 0),
        (target(call=None, heartbeat=Heartbeat(grace="3s")), 10, 10, 4, 3),
    ],
    ids=["plain", "with a retry cadence", "with a timeout longer than its period", "that reports by itself"],
)
def test_a_target_has_its_stated_times_and_no_attempt_outlives_its_period(
    made, every_s, retry_every_s, timeout_s, grace_s
):
    times_ns = (made.every_ns, made.retry_every_ns, made.timeout_ns, made.grace_ns)
    assert times_ns == (every_s * S, retry_every_s * S, timeout_s * S, grace_s * S)


def test_silence_lasts_two_and_a_half_periods_and_the_timeout_where_nothing_is_stated():
    assert target().staleness_ns(NoData(id="quiet")) == 29 * S
    assert target().staleness_ns(SILENT) == 20 * S


@pytest.mark.parametrize(
    ("made", "stale_after_s"),
    [
        (target(), 29),
        (target(call=None, heartbeat=Heartbeat(grace="3s")), 32),
        (target(SILENT), 20),
        (target(SILENT, NoData(id="sooner", after="15s")), 15),
        (target(NoData(id="later", after="50s")), 29),
        (target(NoData(id="draft", after="20s", state="draft")), 29),
        (target(NoData(id="retired", after="20s", state="retired")), 29),
    ],
    ids=["no rule", "grace", "a rule", "the sooner rule", "a later rule", "a draft", "a retired rule"],
)
def test_a_sample_is_stale_when_the_first_active_rule_speaks_or_the_cadence_has_passed(made, stale_after_s):
    assert made.stale_after_ns == stale_after_s * S


def test_a_delivery_has_the_time_that_its_transport_states_and_ten_seconds_where_it_states_none():
    transports = [
        {"log": Log()},
        {"webhook": Webhook(url="http://h/")},
        {"webhook": Webhook(url="http://h/", timeout="3s")},
        {"call": CallChannel(name="f", timeout="4s")},
    ]
    assert [Channel(id="c", **one).timeout_ns for one in transports] == [10 * S, 10 * S, 3 * S, 4 * S]
