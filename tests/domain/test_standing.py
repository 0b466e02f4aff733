"""How far each rule is: the same counters and figures as the rule itself has, in words."""

import pytest
from records import NOON, sample_at
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.read_model.standing import looked_back_ns, standings
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import Consecutive, NoData, Threshold
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
