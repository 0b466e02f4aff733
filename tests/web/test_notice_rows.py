"""Digests in the API: the group, its counts and its members, and not the lead alone."""

import pytest
from asking import Asking
from host_servers import until
from watchkeeper import Channel, Consecutive, Heartbeat, Log, Route, Runtime, Target, connect

MISSED = [Consecutive(id="missed", after=1, recover=1)]
ROUTE = Route(id="all", to=["ops"], group_by=["group"], group_wait="100ms", group_interval="1s")


@pytest.fixture
def runtime(tmp_path):
    """Three jobs of one group behind a route that makes digests."""
    jobs = [
        Target(id=name, group="etl", heartbeat=Heartbeat(), every="1h", rules=MISSED, default_rules=False)
        for name in ("load", "move", "tidy")
    ]
    channels, store = [Channel(id="ops", log=Log())], str(tmp_path / "watch.db")
    with Runtime(targets=jobs, channels=channels, routes=[ROUTE], store=store) as runtime:
        yield runtime


@pytest.fixture
def url(runtime):
    return runtime.serve("127.0.0.1:0", anonymous="viewer")


def delivered(viewer, count):
    return until(
        lambda: len(found := viewer.get("/notices?state=delivered").json["items"]) >= count and found
    )


def told(row):
    return {(member["target"], member["change"]) for member in row["digest"]["members"]}


def test_a_digest_has_its_group_its_counts_and_its_members(runtime, url):
    viewer = Asking(url)
    runtime.heartbeat("load", ok=False, detail="disk full")
    runtime.heartbeat("move", ok=False)
    first = delivered(viewer, 1)[0]
    runtime.heartbeat("load")
    rows = delivered(viewer, 2)

    assert first["subject"].endswith(" of all: group=etl")
    assert (first["digest"]["group"], first["digest"]["route"]) == ("all: group=etl", "all")
    assert first["digest"]["labels"] == {"group": "etl"}
    assert first["change"] == "opened"
    everything = set().union(*map(told, rows))
    assert everything >= {("load", "opened"), ("move", "opened"), ("load", "resolved")}
    last = next(row["digest"] for row in rows if ("load", "resolved") in told(row))
    assert (last["ended"], last["open"], last["members_left_out"]) == (1, 1, 0)
    opened = next(member for member in first["digest"]["members"] if member["target"] == "load")
    assert (opened["rule"], opened["severity"], opened["acknowledged"]) == ("missed", "critical", False)
    assert "disk full" in opened["cause"]


def test_a_member_that_is_no_lead_lists_the_digest_among_its_notices(runtime, url):
    viewer = Asking(url)
    for name in ("load", "move", "tidy"):
        runtime.heartbeat(name, ok=False)
    until(
        lambda: (
            sum(len(row["digest"]["members"]) for row in viewer.get("/notices?state=delivered").json["items"])
            == 3
        )
    )
    for incident in runtime.incidents():
        rows = viewer.get(f"/incidents/{incident.id}/notices").json["items"]
        assert [incident.id in {each["incident"] for each in row["digest"]["members"]} for row in rows] == [
            True
        ]


def test_a_notice_about_one_incident_has_no_digest(tmp_path):
    job = Target(
        id="job", heartbeat=Heartbeat(), every="1h", rules=MISSED, default_rules=False, notify=["ops"]
    )
    with Runtime(
        targets=[job], channels=[Channel(id="ops", log=Log())], store=str(tmp_path / "watch.db")
    ) as runtime:
        viewer = Asking(runtime.serve("127.0.0.1:0", anonymous="viewer"))
        runtime.heartbeat("job", ok=False)
        (row,) = delivered(viewer, 1)
    assert (row["subject"], row["digest"], row["remark"], row["reminder"]) == ("job/missed", None, "", 0)


def test_a_connection_reads_digests_as_values(runtime, url):
    runtime.heartbeat("load", ok=False)
    delivered(Asking(url), 1)
    with connect(url) as connection:
        (row,) = connection.notices()
    assert (row.digest.opened, [member.target for member in row.digest.members]) == (1, ["load"])
