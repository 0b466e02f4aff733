"""Stores that released versions of the schema have written, opened by this one: everything in them is there and goes on."""

import gzip
import shutil

import apsw
import pytest
from records import then
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.schema import MIGRATIONS
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch

from tests.stores.kept import make as kept

FIRST_WITH_HEARD = 3
VERSIONS = range(1, len(MIGRATIONS) + 1)
OPENED_AT = kept.NOON.shifted(60 * kept.HOUR_NS)
RESOLVED = then(kept.CHANGED, TransitionKind.RESOLVED)


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def path(version, tmp_path):
    """A kept file of an earlier version, as it was closed; one of the present version is written now."""
    stem, path = kept.HERE / f"version-{version}", tmp_path / "watch.db"
    if version == len(MIGRATIONS):
        kept.write(str(path))
        return str(path)
    path.write_bytes(gzip.decompress(stem.with_suffix(".db.gz").read_bytes()))
    shutil.copy(stem.with_suffix(".head"), f"{path}-head")
    return str(path)


@pytest.fixture
def restored(path):
    store = SqliteStore(path)
    found = store.open(OPENED_AT)
    store.close()
    return found


def notices(*names):
    return [kept.NOTICES[name] for name in names]


def test_a_kept_file_has_the_version_of_its_name(path, version):
    connection = apsw.Connection(path)
    assert connection.pragma("user_version") == version
    connection.close()


def test_every_incident_goes_on_with_what_each_channel_was_told(restored):
    assert restored.incidents == tuple(step.incident for step in (kept.CHANGED, kept.OVER, kept.UNHEARD))
    assert [outgoing.notice for outgoing in restored.outbox] == notices("pending")
    assert [(dead.notice, dead.delivery.attempts) for dead in restored.dead] == [(kept.NOTICES["dead"], 3)]
    assert {(told.incident_id, told.channel, told.sequence) for told in restored.told} == {
        ("inc_1", "ops", 1),
        ("inc_2", "ops", 2),
        ("inc_2", "calm", 1),
    }
    assert {told.at_ns for told in restored.told} == {
        kept.NOTICES[name].created_at_ns + kept.NS_PER_S for name in ("told", "begun calmly", "ended")
    }
    assert {told.reminders for told in restored.told} == {0}
    assert [each.incident_id for each in restored.openings] == ["inc_1", "inc_2", "inc_3"]


def test_rules_and_silences_go_on(restored, version):
    assert restored.checkpoints == kept.CONTENT.checkpoints
    assert restored.silences == (kept.SILENCE,)
    assert restored.heard == ((kept.HEARD,) if version >= FIRST_WITH_HEARD else ())


def test_the_whole_history_is_read_back(restored, path):
    reader = StoreReader(path)
    assert restored.epoch == 2
    for step in (kept.CHANGED, kept.OVER, kept.UNHEARD):
        lives = [each for each in kept.CONTENT.transitions if each.incident_id == step.incident_id]
        assert list(reader.transitions(step.incident_id)) == lives
    delivered = [outgoing.notice for outgoing in reader.outbox(DeliveryState.DELIVERED)]
    assert delivered == notices("told", "begun", "begun calmly", "ended")
    assert reader.blind() == (kept.BLIND,)
    assert not reader.verify().problems

    samples = reader.samples("shop", 0, kept.LATER_NS)
    assert [sample.at_ns for sample in samples] == [sample.at.wall_ns for sample in kept.samples()]
    assert [sample.outcome for sample in samples] == [sample.outcome for sample in kept.samples()]
    hours = [hour.rollup for hour in reader.hourly("shop", 0, kept.LATER_NS)]
    assert [(hour.good, hour.bad) for hour in hours] == [(5, 1)] * 50
    days = [day.rollup for day in reader.daily("shop", 0, kept.LATER_NS)]
    assert sum(day.count for day in days[:2]) == 12 * 6 + 24 * 6


def test_recording_goes_on_after_it(path):
    store = SqliteStore(path)
    store.open(OPENED_AT)
    store.commit(Batch(transitions=(RESOLVED,), heard=(kept.HEARD,)))
    store.close()
    again = store.open(OPENED_AT)
    store.close()
    assert RESOLVED.incident in again.incidents
    assert again.heard == (kept.HEARD,)
    assert not StoreReader(path).verify().problems
