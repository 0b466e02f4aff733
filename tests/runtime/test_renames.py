"""Targets that are removed or renamed between two starts, or by a reload, where the record is a file."""

import threading

import msgspec
import pytest
from msgspec import UNSET
from watchkeeper import (
    Configuration,
    ConfigurationError,
    Consecutive,
    Heartbeat,
    Runtime,
    RuntimeOptions,
    Target,
)
from watchkeeper.adapters.stores.sqlite.reader import StoreReader

WITHIN_S = 20
RULES = (Consecutive(id="down", after=1, recover=1),)
JOB = Target(id="job", every="1h", heartbeat=Heartbeat(), default_rules=False, rules=RULES)
BACKUP = Target(
    id="backup", every="1h", heartbeat=Heartbeat(), default_rules=False, rules=RULES, renamed_from=("job",)
)


@pytest.fixture
def store(tmp_path):
    """A record in which the job has failed."""
    path = tmp_path / "watch.db"
    with Runtime(targets=[JOB], store=path) as runtime:
        runtime.heartbeat("job")
        runtime.heartbeat("job", ok=False)
        assert [incident.target for incident in runtime.incidents(open_only=True)] == ["job"]
    return path


def file_of(folder, store, **target):
    path = folder / "watch.yaml"
    said = {
        "id": "job",
        "every": "1h",
        "heartbeat": {},
        "rules": [{"id": "down", "kind": "consecutive"}],
    } | target
    path.write_bytes(msgspec.json.encode({"runtime": {"store": str(store)}, "targets": [said]}))
    return path


def end_of_job(runtime):
    """Returns target and reason of the incident that ends first; None where none does in time."""
    pause = threading.Event()
    for _ in range(WITHIN_S * 100):
        ended = [incident for incident in runtime.incidents() if not incident.is_open]
        if ended or pause.wait(0.01):
            return ended[0].target, ended[0].reason
    return None


def outcomes(store, target):
    return [sample.outcome.value for sample in StoreReader(store).samples(target, 0, 2**62)]


def test_a_target_that_left_the_file_while_nothing_ran_ends_its_incident(tmp_path, store):
    with Runtime.from_config(file_of(tmp_path, store, id="other"), {}) as runtime:
        assert end_of_job(runtime) == ("job", "removed")


def test_a_rule_that_left_the_file_while_nothing_ran_ends_its_incident(tmp_path, store):
    rules = [{"id": "another", "kind": "consecutive"}]
    with Runtime.from_config(file_of(tmp_path, store, rules=rules), {}) as runtime:
        assert end_of_job(runtime) == ("job", "retired")


def test_a_target_that_a_reload_with_other_options_removes_ends_its_incident(store):
    with Runtime(targets=[JOB], store=store) as runtime:
        options = RuntimeOptions(store=str(store), grace="4s")
        runtime.reload(Configuration(runtime=options, targets=[msgspec.structs.replace(JOB, id="other")]))
        assert end_of_job(runtime) == ("job", "removed")


def test_a_renamed_target_goes_on_with_history_and_incident(store):
    with Runtime(targets=[BACKUP], store=store) as runtime:
        (incident,) = runtime.incidents(open_only=True)
        assert (incident.target, incident.sequence, incident.reason) == ("backup", 2, "renamed")
        runtime.heartbeat("backup")
        assert runtime.incidents(open_only=True) == ()
    assert outcomes(store, "backup") == ["up", "down", "up"]
    assert outcomes(store, "job") == []
    with Runtime(targets=[BACKUP], store=store) as runtime:
        runtime.heartbeat("backup", ok=False)
    assert len(outcomes(store, "backup")) == 4


def test_a_reload_that_renames_a_target_goes_on_with_its_incident_and_pause(store):
    with Runtime(targets=[JOB], store=store) as runtime:
        runtime.pause("job")
        runtime.reload(Configuration(runtime=RuntimeOptions(store=str(store)), targets=[BACKUP]))
        (incident,) = runtime.incidents(open_only=True)
        assert (incident.target, incident.reason) == ("backup", "renamed")
        assert [target.paused for target in runtime.status().targets] == [True]
        runtime.resume("backup")
        runtime.heartbeat("backup")
        assert runtime.incidents(open_only=True) == ()


def test_a_reload_that_renames_a_target_shows_its_silence_at_the_new_name_at_once(store):
    with Runtime(targets=[JOB], store=store) as runtime:
        name = runtime.silence("job", "1h", by="ann")
        runtime.reload(Configuration(runtime=RuntimeOptions(store=str(store)), targets=[BACKUP]))
        status = runtime.status()
        assert [(silence.id, silence.target) for silence in status.silences] == [(name, "backup")]
        assert status["backup"].silences == status.silences


def test_a_target_that_is_tracked_from_a_watched_name_is_refused():
    with (
        Runtime(targets=[JOB]) as runtime,
        pytest.raises(ConfigurationError, match=r"'job' is watched still"),
    ):
        runtime.track(BACKUP)


def test_a_name_that_comes_back_after_a_rename_begins_anew(store):
    with Runtime(targets=[BACKUP], store=store) as runtime:
        runtime.heartbeat("backup")
    both = [msgspec.structs.replace(BACKUP, renamed_from=UNSET), JOB]
    with Runtime(targets=both, store=store) as runtime:
        runtime.heartbeat("job")
        assert runtime.incidents(open_only=True) == ()
    assert outcomes(store, "job") == ["up"]
