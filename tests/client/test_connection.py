"""`connect` asks and commands a runtime, by its control socket and by a token over TCP, and says clearly why it cannot."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
import trustme
import watchkeeper
from asking import TOKENS, tokens
from logged import messages
from watchkeeper import (
    ALL,
    ConfigurationError,
    Heartbeat,
    NotAllowed,
    NotRunning,
    Runtime,
    Surface,
    Target,
    Tcp,
    Token,
    UnknownName,
    UsageError,
    WatchkeeperError,
    Web,
    connect,
    surface_of,
)
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.client.connection import Connection
from watchkeeper.domain.limits import CLIENT_ANSWER_BYTES_MAX

TARGETS = [
    Target(id="etl", heartbeat=Heartbeat(), every="1h"),
    Target(id="port", tcp=Tcp(host="127.0.0.1", port=9), every="1h", paused=True),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return str(tmp_path_factory.mktemp("store") / "watch.db")


@pytest.fixture(scope="module")
def runtime(store):
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])
    with Runtime(targets=TARGETS, store=store, web=web) as made:
        yield made


@pytest.fixture(scope="module")
def url(runtime):
    return runtime.serve("127.0.0.1:0")


@pytest.fixture
def here(runtime, store):
    """By the control socket."""
    return connect(store, author="otto")


@pytest.fixture
def there(url):
    """Over TCP, as an operator."""
    return connect(url, token=TOKENS["operator"])


@pytest.fixture
def incident(here):
    """The open incident of a job that failed."""
    here.heartbeat("etl", ok=False, detail="disk full")
    yield here.incidents(open_only=True)[0]
    here.heartbeat("etl")


def until(ask):
    """Asks until the answer is true: a status may be a second old."""
    while not (found := ask()):
        threading.Event().wait(0.05)
    return found


def test_a_status_has_the_attributes_of_a_runtimes_own(here, runtime, incident):
    own = runtime.status()
    seen = until(lambda: (found := here.status())["etl"].since == own["etl"].since and found)
    assert (seen.healthy, seen.problems, seen.silences) == (own.healthy, own.problems, own.silences)
    assert [row.id for row in seen.targets] == [row.id for row in own.targets] == ["etl", "port"]
    assert (seen["etl"].status, seen["etl"].since) == (own["etl"].status, own["etl"].since)
    assert seen["port"].paused is True
    assert abs(datetime.now(UTC) - seen.at).total_seconds() < 60
    assert "etl" in seen
    assert "shop" not in seen
    with pytest.raises(UnknownName, match="no target 'shop' is watched"):
        seen["shop"]
    assert [row.id for row in seen.incidents] == [incident.id]


@pytest.mark.parametrize(("door", "author"), [("here", "otto"), ("there", "a-operator")])
def test_each_command_returns_the_state_that_it_left(request, door, author, incident):
    connection = request.getfixturevalue(door)
    with connection as same:
        assert same is connection
    assert connection.pause("etl").paused is True
    assert connection.resume("etl").paused is False
    seen = connection.acknowledge(incident.id, note="rolling back")
    assert (seen.acknowledged_by, seen.note) == (author, "rolling back")
    muted = connection.silence("etl", "90m", reason="deploy")
    assert (muted.target, muted.by, muted.reason) == ("etl", author, "deploy")
    assert 5390 < (muted.until - datetime.now(UTC)).total_seconds() <= 5400
    assert [row.id for row in connection.silences()] == [muted.id]
    assert connection.preview(ALL, match="rule=x").targets == 2
    assert connection.unsilence(muted.id).id == muted.id
    assert connection.silences() == ()
    some = connection.silence("e*", "90m", match=["rule=x"])
    assert connection.unsilence(some.id).match == ["rule=x"]
    assert connection.heartbeat("etl", ok=False, detail="again").explanation == "reported: again"
    assert connection.attempts("etl")[0].lateness_ms >= 0
    assert connection.target_names() == ("etl", "port")
    assert connection.incident(incident.id).id == incident.id
    assert connection.notices() == ()
    assert connection.redrive("msg_none") is False


def test_the_author_is_named_on_the_socket_alone(here, there, incident):
    assert here.acknowledge(incident.id, "anna").acknowledged_by == "anna"
    silence = there.silence("etl", "1h", by="anna", id="mine")
    assert (silence.id, silence.by) == ("mine", "a-operator")
    there.unsilence("mine")


def test_the_login_name_is_the_author_without_another(runtime, store, incident, monkeypatch):
    monkeypatch.setenv("LOGNAME", "wörk Яна 陈\n")
    assert connect(store).acknowledge(incident.id).acknowledged_by == "wörk Яна 陈"


REFUSED = [
    (lambda it: it.pause("elt"), UnknownName, "no target is named 'elt', did you mean etl"),
    (lambda it: it.acknowledge("inc_none"), UnknownName, "no incident has the id 'inc_none'"),
    (lambda it: it.heartbeat("port"), UsageError, "the target 'port' takes no heartbeats: it is of kind tcp"),
    (lambda it: it.silence("etl"), UsageError, "a silence has a length or an end: give one of the two"),
    (
        lambda it: it.silence("etl", "0s"),
        UsageError,
        "this silence has no possible end; /length: it must end",
    ),
    (lambda it: it.silence("etl", until="tomorrow"), ValueError, "'tomorrow' is no moment"),
    (lambda it: it.acknowledge("inc_none", until="2099-13-01"), ValueError, "'2099-13-01' is no moment"),
    (lambda it: it.silence("etl", "soon"), ValueError, "soon"),
]


@pytest.mark.parametrize(("ask", "error", "says"), REFUSED)
def test_a_refusal_is_the_error_of_the_runtime_with_the_sentence_of_the_api(here, ask, error, says):
    with pytest.raises(error) as caught:
        ask(here)
    assert says in str(caught.value)


def test_a_role_that_does_not_suffice_is_said_as_not_allowed(url, there):
    with pytest.raises(NotAllowed, match="this needs the role admin: a-operator has operator"):
        there.reload()
    with pytest.raises(PermissionError, match="this token is unknown"):
        connect(url, token=TOKENS["admin"] + "x").status()


def test_an_invalid_configuration_is_refused_with_every_problem(tmp_path):
    config = tmp_path / "watch.yaml"
    config.write_text("runtime: {store: watch.db}\ntargets: [{id: etl, every: 1h, heartbeat: {}}]\n")
    with Runtime.from_config(config, {}):
        connection = connect(tmp_path / "watch.db")
        connection.reload()
        config.write_text(
            "runtime: {store: watch.db}\ntargets: [{id: etl, every: 1x, heartbeat: {}}, {id: 7}]\n"
        )
        with pytest.raises(ConfigurationError) as caught:
            connection.reload()
    assert len(caught.value.problems) >= 2
    assert f"{config}:2:28: targets[0].every: " in str(caught.value)


def test_nothing_to_reach_is_said_with_the_place(tmp_path, store):
    with pytest.raises(NotRunning, match=f"^no process runs {tmp_path}/none.db, and there is no such file$"):
        connect(tmp_path / "none.db").status()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        at = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(NotRunning, match=f"^nothing answers at {at}: Connection refused$"):
            connect(at).status()


def test_a_process_without_a_control_socket_is_named_with_the_remedy(tmp_path):
    store = SqliteStore(str(tmp_path / "watch.db"))
    store.open(SystemClock().read())
    try:
        with pytest.raises(NotRunning) as caught:
            connect(tmp_path / "watch.db").status()
    finally:
        store.close()
    assert f"process {os.getpid()} on " in str(caught.value)
    assert "pip install 'watchkeeper[web]'" in str(caught.value)


WRONG = ["ftp://host", "http://", "http://host:port", "http://anna:secret@host", "http://host/?x=1"]


@pytest.mark.parametrize("where", WRONG)
def test_a_url_that_is_not_understood_is_refused_at_once(where):
    with pytest.raises(UsageError) as caught:
        connect(where)
    assert "secret" not in str(caught.value)


def test_a_token_for_a_control_socket_is_refused():
    with pytest.raises(UsageError, match="a control socket takes no token"):
        connect("watch.db", token=TOKENS["admin"])
    with pytest.raises(UsageError, match="timeout_s must be above 0"):
        connect("watch.db", timeout_s=0)


# Peers that are no watchkeeper.


@contextmanager
def peer(answer):
    """A server on loopback that gives each connection to `answer`, with an event that ends it."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with socket.socket(fileno=os.dup(listening.fileno())) as own:
                connected, _ = own.accept()
                with connected:
                    connected.recv(65_536)
                    answer(connected, ended)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        ended.set()
        thread.join(10)


def drip(connected, ended):
    """Sends a byte now and then: no read of it times out."""
    try:
        connected.sendall(b"HTTP/1.1 200 OK\r\n")
        while not ended.wait(0.05):
            connected.sendall(b"x")
    except OSError:
        pass


def test_an_answer_that_drips_ends_by_the_deadline():
    with peer(drip) as url, pytest.raises(TimeoutError, match=r"has not answered within 0\.5 s"):
        connect(url, timeout_s=0.5).pause("etl")


def test_a_peer_that_says_nothing_ends_by_the_deadline():
    with peer(lambda _, ended: ended.wait(10)) as url, pytest.raises(TimeoutError):
        connect(url, timeout_s=0.3).pause("etl")


def said(status, kind, body):
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"

    def answer(connected, _):
        with suppress(OSError):
            connected.sendall(head.encode() + body)

    return answer


STRANGE = [
    (said("200 OK", "text/html", b"<p>"), "answers with status 200: it is no API of watchkeeper"),
    (said("200 OK", "application/json", b"[]"), "answers otherwise than this version of watchkeeper"),
    (said("404 Not Found", "text/html", b"nginx"), "answers with status 404: it is no API of watchkeeper"),
    (said("500 Oh", "application/problem+json", b'{"detail": "a\\u001b[2Jb"}'), r"a\x1b[2Jb"),
    (lambda connected, _: connected.sendall(b"SSH-2.0-OpenSSH\r\n"), "is no watchkeeper"),
    (lambda peer, _: peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), "ended in the middle"),
    (
        said("200 OK", "application/json", b" " * (CLIENT_ANSWER_BYTES_MAX + 1)),
        "answers with more than 33,554,432 bytes",
    ),
]


@pytest.mark.parametrize(("answer", "says"), STRANGE)
def test_an_answer_of_another_program_is_said_to_be_none(answer, says):
    with peer(answer) as url, pytest.raises(WatchkeeperError) as caught:
        connect(url).pause("etl")
    assert says in str(caught.value)


def test_no_proxy_of_the_environment_is_used(url, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert connect(url, token=TOKENS["viewer"]).status().healthy is True


@pytest.fixture
def behind_tls(url):
    """A proxy with TLS before the API, and its authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    port = int(url.rpartition(":")[2])

    def forward():
        while True:
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            with connected, socket.create_connection(("127.0.0.1", port)) as behind:
                try:
                    with context.wrap_socket(connected, server_side=True) as secured:
                        behind.sendall(secured.recv(65_536))
                        while part := behind.recv(65_536):
                            secured.sendall(part)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=forward, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}", authority
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_tls_is_verified_by_the_authority_that_is_named(behind_tls, tmp_path):
    url, authority = behind_tls
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trusting = connect(url, token=TOKENS["operator"], ca=tmp_path / "ca.pem")
    assert trusting.pause("port").paused is True
    with pytest.raises(WatchkeeperError, match="name the authority of its certificate with `ca`"):
        connect(url, token=TOKENS["operator"]).pause("port")


# Jobs, labels and imports.


def test_a_job_reports_its_end(here):
    with here.job("etl") as job:
        job.detail = "3 rows"
    until(lambda: here.target("etl").status == "up")
    with pytest.raises(ZeroDivisionError), here.job("etl"):
        1 / 0  # noqa: B018  # the job fails
    until(lambda: "ZeroDivisionError" in here.target("etl").explanation)
    here.heartbeat("etl")


def test_a_report_that_cannot_be_made_fails_no_job(tmp_path, caplog):
    with peer(lambda _, ended: ended.wait(10)) as url, connect(url, timeout_s=0.2).job("etl"):
        pass
    with connect(tmp_path / "none.db").job("etl"):
        pass
    assert [line.partition(": etl: ")[2] for line in messages(caplog)] == [
        f"{url} has not answered within 0.2 s: whether it was obeyed is not known: look, and give it again if it was not",
        f"no process runs {tmp_path}/none.db, and there is no such file",
    ]


def test_every_method_carries_a_label_and_blocks_no_event_loop(here):
    named = {
        name: surface_of(getattr(Connection, name)) for name in dir(Connection) if not name.startswith("_")
    }
    bridges = {name for name, label in named.items() if label is Surface.BRIDGE}
    assert (bridges, set(named.values())) == ({"job"}, {Surface.BRIDGE, Surface.SYNC})
    assert surface_of(watchkeeper.connect) is Surface.BRIDGE

    async def within():
        with pytest.raises(UsageError, match=r"status blocks, .*: await asyncio.to_thread\(status, \.\.\.\)"):
            here.status()
        return await asyncio.to_thread(here.status)

    assert "etl" in asyncio.run(within())


def test_the_import_brings_no_library_of_http_and_a_call_none_of_the_web(runtime, store):
    script = (
        "import sys, watchkeeper\n"
        "print('http.client' in sys.modules)\n"
        f"watchkeeper.connect({store!r}).status()\n"
        "print(any(name in sys.modules for name in ('starlette', 'uvicorn')))\n"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout == "False\nFalse\n"
