"""Days are coloured by incidents and lost time, never by single samples, and a day without data is never calm."""

from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.read_model.days import (
    DayCounts,
    DayRun,
    DayState,
    ProblemSpan,
    judged_days,
)
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

SINCE, UNTIL = 100, 110


def judged(counts=None, problems=(), blind=(), names=("shop",)):
    whole = DayCounts([1] * len(names), [100] * len(names), [0] * len(names))
    counts = dict.fromkeys(range(SINCE, UNTIL), whole) | (counts or {})
    return judged_days(names, counts, problems, blind, SINCE, UNTIL)


def span(day, hour, length_ns, *, is_down=True, target="shop"):
    since_ns = day * NS_PER_DAY + hour * NS_PER_HOUR
    return ProblemSpan(target, since_ns, since_ns + length_ns, is_down)


def test_days_with_good_samples_are_calm():
    assert judged().of("shop") == ((), 1.0)


def test_a_day_with_a_critical_incident_is_down_by_the_time_that_it_took():
    found = judged(problems=[span(104, 3, 30 * NS_PER_MINUTE)])
    assert found.of("shop").runs == (DayRun(104, 1, DayState.DOWN, 30 * NS_PER_MINUTE),)


def test_incidents_that_overlap_take_their_time_once():
    problems = [span(104, 3, NS_PER_HOUR), span(104, 3, 2 * NS_PER_HOUR)]
    (run,) = judged(problems=problems).of("shop").runs
    assert run.lost_ns == 2 * NS_PER_HOUR


def test_an_incident_over_midnight_is_in_both_days():
    runs = judged(problems=[span(104, 23, 3 * NS_PER_HOUR, is_down=False)]).of("shop").runs
    assert [(run.day, run.state, run.lost_ns) for run in runs] == [
        (104, DayState.DEGRADED, NS_PER_HOUR),
        (105, DayState.DEGRADED, 2 * NS_PER_HOUR),
    ]


def test_a_critical_incident_outweighs_a_longer_warning():
    problems = [span(104, 0, 20 * NS_PER_HOUR, is_down=False), span(104, 5, NS_PER_MINUTE)]
    (run,) = judged(problems=problems).of("shop").runs
    assert (run.state, run.level) == (DayState.DOWN, 1)


def test_two_bad_samples_without_an_incident_leave_a_day_calm():
    assert judged({104: DayCounts([1], [22], [2])}).of("shop").runs == ()


def test_many_bad_samples_without_an_incident_make_a_day_degraded():
    (run,) = judged({104: DayCounts([1], [50], [50])}).of("shop").runs
    assert (run.state, run.lost_ns) == (DayState.DEGRADED, NS_PER_DAY // 2)


def test_days_without_data_are_one_run():
    nothing = DayCounts([0], [0], [0])
    found = judged(dict.fromkeys((101, 102, 103), nothing))
    assert found.of("shop").runs == (DayRun(101, 3, DayState.NO_DATA),)


def test_a_target_that_is_not_known_has_no_data_at_all():
    assert judged().of("new") == ((DayRun(SINCE, UNTIL - SINCE, DayState.NO_DATA),), None)


def test_a_day_of_samples_that_are_no_evidence_was_not_seen():
    (run,) = judged({104: DayCounts([1], [0], [0])}).of("shop").runs
    assert run.state is DayState.BLIND


def test_a_blind_stall_of_seconds_leaves_a_day_calm_and_an_hour_does_not():
    begin_ns = 104 * NS_PER_DAY
    assert judged(blind=[(begin_ns, begin_ns + 3 * 10**9)]).of("shop").runs == ()
    (run,) = judged(blind=[(begin_ns, begin_ns + NS_PER_HOUR)]).of("shop").runs
    assert run == DayRun(104, 1, DayState.BLIND)


def test_an_incident_of_a_target_without_samples_is_shown():
    found = judged(problems=[span(104, 3, NS_PER_HOUR, target="backup")])
    states = [run.state for run in found.of("backup").runs]
    assert states == [DayState.NO_DATA, DayState.DOWN, DayState.NO_DATA]


def test_the_fleet_counts_its_targets_in_trouble_by_day():
    names = ("door", "shop")
    found = judged(problems=[span(104, 3, 1), span(104, 4, 1, target="door")], names=names)
    assert found.troubled(DayState.DOWN)[4] == 2
    assert sum(found.troubled(DayState.DOWN)) == 2
    assert found.troubled(DayState.DOWN, ["door"])[4] == 1


LENGTHS = st.integers(min_value=1, max_value=3 * NS_PER_DAY)
PROBLEMS = st.lists(
    st.builds(
        lambda at_ns, length_ns, is_down: ProblemSpan(
            "shop", (SINCE - 2) * NS_PER_DAY + at_ns, (SINCE - 2) * NS_PER_DAY + at_ns + length_ns, is_down
        ),
        st.integers(min_value=0, max_value=14 * NS_PER_DAY),
        LENGTHS,
        st.booleans(),
    ),
    max_size=6,
)
COUNTS = st.dictionaries(
    st.integers(SINCE, UNTIL - 1),
    st.tuples(st.integers(0, 1), st.integers(0, 50), st.integers(0, 50)).map(
        lambda found: DayCounts([found[0]], [found[0] * found[1]], [found[0] * found[2]])
    ),
    max_size=10,
)


@given(COUNTS, PROBLEMS)
def test_every_day_has_one_state_and_lost_time_fits_into_it(counts, problems):
    found = judged_days(["shop"], counts, problems, [], SINCE, UNTIL).of("shop")
    covered = [day for run in found.runs for day in range(run.day, run.day + run.length)]
    assert covered == sorted(set(covered))
    assert set(covered) <= set(range(SINCE, UNTIL))
    for run in found.runs:
        assert 0 <= run.lost_ns <= NS_PER_DAY
        assert (run.level > 0) == (run.lost_ns > 0)
        assert run.state is not DayState.CALM


@given(COUNTS, PROBLEMS)
def test_a_day_without_a_sample_is_never_calm(counts, problems):
    found = judged_days(["shop"], counts, problems, [], SINCE, UNTIL).of("shop")
    marked = {day for run in found.runs for day in range(run.day, run.day + run.length)}
    without = {day for day in range(SINCE, UNTIL) if day not in counts or not counts[day].seen[0]}
    assert without <= marked


@given(st.integers(0, NS_PER_DAY), st.integers(0, NS_PER_DAY))
def test_more_lost_time_never_stands_lower(one_ns, other_ns):
    less, more = sorted((one_ns, other_ns))
    assert DayRun(1, 1, DayState.DOWN, less).level <= DayRun(1, 1, DayState.DOWN, more).level <= 5
