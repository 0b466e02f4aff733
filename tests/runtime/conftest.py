"""A real server and real runtimes, always stopped."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from watchkeeper import Channel, Http, Target
from watchkeeper.domain.specification.channel import CallChannel


class Site:
    """A web server that answers with the status that the test sets."""

    def __init__(self) -> None:
        self.status = 200
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(site.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/health"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def shop(site):
    return Target(id="shop", every="100ms", timeout="100ms", http=Http(url=site.url), notify=("ops",))


class Inbox:
    """A channel that is a function, and its notices."""

    def __init__(self) -> None:
        self.notices = []
        self._arrived = threading.Condition()

    def __call__(self, notice) -> None:
        with self._arrived:
            self.notices.append(notice)
            self._arrived.notify_all()

    def wait_for(self, count: int) -> list[str]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.notices) >= count, 20)
            return [notice.change.value for notice in self.notices]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def ops(inbox):
    return {"channels": [Channel(id="ops", call=CallChannel(name="inbox"))], "callables": {"inbox": inbox}}
