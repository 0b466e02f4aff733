"""A host that changes its folder: a relative name goes on meaning the file that it meant at first."""

import asyncio

import pytest
from watchkeeper import Channel, Configuration, Consecutive, Heartbeat, Log, Runtime, RuntimeOptions, Target
from watchkeeper.adapters.stores.place import current_folder
from watchkeeper.domain.read_model.event import IncidentChanged

JOB = Target(
    id="job",
    every="1h",
    heartbeat=Heartbeat(),
    rules=(Consecutive(id="down", after=1),),
    default_rules=False,
    notify=("ops",),
)
OPS = Channel(id="ops", log=Log())
MORE = Configuration(
    runtime=RuntimeOptions(store="watch.db"), channels=(OPS, Channel(id="lines", log=Log())), targets=(JOB,)
)
FILE = """
runtime: {store: watch.db}
channels: [{id: ops, log: {}}]
targets: [{id: job, every: 1h, heartbeat: {}, notify: [ops]}]
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The process is in a folder; a call changes to another one, which it returns."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.chdir(first)

    def change():
        monkeypatch.chdir(second)
        return second

    return change


def test_a_reload_elsewhere_goes_on_with_the_open_incident(elsewhere):
    with Runtime(targets=[JOB], channels=[OPS], store="watch.db") as runtime:
        events = runtime.subscribe()
        runtime.heartbeat("job", ok=False)
        before = next(event for event in events if isinstance(event, IncidentChanged)).incident
        second = elsewhere()
        runtime.reload(MORE)
        assert [incident.id for incident in runtime.incidents(open_only=True)] == [before.id]
    assert list(second.iterdir()) == []


def test_a_first_start_elsewhere_makes_the_store_where_it_was_named(elsewhere, tmp_path):
    runtime = Runtime(targets=[JOB], channels=[OPS], store="watch.db")
    second = elsewhere()
    with runtime:
        assert (tmp_path / "first" / "watch.db").exists()
    assert list(second.iterdir()) == []


def test_a_file_of_a_relative_name_is_read_again_elsewhere(elsewhere, tmp_path):
    (tmp_path / "first" / "watch.yaml").write_text(FILE)
    runtime = Runtime.from_config("watch.yaml", {})
    elsewhere()
    with runtime:
        runtime.reload()
        (tmp_path / "first" / "watch.yaml").write_text(FILE.replace("job", "[]"))
        with pytest.raises(ValueError, match=r"^watch.yaml:4:"):
            runtime.reload()
    asyncio.run(runtime.aio.reload(MORE))


def test_a_removed_folder_is_no_obstacle(elsewhere, tmp_path):
    (tmp_path / "first").rmdir()
    assert not current_folder().is_absolute()
    with Runtime(targets=[JOB], channels=[OPS]) as runtime:
        assert runtime.status().problems == ()
