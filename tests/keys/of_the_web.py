"""The effect of each key of the web door, seen by a client."""

import socket
from hashlib import sha256
from pathlib import Path
from typing import Any

from asking import Asking
from ports import free_port
from seeing import written
from watched import Real
from watchkeeper import Runtime

TARGETS = [{"id": "shop", "heartbeat": {}}]


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def answered(folder: Path, web: dict[str, Any], token: str | None = None, **headers: str) -> int:
    """The status of one question to a runtime with this door."""
    port = free_port()
    document = {"web": {"listen": f"127.0.0.1:{port}", **web}, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        return Asking(f"http://127.0.0.1:{port}", token).get("/status", **headers).status


def door(folder: Path, value: bool) -> bool:
    port = free_port()
    document = {"web": {"listen": f"127.0.0.1:{port}"} if value else None, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        return not connects_nowhere("127.0.0.1", port)


def connects_nowhere(host: str, port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex((host, port)) != 0


def listen(folder: Path, host: str) -> bool:
    """Whether the second address of this machine is listened on."""
    port = free_port()
    document = {"web": {"listen": f"{host}:{port}"}, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        return not connects_nowhere("127.0.0.2", port)


def anonymous(folder: Path, value: str) -> int:
    return answered(folder, {"anonymous": value}, host="watch.example")


def tokens(folder: Path, value: list[str]) -> int:
    given = [{"name": token, "role": "viewer", "sha256": digest(token)} for token in value]
    return answered(folder, {"anonymous": "none", "tokens": given}, "t1")


def sha(folder: Path, value: str) -> int:
    given = [{"name": "one", "role": "viewer", "sha256": digest(value)}]
    return answered(folder, {"anonymous": "none", "tokens": given}, "t1")


def role(folder: Path, value: str) -> int:
    """The answer to a command."""
    port = free_port()
    given = [{"name": "one", "role": value, "sha256": digest("t1")}]
    document = {"web": {"listen": f"127.0.0.1:{port}", "tokens": given}, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        return Asking(f"http://127.0.0.1:{port}", "t1").put("/targets/shop/pause").status


def name(folder: Path, value: str) -> str:
    """The author of a silence."""
    port = free_port()
    given = [{"name": value, "role": "operator", "sha256": digest("t1")}]
    document = {"web": {"listen": f"127.0.0.1:{port}", "tokens": given}, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        made = Asking(f"http://127.0.0.1:{port}", "t1").put("/silences/s", {"length": "1h"})
        return str(made.json["by"])


def trusted(folder: Path, value: list[str]) -> int:
    """The answer to a sixth client behind one proxy, after five unknown tokens from another client behind it."""
    port = free_port()
    given = [{"name": "one", "role": "viewer", "sha256": digest("t1")}]
    web = {"listen": f"127.0.0.1:{port}", "tokens": given, "trusted_proxies": value}
    with Runtime.from_config(written(folder, {"web": web, "targets": TARGETS}), {}):
        url = f"http://127.0.0.1:{port}"
        for _ in range(5):
            Asking(url, "unknown").get("/status", x_forwarded_for="203.0.113.1")
        return Asking(url, "t1").get("/status", x_forwarded_for="203.0.113.2").status


def insecure(folder: Path, value: bool) -> int:
    """The answer to a browser of another machine that opens the form to sign in."""
    port = free_port()
    document = {"web": {"listen": f"127.0.0.1:{port}", "insecure": value}, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        return Asking(f"http://127.0.0.1:{port}").ask("GET", "/login", host="watch.example").status


def target_series(folder: Path, value: bool) -> bool:
    """Whether the metrics have a series of the target."""
    port = free_port()
    document = {"web": {"listen": f"127.0.0.1:{port}", "metrics": {"targets": value}}, "targets": TARGETS}
    with Runtime.from_config(written(folder, document), {}):
        return b'target="shop"' in Asking(f"http://127.0.0.1:{port}").ask("GET", "/metrics").body


def metrics(folder: Path, value: dict[str, bool] | None) -> bool:
    port = free_port()
    web = {"listen": f"127.0.0.1:{port}"} | ({} if value is None else {"metrics": value})
    with Runtime.from_config(written(folder, {"web": web, "targets": TARGETS}), {}):
        return b'target="shop"' in Asking(f"http://127.0.0.1:{port}").ask("GET", "/metrics").body


def ping_key(folder: Path, value: str | None) -> int:
    port = free_port()
    document = {
        "web": {"listen": f"127.0.0.1:{port}"},
        "targets": [{"id": "shop", "heartbeat": {"key": value}}],
    }
    with Runtime.from_config(written(folder, document), {}):
        return Asking(f"http://127.0.0.1:{port}").ask("POST", "/ping/key-of-the-shop-0001").status


def public(folder: Path, pages: list[dict[str, Any]], name: str = "all") -> Any:
    """The title and the services of a public page, None where there is no such page."""
    port = free_port()
    targets = [
        {"id": each, "heartbeat": {}, "group": each, "public": f"The {each}"} for each in ("shop", "mail")
    ]
    document = {"web": {"listen": f"127.0.0.1:{port}", "pages": pages}, "targets": targets}
    with Runtime.from_config(written(folder, document), {}):
        answer = Asking(f"http://127.0.0.1:{port}").ask("GET", f"/public/{name}/status.json")
        if answer.status != 200:
            return None
        return answer.json["title"], [each["name"] for each in answer.json["components"]]


WEB: dict[str, Real] = {
    "Configuration.web": Real(door, (False, True), (False, True)),
    "Web.listen": Real(listen, ("127.0.0.1", "127.0.0.2"), (False, True)),
    "Web.anonymous": Real(anonymous, ("none", "viewer"), (401, 200)),
    "Web.tokens": Real(tokens, (["t2"], ["t1", "t2"]), (401, 200)),
    "Web.trusted_proxies": Real(trusted, ([], ["127.0.0.0/8"]), (429, 200)),
    "Web.insecure": Real(insecure, (False, True), (403, 200)),
    "Web.pages": Real(
        public, ([], [{"id": "all", "title": "All"}]), (None, ("All", ["The shop", "The mail"]))
    ),
    "PublicPage.id": Real(
        lambda folder, value: public(folder, [{"id": value, "title": "All"}]) is not None,
        ("shop", "all"),
        (False, True),
    ),
    "PublicPage.title": Real(
        lambda folder, value: public(folder, [{"id": "all", "title": value}])[0],
        ("All", "The shop"),
        ("All", "The shop"),
    ),
    "PublicPage.match": Real(
        lambda folder, value: public(folder, [{"id": "all", "title": "All", "match": value}])[1],
        (["group=shop"], ["group!=shop"]),
        (["The shop"], ["The mail"]),
    ),
    "Web.metrics": Real(metrics, (None, {"targets": False}), (True, False)),
    "WebMetrics.targets": Real(target_series, (True, False), (True, False)),
    "Token.name": Real(name, ("anna", "otto"), ("anna", "otto")),
    "Token.role": Real(role, ("viewer", "operator"), (403, 200)),
    "Token.sha256": Real(sha, ("t2", "t1"), (401, 200)),
    "Heartbeat.key": Real(ping_key, (None, "key-of-the-shop-0001"), (404, 200)),
}
