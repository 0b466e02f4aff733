"""The public record of a store: what it answers, in which units, and what it refuses."""

import asyncio
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from records import delivery_of, notice_of, opened, then
from watchkeeper import (
    ALL,
    CallChannel,
    Channel,
    Heartbeat,
    NoticeEnded,
    Record,
    Runtime,
    StoreError,
    Surface,
    Target,
    UnknownName,
    UsageError,
    surface_of,
)
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.observation.sample import Sample

JOB = Target(id="job", every="1h", heartbeat=Heartbeat())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "watch.db"


@pytest.fixture
def runtime(path):
    with Runtime(targets=[JOB], store=path) as runtime:
        yield runtime


def test_a_record_is_read_while_a_runtime_writes_it(runtime, path):
    record = Record(path)
    runtime.heartbeat("job")
    runtime.heartbeat("job", ok=False, detail="disk full")
    (incident,) = runtime.incidents(open_only=True)
    runtime.acknowledge(incident.id, by="ada", note="on it")
    runtime.silence(ALL, "1h", by="ada", id="move")
    runtime.pause("job", by="ada")
    runtime.status()

    (read,) = record.incidents(open_only=True)
    assert (read.id, read.acknowledged_by, read.note) == (incident.id, "ada", "on it")
    assert [step.change.value for step in record.transitions(incident.id)] == ["opened", "acknowledged"]
    good, bad = record.samples("job", since="1m")
    assert (good.outcome, bad.outcome, bad.explanation) == (Outcome.UP, Outcome.DOWN, "reported: disk full")
    assert good.at.tzinfo is UTC
    assert record.uptime("job", since="2h").uptime == 0.5
    assert record.uptimes("2h") == {"job": 0.5}
    assert [silence.id for silence in record.silences()] == ["move"]
    assert [(pause.target, pause.by) for pause in record.pauses()] == [("job", "ada")]
    assert record.targets() == ("job",)
    assert str(os.getpid()) in record.run_by()
    assert record.verify().problems == ()


def test_a_record_outlives_the_runtime(runtime, path):
    runtime.heartbeat("job")
    runtime.stop()
    record = Record(path)
    assert record.run_by() is None
    assert len(record.samples("job")) == 1
    assert record.blind() == ()


def test_the_past_is_told_in_datetimes_and_milliseconds(path):
    """One sample half an hour ago, read by its hour, by its day and as one roll-up."""
    now = SystemClock().read()
    before = now.shifted(-30 * 60 * 10**9)
    sample = Sample(
        target="shop",
        epoch=1,
        attempt=1,
        at=before,
        outcome=Outcome.UP,
        reason=Reason.OK,
        latency_ns=5_000_000,
    )
    store = SqliteStore(str(path))
    store.open(now)
    store.commit(Batch(samples=(sample,)))
    store.close()
    record, hour = Record(path), before.utc.replace(minute=0, second=0, microsecond=0)

    (summed,) = record.hourly("shop", since=hour)
    assert summed.at == hour
    assert summed.rollup.latency_at_ms(0.5) == 5.0
    assert summed.rollup.to_dict() == {
        "count": 1,
        "good": 1,
        "bad": 0,
        "unknown": 0,
        "uptime": 1.0,
        "p50_ms": 5.0,
        "p95_ms": 5.0,
        "max_ms": 5.0,
    }
    assert [day.at for day in record.daily("shop", since="2d")] == [hour.replace(hour=0)]
    ((begin, totals),) = record.days("2d")
    assert (begin, totals["shop"].to_dict()["mean_ms"]) == (hour.replace(hour=0), 5.0)
    assert [begin for begin, _ in record.hours("2h")] == [hour]


@pytest.mark.parametrize(
    "since",
    [
        "10s",
        10,
        timedelta(seconds=10),
        datetime.now(UTC) - timedelta(hours=1),
        "2026-01-01T00:00:00Z",
    ],
)
def test_a_moment_may_be_written_in_each_form(since, runtime, path):
    runtime.heartbeat("job")
    runtime.status()
    assert len(Record(path).samples("job", since=since)) == 1


@pytest.mark.parametrize("since", ["yesterday", -5, []])
def test_a_moment_that_is_none_is_refused(since, runtime, path):
    with pytest.raises(UsageError, match="a moment like 2026-01-31T12:30:00Z"):
        Record(path).samples("job", since=since)


def test_notices_are_told_by_their_state(path):
    step = opened()
    ended = then(step, TransitionKind.RESOLVED)
    store = SqliteStore(str(path))
    store.open(SystemClock().read())
    delivered = delivery_of(notice_of(step), DeliveryState.DELIVERED)
    store.commit(
        Batch(transitions=(step, ended), notices=(notice_of(step), notice_of(ended)), deliveries=(delivered,))
    )
    store.close()
    record = Record(path)
    assert [each.notice.change.value for each in record.notices()] == ["opened", "resolved"]
    assert [each.notice.change.value for each in record.notices("pending")] == ["resolved"]
    with pytest.raises(UsageError, match="'lost' is no state: pending, delivered and dead are"):
        record.notices("lost")


def test_unknown_names_are_refused(runtime, path):
    runtime.heartbeat("job")
    runtime.status()
    record = Record(path)
    for question in (record.samples, record.hourly, record.daily, record.uptime, record.evidence):
        with pytest.raises(UnknownName, match="no sample is of a target 'jov', did you mean job"):
            question("jov")
    with pytest.raises(UnknownName, match="no incident has the id 'inc_0'"):
        record.transitions("inc_0")


def newer(path):
    store = SqliteStore(str(path))
    store.open(SystemClock().read())
    store.close()
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


def foreign(path):
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()


REFUSED = {
    "there is no store at": lambda path: None,
    "is a folder, a device or a pipe: a store needs a file": lambda path: path.mkdir(),
    "is no watchkeeper store; nothing in it was touched": lambda path: path.write_text("a text\n" * 200),
    "is a database of another program": foreign,
    "has schema version 99, written by a newer watchkeeper": newer,
}


@pytest.mark.parametrize("said", REFUSED)
def test_a_path_without_a_readable_store_is_refused_in_words(said, path):
    REFUSED[said](path)
    with pytest.raises(StoreError, match=said):
        Record(path).incidents()


READ = """
import os, sys
from watchkeeper import Record
os.setgroups([]); os.setgid(65534); os.setuid(65534)
record = Record(sys.argv[1])
print(len(record.samples('job')), record.verify().problems)
"""
"""It gives its rights up behind the imports: the other user may not read the interpreter."""


@pytest.mark.needs("root")
def test_a_store_is_read_by_a_user_who_cannot_write_its_folder(runtime, path, tmp_path):
    runtime.heartbeat("job")
    runtime.stop()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for each in tmp_path.iterdir():
            shutil.copy(each, folder)
            Path(folder, each.name).chmod(0o644)
        copy = Path(folder, path.name)
        done = subprocess.run([sys.executable, "-c", READ, copy], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 ()\n", "")


def test_a_record_is_refused_on_an_event_loop_and_says_the_way(path):
    record = Record(path)

    async def ask():
        return record.incidents()

    with pytest.raises(UsageError, match=r"incidents blocks, .*: await asyncio.to_thread\(incidents, ...\)"):
        asyncio.run(ask())


def test_every_question_of_a_record_is_labelled_sync():
    public = {name for name in vars(Record) if not name.startswith("_") and callable(getattr(Record, name))}
    assert len(public) > 15
    assert {name for name in public if surface_of(getattr(Record, name)) is not Surface.SYNC} == set()


def test_a_backup_tells_what_it_has(runtime, path, tmp_path):
    runtime.heartbeat("job", ok=False, detail="disk full")
    runtime.status()
    made = Record(path).backup(tmp_path / "copy.db")
    assert (made.incidents, made.open_incidents, made.links) == (1, 1, 1)
    assert made.until.tzinfo is UTC
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert Record(tmp_path / "copy.db").incidents() == Record(path).incidents()


def test_each_try_and_what_each_channel_took_is_told(path):
    def take(notice):
        """Takes every notice."""

    channel = Channel(id="team", call=CallChannel(name="take"))
    job = Target(id="job", every="1h", heartbeat=Heartbeat(), notify=["team"])
    runtime = Runtime(targets=[job], channels=[channel], callables={"take": take}, store=path)
    with runtime, runtime.subscribe() as events:
        runtime.heartbeat("job", ok=False, detail="disk full")
        while not isinstance(event := events.get(20), NoticeEnded):
            assert event is not None
    record = Record(path)
    (incident,) = record.incidents()
    (tried,) = record.deliveries(incident=incident.id)
    assert (tried.channel, tried.attempt, tried.result.value) == ("team", 1, "accepted")
    assert record.deliveries(key=event.notice.key) == (tried,)
    assert [(each.channel, each.told.value) for each in record.told(incident.id)] == [("team", "opened")]
    with pytest.raises(UsageError, match="give one of the two"):
        record.deliveries()


def test_backups_beside_a_writer_are_each_of_one_moment(runtime, path, tmp_path):
    """Each copy is verified against the head that was beside the store before it began."""
    ended = threading.Event()

    def report():
        good = True
        while not ended.is_set():
            good = not good
            runtime.heartbeat("job", ok=good)
            runtime.status()

    writer = threading.Thread(target=report)
    writer.start()
    try:
        made = [Record(path).backup(tmp_path / "copy.db", replace=True) for _ in range(10)]
    finally:
        ended.set()
        writer.join()
    assert made[0].links < made[-1].links
    assert [each.links for each in made] == sorted(each.links for each in made)


@pytest.mark.parametrize("suffix", ["", "-wal", "-head", "-lock", ".sock", ".tokens"])
def test_a_backup_takes_the_place_of_no_file_of_its_store(runtime, path, suffix):
    beside = path.with_name(path.name + suffix)
    kind = stat.S_IFMT(beside.lstat().st_mode) if beside.exists() else None

    with pytest.raises(StoreError, match="belongs to the store itself"):
        Record(path).backup(beside, replace=True)

    assert (stat.S_IFMT(beside.lstat().st_mode) if beside.exists() else None) == kind


def test_a_backup_takes_the_place_of_no_store_that_runs(runtime, path, tmp_path):
    other = tmp_path / "other.db"
    with Runtime(targets=[JOB], store=other) as second:
        with pytest.raises(StoreError, match=rf"process {os.getpid()} .* runs .*other\.db: stop it first"):
            Record(path).backup(other, replace=True)
        second.heartbeat("job", ok=False)
        second.status()
        assert len(Record(other).incidents()) > 0


def test_a_backup_takes_the_place_of_no_pipe(runtime, path, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(StoreError, match="is a device, a socket or a pipe"):
        Record(path).backup(pipe, replace=True)

    assert stat.S_ISFIFO(pipe.lstat().st_mode)
