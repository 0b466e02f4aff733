"""Acknowledgements of a runtime: durable with their end and their withdrawal, in a file and in virtual time."""

import pytest
from watchkeeper import (
    Channel,
    Consecutive,
    Heartbeat,
    Http,
    Log,
    Runtime,
    Status,
    Target,
    UnknownName,
    UsageError,
)
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.incidents.told import ChannelTold
from watchkeeper.testing import FakeRuntime

OPS = [Channel(id="ops", log=Log())]
JOB = Target(id="job", heartbeat=Heartbeat(), notify=["ops"])


def test_an_acknowledgement_its_end_and_its_withdrawal_are_read_back_from_the_store(tmp_path):
    path = str(tmp_path / "watch.db")
    with Runtime(targets=[JOB], channels=OPS, store=path) as runtime:
        runtime.heartbeat("job", ok=False)
        (incident,) = runtime.incidents(open_only=True)
        runtime.acknowledge(incident.id, "ann", "looking", until="2h")
    (held,) = StoreReader(path).incidents()
    assert (held.acknowledged_by, held.note) == ("ann", "looking")
    assert (held.acknowledged_until - held.acknowledged_at).total_seconds() == pytest.approx(7_200, abs=60)
    with Runtime(targets=[JOB], channels=OPS, store=path) as runtime:
        assert runtime.incidents(open_only=True)[0].acknowledged_until == held.acknowledged_until
        runtime.unacknowledge(incident.id, "bob")
        runtime.silence("job", "1h", reason="deploy")
    (free,) = StoreReader(path).incidents()
    assert (free.acknowledged_at, free.acknowledged_until, free.reason) == (
        None,
        None,
        "acknowledgement_withdrawn",
    )
    assert [silence.reason for silence in StoreReader(path).silences(free.at_ns)] == ["deploy"]
    (told,) = StoreReader(path).told(incident.id)
    assert isinstance(told, ChannelTold)
    assert told.channel == "ops"


def test_an_acknowledgement_in_virtual_time_ends_as_in_a_runtime():
    shop = Target(id="shop", every="30s", http=Http(url="http://shop/"), notify=("ops",))
    with FakeRuntime(targets=[shop], channels=OPS) as runtime:
        runtime.world.script("shop", "ok 1m, down")
        runtime.world.run("5m")
        (incident,) = runtime.incidents(open_only=True)
        runtime.acknowledge(incident.id, "ann", until="1h")
        runtime.world.run("30m")
        assert runtime.incidents()[0].acknowledged_by == "ann"
        runtime.world.run("31m")
        assert runtime.incidents()[0].acknowledged_by is None
        runtime.acknowledge(incident.id, "ann")
        runtime.unacknowledge(incident.id, "ann")
        assert runtime.incidents()[0].acknowledged_by is None
        with pytest.raises(UsageError, match="has passed"):
            runtime.acknowledge(incident.id, "ann", until="0s")
        with pytest.raises(UnknownName, match="no open incident is inc_0"):
            runtime.unacknowledge("inc_0", "ann")


def test_a_stopped_runtime_refuses_a_withdrawal():
    with pytest.raises(UsageError, match="not running"):
        Runtime(targets=[JOB], channels=OPS).unacknowledge("inc_0", "ann")


def test_an_open_incident_makes_its_target_down_before_the_first_sample_of_a_new_process(tmp_path):
    path = str(tmp_path / "watch.db")
    with Runtime(targets=[JOB], channels=OPS, store=path) as runtime:
        runtime.heartbeat("job", ok=False, detail="disk full")
        (opened,) = runtime.incidents(open_only=True)
    with Runtime(targets=[JOB], channels=OPS, store=path) as runtime:
        found = runtime.status()["job"]
        assert (found.status, found.since_ns, found.sample) == (Status.DOWN, opened.opened_at_ns, None)
        assert found.explanation == "reported: disk full"
        runtime.heartbeat("job")
        runtime.heartbeat("job")
        assert runtime.status()["job"].status is Status.UP


@pytest.mark.parametrize(
    ("until_worse", "told"),
    [(True, ["opened", "acknowledged", "changed"]), (None, ["opened", "acknowledged"])],
)
def test_a_rise_of_the_severity_withdraws_an_acknowledgement_that_holds_until_then(until_worse, told):
    def shop(severity):
        rule = Consecutive(id="down", after=2, severity=severity)
        return Target(
            id="shop",
            every="30s",
            http=Http(url="http://shop/"),
            notify=("ops",),
            rules=(rule,),
            default_rules=False,
        )

    with FakeRuntime(targets=[shop("warning")], channels=OPS) as runtime:
        runtime.world.script("shop", "down")
        runtime.world.run("5m")
        (incident,) = runtime.incidents(open_only=True)
        runtime.acknowledge(incident.id, "ann", until_worse=until_worse)
        runtime.track(shop("info"))
        runtime.track(shop("warning"))
        runtime.track(shop("critical"))
        runtime.world.run("1m")
        (incident,) = runtime.incidents(open_only=True)
        assert (incident.acknowledged_by is None) is bool(until_worse)
        assert [notice.change for notice in runtime.world.notices("ops")] == told
