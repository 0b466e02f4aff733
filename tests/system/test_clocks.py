"""Steps of the wall clock and suspends of the machine: each is recorded, opens no incident and delays no poll."""

import pytest
from watchkeeper.adapters.stores.sqlite.reader import StoreReader

from tests.system.outside import Receiver, Site
from tests.system.processes import Watch, write_configuration
from tests.system.shifting import Shift, build
from tests.system.silenced import __file__ as silenced

pytestmark = pytest.mark.needs("cc")
HOUR_S = 3_600
YEAR_S = 365 * 24 * HOUR_S
TARGETS = 6
ON_TIME_S = 60.0
"""For three requests to a target that is polled every 400 ms: far below the hour by which the clock is moved."""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wallshift"))


@pytest.fixture
def shift(library, tmp_path):
    made = Shift(library, tmp_path)
    yield made
    made.close()


@pytest.fixture
def site():
    made = Site()
    yield made
    made.close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def path(tmp_path, site, receiver):
    """Targets that are judged by their answers and by a lack of samples: for longer than a busy machine takes, and far less than
    the hour by which the clock is moved.
    """
    path = write_configuration(
        tmp_path / "watch.yaml", site=site.url, receiver=receiver.url, targets=TARGETS, every="400ms"
    )
    path.write_text(path.read_text().replace("rules: [", "rules: [{id: stale, kind: no_data, after: 10m}, "))
    return path


@pytest.fixture
def reader(tmp_path):
    return StoreReader(str(tmp_path / "watch.db"))


def causes(reader):
    """The causes of the blind intervals, but for those in which a busy machine held the process up."""
    return [interval.cause for interval in reader.blind() if interval.cause != "stalled"]


def is_on_time(site):
    return site.wait_for_questions(3, *(f"t{number}" for number in range(TARGETS)), within_s=ON_TIME_S)


@pytest.mark.slow
def test_a_wall_clock_that_is_set_is_recorded_and_moves_nothing(path, shift, site, receiver, reader):
    with Watch(path, environment=shift.environment).until_watching() as watch:
        assert is_on_time(site)
        for count, wall_s in enumerate((HOUR_S, 0, -HOUR_S, 10 * YEAR_S), 1):
            shift.set(wall_s=wall_s)
            assert is_on_time(site)
            assert watch.lines.wait_for("clock_stepped", times=count)
        assert watch.stop() == 0
    assert causes(reader) == ["clock_stepped"] * 4
    assert reader.incidents() == ()
    assert receiver.posts == []


@pytest.mark.slow
def test_an_incident_outlives_every_clock_step_and_is_notified_once(path, shift, site, receiver, reader):
    site.down = {"t0"}
    with Watch(path, environment=shift.environment).until_watching() as watch:
        assert receiver.wait_until_applied("opened", 1)
        for wall_s in (HOUR_S, -10 * YEAR_S):
            shift.set(wall_s=wall_s)
            assert is_on_time(site)
        site.down = set()
        assert receiver.wait_until_applied("resolved", 1)
        assert watch.stop() == 0
    assert receiver.changes() == ["opened", "resolved"]
    (incident,) = reader.incidents()
    assert incident.resolved_at_ns >= incident.opened_at_ns


def test_a_sleep_of_the_machine_is_one_blind_interval(path, shift, site, receiver, reader):
    with Watch(path, environment=shift.environment).until_watching() as watch:
        assert is_on_time(site)
        shift.set(wall_s=8 * HOUR_S, boot_s=8 * HOUR_S)
        assert is_on_time(site)
        assert watch.stop() == 0
    assert causes(reader) == ["suspended"]
    (interval,) = (each for each in reader.blind() if each.cause == "suspended")
    assert interval.ended_at_ns - interval.started_at_ns >= 8 * HOUR_S * 1e9
    assert reader.incidents() == ()


def test_a_silence_ends_by_the_wall_clock(path, shift, site, receiver):
    with Watch(path, command=(silenced,), environment=shift.environment).until_watching():
        site.down = {"t0"}  # now that the silence is in force
        assert is_on_time(site)
        assert receiver.posts == []
        shift.set(wall_s=HOUR_S + 1)
        assert receiver.wait_until_applied("opened", 1)
