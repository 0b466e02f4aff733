"""Heartbeats over HTTP, in the words of healthchecks."""

import pytest
from asking import Asking
from watchkeeper import Heartbeat, Runtime, Target

KEY = "key-of-the-backup-0001"


@pytest.fixture
def job(url):
    """The client of a job, which has no token."""
    return Asking(url)


def shown(runtime):
    (found,) = (each for each in runtime.status().targets if each.id == "backup")
    return found.status.value, found.sample and found.sample.detail


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_ping_reports_success_by_every_method(runtime, job, method):
    answer = job.ask(method, f"/ping/{KEY}")
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"OK")
    assert shown(runtime) == ("up", "")


@pytest.mark.parametrize(
    ("signal", "body", "expected"),
    [
        ("fail", b"", ("down", "")),
        ("fail", b"\n\n disk full\nmore", ("down", "disk full")),
        ("0", b"all done", ("up", "all done")),
        ("3", b"", ("down", "exit status 3")),
        ("255", b"out of paper", ("down", "out of paper")),
        ("fail", b"\x1b[31mred\x07\xff", ("down", r"\x1b[31mred\x07�")),
    ],
)
def test_the_end_of_a_job_is_reported_with_its_first_line(runtime, job, signal, body, expected):
    assert job.ask("POST", f"/ping/{KEY}/{signal}", body).status == 200
    assert shown(runtime) == expected


@pytest.mark.parametrize("signal", ["start", "log"])
def test_a_start_and_a_line_of_a_log_change_no_status(runtime, job, signal):
    assert job.ask("POST", f"/ping/{KEY}/{signal}", b"began").status == 200
    assert shown(runtime) == ("unknown", None)


@pytest.mark.parametrize(
    "path",
    ["/ping/no-key-of-anything", f"/ping/{KEY}x", "/ping/%F0%9F%94%91", "/ping/shop", f"/ping/{KEY}/256",
     f"/ping/{KEY}/nonsense", f"/ping/{KEY}/-1", f"/ping/{KEY}/%D9%A3"],
)  # fmt: skip
def test_a_wrong_key_and_a_wrong_signal_look_alike(runtime, job, path):
    answer = job.ask("POST", path)
    assert (answer.status, answer.body) == (404, b"not found\n")
    assert shown(runtime) == ("unknown", None)


def test_the_time_of_a_run_is_taken_between_its_start_and_its_end(job, viewer):
    job.ask("POST", f"/ping/{KEY}/start?rid=one")
    job.ask("POST", f"/ping/{KEY}/start?rid=two&create=1")
    job.ask("POST", f"/ping/{KEY}/log?rid=one", b"half way")
    job.ask("POST", f"/ping/{KEY}?rid=one")
    job.ask("POST", f"/ping/{KEY}/2?rid=other")
    rows = viewer.get("/targets/backup/pings").json["items"]
    assert [
        (row["kind"], row["run"], row["exit_status"], row["duration_ms"] is not None) for row in rows
    ] == [
        ("fail", "other", 2, False),
        ("success", "one", None, True),
        ("log", "one", None, False),
        ("start", "two", None, False),
        ("start", "one", None, False),
    ]
    assert rows[1]["duration_ms"] > 0


def test_ten_kibibytes_of_a_body_are_kept(job, viewer):
    assert job.ask("POST", f"/ping/{KEY}", b"x" * 200_000).status == 200
    (row,) = viewer.get("/targets/backup/pings").json["items"]
    assert row["body"] == "x" * 10 * 1024


def test_the_pings_of_a_target_come_in_parts(job, viewer):
    for number in range(5):
        job.ask("POST", f"/ping/{KEY}/log", b"%d" % number)
    bodies, query = [], "?limit=2"
    while query:
        part = viewer.get(f"/targets/backup/pings{query}").json
        bodies.append([row["body"] for row in part["items"]])
        query = part["next"] and f"?limit=2&after={part['next']}"
    assert bodies == [["4", "3"], ["2", "1"], ["0"]]
    assert viewer.get("/targets/backup/pings?after=none").status == 404


def test_a_ping_needs_no_token_even_where_nothing_else_is_open(runtime):
    strict = Asking(runtime.serve("127.0.0.1:0", anonymous="none"))
    assert strict.ask("GET", f"/ping/{KEY}").status == 200


def test_every_job_behind_one_address_is_heard(runtime, job):
    """A thousand jobs that end at the same time must not be refused: the ones that are would be missed."""
    assert {job.ask("POST", f"/ping/{KEY}").status for _ in range(80)} == {200}


def test_a_key_of_a_target_that_is_tracked_later_is_known(runtime, job):
    assert job.ask("GET", "/ping/key-of-a-later-job").status == 404
    runtime.track(Target(id="later", heartbeat=Heartbeat(key="key-of-a-later-job")))
    assert job.ask("GET", "/ping/key-of-a-later-job").status == 200
    runtime.untrack("later")
    assert job.ask("GET", "/ping/key-of-a-later-job").status == 404


def test_two_heartbeats_with_one_key_are_refused_without_naming_it(tmp_path):
    from watchkeeper import ConfigurationError

    targets = [Target(id=name, heartbeat=Heartbeat(key=KEY)) for name in ("one", "two")]
    with pytest.raises(ConfigurationError) as refused:
        Runtime(targets=targets).start()
    assert str(refused.value) == (
        "targets[1].heartbeat.key: the key of targets[0] stands here again: each heartbeat has its own"
    )


def test_a_key_of_another_form_is_refused_without_naming_it():
    from watchkeeper import ConfigurationError

    with pytest.raises(
        ConfigurationError, match=r"^Heartbeat: key: is no key for reports: write 16 to 128"
    ) as refused:
        Heartbeat(key="too-short")
    assert "too-short" not in str(refused.value)
    assert KEY not in repr(Heartbeat(key=KEY))
