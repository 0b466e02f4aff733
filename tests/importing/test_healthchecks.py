"""healthchecks: the heartbeats that its checks come to, and that every key of one is mapped or listed."""

import json

import pytest
from bringing import brought
from watchkeeper.adapters.importing.healthchecks import LEFT, MAPPED

UUID = "0d4b7c1e-8b9c-4f3e-9b67-2a6e3c9d5f10"
SCHEDULES = [
    ("0 3 * * *", "Europe/Berlin"),
    ("*/15 * * * *", "UTC"),
    ("0  22 * * MON-FRI", "America/New_York"),
    ("30 4 1 * *", "UTC"),
    ("0 0 * * SUN", "Asia/Tokyo"),
    ("5 4 * * 1,3,5", "UTC"),
    ("0 9-17/2 * * *", "Europe/Riga"),
    ("Mon..Fri *-*-* 03:00", "UTC"),
    ("*-*-01 06:00:00", "Europe/Berlin"),
    ("0 12 1 1,7 *", "UTC"),
]


def check(**fields):
    return {"name": "Nightly backup", "grace": 3600, "ping_url": f"https://hc.example/{UUID}", **fields}


def only(**fields):
    """The target that one check comes to."""
    made, whole = brought("healthchecks", json.dumps({"checks": [check(**fields)]}))
    assert not made.notes
    return whole.targets[0]


def test_a_check_becomes_a_heartbeat_with_the_same_key():
    target = only(slug="nightly-backup", tags="prod db", desc="Of the shop", timeout=86400)
    assert (target.id, target.name, target.every, target.description) == (
        "nightly-backup",
        "Nightly backup",
        "1d",
        "Of the shop",
    )
    assert dict(target.labels) == {"prod": "true", "db": "true"}
    heartbeat = target.heartbeat
    assert (heartbeat.key, heartbeat.grace, heartbeat.run_max) == (UUID, "1h", "1h")


def test_ten_cron_jobs_become_ten_heartbeats():
    checks = [
        check(name=f"job {number}", uuid=f"{UUID}-{number}", schedule=text, tz=zone)
        for number, (text, zone) in enumerate(SCHEDULES)
    ]
    made, whole = brought("healthchecks", json.dumps({"checks": checks}, indent=1))
    assert not made.notes
    assert [(each.heartbeat.schedule, each.heartbeat.zone) for each in whole.targets] == [
        (" ".join(text.split()), zone) for text, zone in SCHEDULES
    ]


def test_a_list_alone_is_read_too():
    _, whole = brought("healthchecks", json.dumps([check(timeout=60), check(timeout=60, uuid=f"{UUID}-2")]))
    assert [each.id for each in whole.targets] == ["Nightly backup", "Nightly backup-2"]


def test_a_paused_check_is_a_paused_target():
    assert only(status="paused", timeout=60).paused


def test_a_schedule_that_nobody_can_read_is_listed():
    made, whole = brought("healthchecks", json.dumps({"checks": [check(schedule="60 3 * * *", tz="UTC")]}))
    assert not whole.targets
    assert "heartbeat.schedule" in made.notes[0].reason


def test_an_integration_becomes_a_channel_that_is_listed_once():
    checks = [
        check(name="one", uuid=f"{UUID}-1", timeout=60, channels="1bdea468,51c6eb2b"),
        check(name="two", uuid=f"{UUID}-2", timeout=60, channels="1bdea468"),
    ]
    made, whole = brought("healthchecks", json.dumps({"checks": checks}, indent=1))
    assert [each.id for each in whole.channels] == ["1bdea468", "51c6eb2b"]
    assert [each.notify for each in whole.targets] == [("1bdea468", "51c6eb2b"), ("1bdea468",)]
    assert [note.key for note in made.notes] == ["checks[0].channels", "checks[0].channels"]


def test_an_integration_has_its_name_where_the_file_has_the_list_of_them():
    listed = [{"id": "1bdea468", "name": "My team", "kind": "email"}]
    text = json.dumps({"checks": [check(timeout=60, channels="1bdea468")], "channels": listed})
    made, whole = brought("healthchecks", text)
    assert whole.targets[0].notify == ("My team",)
    assert [note.key for note in made.notes] == ["channels[0]"]


def test_a_list_of_a_read_only_key_has_no_keys():
    made, whole = brought(
        "healthchecks", json.dumps({"checks": [{"name": "a", "timeout": 60, "unique_key": "x"}]})
    )
    assert whole.targets[0].heartbeat.key is None
    assert [note.key for note in made.notes] == ["checks[0]"]


OF_CHECKS = [key for key in (*MAPPED, *LEFT) if key.startswith("checks") and key != "checks[].channels"]


@pytest.mark.parametrize("key", [*OF_CHECKS, "checks[].new_key"])
def test_every_key_with_a_value_is_mapped_or_listed(key):
    field = key.rpartition(".")[2]
    made, _ = brought(
        "healthchecks", json.dumps({"checks": [check(timeout=60) | {field: USUAL.get(field, "1")}]})
    )
    assert (key in MAPPED) == (not made.notes)


USUAL = {"schedule": "0 3 * * *", "uuid": UUID, "ping_url": f"https://hc.example/{UUID}"}
