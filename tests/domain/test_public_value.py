"""Values as hosts use them: plain data, JSON, times, a short text, a table, and the names of their parts."""

import json
from datetime import UTC, datetime, timedelta
from operator import methodcaller

import msgspec
import pytest
import watchkeeper
from msgspec import UNSET
from msgspec.structs import replace
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper import Channel, Http, Log, Runtime, Target, UnknownName
from watchkeeper.adapters.stores.history.stored import Rollup, StoredSample, Summed, Totals
from watchkeeper.adapters.stores.record_reader import Verification
from watchkeeper.adapters.stores.sqlite.backup import Backup
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import BlindInterval, Outgoing, PauseMark, Silence
from watchkeeper.domain.limits import NOTEBOOK_ROWS_MAX, REPR_CHARACTERS_MAX
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.observation import Measurement, Phases
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.public_value import PublicValue
from watchkeeper.domain.read_model.event import (
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    RoleChanged,
    SampleSeen,
    WentBlind,
)
from watchkeeper.domain.read_model.histogram import Histogram
from watchkeeper.domain.read_model.status import AbandonedWork
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.supervision.retry import RetryPolicy
from watchkeeper.domain.time.moment import wall_text
from watchkeeper.testing import World

table_of = methodcaller("_repr_html_")
"""The table of a value, asked for as a notebook does."""
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_NS = 1_767_268_800_000_000_000
HTML = '<script>alert("x")<script>'
INCIDENT = opened(opened_at_ns=NOON_NS + 1_234_567, at_ns=NOON_NS + 2_000_000_000).incident
SAMPLE = sample_at(
    0,
    outcome=Outcome.DOWN,
    phases=Phases(connect_ns=1_500_000),
    latency_ns=2_500_000,
    measurements=(Measurement("depth", 7.0, ""),),
    failed=("[STATUS] (503) == 200",),
)
BLIND = BlindInterval(NOON_NS, NOON_NS + 10**9, "suspended")


def lateness(*lengths_ns):
    made = Histogram()
    for length_ns in lengths_ns:
        made.add(length_ns)
    return made.percentiles()


@pytest.fixture
def world():
    shop = Target(
        id="shop",
        every="10s",
        http=Http(url="http://h/"),
        group="web",
        labels={"team": HTML},
        notify=("ops",),
    )
    made = World([shop, Target(id=HTML, every="10s", http=Http(url="http://h/"))])
    made.script("shop", "down")
    made.run("5m")
    return made


def record_of(world):
    return world.status()["shop"].attempt


VALUES = [
    INCIDENT,
    opened(),
    notice_of(opened()),
    delivery_of(notice_of(opened()), DeliveryState.DELIVERED),
    Outgoing(notice_of(opened()), delivery_of(notice_of(opened()), DeliveryState.DELIVERED)),
    SAMPLE,
    replace(SAMPLE, locations=(SAMPLE.seen_from("fra"),)),
    SAMPLE.seen_from("fra"),
    BLIND,
    Evidence(target="shop", at_ns=NOON_NS, phases=Phases(connect_ns=7), failed=("a",), body="b"),
    PauseMark("shop", NOON_NS, "anna"),
    Silence(id="s", until_ns=NOON_NS),
    lateness(1_000_000),
    AbandonedWork(),
    AbandonedWork(left=(("calls", ("a", "b")),)),
    TargetMetadata(group="a", labels=(("b", "c"),)),
    StoredSample(NOON_NS, Outcome.UP, Reason.OK),
    Rollup(buckets=((1, 2),)),
    Totals(),
    Summed(NOON_NS, Rollup()),
    Verification(3, ("a",)),
    Backup(path="copy.db", size_bytes=1, incidents=1, open_incidents=0, links=3, until_ns=NOON_NS),
    SampleSeen(SAMPLE, Status.UP),
    IncidentChanged(INCIDENT),
    NoticeEnded(notice_of(opened()), delivery_of(notice_of(opened()), DeliveryState.DELIVERED)),
    WentBlind(BLIND),
    HealthChanged("store", "full"),
    RoleChanged("standby", "process 7 runs the store"),
    watchkeeper.Announcement(id="a", title="Slow", created_at_ns=NOON_NS, updated_at_ns=NOON_NS),
    watchkeeper.DeliveryTry(key="msg_1", attempt=1, channel="ops", at_ns=NOON_NS, took_ns=1_500_000),
    watchkeeper.ChannelTold(channel="ops"),
    watchkeeper.SilencePreview(targets=("shop",), incidents=(INCIDENT,), until_ns=NOON_NS),
    *Runtime(channels=[Channel(id="ops", log=Log())]).policies(),
]


def is_plain(value):
    match value:
        case dict():
            return all(type(key) is str and is_plain(item) for key, item in value.items())
        case list():
            return all(map(is_plain, value))
        case _:
            return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_plain_data_json_and_a_mapping(value):
    plain = value.to_dict()
    assert is_plain(plain), plain
    assert json.loads(value.to_json()) == plain
    assert dict(value) == plain
    assert not [key for key in plain if key.endswith("_ns") or key != key.lower()]
    assert table_of(value).startswith("<table>")


def test_the_status_of_a_runtime_is_plain_data(world):
    status = world.status()
    plain = json.loads(status.to_json())
    assert plain == status.to_dict()
    assert is_plain(plain)
    assert plain["healthy"] is True
    assert (plain["at"], status.at) == (wall_text(world.now.wall_ns), world.now.utc)
    assert plain["problems"] == {}
    assert plain["counters"]["incidents_opened"] == 1
    shop, other = plain["targets"]
    assert (shop["id"], shop["status"], shop["group"], shop["labels"]) == (
        "shop",
        "down",
        "web",
        {"team": HTML},
    )
    assert shop["since"] == plain["incidents"][0]["opened_at"]
    assert shop["attempt"]["state"] == "finished"
    assert "group" not in other


def test_times_are_rfc_3339_and_lengths_are_milliseconds():
    plain = INCIDENT.to_dict()
    assert plain["opened_at"] == "2026-01-01T12:00:00.001Z"
    assert plain["at"] == "2026-01-01T12:00:02.000Z"
    assert plain["resolved_at"] is None
    assert (plain["status"], plain["severity"], plain["id"]) == ("open", "critical", "inc_1")
    assert then(opened(), TransitionKind.RESOLVED).to_dict()["status"] == "resolved"
    plain = SAMPLE.to_dict()
    assert plain["at"] == "2026-01-01T12:00:00.000Z"
    assert (plain["latency_ms"], plain["phases"]["connect_ms"]) == (2.5, 1.5)
    assert plain["measurements"] == [{"name": "depth", "value": 7.0, "unit": ""}]
    assert lateness(3_000_000).to_dict() == {
        "count": 1,
        "p50_ms": 3.0,
        "p90_ms": 3.0,
        "p99_ms": 3.0,
        "max_ms": 3.0,
    }


def test_an_incident_says_its_cause_its_newest_finding_the_person_that_saw_it_and_how_long_it_lasted():
    seen = opened(
        cause="503", latest="timeout", acknowledged_by="anna", acknowledged_at_ns=NOON_NS, note="disk"
    )
    plain = then(seen, TransitionKind.RESOLVED).incident.to_dict()
    said = [
        plain[key] for key in ("cause", "latest", "acknowledged_by", "acknowledged_at", "note", "lasted_ms")
    ]
    assert said == ["503", "timeout", "anna", "2026-01-01T12:00:00.000Z", "disk", 2_000.0]
    assert seen.to_dict()["lasted_ms"] is None


def test_a_field_that_is_not_there_is_left_out():
    assert "about" not in INCIDENT.to_dict()
    assert "shared_age_ms" not in SAMPLE.to_dict()
    shared = msgspec.structs.replace(SAMPLE, shared_age_ns=5_000_000)
    assert shared.to_dict()["shared_age_ms"] == 5.0
    described = msgspec.structs.replace(INCIDENT, about=TargetMetadata(link="https://wiki/"))
    assert described.to_dict()["about"] == {"link": "https://wiki/"}
    assert msgspec.structs.replace(described, about=UNSET) == INCIDENT


def test_times_are_datetimes_in_utc():
    assert INCIDENT.opened_at == AT + timedelta(microseconds=1_234)
    assert INCIDENT.at == AT + timedelta(seconds=2)
    assert (INCIDENT.resolved_at, INCIDENT.acknowledged_at) == (None, None)
    resolved = then(opened(), TransitionKind.RESOLVED, acknowledged_at_ns=NOON_NS)
    assert (resolved.resolved_at, resolved.acknowledged_at) == (AT + timedelta(seconds=1), AT)
    assert (BLIND.started_at, BLIND.ended_at) == (AT, AT + timedelta(seconds=1))
    silence = Silence(id="s", until_ns=NOON_NS, created_at_ns=NOON_NS)
    assert (silence.until, silence.created_at) == (AT, AT)
    assert Silence(id="s", until_ns=NOON_NS).created_at is None
    assert StoredSample(NOON_NS, Outcome.UP, Reason.OK).at == AT
    assert Evidence(target="shop", at_ns=NOON_NS).at == AT
    assert (PauseMark("shop", NOON_NS).at, PauseMark("shop", None).at) == (AT, None)
    assert (NOON.utc, SAMPLE.at.utc) == (AT, AT)
    notice = notice_of(opened())
    assert notice.created_at.tzinfo is UTC
    assert delivery_of(notice, DeliveryState.DEAD).at.tzinfo is UTC


def test_lengths_have_their_milliseconds_by_name(world):
    assert SAMPLE.latency_ms == 2.5
    assert sample_at(0, latency_ns=None).latency_ms is None
    assert StoredSample(NOON_NS, Outcome.UP, Reason.OK, latency_ns=1_500_000).latency_ms == 1.5
    found = lateness(3_000_000)
    assert (found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms) == (3.0, 3.0, 3.0, 3.0)
    assert record_of(world).lateness_ms == record_of(world).lateness_ns / 1e6


def test_a_target_is_found_in_the_status_by_its_name(world):
    status = world.status()
    assert status["shop"].status is Status.DOWN
    assert status["shop"].since == status.incidents[0].opened_at
    assert ("shop" in status, "till" in status) == (True, False)
    with pytest.raises(UnknownName, match="no target 'till' is watched"):
        status["till"]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_each_value_is_shown_in_one_short_line(value):
    assert len(repr(value)) <= REPR_CHARACTERS_MAX
    assert repr(value).isprintable()


LENGTHS = [
    INCIDENT,
    SAMPLE,
    StoredSample(NOON_NS, Outcome.UP, Reason.OK, latency_ns=1_500_000),
    watchkeeper.DeliveryTry(key="msg_1", attempt=1, channel="ops", at_ns=NOON_NS, took_ns=1_500_000),
]


@pytest.mark.parametrize("value", LENGTHS, ids=lambda value: type(value).__name__)
def test_each_length_has_its_milliseconds_by_name(value):
    lengths = {key: length for key, length in value.to_dict().items() if key.endswith("_ms")}
    assert {key: getattr(value, key) for key in lengths} == lengths != {}


def test_a_bound_of_a_length_is_in_milliseconds_as_well():
    row = RetryPolicy(name="ops").to_dict()
    assert (row["backoff_max_ms"], row["retry_after_max_ms"]) == (300_000.0, 3_600_000.0)


def test_a_value_is_shown_in_one_short_line(world):
    status = world.status()
    assert repr(status) == "<RuntimeStatus: 2 targets, 1 down, 1 up, 1 open incident, healthy>"
    assert repr(status["shop"]).startswith("<TargetStatus 'shop': down since 2026-01-01T00:0")
    assert repr(INCIDENT) == (
        "<Incident inc_1 #1: shop/down opened (critical) since 2026-01-01T12:00:00.001Z>"
    )
    assert repr(notice_of(opened())).endswith(": opened shop/down to ops>")
    troubled = msgspec.structs.replace(status, problems=(("store", "full"),))
    assert repr(troubled).endswith("1 problem of its own>")


def test_a_notebook_shows_targets_with_a_problem_first_and_every_text_escaped(world):
    table = table_of(world.status())
    assert table.index("<td>shop</td><td>down</td>") < table.index("<td>up</td>")
    assert "connection_refused" in table
    assert "<script" not in table
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;script&gt;" in table
    assert "<script" not in table_of(world.status()["shop"])


def test_a_table_in_a_notebook_is_bounded(world):
    status = world.status()
    many = msgspec.structs.replace(status, targets=status.targets[:1] * (NOTEBOOK_ROWS_MAX + 50))
    assert table_of(many).count("<tr>") == NOTEBOOK_ROWS_MAX + 2


def test_each_public_value_of_the_package_is_one_of_these():
    public = [getattr(watchkeeper, name) for name in watchkeeper.__all__]
    values = {each for each in public if isinstance(each, type) and issubclass(each, PublicValue)}
    assert {watchkeeper.Incident, watchkeeper.Notice, watchkeeper.Sample, watchkeeper.RuntimeStatus} <= values
    of_world = {watchkeeper.RuntimeStatus, watchkeeper.TargetStatus, watchkeeper.AttemptRecord}
    kinds = {type(value) for value in VALUES} | of_world
    assert values - kinds == set()
