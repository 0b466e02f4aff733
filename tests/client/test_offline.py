"""Commands that are written to a store while no process runs it: the next run goes on from them as from its own."""

from contextlib import closing
from datetime import UTC, datetime

import click
import pytest
from records import NOON
from watchkeeper import (
    ALL,
    CallChannel,
    Channel,
    Heartbeat,
    NotRunning,
    PublicPage,
    Runtime,
    StoreBusy,
    StoreError,
    Target,
    Threshold,
    UnknownName,
    UsageError,
    Web,
)
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.ownership.tenure_table import tenure_of
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.client.connection import Connection
from watchkeeper.client.offline import OfflineStore
from watchkeeper.domain.incidents.record import HeardMark
from watchkeeper.domain.limits import OUTAGE_TOLERANCE_NS
from watchkeeper.domain.supervision.last_heard import RUNTIME, HeardRegister
from watchkeeper.domain.time.duration import NS_PER_MINUTE
from watchkeeper.launcher.act.reach import reached
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.options import Where

TARGETS = (
    Target(id="etl", heartbeat=Heartbeat(), every="1h", notify=("team",)),
    Target(id="backup", heartbeat=Heartbeat(), every="1h", notify=("team",)),
    Target(id="port", tcp={"host": "127.0.0.1", "port": 9}, every="1h", paused=True, notify=("team",)),
)


class Watched:
    """A store with the runs and the commands in between; `told` is what its channel was told."""

    def __init__(self, path):
        self.path = path
        self.told = []

    def run(self, *reports):
        """One run: it makes these reports, delivers what is due, and stops. Returns its last status."""
        channels = [Channel(id="team", call=CallChannel(name="announce"))]
        with Runtime(
            targets=TARGETS, channels=channels, store=self.path, callables={"announce": self._announce}
        ) as runtime:
            for target, ok in reports:
                runtime.heartbeat(target, ok=ok)
            return runtime.status()

    def _announce(self, notice):
        self.told.append(f"{notice.incident.target} {notice.change.value}")

    def offline(self, **named):
        return OfflineStore(self.path, TARGETS, author="otto", **named)

    def lately_told(self):
        told, self.told = self.told, []
        return told


@pytest.fixture
def watched(tmp_path):
    made = Watched(str(tmp_path / "watch.db"))
    made.run(("etl", False))
    assert made.lately_told() == ["etl opened"]
    yield made
    StoreReader(made.path).verify()


def test_an_acknowledgement_is_told_by_the_next_run_once(watched):
    with watched.offline() as store:
        (incident,) = store.incidents()
        seen = store.acknowledge(incident.id, note="rolling back")
        assert (seen.acknowledged_by, seen.note, seen.sequence) == ("otto", "rolling back", 2)
        assert store.acknowledge(incident.id, "anna").acknowledged_by == "otto"
        assert store.unacknowledge(incident.id).acknowledged_by is None
        with pytest.raises(UnknownName, match="is not acknowledged"):
            store.unacknowledge(incident.id)
        ends = store.acknowledge(incident.id, until="2h").acknowledged_until
        assert (ends - datetime.now(UTC)).total_seconds() > 7_000
        with pytest.raises(UnknownName, match="no open incident has the id 'inc_none'"):
            store.acknowledge("inc_none")
    status = watched.run()
    assert (status.incidents[0].acknowledged_by, watched.lately_told()) == ("otto", ["etl acknowledged"])
    watched.run(("etl", True))
    assert watched.lately_told() == ["etl resolved"]


def test_a_report_is_judged_and_told_by_the_next_run(watched):
    with watched.offline() as store:
        store.heartbeat("backup", ok=False, detail="disk full")
        store.heartbeat("etl")
        assert [row.target for row in store.incidents()] == ["backup"]
        store.heartbeat("backup", ok=False, detail="disk still full")
        (row,) = store.incidents()
        assert (row.cause, row.latest) == ("reported: disk full", "reported: disk still full")
        assert store.acknowledge(row.id).sequence == 2
    status = watched.run()
    # The other one was seen before anybody was told: its channel hears of its end alone.
    assert watched.lately_told() == ["etl resolved"]
    (row,) = status.incidents
    assert (row.cause, row.latest) == ("reported: disk full", "reported: disk still full")
    steps = StoreReader(watched.path).transitions(row.id)
    assert [(step.sequence, step.change.value) for step in steps] == [(1, "opened"), (2, "acknowledged")]
    samples = StoreReader(watched.path).samples("backup", 0, 2**62)
    assert [sample.explanation for sample in samples] == [
        "reported: disk full",
        "reported: disk still full",
    ]


def test_an_exit_status_is_a_figure_that_rules_of_an_offline_store_judge(watched):
    full = Threshold(id="full", measure="exit_status", operator="==", value=28)
    backup = Target(id="backup", heartbeat=Heartbeat(), every="1h", rules=(full,), default_rules=False)
    with OfflineStore(watched.path, (backup, TARGETS[0]), author="otto") as store:
        store.heartbeat("backup", ok=False, exit_status=3)
        assert "backup" not in {row.target for row in store.incidents()}
        store.heartbeat("backup", ok=False, exit_status=28)
        row = next(row for row in store.incidents() if row.target == "backup")
        assert row.cause == "last of exit_status is 28, == 28"


def test_a_silence_holds_back_what_the_next_run_would_tell(watched):
    with watched.offline() as store:
        made = store.silence("backup", "1h", reason="deploy")
        assert (made.by, made.reason, made.created_at is not None) == ("otto", "deploy", True)
        store.silence(ALL, "1h", id="every")
        assert store.unsilence("every").target is None
        with pytest.raises(UnknownName, match="no silence in force has the id 'every'"):
            store.unsilence("every")
        with pytest.raises(UnknownName, match="no target is named 'bakup', did you mean backup"):
            store.silence("bakup", "1h")
        assert [silence.id for silence in store.silences()] == [made.id]
    assert [silence.id for silence in watched.run(("backup", False)).silences] == [made.id]
    assert watched.lately_told() == []
    with watched.offline() as store:
        store.unsilence(made.id)
    watched.run()
    assert watched.lately_told() == ["backup opened"]


def test_an_announcement_is_shown_by_the_next_run_until_it_is_ended(watched):
    web = Web(listen="127.0.0.1:0", pages=[PublicPage(id="shop", title="Shop")])
    with watched.offline(web=web) as store:
        made = store.announce("Slow", "We look into it.", pages=["shop"])
        assert (made.by, made.pages) == ("otto", ["shop"])
        changed = store.announce("Slow", "The cause is found.", pages="shop")
        assert (changed.id, changed.created_at) == (made.id, made.created_at)
        with pytest.raises(UnknownName, match="no public page is named 'shpo', did you mean shop"):
            store.announce("Slow", pages="shpo")
    (shown,) = watched.run().announcements
    assert shown.text == "The cause is found."
    with watched.offline() as store:
        assert [row.id for row in store.announcements()] == [made.id]
        assert store.end_announcement(made.id).text == "The cause is found."
        with pytest.raises(UnknownName, match=f"no announcement that stands has the id '{made.id}'"):
            store.end_announcement(made.id)
    assert watched.run().announcements == ()


def test_a_pause_is_kept_by_the_next_run_until_it_is_ended(watched):
    with watched.offline() as store:
        store.pause("etl")
        store.pause("etl", by="anna")
        with pytest.raises(UsageError, match="target 'etl' is paused: a report counts for nothing"):
            store.heartbeat("etl")
    assert watched.run()["etl"].paused is True
    assert [(mark.target, mark.by) for mark in StoreReader(watched.path).pauses()] == [("etl", "otto")]
    with watched.offline() as store:
        store.resume("etl")
        store.resume("etl")
        with pytest.raises(UsageError, match="the configuration itself pauses port: take its `paused` away"):
            store.resume("port")
    assert watched.run()["etl"].paused is False


def test_a_report_for_what_takes_none_is_refused(watched):
    with (
        watched.offline() as store,
        pytest.raises(UsageError, match="takes no heartbeats: it is of kind tcp"),
    ):
        store.heartbeat("port")
    unknown = OfflineStore(watched.path)
    with unknown as store, pytest.raises(UsageError, match="the rules of etl are in its configuration"):
        store.heartbeat("etl")


def test_a_store_that_is_run_is_busy_and_one_that_is_missing_is_not_made(watched, tmp_path):
    with Runtime(store=watched.path), pytest.raises(StoreBusy), watched.offline():
        pass
    with pytest.raises(StoreError), OfflineStore(str(tmp_path / "none.db")):
        pass
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("stopped_ns", "counted_ns"), [(NS_PER_MINUTE, NS_PER_MINUTE), (OUTAGE_TOLERANCE_NS + 1, 0)]
)
def test_a_report_between_two_runs_counts_from_its_own_moment(stopped_ns, counted_ns):
    """The stop before it counts no longer; the one after it does, as far as any stop does."""
    register = HeardRegister()
    reported_ns = NOON.wall_ns + 3 * OUTAGE_TOLERANCE_NS
    now = NOON.shifted(3 * OUTAGE_TOLERANCE_NS + stopped_ns)
    register.restore([HeardMark(RUNTIME, NOON.wall_ns), HeardMark("etl", reported_ns)], now)
    (heard,) = register.known()
    assert heard.settled(reports=True).at == now.shifted(-counted_ns)


def test_a_run_that_starts_in_between_takes_the_command_over_its_socket(watched):
    """The first attempt finds none: the run begins before the second."""
    job = Target(id="backup", heartbeat=Heartbeat())
    runtime, tried = Runtime(targets=[job], store=watched.path), []

    def act(acts):
        tried.append(type(acts))
        if len(tried) == 1:
            runtime.start()
            raise NotRunning("no process runs it")
        return acts.pause("backup").paused

    with click.Context(cli):
        assert reached(Where(None, watched.path, None, None), act) is True
    runtime.stop()
    assert [issubclass(each, Connection) for each in tried] == [True, True]


def test_a_silence_by_matchers_is_previewed_made_and_replaced_without_a_run(watched):
    with watched.offline() as store:
        preview = store.preview("back*", match=["group!=shop"])
        assert (preview.targets, preview.incidents) == (("backup",), ())
        assert store.preview(ALL, match=["group=shop"]).targets == ()
        made = store.silence("back*", "1h", match=["group!=shop"])
        again = store.silence("back*", "2h", match=["group!=shop"], reason="longer")
        assert (again.id, again.created_at) == (made.id, made.created_at)
        assert [silence.reason for silence in store.silences()] == ["longer"]
        store.silence("back*", "0s", match=["group!=shop"])
        assert store.silences() == ()


def test_a_command_after_a_process_has_taken_the_store_has_no_effect(watched):
    with (
        watched.offline() as store,
        closing(SqliteStore(watched.path, lapsed=tenure_of(watched.path))) as successor,
    ):
        # A lease without a sign of life is over.
        successor.open(SystemClock().read())
        for command in (
            lambda: store.pause("etl"),
            lambda: store.heartbeat("backup", ok=False),
            lambda: store.silence(ALL, "1h", id="s"),
        ):
            with pytest.raises(StoreBusy, match=r"process \d+ on .* has taken .*: give it the command"):
                command()
    reader = StoreReader(watched.path)
    assert (reader.pauses(), reader.silences(0), len(reader.incidents())) == ((), (), 1)
