"""Secrets and strangers: what no answer, line or file may show, what every answer says, and what is closed by default."""

import ast
import json
import logging
import os
import re
import stat
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest
from asgi import exchanged
from asking import TOKENS, Asking, cookie_in, signed_in
from logged import messages
from streams import Listening
from watchkeeper import Heartbeat, Runtime, Target
from watchkeeper.host.access.metrics import Traffic
from watchkeeper.web import limits
from watchkeeper.web.application import application
from watchkeeper.web.authority import Authority
from watchkeeper.web.pages.routes import PAGES
from watchkeeper.web.public.routes import PUBLIC
from watchkeeper.web.resources.routes import ROUTES
from watchkeeper.web.sessions import Sessions
from watchkeeper.web.table import ApiRoute, Services, Unlocked

ROOT = Path(__file__).parents[2]
CANARY = "canary-7f3a91"
DOCUMENT = f"""
runtime: {{store: watch.db}}
web: {{listen: "127.0.0.1:0", tokens: [%s]}}
channels:
  - id: hook
    webhook: {{url: "http://127.0.0.1:9/{CANARY}", secret: "{CANARY}-secret-of-the-hook", headers: {{x-key: "{CANARY}"}}}}
targets:
  - id: shop
    every: 1h
    heartbeat: {{key: "{CANARY}-key-of-the-shop"}}
  - id: site
    every: 1h
    paused: true
    http: {{url: "http://127.0.0.1:9/", headers: {{authorization: "Bearer {CANARY}"}}, body: "{CANARY}"}}
"""


@pytest.fixture
def full(tmp_path):
    """A runtime whose configuration holds a secret in every place for one."""
    from asking import tokens

    listed = ", ".join(
        f"{{name: {each['name']}, role: {each['role']}, sha256: '{each['sha256']}'}}" for each in tokens()
    )
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(DOCUMENT % listed)
    with Runtime.from_config(path, {}) as runtime:
        yield runtime


def filled(path, target):
    values = {"target": target, "incident": "inc_0", "silence": "s"}
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "x"), path)


def readings():
    """Every route that is read, with values that lead somewhere."""
    for route in (*ROUTES, *PUBLIC, *PAGES):
        if route.method == "GET" and route.operation != "events":
            yield from (filled(route.path, target) for target in ("shop", "site"))


@pytest.fixture
def unlimited(monkeypatch):
    monkeypatch.setattr(limits, "BURST_MAX", 10**9)


def test_no_answer_of_any_role_holds_a_secret_of_the_configuration(unlimited, full, tmp_path, caplog):
    full.heartbeat("shop", ok=False)
    url = full.serve("127.0.0.1:0")
    askers = [
        Asking(url),
        Asking(str(tmp_path / "watch.db")),
        *(Asking(url, token) for token in TOKENS.values()),
    ]
    digests = [line for line in (tmp_path / "watchkeeper.yaml").read_text().split("'") if len(line) == 64]
    count = 0
    for asking in askers:
        for path in readings():
            body = asking.ask("GET", path).body.decode()
            count += 1
            assert CANARY not in body, path
            assert not [digest for digest in digests if digest in body], path
    assert count > 200
    assert CANARY not in caplog.text


def test_no_event_of_the_stream_holds_a_secret(full):
    url = full.serve("127.0.0.1:0")
    with Listening(url) as stream:
        stream.first("reset")
        full.heartbeat("shop", ok=False)
        for _, kind, data in stream.events():
            assert CANARY not in json.dumps(data)
            if kind == "incident":
                break


def test_no_refusal_repeats_a_secret_of_its_request(full, caplog):
    url = full.serve("127.0.0.1:0", anonymous="none")
    for answer in (
        Asking(url, f"wk_{CANARY}").get("/status"),
        Asking(url).get("/status", authorization=f"Basic {CANARY}"),
        Asking(url).get("/status", cookie=f"wk-1={CANARY}"),
        Asking(url).form("/login", {"token": CANARY}),
        Asking(url).ask("POST", f"/ping/{CANARY}"),
        Asking(url).form(f"/login/{CANARY}", {}),
    ):
        assert answer.status in {401, 404}
        assert CANARY.encode() not in answer.body
        assert not [value for value in answer.headers.values() if CANARY in value]
    assert CANARY not in caplog.text


@pytest.mark.parametrize("parameter", ["token", "access_token", "api_key", "key", "authorization"])
def test_a_token_in_a_url_opens_nothing_and_is_no_line_of_the_log(runtime, parameter, caplog):
    url = runtime.serve("127.0.0.1:0", anonymous="none")
    with caplog.at_level(logging.DEBUG):
        query = f"{parameter}={TOKENS['admin']}"
        assert Asking(url).get(f"/status?{query}").status == 401
        assert Asking(url).put(f"/targets/shop/pause?{query}").status == 401
        assert Asking(url, TOKENS["operator"]).put(f"/targets/shop/pause?{query}").status == 400
    assert TOKENS["admin"] not in caplog.text


def test_a_line_of_the_log_is_short_and_has_no_control_character(runtime, operator, url, caplog):
    hostile = "%1b%5b31m%0d%0a" + "x" * 8_000
    with caplog.at_level(logging.INFO):
        operator.put(f"/targets/{hostile}/pause", user_agent="\x1b[31m" + "x" * 2_000)
        Asking(url, "wk_\x1b[31m").get("/status")
    lines = messages(caplog)
    assert len(lines) == 2
    for line in lines:
        assert len(line) < 1_000
        assert line.isprintable()


def test_a_flood_of_refused_requests_leaves_at_most_five_lines(runtime, url, caplog):
    with caplog.at_level(logging.INFO):
        for number in range(100):
            Asking(url, f"wk_{number}").put("/targets/shop/pause")
            Asking(url).put("/targets/shop/pause", host="evil.example")
    assert len(messages(caplog)) <= 6


HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "vary": "Accept-Encoding, Authorization, Cookie",
}


def test_every_answer_has_the_headers_that_bind_a_browser(unlimited, runtime, url, admin):
    for asking in (admin, Asking(url), Asking(url, "wk_unknown")):
        for path in [*readings(), "/nothing", "/metrics", "/api/v1/events"]:
            answer = asking.ask("HEAD", path)
            assert {"Authorization", "Cookie"} <= set(answer.headers["vary"].split(", ")), path
            assert {**HEADERS, "vary": answer.headers["vary"]}.items() <= answer.headers.items(), path
            assert answer.headers["referrer-policy"] in {"no-referrer", "same-origin"}
            assert "server" not in answer.headers
            assert "access-control-allow-origin" not in answer.headers
    for path in ("/status", "/targets/shop/pause"):
        assert HEADERS.items() <= admin.ask("PATCH", f"/api/v1{path}").headers.items()


def test_answers_belong_to_their_reader_alone(url, admin, viewer):
    for asking in (admin, viewer, Asking(url)):
        assert asking.get("/targets").headers["cache-control"] == "private, no-cache"
    tag = admin.get("/config").headers["etag"]
    assert admin.get("/config", if_none_match=tag).status == 304
    assert viewer.get("/config", if_none_match=tag).status == 403
    assert Asking(url, "wk_x").get("/config", if_none_match="*").status == 401
    head, whole = viewer.ask("HEAD", "/api/v1/targets"), viewer.get("/targets")
    assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}


@pytest.mark.parametrize("path", ["/metrics/x", "/debug", "/debug/pprof", "/docs", "/redoc", "/openapi.json", "/.env", "/.git/config",
                                  "/admin", "/setup", "/api/v1/users", "/watch.db"])  # fmt: skip
def test_there_is_no_door_but_those_of_the_table(admin, path):
    answer = admin.ask("GET", path)
    assert answer.status == 404
    assert b"Traceback" not in answer.body


async def divide(call):
    return 1 / 0


def test_an_internal_fault_says_nothing_of_the_inside(caplog):
    route = ApiRoute("GET", "/divide", Unlocked.PUBLIC, "Divides.", divide)
    operations = SimpleNamespace(metrics=SimpleNamespace(traffic=Traffic()))
    services = Services(*[None] * len(Services._fields))._replace(operations=operations)
    app = application(services, Authority(Sessions(), tuple), lambda: None, (route,))
    status, headers, body = exchanged(app, "GET", "/divide", {"host": "localhost"})
    assert (status, json.loads(body)["detail"]) == (
        500,
        "an internal fault: the log of the runtime has it",
    )
    assert HEADERS.items() <= headers.items()
    assert "ZeroDivisionError" in caplog.text


def listening_of(process):
    """The addresses on which a process listens over TCP, by its descriptors."""
    folder = Path(f"/proc/{process}")
    sockets = set()
    for descriptor in (folder / "fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in (folder / "net" / name).read_text().splitlines()[1:]
    ]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def test_nothing_listens_over_tcp_by_default(store):
    before = listening_of(os.getpid())
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], store=store) as runtime:
        assert Asking(store).get("/status").status == 200
        assert listening_of(os.getpid()) == before
        runtime.serve("127.0.0.1:0")
        assert len(listening_of(os.getpid()) - before) == 1


def test_every_file_beside_the_store_is_for_its_user_alone_whatever_the_umask(tmp_path):
    store = str(tmp_path / "watch.db")
    before = os.umask(0)
    try:
        with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], store=store):
            Asking(store).put("/tokens/otto", {"role": "viewer"})
            modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"watch.db", "watch.db.sock", "watch.db.tokens"} <= modes.keys()
    assert set(modes.values()) == {0o600}, modes


SECRETS = re.compile(r"digest|proof|secret|presented|sha256|token_?$|known$")


def last_word(node):
    match node:
        case ast.Attribute(attr=word) | ast.Name(id=word):
            return word
    return ""


def compared_plainly(tree):
    """Yields the lines at which something that sounds like a secret is compared by `==`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops):
            sides = [
                part
                for side in (node.left, *node.comparators)
                for part in (side.elts if isinstance(side, ast.Tuple) else [side])
            ]
            if any(SECRETS.search(last_word(side)) for side in sides):
                yield node.lineno


PLAIN = {
    "web/authority.py": 1,  # two digests that are both ours: of a session, and of a token that was compared before
    "web/pages/static_files.py": 1,  # the digest of the static files, which every page shows
}


def test_no_secret_is_compared_in_a_time_that_tells_of_it():
    found = {
        path.relative_to(ROOT).as_posix(): list(compared_plainly(ast.parse(path.read_text())))
        for room in ("web", "host/access")
        for path in sorted((ROOT / room).rglob("*.py"))
    }
    assert {name: len(lines) for name, lines in found.items() if lines} == PLAIN
    assert list(compared_plainly(ast.parse("if token == presented: pass"))) == [1]


def test_an_unknown_a_revoked_and_a_shortened_token_are_refused_alike(url, admin):
    revoked = admin.put("/tokens/otto", {"role": "viewer"}).json["token"]
    admin.delete("/tokens/otto")
    said = [
        Asking(url, token).get("/status")
        for token in ("wk_x", revoked, TOKENS["viewer"][:-1], TOKENS["viewer"] + "x")
    ]
    assert (
        len(
            {
                (answer.status, answer.body, *sorted(answer.headers.items()))
                for answer in said
                if answer.headers.pop("date")
            }
        )
        == 1
    )


def test_a_used_link_and_one_that_was_never_made_are_refused_alike(runtime):
    url, _, secret = runtime.login_link().rpartition("/login/")
    signed_in(url, f"/login/{secret}")
    pages = [Asking(url).ask("GET", f"/login/{each}") for each in (secret, "x" * len(secret))]
    assert pages[0].status == pages[1].status == 404
    bodies = {re.sub(rb'data-now="\d+"', b"", page.body) for page in pages}
    assert len(bodies) == 1
    assert secret.encode() not in bodies.pop()


OPTIMISED = """
import sys
sys.path[:0] = sys.argv[2:]
from asking import Asking, cookie_in
from watchkeeper import Heartbeat, Runtime, Target
with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())], store=sys.argv[1]) as runtime:
    url, control = runtime.serve("127.0.0.1:0", anonymous="none"), Asking(sys.argv[1])
    secret = control.put("/tokens/otto", {"role": "operator"}).json["token"]
    otto = Asking(url, secret)
    print(__debug__, [otto.put("/silences/s", body, content_type="application/json").status for body in
          (b"{", b"[" * 9_999, b"x" * 99_999, b'{"length": "1h"}')], Asking(url).get("/status").status)
    browser = Asking(url, cookie=cookie_in(Asking(url).form("/login", {"token": secret})))
    print(browser.get("/status").status, browser.put("/targets/shop/pause").status, otto.get("/tokens").status)
    control.delete("/tokens/otto")
    print(browser.get("/status").status, otto.get("/status").status)
"""


def test_every_bound_holds_without_assertions(store):
    command = [sys.executable, "-O", "-P", "-c", OPTIMISED, store, str(ROOT / "tests" / "support")]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert ran.stdout.splitlines() == ["False [400, 400, 413, 200] 401", "200 403 403", "401 401"]


def test_a_connection_upgrade_is_no_way_in(url):
    connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request(
        "GET",
        "/api/v1/events",
        headers={"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://evil.example"},
    )
    assert connection.getresponse().status == 401
    connection.close()


def test_a_session_of_one_door_is_none_of_another(runtime):
    first, second = (runtime.serve("127.0.0.1:0", anonymous="none") for _ in range(2))
    cookie = cookie_in(Asking(first).form("/login", {"token": TOKENS["viewer"]}))
    assert Asking(first, cookie=cookie).get("/status").status == 200
    assert Asking(second, cookie=cookie).get("/status").status == 401
