"""Pages of a stand-by: the active process obeys its forms, and where that process does not answer the record is shown."""

import re
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import apsw
import pytest
from asgi import exchanged
from watchkeeper import Heartbeat, Runtime, Target

JOB = Target(id="nightly job", heartbeat=Heartbeat())
FORM = "application/x-www-form-urlencoded"


def actor(scope):
    return ("Jürgen", "operator")


@pytest.fixture
def active(store):
    with Runtime(store=store, targets=[JOB]) as runtime:
        yield runtime


@pytest.fixture
def waiting(active, store):
    with Runtime(store=store, targets=[JOB]) as runtime:
        assert runtime.role == "standby"
        yield runtime


def sent(runtime, path, fields=(), **headers):
    """Sends a form to the application as a host mounts it; returns the status, the headers and the page."""
    said = {"host": "localhost", "sec-fetch-site": "same-origin", "content-type": FORM, "accept": "text/html"}
    return exchanged(runtime.asgi(actor), "POST", path, {**said, **headers}, urlencode(fields).encode())


def test_a_form_is_the_active_process_to_obey(active, waiting):
    status, said, _ = sent(waiting, "/t/nightly job/pause", {"next": "/silences"})
    assert (status, said["location"]) == (303, "/silences")
    assert active.status()["nightly job"].paused
    assert sent(waiting, "/t/nightly job/resume")[1]["location"] == "/t/nightly%20job"
    assert not active.status()["nightly job"].paused


def test_a_silence_of_a_standby_has_its_author_and_is_ended_there(active, waiting):
    assert sent(waiting, "/silences", {"target": "nightly job", "end": "2h"})[0] == 303
    (silence,) = active.status().silences
    assert (silence.target, silence.by) == ("nightly job", "Jürgen")
    assert sent(waiting, f"/silences/{silence.id}/end")[0] == 303
    assert sent(waiting, f"/silences/{silence.id}/end")[0] == 303
    assert active.status().silences == ()


def test_an_incident_is_acknowledged_by_a_form_of_a_standby(active, waiting):
    active.heartbeat("nightly job", ok=False)
    (incident,) = active.incidents(open_only=True)
    assert sent(waiting, f"/i/{incident.id}/acknowledge", {"note": "seen", "until": "1h"})[0] == 303
    (seen,) = active.incidents(open_only=True)
    assert (seen.acknowledged_by, seen.note) == ("Jürgen", "seen")


def test_a_refusal_of_the_active_process_is_a_page_of_the_standby(active, waiting):
    status, said, page = sent(waiting, "/i/inc_0/acknowledge")
    assert (status, said["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"inc_0" in page
    status, _, page = sent(waiting, "/silences", {"target": "nightly jab"})
    assert status == 404
    assert b"did you mean" in page


def test_a_command_that_the_active_process_cannot_write_yet_is_not_said_to_be_done(active, waiting, store):
    """Another program holds the database, as a backup tool may."""
    assert "paused.1." in sent(waiting, "/t/nightly job/pause")[1]["set-cookie"]
    with closing(apsw.Connection(store)) as other:
        other.set_busy_timeout(5_000)  # the runtime may be in the middle of a commit
        other.execute("BEGIN IMMEDIATE")
        status, said, _ = sent(waiting, "/t/nightly job/resume")
        other.execute("ROLLBACK")
    assert (status, "resumed.0." in said["set-cookie"]) == (303, True)


def test_a_host_that_says_who_asks_needs_the_word_of_the_browser(active, waiting):
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": ""},
        {"origin": "https://evil.example", "sec-fetch-site": ""},
    ):
        assert sent(waiting, "/t/nightly job/pause", **headers)[0] == 403
    assert not active.status()["nightly job"].paused


# Without an answer of the active process.


@pytest.fixture
def unanswered(active, waiting, store):
    """A stand-by whose active process holds the store and cannot be reached; there is an open incident."""
    active.heartbeat("nightly job", ok=False, detail="no stock")
    (incident,) = active.incidents()
    Path(f"{store}.sock").unlink()
    return waiting, incident


def shown(runtime, path):
    status, _, page = exchanged(
        runtime.asgi(actor), "GET", path, {"host": "localhost", "accept": "text/html"}
    )
    return status, page.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/t/nightly job",
        "/incidents",
        "/i/{incident}",
        "/silences",
        "/announcements",
        "/silences/new",
        "/self",
    ],
)
def test_a_standby_shows_the_record_where_the_active_process_does_not_answer(unanswered, path):
    waiting, incident = unanswered
    status, page = shown(waiting, path.format(incident=incident.id))
    assert status == 200
    said = re.search(r'does not answer: this is the record of <time datetime="([^"]+)">', page)
    record = waiting.status()
    assert record.is_recorded
    assert said[1] == f"{record.at:%Y-%m-%dT%H:%M:%SZ}"
    assert "another one watches" not in page


def test_attempts_that_the_active_process_alone_has_are_refused_by_a_standby_without_a_wait(unanswered):
    waiting, _ = unanswered
    status, page = shown(waiting, "/api/v1/targets/nightly job/attempts")
    assert status == 503
    assert "the active process alone has the attempts, and it does not answer" in page


def test_an_active_process_that_answers_is_no_record(waiting):
    assert not waiting.status().is_recorded
    status, page = shown(waiting, "/t/nightly job")
    assert (status, "does not answer" in page) == (200, False)
    assert "this process stands by: another one watches" in page
