"""Requests as no honest client writes them, byte by byte: hosts, lengths, ranges, pipelines and whole crowds of sockets."""

import resource
import socket
import subprocess
import sys
import threading
from gzip import compress
from pathlib import Path

import pytest
from asking import TOKENS, Asking
from logged import messages
from watchkeeper.web import limits

TOKEN = f"Authorization: Bearer {TOKENS['operator']}\r\n"


@pytest.fixture
def address(url):
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def answers_to(address, request):
    """Everything that is answered to these bytes, up to the end of the connection."""
    with socket.create_connection(address, 10) as client:
        parts = []
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65_536):
                parts.append(part)
        except OSError:
            # The server need not read all of a request that it refuses.
            pass
        return b"".join(parts)


def status_of(address, request):
    answer = answers_to(address, request)
    return int(answer.split(b" ", 2)[1]) if answer else None


HOSTS = [b"evil.example", b"localhost.evil.example", b"127.0.0.1.evil.example", b"localhost@evil.example", b"evil.example#localhost",
         b"evil.example/localhost", b"localhost:80:80", b"localhost:x", b"[::1", b"[::1]x", b"::1", b"localhost ", b"\xc4\xb1localhost", b"",
         b"127.0.0.1, evil.example", b"LOCALHOST%00", b"0.0.0.0", b"127.1", b"2130706433"]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_none_of_this_machine_opens_nothing(address, host):
    request = b"GET /api/v1/status HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    allowed = {None, 400, 401} | ({200} if host.strip() == b"localhost" else set())
    assert status_of(address, request) in allowed


def test_a_request_as_a_plain_nginx_passes_it_on_needs_a_token(address):
    # Its `proxy_pass` alone sends the address that it connects to as `Host`, and no word of the client.
    for version, status in ((b"1.0", b"401"), (b"1.1", b"200")):
        with socket.create_connection(address, 10) as client:
            client.sendall(
                b"GET /api/v1/status HTTP/"
                + version
                + b"\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n"
            )
            assert client.recv(12) == b"HTTP/1.1 " + status


@pytest.mark.parametrize("host", [b"evil.example", b"x" * 8_000, b'"><script>', b"a\tb"])
def test_no_answer_holds_the_host_of_its_request(address, host):
    for path in (b"/login", b"/login/x", b"/", b"/api/v1/status", b"/healthz", b"/api/v1/openapi.json"):
        request = (
            b"GET "
            + path
            + b" HTTP/1.1\r\nHost: "
            + host
            + b"\r\n"
            + TOKEN.encode()
            + b"Connection: close\r\n\r\n"
        )
        assert host not in answers_to(address, request)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"POST /ping/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /ping/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\nx",
        b"POST /ping/x HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\nx",
        b"POST /ping/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
        b"POST /ping/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\x00\r\n\r\n",
        b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n",
    ],
)
def test_a_request_of_two_meanings_is_refused_and_leaves_no_line(address, request_, caplog):
    answer = answers_to(address, request_)
    assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), answer[:100]
    assert messages(caplog) == []


@pytest.mark.parametrize("path", [b"/healthz", b"/ping/x", b"/login", b"/api/v1/status"])
def test_a_crowd_of_parameters_is_not_even_compared(address, path):
    # Two bytes each: seven thousand fit into a header, and comparing each with each took a second of the processor.
    answer = answers_to(
        address, b"GET " + path + b"?" + b"a&" * 7_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    assert b"a request may have 64 parameters" in answer


@pytest.mark.parametrize(
    ("path", "headers"),
    [(b"/" + b"x" * 17_000, b""), (b"/?" + b"x" * 17_000, b""), (b"/", b"X: y\r\n" * 4_200)],
)
def test_a_header_that_comes_at_once_has_the_same_bound(address, path, headers):
    answer = answers_to(address, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n")
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert b"connection: close" in answer.lower()


def put(length, body, more=""):
    head = f"PUT /api/v1/silences/s HTTP/1.1\r\nHost: localhost\r\n{TOKEN}Content-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + body


def test_a_body_that_is_shorter_than_it_says_is_no_command(address, operator):
    answers_to(address, put(100, b'{"length": "1h"}'))
    assert operator.get("/silences").json["items"] == []


def test_a_body_that_is_longer_than_it_says_is_cut_and_its_rest_is_no_request(address, operator):
    answer = answers_to(address, put(2, b'{"length": "1h"}'))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b" 200 " not in answer
    assert operator.get("/silences").json["items"] == []


def resident_kib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def test_a_packed_bomb_takes_no_memory(address, operator):
    bomb = compress(b" " * 200_000_000)
    before = resident_kib()
    for _ in range(5):
        assert status_of(address, put(len(bomb), bomb, "Content-Encoding: gzip\r\n")) in {None, 413, 415}
    assert resident_kib() - before < 50_000
    assert operator.get("/silences").json["items"] == []


def test_pipelined_requests_whose_answers_are_not_read_end_with_their_connection(
    monkeypatch, address, operator
):
    monkeypatch.setattr(limits, "WRITE_WITHIN_S", 0.5)
    request = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n{TOKEN}\r\n".encode() * 200
    before = resident_kib()
    with socket.create_connection(address, 10) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):
            send_for_ever(client, request)
    assert resident_kib() - before < 100_000
    assert Asking(f"http://{address[0]}:{address[1]}").ask("GET", "/healthz").status == 200


def send_for_ever(client, part):
    while True:
        client.sendall(part)
        threading.Event().wait(0.01)


def test_a_thousand_ranges_are_one_whole_answer(address):
    ranges = ",".join(f"{number}-{number}" for number in range(1_000))
    request = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n{TOKEN}Range: bytes={ranges}\r\nConnection: close\r\n\r\n"
    answer = answers_to(address, request.encode())
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b'"openapi":"3') == 1


def test_a_storm_of_cookies_leaves_no_line(url, caplog):
    for cookie in (
        "=;" * 5_000,
        "a=\x01",
        "; ".join(f"wk-{number}=x" for number in range(700)),
        "wk-=" + "x" * 9_000,
    ):
        assert Asking(url, cookie=cookie).get("/status").status in {200, 400}
    assert messages(caplog) == []


CROWD = """
import resource, socket, sys, time
from concurrent.futures import ThreadPoolExecutor
host, port, count, most = sys.argv[1], *map(int, sys.argv[2:])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
def connected(number):
    while True:
        client = socket.socket()
        client.settimeout(0.3)
        try:
            client.connect((host, port))
        except TimeoutError:
            client.close()
            continue
        return client
with ThreadPoolExecutor(20) as threads:
    kept = list(threads.map(connected, range(count)))
def is_gone(client):
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
for client in kept:
    client.setblocking(False)
# Some of the last ones are still in the queue of the system, or about to be closed.
ends = time.monotonic() + 20
while len(kept) > most and time.monotonic() < ends:
    here = [client for client in kept if not is_gone(client)]
    if len(here) == len(kept):
        time.sleep(0.05)
    for client in {*kept} - {*here}:
        client.close()
    kept = here
print(len(kept), flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
def test_ten_thousand_idle_sockets_are_refused_beyond_the_most_and_leave_descriptors_for_probes(
    monkeypatch, runtime, address
):
    """Those that are kept are at most what a door may have; the others are closed as they come."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(10_000, hard - 100)
    monkeypatch.setattr(limits, "HEADER_WITHIN_S", 60.0)
    most = limits.CONNECTIONS_MAX
    command = [sys.executable, "-P", "-c", CROWD, address[0], *map(str, (address[1], count, most))]
    crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        kept = int(crowd.stdout.readline())
        assert kept <= most
        used = len(list(Path("/proc/self/fd").iterdir()))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft - used > soft // 4
        runtime.heartbeat("shop", ok=False)
        assert runtime.status("0s").healthy
    finally:
        crowd.communicate("\n", timeout=30)
    assert count >= 10_000 or hard < 10_100


WITHOUT_DESCRIPTORS = """
import logging, resource, sys
from watchkeeper import Runtime, Web
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
with Runtime(web=Web(listen="127.0.0.1:0")) as runtime:
    print(runtime.serve("127.0.0.1:0"), flush=True)
    held = []
    sys.stdin.readline()
    try:
        while True:
            held.append(open("/dev/null"))
    except OSError:
        print("none left", flush=True)
    sys.stdin.readline()
    for each in held:
        each.close()
    sys.stdin.readline()
"""


def test_a_door_without_descriptors_says_so_once_and_answers_when_there_are_some():
    command = [sys.executable, "-P", "-c", WITHOUT_DESCRIPTORS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        url = child.stdout.readline().strip()
        assert Asking(url).ask("GET", "/healthz").status == 200

        def goes_on():
            child.stdin.write("\n")
            child.stdin.flush()

        goes_on()
        assert child.stdout.readline() == "none left\n"
        waiting = [Asking(url).connection() for _ in range(3)]
        for connection in waiting:
            connection.request("GET", "/healthz")
        assert child.stdout.readline() == "Connections to the API wait: Too many open files\n"
        goes_on()
        assert [connection.getresponse().status for connection in waiting] == [200] * 3
        goes_on()
        assert child.stdout.read() == ""
        for connection in waiting:
            connection.close()
