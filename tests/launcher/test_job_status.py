"""`status` of a store tells when a job is expected, and since when it runs."""

from click.testing import CliRunner
from records import NOON
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.record import Batch, HeardMark
from watchkeeper.domain.units import NS_PER_HOUR, NS_PER_MINUTE
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.place import find_store
from watchkeeper.launcher.see.status import recorded_targets, status_document

CONFIG = """
runtime: {store: watch.db}
targets:
- {id: nightly, heartbeat: {schedule: "30 23 * * *", zone: UTC, grace: 1h}}
- {id: daily, every: 24h, heartbeat: {}}
- {id: shop, http: {url: "http://h/"}}
"""


def job_of(folder, *marks):
    (folder / "watch.yaml").write_text(CONFIG)
    store = SqliteStore(str(folder / "watch.db"))
    store.open(NOON)
    store.commit(Batch(heard=marks))
    store.close()
    place, now_ns = find_store(folder / "watch.yaml", None), NOON.wall_ns + NS_PER_MINUTE
    reader = StoreReader(place.path)
    document = status_document(place, reader, recorded_targets(place, reader, now_ns), now_ns)
    return {row["target"]: row["job"] for row in document["targets"]}


def test_a_job_by_a_schedule_is_expected_at_its_next_moment(tmp_path):
    jobs = job_of(tmp_path, HeardMark("nightly", NOON.wall_ns))
    assert jobs["nightly"].startswith("expected 23:30 UTC, grace until ")
    assert jobs["nightly"].endswith(" 00:30")
    assert jobs["shop"] is None


def test_a_run_that_has_begun_is_told_with_its_time(tmp_path):
    jobs = job_of(tmp_path, HeardMark("daily", NOON.wall_ns, None, "one", NOON.wall_ns))
    assert jobs["daily"].endswith("; running since 12:00 UTC")


def test_a_job_that_missed_a_report_is_expected_at_the_moment_after_it(tmp_path):
    heard_ns = NOON.wall_ns - 48 * NS_PER_HOUR
    missed_ns = NOON.wall_ns - 11 * NS_PER_HOUR
    jobs = job_of(tmp_path, HeardMark("nightly", heard_ns, missed_ns))
    assert jobs["nightly"].startswith("expected 23:30 UTC")


def test_the_table_of_status_has_it_beside_the_target(tmp_path):
    job_of(tmp_path, HeardMark("nightly", NOON.wall_ns))
    shown = CliRunner().invoke(cli, ["status", "-c", str(tmp_path / "watch.yaml")], env={"COLUMNS": "250"})
    assert "23:30 UTC, grace until" in shown.stdout
