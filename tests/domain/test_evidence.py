"""Which bad samples keep their evidence, and what of it."""

import pytest
from records import NOON, sample_at
from watchkeeper.domain.limits import EVIDENCE_BODY_BYTES_MAX, EVIDENCE_PER_HOUR_MAX
from watchkeeper.domain.observation.evidence import Evidence, EvidenceChoice, evidence_of, kept_body
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.time.moment import NS_PER_S

HOUR_S = 3_600


def taken(*samples):
    """The seconds of the samples whose evidence is kept; each sample is its second, outcome and detail."""
    choice = EvidenceChoice()
    return [
        second
        for second, outcome, detail in samples
        if choice.take(bad(second, outcome, detail), NOON.shifted(second * NS_PER_S)) is not None
    ]


def bad(second, outcome=Outcome.DOWN, detail="HTTP 503", **fields):
    return sample_at(second * NS_PER_S, outcome=outcome, detail=detail, **({"ip": "192.0.2.1"} | fields))


def down(*seconds, detail="HTTP 503"):
    return [(second, Outcome.DOWN, detail) for second in seconds]


def up(second):
    return (second, Outcome.UP, "")


def test_the_first_of_a_run_is_kept():
    assert taken(*down(0, 10, 20)) == [0]
    assert taken(*down(0, 10), up(20), *down(30, 40)) == [0, 30]


def test_another_finding_within_a_run_is_kept():
    assert taken(*down(0, 10), *down(20, 30, detail="HTTP 502"), *down(40)) == [0, 20, 40]


def test_a_long_outage_is_kept_once_an_hour():
    assert taken(*down(*range(0, 3 * HOUR_S, 60))) == [0, HOUR_S, 2 * HOUR_S]


def test_a_flapping_target_is_kept_a_few_times_an_hour():
    flapping = [each for second in range(0, 2 * HOUR_S, 20) for each in (*down(second), up(second + 10))]
    kept = taken(*flapping)
    assert len(kept) == 2 * EVIDENCE_PER_HOUR_MAX
    assert max(kept) < HOUR_S + 20 * EVIDENCE_PER_HOUR_MAX


def test_one_target_takes_no_place_of_another():
    choice = EvidenceChoice()
    for second in range(EVIDENCE_PER_HOUR_MAX + 3):
        choice.take(bad(second, detail=f"HTTP {second}"), NOON)
    assert choice.take(bad(0, target="door"), NOON) is not None


def test_a_wall_clock_that_goes_back_keeps_evidence():
    choice = EvidenceChoice()
    assert choice.take(bad(0), NOON) is not None
    assert choice.take(bad(1), NOON.shifted(-HOUR_S * NS_PER_S)) is not None


def test_a_sample_that_saw_nothing_has_no_evidence():
    assert evidence_of(bad(0, ip=None)) is None
    assert taken() == []


def test_evidence_is_the_rest_of_a_sample():
    phases = Phases(dns_ns=1, connect_ns=2)
    sample = bad(1, phases=phases, failed=("[STATUS] (503) == 200",), body="no luck")
    assert evidence_of(sample) == Evidence(
        target="shop",
        at_ns=NOON.wall_ns + NS_PER_S,
        ip="192.0.2.1",
        phases=phases,
        failed=("[STATUS] (503) == 200",),
        body="no luck",
    )


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"<h1>Down</h1>\r\n<p>soon</p>\n", "<h1>Down</h1>\n<p>soon</p>"),
        (b"\x1b[2J\x00\t\xe2\x80\xae", "\\x1b[2J\\x00\\t\\u202e"),
        (b"caf\xe9", "caf\ufffd"),
        ("é".encode() * 300, "é" * (EVIDENCE_BODY_BYTES_MAX // 2)),
        (b"x" + "é".encode() * 300, "x" + "é" * (EVIDENCE_BODY_BYTES_MAX // 2 - 1) + "\ufffd"),
        (b"x" * 10_000, "x" * EVIDENCE_BODY_BYTES_MAX),
    ],
    ids=["lines", "control", "not utf-8", "exact", "cut", "long"],
)
def test_a_kept_body_is_short_and_harmless(body, kept):
    assert kept_body(body) == kept
