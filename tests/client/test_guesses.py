"""`connect` called as a newcomer guesses: each error says what to write, and no secret is in one."""

import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from asking import TOKENS, tokens
from watchkeeper import (
    Heartbeat,
    NotRunning,
    Runtime,
    Target,
    Token,
    UnknownName,
    UsageError,
    WatchkeeperError,
    Web,
    connect,
)

JOB = Target(id="etl", every="1h", heartbeat=Heartbeat())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("guesses") / "watch.db"


@pytest.fixture(scope="module")
def runtime(store):
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])
    with Runtime(targets=[JOB], store=store, web=web) as made:
        yield made


@pytest.fixture(scope="module")
def url(runtime):
    return runtime.serve("127.0.0.1:0")


@pytest.fixture
def here(runtime, store):
    return connect(store, author="otto")


@pytest.mark.parametrize(("before", "after"), [("", "\n"), (" ", "\r\n"), ("", "")])
def test_a_token_with_the_line_end_of_its_file_is_taken(url, before, after):
    assert connect(url, token=f"{before}{TOKENS['operator']}{after}").pause("etl").paused
    connect(url, token=TOKENS["operator"]).resume("etl")


@pytest.mark.parametrize(
    "token", ["Bearer wk_secret", "wk_secret\nx: y", "wk_secrét", "wk_\x00secret", "", " "]
)
def test_a_token_that_is_no_word_is_refused_without_being_shown(token):
    with pytest.raises(UsageError, match="one word such as wk_") as refused:
        connect("http://127.0.0.1:1", token=token)
    assert "secr" not in str(refused.value)


def test_a_token_of_bytes_is_refused():
    with pytest.raises(TypeError, match="a token is a text, not bytes"):
        connect("http://127.0.0.1:1", token=b"wk_secret")


@pytest.mark.parametrize("given", ["5s", None, timedelta(seconds=5)])
def test_a_timeout_that_is_no_number_is_refused(given):
    with pytest.raises(TypeError, match="timeout_s is a number of seconds"):
        connect("watch.db", timeout_s=given)


@pytest.mark.parametrize(
    "where", ["", "a\0b", "http://a b/", f"http://{'a' * 70}.example", "http://\u202ea/"]
)
def test_a_place_that_cannot_be_one_is_refused_at_once(where):
    with pytest.raises(UsageError):
        connect(where)


def test_an_address_without_its_scheme_is_said_to_be_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        NotRunning,
        match=r"no process runs 127\.0\.0\.1:8080, and there is no such file: a URL begins with http://",
    ):
        connect("127.0.0.1:8080").status()
    with pytest.raises(
        UsageError, match=r"watch\.example names a store, .* belong to a URL such as https://"
    ):
        connect("watch.example", token=TOKENS["viewer"])


def test_a_relative_store_stays_the_same_file_in_another_folder(here, store, tmp_path, monkeypatch):
    monkeypatch.chdir(store.parent)
    relative = connect(store.name)
    monkeypatch.chdir(tmp_path)
    assert relative.status()["etl"].kind == "heartbeat"
    assert repr(relative) == "<Connection to watch.db>"


@pytest.mark.parametrize(("content", "says"), [(None, "No such file"), ("hello", "it holds no certificate")])
def test_an_authority_that_cannot_be_read_is_named(url, tmp_path, content, says):
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with pytest.raises(UsageError, match=rf"`ca` cannot be read: .*ca\.pem: {says}"):
        connect(url.replace("http:", "https:"), ca=ca).status()


def test_a_server_without_tls_is_not_said_to_lack_an_authority(url):
    with pytest.raises(WatchkeeperError, match="a server without TLS has a URL with http://") as refused:
        connect(url.replace("http:", "https:")).status()
    assert "authority" not in str(refused.value)
    assert not isinstance(refused.value.__cause__, ssl.SSLError)


@contextmanager
def answering(body, kind="application/json", *, status="200 OK", more=""):
    """A server that gives every request the same answer; `more` are further lines of its head."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(65_536)
                    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{more}content-length: {len(body)}\r\n\r\n"
                    peer.sendall(head.encode() + body)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_list_without_an_end_is_no_answer_of_watchkeeper():
    with (
        answering(b'{"items": [], "next": "more"}') as there,
        pytest.raises(WatchkeeperError, match="a list of more than 1,000 parts"),
    ):
        connect(there).silences()


def test_an_end_is_written_as_for_a_runtime(here):
    for until in ("2030-01-31T12:30:00Z", "2030-01-31 12:30:00Z", "2030-01-31T14:30+02:00"):
        assert here.silence("etl", until=until).until == datetime(2030, 1, 31, 12, 30, tzinfo=UTC)
    here.heartbeat("etl", ok=False)
    incident = here.incidents(open_only=True)[0].id
    for until in ("2030-01-31T12:30:00Z", "2030-01-31 12:30:00Z"):
        seen = here.acknowledge(incident, until=until)
        assert seen.acknowledged_until == datetime(2030, 1, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda c: c.silence("etl", until="2h"), ValueError, "'2h' is no moment: write it like 2026-"),
        (lambda c: c.silence("etl", until=datetime.now(UTC)), TypeError, "a moment is a text like 2026-"),
        (lambda c: c.silence("etl", until="2030-01-31T12:30:00"), ValueError, "names no UTC offset"),
        (lambda c: c.silence("etl", "1h", match=None), TypeError, "matchers are texts such as"),
        (lambda c: c.heartbeat("etl", detail=1_204), TypeError, "expected a text, got 1204"),
        (lambda c: c.acknowledge(JOB), TypeError, "expected an id, which is a text, got Target"),
        (lambda c: c.status()["elt"], UnknownName, "no target 'elt' is watched, did you mean etl"),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(here, ask, error, says):
    with pytest.raises(error, match=says):
        ask(here)


def test_a_report_that_is_refused_for_any_reason_fails_no_job(here, caplog):
    with here.job("etl") as job:
        job.detail = 1_204
    assert here.status()["etl"].kind == "heartbeat"
    with connect("http://255.255.255.255", timeout_s=1).job("etl"):
        pass
    assert "The end of a job was not reported" in caplog.text


def test_more_requests_than_a_client_may_send_at_once_are_all_done(url):
    there = connect(url, token=TOKENS["operator"])
    assert [there.target("etl").id for _ in range(45)] == ["etl"] * 45


@pytest.mark.parametrize("more", ["retry-after: 60\r\n", "retry-after: soon\r\n", ""])
def test_a_wait_beyond_the_deadline_is_refused_at_once(more):
    body = b'{"title": "Too many requests", "status": 429, "detail": "wait a minute"}'
    with (
        answering(body, "application/problem+json", status="429 Too Many Requests", more=more) as there,
        pytest.raises(TimeoutError, match="wait a minute"),
    ):
        connect(there).silences()
