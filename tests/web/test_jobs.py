"""Jobs over HTTP: their starts, ends, exit statuses and run ids count, and the API and the page tell their state."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from asking import TOKENS, Asking, tokens
from host_servers import until
from markup import page_of
from watchkeeper import Heartbeat, Runtime, Target, Token, Web
from watchkeeper.domain.rules.aggregate import Status

KEY = "key-of-the-nightly-0001"
NIGHTLY = Heartbeat(schedule="0 3 * * *", zone="Europe/Berlin", grace="1h", run_max="2h", key=KEY)


@pytest.fixture
def runtime(store):
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])
    with Runtime(targets=[Target(id="nightly", heartbeat=NIGHTLY)], store=store, web=web) as made:
        yield made


def job_in(viewer):
    return viewer.get("/targets/nightly").json["job"]


def figures(runtime):
    return {each.name: each.value for each in runtime.status()["nightly"].sample.measurements}


def test_a_job_is_expected_at_the_next_moment_of_its_schedule(viewer):
    job = job_in(viewer)
    assert re.fullmatch(
        r"expected (\d{4}-\d\d-\d\d )?03:00 CES?T, grace until (\d{4}-\d\d-\d\d )?04:00", job["text"]
    )
    assert job["expected_at"] < job["missed_at"]
    assert (job["running_since"], job["run_time_ms"]) == (None, None)


def test_a_run_is_told_while_it_lasts_and_its_length_afterwards(runtime, url, viewer):
    Asking(url).ask("POST", f"/ping/{KEY}/start?rid=one")
    assert runtime.status()["nightly"].running_since_ns is not None
    running = job_in(viewer)
    assert running["running_since"] is not None
    assert "; running since " in running["text"]
    Asking(url).ask("POST", f"/ping/{KEY}/0?rid=one")
    # A status may be a second old.
    until(lambda: job_in(viewer)["running_since"] is None)
    ended = job_in(viewer)
    assert ended["run_time_ms"] >= 0
    assert "; last run took " in ended["text"]
    assert set(figures(runtime)) == {"run_time", "exit_status"}


def test_an_exit_status_is_a_figure_of_the_report(runtime, url):
    Asking(url).ask("POST", f"/ping/{KEY}/3")
    assert figures(runtime) == {"exit_status": 3}


def test_an_exit_status_in_a_body_is_a_figure_and_decides(runtime, operator):
    operator.post("/targets/nightly/heartbeat", {"exit_status": 3})
    assert runtime.status()["nightly"].raw is Status.DOWN
    assert figures(runtime) == {"exit_status": 3}
    operator.post("/targets/nightly/heartbeat", {"exit_status": 0})
    assert runtime.status()["nightly"].raw is Status.UP
    assert figures(runtime) == {"exit_status": 0}


def test_the_page_of_a_job_tells_its_schedule_and_what_runs(runtime, url):
    Asking(url).ask("POST", f"/ping/{KEY}/start")
    assert runtime.status()["nightly"].running_since_ns is not None
    page = page_of(Asking(url, TOKENS["viewer"]), "/t/nightly")
    said = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))
    assert "0 3 * * * in Europe/Berlin" in said
    assert "running since " in said
    assert "grace until " in said


@pytest.fixture
def after_restart(store):
    """A runtime on the store of one that ended; of its jobs one was heard, one reported a failure and one was never heard."""
    jobs = [Target(id=name, every="1h", heartbeat=Heartbeat()) for name in ("heard", "failed", "new")]
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])
    with Runtime(targets=jobs, store=store, web=web) as first:
        first.heartbeat("heard")
        first.heartbeat("failed", ok=False)
        before = {row.id: row for row in first.status().targets}
    with Runtime(targets=jobs, store=store, web=web) as made:
        yield made, before


@pytest.mark.parametrize(("name", "status"), [("heard", "up"), ("failed", "down"), ("new", "unknown")])
def test_a_restart_keeps_the_status_of_a_job_and_when_it_is_expected(after_restart, name, status):
    made, before = after_restart
    viewer = Asking(made.serve("127.0.0.1:0"), TOKENS["viewer"])
    until(lambda: viewer.get(f"/targets/{name}").json["status"] == status)
    row, heard = viewer.get(f"/targets/{name}").json, before[name].sample
    heard_ns = before[name].since_ns if heard is None else heard.at.wall_ns
    expected = datetime.fromisoformat(row["job"]["expected_at"]) - timedelta(hours=1)
    assert abs(expected.timestamp() - heard_ns / 10**9) < 0.01
    if heard is None:
        assert row["sampled_at"] is None
    else:
        sampled = datetime.fromisoformat(row["sampled_at"])
        assert abs(sampled.timestamp() - heard_ns / 10**9) < 0.01


def test_the_page_of_a_job_tells_what_an_earlier_run_heard(after_restart):
    made, _ = after_restart
    until(lambda: made.status()["heard"].status is Status.UP)
    asking = Asking(made.serve("127.0.0.1:0"), TOKENS["viewer"])
    assert "Its last result came " in page_of(asking, "/t/heard")
    assert "It has not reported yet." in page_of(asking, "/t/new")
