"""How far each rule is: the same counters and figures as the rule itself has, in words."""

import pytest
from records import NOON, sample_at
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.read_model.standing import looked_back_ns, standings
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import Consecutive, KOfN, Nagios, NoData, Slo, Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S

SITE = Http(url="http://shop.example/")


def target(*rules, **fields):
    return Target(id="shop", http=SITE, every="30s", rules=rules, default_rules=False, **fields)


def standing(rule, samples, newest=None, broken=(), now_ns=NOON.wall_ns):
    (found,) = standings(target(rule), samples, newest, broken, now_ns)
    return found


def run(*outcomes, latency_ms=50):
    return [
        sample_at(number * NS_PER_S, outcome=outcome, latency_ns=latency_ms * NS_PER_MS)
        for number, outcome in enumerate(outcomes)
    ]


def test_a_rule_of_bad_samples_says_how_many_of_them_came_in_a_row():
    found = standing(Consecutive(id="down"), run(Outcome.DOWN, Outcome.UP, Outcome.DOWN, Outcome.TIMED_OUT))
    assert (found.said, found.share) == ("2 of 3 bad in a row", pytest.approx(2 / 3))


def test_a_broken_rule_says_how_many_good_samples_came_in_a_row():
    found = standing(Consecutive(id="down"), run(*[Outcome.DOWN] * 3, Outcome.UP), broken={"down"})
    assert (found.said, found.share, found.is_broken) == ("1 of 2 good in a row", 0.5, True)


def test_samples_that_are_no_evidence_count_for_nothing():
    found = standing(Consecutive(id="down"), run(Outcome.DOWN, Outcome.UNKNOWN, Outcome.CANCELLED))
    assert found.said == "1 of 3 bad in a row"


def test_a_threshold_says_its_figure_of_the_window():
    rule = Threshold(id="slow", value=300, window="5m", aggregate="p95")
    samples = [
        sample_at(number * NS_PER_S, latency_ns=latency_ms * NS_PER_MS)
        for number, latency_ms in enumerate((20, 212, 40))
    ]
    found = standing(rule, samples)
    assert found.said == "p95 of response_time 212 ms, breaks when > 300 ms"
    assert found.share == pytest.approx(212 / 300)


def test_a_threshold_without_a_figure_says_so():
    found = standing(Threshold(id="slow", value=300), [])
    assert (found.said, found.share) == ("response_time not known yet, breaks when > 300 ms", None)


def test_a_threshold_on_what_only_the_newest_sample_knows_takes_it_from_there():
    rule = Threshold(id="certificate", measure="certificate_expiration", operator="<", value="7d")
    newest = sample_at(0, certificate_expires_in_ns=61 * 24 * NS_PER_HOUR)
    found = standing(rule, [], newest)
    assert found.said == "certificate_expiration 61d, breaks when < 7d"
    assert found.share == pytest.approx(7 / 61)


def test_a_refused_connection_is_no_fast_answer():
    samples = [sample_at(0, outcome=Outcome.DOWN, reason=Reason.CONNECTION_REFUSED, latency_ns=NS_PER_MS)]
    assert standing(Threshold(id="slow", value=300), samples).share is None


def test_silence_says_how_long_it_lasts_and_may_last():
    found = standing(
        NoData(id="silent", after="10m"), run(Outcome.UP), now_ns=NOON.wall_ns + 4 * NS_PER_MINUTE
    )
    assert (found.said, found.share) == ("silent for 4m of 10m", pytest.approx(0.4))
    assert standing(NoData(id="silent", after="10m"), []).said == "no evidence yet, may be silent for 10m"


def test_a_rule_that_is_retired_is_not_shown():
    assert standings(target(Consecutive(id="old", state="retired")), [], None, (), 0) == ()


def test_samples_are_read_back_as_far_as_the_longest_rule_looks():
    site = target(Consecutive(id="down"), Threshold(id="slow", value=300, window="1h"))
    assert looked_back_ns(site) == NS_PER_HOUR + 30 * NS_PER_S
    assert looked_back_ns(target(Threshold(id="slow", value=300, window=100))) == 102 * 30 * NS_PER_S
    beat = Target(id="backup", heartbeat=Heartbeat(), every="24h")
    assert looked_back_ns(beat) == 3 * 24 * NS_PER_HOUR


SHAKY = KOfN(id="some", bad=3, of=5, recover=2)
STANDS = [
    (SHAKY, [Outcome.DOWN, Outcome.UP, Outcome.DOWN], (), "2 of 5 bad, breaks at 3", 2 / 3),
    (SHAKY, [Outcome.DOWN] * 3 + [Outcome.UP], ("some",), "3 of 5 bad, 1 of 2 good in a row", 0.5),
    (Nagios(id="hard"), [Outcome.UP], (), "OK (hard)", 0.0),
    (Nagios(id="hard"), [Outcome.DEGRADED, Outcome.DOWN], (), "CRITICAL (soft, attempt 2 of 3)", 2 / 3),
    (Nagios(id="hard"), [Outcome.DEGRADED] * 4, ("hard",), "WARNING (hard, attempt 3 of 3)", None),
    (
        Threshold(id="weak", measure="availability", operator="<", value=95, window=4, aggregate="mean"),
        [Outcome.DOWN, Outcome.UP, Outcome.UP, Outcome.UP],
        (),
        "mean of availability 75%, breaks when < 95%",
        1.0,
    ),
    (
        Threshold(id="slow", value=300, recover=200),
        [Outcome.UP],
        ("slow",),
        "response_time 50 ms, broken while > 200 ms",
        None,
    ),
    (
        Threshold(id="slower", value=50, mode="relative_change", window=1, baseline=2),
        [Outcome.UP] * 3,
        (),
        "change of response_time +0%, breaks when > +50%",
        0.0,
    ),
]


@pytest.mark.parametrize(("rule", "outcomes", "broken", "said", "share"), STANDS)
def test_each_kind_of_rule_says_how_far_it_is(rule, outcomes, broken, said, share):
    found = standing(rule, run(*outcomes), broken=set(broken))
    assert (found.said, found.share) == (said, share if share is None else pytest.approx(share))


def test_an_objective_says_how_much_of_each_window_is_bad():
    site = target(slo=Slo(objective="99%"))
    page, ticket = standings(site, run(*[Outcome.UP] * 49, Outcome.DOWN), None, (), 0)
    assert page.said == "2.000% bad in 6h, 2.000% in 30m, breaks when both are > 6.000%"
    assert page.share == pytest.approx(1 / 3)
    assert ticket.said == "breaks when more is bad than 3.000% of 1d and of 2h, or 1.000% of 3d and of 6h"
    assert ticket.share is None


def test_samples_are_read_back_for_each_kind_of_rule():
    every_ns = 30 * NS_PER_S
    assert looked_back_ns(target(SHAKY)) == 7 * every_ns
    assert looked_back_ns(target(Nagios(id="hard"))) == 5 * every_ns
    assert looked_back_ns(target(slo=Slo(objective="99%"))) == 6 * NS_PER_HOUR + every_ns
    rule = Threshold(id="slower", value=50, mode="relative_change", window="5m", baseline="1h")
    assert looked_back_ns(target(rule)) == NS_PER_HOUR + 5 * NS_PER_MINUTE + every_ns
