"""Clients that are silent, slow, greedy or too many: each is gone in time, and none delays a stop or another client."""

import json
import resource
import socket
import threading
import time
from contextlib import ExitStack

import pytest
from asking import TOKENS, Asking
from logged import messages
from watchkeeper.web import limits
from watchkeeper.web.serving import accepted_at_once, connections_max

WAITED_S = 20
HEAD = f"Host: localhost\r\nAuthorization: Bearer {TOKENS['operator']}\r\n"
CLIENTS = {
    "silent": b"",
    "half a header": b"GET /api/v1/status HTTP/1.1\r\nHost: local",
    "half a body": f"PUT /api/v1/silences/s HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode(),
    "half a body of a ping": b"POST /ping/key-of-the-backup-0001 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
    "an endless chunked body": f"PUT /api/v1/silences/s HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode(),
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """Bounds of a few hundred milliseconds; the real ones are 5 and 8 seconds."""
    for name, value in (("HEADER_WITHIN_S", 0.3), ("BODY_WITHIN_S", 0.5), ("WRITE_WITHIN_S", 0.5)):
        monkeypatch.setattr(limits, name, value)


@pytest.fixture
def patient(monkeypatch):
    """Bounds beyond the time that a test waits: another bound ends what ends."""
    for name in ("HEADER_WITHIN_S", "BODY_WITHIN_S", "WRITE_WITHIN_S"):
        monkeypatch.setattr(limits, name, 2.0 * WAITED_S)


def connected(url):
    host, _, port = url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), WAITED_S)


def wait_until_gone(client):
    """Waits until the server ends a connection; a time-out of the test where it keeps it."""
    try:
        while client.recv(65_536):
            pass
    except ConnectionResetError:
        pass


def send_until_refused(client, part):
    for _ in range(int(WAITED_S / 0.02)):
        client.sendall(part)
        threading.Event().wait(0.02)


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_that_does_not_finish_its_request_is_gone_in_time(quick, url, kind):
    with connected(url) as client:
        client.sendall(CLIENTS[kind])
        wait_until_gone(client)


def test_a_client_that_drips_its_header_is_gone_in_time(quick, url):
    with connected(url) as client, pytest.raises(ConnectionError):
        send_until_refused(client, b"G")


def test_a_client_that_never_reads_is_gone_in_time(quick, runtime, url, monkeypatch):
    """Answers of a megabyte fill the buffers of the system."""
    with connected(url) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        request = f"GET /api/v1/openapi.json HTTP/1.1\r\n{HEAD}\r\n".encode()
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):
            send_until_refused(client, request * 20)
    # The next request has the usual time to come.
    monkeypatch.undo()
    assert Asking(url, TOKENS["viewer"]).get("/status").status == 200


def test_a_connection_that_is_kept_open_may_rest_between_requests_for_a_while(url):
    with connected(url) as client:
        for _ in range(2):
            client.sendall(f"GET /healthz HTTP/1.1\r\n{HEAD}\r\n".encode())
            head = b""
            while not head.endswith(b"ok\n"):
                head += client.recv(65_536)
            assert head.startswith(b"HTTP/1.1 200")
            threading.Event().wait(0.1)


def test_a_connection_beyond_the_most_is_closed_at_once(patient, monkeypatch, url):
    monkeypatch.setattr(limits, "CONNECTIONS_MAX", 3)
    with ExitStack() as open_:
        clients = [open_.enter_context(connected(url)) for _ in range(5)]
        for client in clients[3:]:
            wait_until_gone(client)
        clients[0].sendall(f"GET /healthz HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert clients[0].recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_door_takes_a_quarter_of_the_descriptors_at_most(monkeypatch):
    monkeypatch.setattr(limits, "CONNECTIONS_MAX", 10**9)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections_max() == descriptors // 4


def test_a_round_of_accepting_takes_a_sixteenth_of_the_descriptors_at_most(monkeypatch):
    monkeypatch.setattr(limits, "ACCEPTED_AT_ONCE", 10**9)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert accepted_at_once() == descriptors // 16


def test_silent_clients_do_not_delay_a_stop(patient, runtime, url):
    with ExitStack() as open_:
        for kind in [*CLIENTS] * 4:
            open_.enter_context(connected(url)).sendall(CLIENTS[kind])
        stream = open_.enter_context(connected(url))
        stream.sendall(f"GET /api/v1/events HTTP/1.1\r\n{HEAD}\r\n".encode())
        stream.recv(65_536)
        began = time.perf_counter()
        assert not runtime.stop()
        assert time.perf_counter() - began < WAITED_S


def answered(url, request):
    with connected(url) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        parts = []
        try:
            while part := client.recv(65_536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 17_000, b"400"),
        (b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", b"400"),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
    ],
)
def test_a_malformed_request_is_refused_without_a_line_in_the_log(url, request_, status, caplog):
    assert answered(url, request_).startswith(b"HTTP/1.1 " + status)
    assert messages(caplog) == []


def test_many_requests_in_one_packet_are_answered_one_by_one(url):
    answers = answered(url, f"GET /healthz HTTP/1.1\r\n{HEAD}\r\n".encode() * 50)
    assert answers.count(b"HTTP/1.1 200") == 50


def test_streams_beyond_the_most_are_refused(monkeypatch, url):
    monkeypatch.setattr(limits, "STREAMS_MAX", 1)
    with connected(url) as first:
        first.sendall(f"GET /api/v1/events HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert first.recv(65_536).startswith(b"HTTP/1.1 200")
        refused = Asking(url, TOKENS["viewer"]).get("/events")
        assert (refused.status, json.loads(refused.body)["detail"]) == (
            429,
            "too many streams are open: close one",
        )
