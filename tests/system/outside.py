"""The outside of a process under test: targets that fail on request, and a receiver that keeps every id."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

SECRET = "a secret of the tests"  # noqa: S105  # of the tests alone: both sides of a test know it
WITHIN_S = 120.0
"""The bound of every wait: only a failing test reaches it, as a process starts within a second (LIFE_S_MAX in kill.py)."""


class QuietServer(ThreadingHTTPServer):
    """A server that ignores errors of a connection: the tests kill the peer while it is answered."""

    daemon_threads = True
    request_queue_size = 128
    """Instead of 5: up to 40 targets connect at the same moment."""

    def handle_error(self, request, client_address):
        pass


class Loopback:
    """An HTTP server on a free port, on its own threads."""

    def __init__(self, handle: Callable[[BaseHTTPRequestHandler], None]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                handle(self)

            do_POST = do_GET  # noqa: N815  # the name that the base class looks for

            def log_message(self, *arguments):
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        # Looks for a shutdown every 20 ms instead of 500: `close` waits for it.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Site(Loopback):
    """Targets by path: those in `down` answer 503; all answer after `late_s`; `asked` counts the requests to each."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.late_s = 0.0
        self.asked: dict[str, int] = {}
        self._asked = threading.Condition()
        super().__init__(self._respond)

    def _respond(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.strip("/")
        with self._asked:
            self.asked[name] = self.asked.get(name, 0) + 1
            self._asked.notify_all()
        threading.Event().wait(self.late_s)
        answer(request, 503 if name in self.down else 200)

    def wait_for_questions(self, count: int, *names: str, within_s: float = WITHIN_S) -> bool:
        """Waits until each of these targets (none: t0) has got `count` more requests. Returns False where time runs out."""
        with self._asked:
            wanted = {name: self.asked.get(name, 0) + count for name in names or ("t0",)}
            return self._asked.wait_for(
                lambda: all(self.asked.get(name, 0) >= asked for name, asked in wanted.items()), within_s
            )


class Post(NamedTuple):
    """One POST as it arrived."""

    key: str
    body: bytes
    status: int | None
    """The status of the answer; None: the connection was closed without an answer."""
    life: str
    """The process that sent it, from the URL."""
    answered_before: frozenset[str]
    """The processes that had got an answer of 200 for the same id before."""


def always_fine() -> int | None:
    return 200


class Receiver(Loopback):
    """Receives notices as the documents ask: checks the signature, applies each id once, answers 200 to a repeated one.

    `mood` returns each answer's status: one other than 200 applies nothing, None applies and closes the connection.
    """

    def __init__(self, mood: Callable[[], int | None] = always_fine) -> None:
        self.mood = mood
        self.posts: list[Post] = []
        self.applied: list[Post] = []
        self.unsigned = 0
        self._answered: dict[str, frozenset[str]] = {}
        self._keys: set[str] = set()
        self._arrived = 0
        self._changed = threading.Condition()
        super().__init__(self._respond)

    def _respond(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self._changed:
            self._arrived += 1
            self._changed.notify_all()
        if not is_genuine(request, body):
            self.unsigned += 1
            answer(request, 401)
            return
        status = self._take(request, body)
        if status is None:
            request.close_connection = True
        else:
            answer(request, status)

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> int | None:
        key, life, status = request.headers["webhook-id"], request.path.rpartition("/")[2], self.mood()
        with self._changed:
            before = self._answered.get(key, frozenset())
            post = Post(key, body, status, life, before)
            self.posts.append(post)
            if status in {200, None} and key not in self._keys:
                self._keys.add(key)
                self.applied.append(post)
            if status == 200:
                self._answered[key] = before | {life}
            self._changed.notify_all()
        return status

    def wait_for_arrivals(self, count: int, within_s: float = WITHIN_S) -> bool:
        """Waits until so many more posts have arrived, answered or not. Returns False where time runs out."""
        with self._changed:
            wanted = self._arrived + count
            return self._changed.wait_for(lambda: self._arrived >= wanted, within_s)

    def wait_until_arrived(self, count: int, within_s: float = WITHIN_S) -> bool:
        """Waits until so many posts have arrived in all, answered or not. Returns False where time runs out."""
        with self._changed:
            return self._changed.wait_for(lambda: self._arrived >= count, within_s)

    def wait_until_applied(self, change: str, count: int, within_s: float = WITHIN_S) -> bool:
        """Waits until so many notices of a change were applied in all. Returns False where time runs out."""
        with self._changed:
            return self._changed.wait_for(lambda: self.changes().count(change) >= count, within_s)

    def changes(self) -> list[str]:
        """Returns the applied changes in order: `opened`, `resolved` ..."""
        return [json.loads(post.body)["type"].removeprefix("incident.") for post in self.applied]


def answer(request: BaseHTTPRequestHandler, status: int) -> None:
    request.send_response(status)
    request.send_header("Content-Length", "2")
    request.end_headers()
    request.wfile.write(b"ok")


def is_genuine(request: BaseHTTPRequestHandler, body: bytes) -> bool:
    """Whether the post carries the signature that the secret gives."""
    key, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    digest = hmac.new(SECRET.encode(), f"{key}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    return hmac.compare_digest(request.headers["webhook-signature"], wanted)
