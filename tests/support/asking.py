"""A client of the API, over TCP with a token or over a control socket."""

import json
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlencode

from watchkeeper import Runtime
from watchkeeper.adapters.net.listening import connect_control_socket

TOKENS = {role: f"wk_{role}" for role in ("viewer", "operator", "admin")}


def tokens() -> list[dict[str, str]]:
    """One token for each role, as a configuration holds them."""
    return [
        {"name": f"a-{role}", "role": role, "sha256": sha256(token.encode()).hexdigest()}
        for role, token in TOKENS.items()
    ]


class Answered(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asking:
    """Sends one request on each connection."""

    def __init__(self, where: str, token: str | None = None, cookie: str | None = None) -> None:
        """`where` is a URL, or the path of a store."""
        self._where = where
        self._token = token
        self.cookie = cookie

    def connection(self) -> HTTPConnection:
        if self._where.startswith("http://"):
            return HTTPConnection(self._where.removeprefix("http://"), timeout=30)
        connection = HTTPConnection("localhost", timeout=30)
        connection.sock = connect_control_socket(self._where)
        connection.sock.settimeout(30)
        return connection

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """`headers` have underscores in place of hyphens; a body that is no bytes is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token is not None:
            sent.setdefault("authorization", f"Bearer {self._token}")
        if self.cookie is not None:
            sent.setdefault("cookie", self.cookie)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        connection = self.connection()
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answered(
                answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answered:
        return self.ask("GET", f"/api/v1{path}", **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answered:
        return self.ask("PUT", f"/api/v1{path}", body, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answered:
        return self.ask("POST", f"/api/v1{path}", body, **headers)

    def delete(self, path: str, **headers: str) -> Answered:
        return self.ask("DELETE", f"/api/v1{path}", **headers)

    def form(self, path: str, fields: dict[str, str], **headers: str) -> Answered:
        """Sends a form as a browser does from a page of the same origin."""
        sent = {"content_type": "application/x-www-form-urlencoded", "sec_fetch_site": "same-origin"}
        return self.ask("POST", path, urlencode(fields).encode(), **{**sent, **headers})


def cookie_in(answer: Answered) -> str:
    """The cookie that an answer sets, as a browser sends it back."""
    return answer.headers["set-cookie"].partition(";")[0]


def signed_in(url: str, link: str) -> str:
    """The cookie of a browser that has used a link, at any door of its runtime."""
    answer = Asking(url).form(f"/login/{link.rpartition('/')[2]}", {})
    assert answer.status == 303, answer
    return cookie_in(answer)


def settled(runtime: Runtime) -> None:
    """Waits until every earlier command is applied and durable."""
    runtime.status()
