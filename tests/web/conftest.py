"""A runtime with a store, its API over TCP, and clients of every kind."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from asking import TOKENS, Asking, tokens
from watchkeeper import Channel, Heartbeat, Log, Runtime, Target, Token, Web
from watchkeeper.domain import limits
from watchkeeper.domain.specification.channel import CallChannel
from watchkeeper.domain.units import NS_PER_S

SHOP = {
    "group": "shop/front",
    "name": "The shop",
    "labels": {"team": "sales"},
    "runbook": "https://wiki.example/shop",
}
KEY = "key-of-the-backup-0001"


@pytest.fixture(autouse=True)
def written_in_time(monkeypatch):
    """A command is durable before its answer on a busy machine, too."""
    monkeypatch.setattr(limits, "SETTLED_NS", 20 * NS_PER_S)


@pytest.fixture
def hasty(monkeypatch):
    """A request is answered before a check has ended, as outside of tests: here thousands of requests are made."""
    monkeypatch.setattr(limits, "SETTLED_NS", NS_PER_S)


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "watch.db")


def refuse(notice):
    raise ValueError("this receiver takes nothing")


@pytest.fixture
def runtime(store):
    targets = [
        Target(id="backup", heartbeat=Heartbeat(key=KEY), every="1h", notify=["ops"]),
        Target(id="shop", heartbeat=Heartbeat(), every="1h", notify=["ops"], **SHOP),
    ]
    channels = [Channel(id="ops", log=Log()), Channel(id="deaf", call=CallChannel(name="refuse"))]
    web = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])
    made = Runtime(targets=targets, channels=channels, store=store, web=web, callables={"refuse": refuse})
    with made:
        yield made


@pytest.fixture
def url(runtime):
    return runtime.serve("127.0.0.1:0")


@pytest.fixture
def viewer(url):
    return Asking(url, TOKENS["viewer"])


@pytest.fixture
def operator(url):
    return Asking(url, TOKENS["operator"])


@pytest.fixture
def admin(url):
    return Asking(url, TOKENS["admin"])


@pytest.fixture
def control(runtime, store):
    """The control socket of the runtime."""
    return Asking(store)


@pytest.fixture
def incident(runtime):
    """The open incident of a target that has reported a failure."""
    runtime.heartbeat("shop", ok=False, detail="no stock")
    return runtime.incidents(open_only=True)[0]


class Failing(BaseHTTPRequestHandler):
    """Answers each request with a failure and a word."""

    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"no stock")

    def log_message(self, *args):
        pass


@pytest.fixture
def site_that_fails():
    """The URL of a web server that fails."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()
