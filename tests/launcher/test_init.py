"""`init`: what it prints, what it writes, and that the file passes `check` and can be run."""

import re
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from click.testing import CliRunner
from watchkeeper import Runtime, Status
from watchkeeper.launcher.main import cli

BODIES = {
    "/health": (200, b'{"version": 3, "status": "ok"}'),
    "/ill": (503, b'{"status": "failing"}'),
    "/page": (200, b"<html>"),
}


class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = BODIES[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Prints nothing."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def serving(context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    return server, thread


@pytest.fixture
def port():
    server, thread = serving()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def run(*arguments):
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    return done.exit_code, done.stdout, done.stderr


def from_each(*addresses):
    return [word for address in addresses for word in ("--from", address)]


def steady(text):
    """Returns the output with every time and the port of the API, which differ from run to run, as N."""
    return re.sub(r"\d+ ms|(?<=open http://127\.0\.0\.1:)\d+", "N", text)


def test_each_address_is_looked_at_and_watched(folder, port):
    url = f"http://127.0.0.1:{port}"
    status, said, problems = run("init", *from_each(f"{url}/health", f"tcp://127.0.0.1:{port}"))
    assert (status, problems) == (0, "")
    assert steady(said).splitlines() == [
        "looked at 2 addresses",
        f'  {url}/health   200 in N, JSON with "status": "ok"',
        f"  tcp://127.0.0.1:{port}           open in N",
        "wrote watchkeeper.yaml (2 targets, 1 channel `log`); it passes check",
        "next: watchkeeper run          then open http://127.0.0.1:N/",
    ]
    text = (folder / "watchkeeper.yaml").read_text()
    assert text.partition("targets:\n")[2] == (
        '  - id: "127.0.0.1"\n'
        f'    http: {{url: "{url}/health"}}\n'
        "    expect:\n"
        '      - "[STATUS] == 200"\n'
        '      - "[BODY].status == ok"\n'
        "\n"
        f'  - id: "127.0.0.1 {port}"\n'
        f'    tcp: {{host: "127.0.0.1", port: {port}}}\n'
    )
    assert run("check", "--strict")[:2] == (0, "ok: 2 targets, 1 channel\n")


def test_the_file_is_run_as_it_is(folder, port):
    run("init", *from_each(f"http://127.0.0.1:{port}/health"))
    runtime = Runtime.from_config("watchkeeper.yaml", {})
    events = runtime.subscribe(samples=True)
    with runtime:
        runtime.check_now("127.0.0.1")
        assert events.get(20).status is Status.UP


def test_an_address_that_fails_is_watched_all_the_same(folder, port):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gone = closed.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        status, said, _ = run("init", *from_each(f"{url}/ill", f"{url}/page", f"tcp://127.0.0.1:{gone}"))
    assert status == 0
    assert steady(said).splitlines()[1:4] == [
        f"  {url}/ill    503 in N",
        f"  {url}/page   200 in N",
        f"  tcp://127.0.0.1:{gone}".ljust(len(url) + 10)
        + f"no answer: 127.0.0.1 port {gone}: Connection refused",
    ]
    text = (folder / "watchkeeper.yaml").read_text()
    assert '      - "[STATUS] == 200"   # it answered 503\n' in text
    assert f"    # no answer: 127.0.0.1 port {gone}: Connection refused\n" in text
    assert run("check", "--strict")[0] == 0


def test_a_certificate_is_told_with_its_days(folder):
    authority = trustme.CA()
    until = datetime.now(UTC) + timedelta(days=61, hours=1)
    leaf = authority.issue_cert("127.0.0.1", not_after=until)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    server, thread = serving(context)
    try:
        # A process of its own: the authorities of the system are looked up once a process.
        said = subprocess.run(
            [
                sys.executable,
                "-m",
                "watchkeeper",
                "init",
                *from_each(f"https://127.0.0.1:{server.server_port}/health"),
            ],
            env={"SSL_CERT_FILE": str(folder / "ca.pem")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert '200 in N, certificate 61 days, JSON with "status": "ok"' in steady(said)
    text = (folder / "watchkeeper.yaml").read_text()
    assert '      - "[CERTIFICATE_EXPIRATION] > 14d"   # 61 days are left\n' in text
    assert run("check", "--strict")[0] == 0


def test_without_an_address_the_first_target_is_watchkeeper_itself(folder):
    status, said, problems = run("init")
    assert (status, problems) == (0, "")
    assert steady(said).splitlines() == [
        "wrote watchkeeper.yaml (1 target, 1 channel `log`); it passes check",
        "next: watchkeeper run          then open http://127.0.0.1:N/",
    ]
    (port,) = re.findall(r"open http://127\.0\.0\.1:(\d+)", said)
    text = (folder / "watchkeeper.yaml").read_text()
    assert f'  listen: "127.0.0.1:{port}" ' in text
    assert f'http: {{url: "http://127.0.0.1:{port}/healthz"}}' in text
    assert run("check", "--strict") == (0, "ok: 1 target, 1 channel\n", "")


def test_a_file_that_is_there_is_left_alone_without_force(folder):
    (folder / "mine.yaml").write_text("targets: []\n")
    refused = "mine.yaml is there already, and is left as it is: name another file with -o, or use --force\n"
    assert run("init", "-o", "mine.yaml") == (2, "", refused)
    assert (folder / "mine.yaml").read_text() == "targets: []\n"
    status, said, _ = run("init", "-o", "mine.yaml", "--force")
    assert status == 0
    assert "next: watchkeeper run mine.yaml  " in said
    assert [each.name for each in folder.iterdir()] == ["mine.yaml"]


WRONG = {
    "shop.example.com": "'shop.example.com' cannot be watched: did you mean https://shop.example.com?",
    "ftp://shop": "'ftp://shop' cannot be watched: write https://HOST/PATH, http://HOST/PATH or tcp://HOST:PORT",
    "tcp://shop": "'tcp://shop' cannot be watched: write tcp://HOST:PORT",
    "http://shop:99999/": "'http://shop:99999/' is no address: Port out of range",
    "https://ada:secret@shop/": "http.url: ",
}


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_cannot_be_watched_is_refused_before_any_is_looked_at(address, folder):
    status, said, refused = run("init", *from_each("http://127.0.0.1:1/", address))
    assert (status, said) == (2, "")
    assert WRONG[address] in refused
    assert "secret" not in refused
    assert list(folder.iterdir()) == []


def test_a_dollar_in_an_address_is_no_variable(folder):
    assert run("init", *from_each("http://127.0.0.1:1/${HOME}"))[0] == 0
    assert "/$${HOME}" in (folder / "watchkeeper.yaml").read_text()
    assert run("check", "--strict")[0] == 0


def test_init_into_a_folder_that_is_not_there_says_so(folder):
    ended = CliRunner().invoke(cli, ["init", "-o", "none/watchkeeper.yaml"])
    assert (ended.exit_code, ended.stderr) == (
        2,
        "there is no folder none for watchkeeper.yaml: make it first\n",
    )
