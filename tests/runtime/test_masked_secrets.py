"""Secrets that a target or a receiver echoes, through a real runtime: no notice, record, status or event shows them."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote

import pytest
from watchkeeper import Runtime

TOKEN = "pa/ssw0rd+canary"  # noqa: S105  # it sings and opens nothing
CONFIG = """
runtime: {{store: record.db}}
channels:
  - id: ops
    call: {{name: inbox}}
  - id: pager
    webhook: {{url: "{url}/notices", secret: "${{HOOK}}"}}
targets:
  - id: shop
    every: 1h
    timeout: 20s
    http: {{url: "{url}/health", bearer: "${{TOKEN}}"}}
    expect: ["[BODY].said == nothing", "[BODY].login == nothing"]
    rules: [{{id: down, kind: consecutive, after: 1}}]
    notify: [ops, pager]
"""


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked with, in several forms."""

    posted = b""

    def do_GET(self):
        self._answer({"said": self.headers["Authorization"], "login": f"token={quote(TOKEN, safe='')}!"})

    def do_POST(self):
        type(self).posted += self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({})

    def _answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_token_that_a_target_echoes_into_a_condition_reaches_no_notice_and_no_record(tmp_path, echo, inbox):
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(url=echo))
    environment = {"TOKEN": TOKEN, "HOOK": "whsec_Y2FuYXJ5IG9mIHRoZSBob29r"}
    runtime = Runtime.from_config(file, environment, callables={"inbox": inbox})
    with runtime.subscribe() as events, runtime:
        runtime.check_now("shop")
        inbox.wait_for(1)
        values = (runtime.status(), *runtime.incidents(), events.get(timeout_s=20))
        seen = " ".join(value.to_json() for value in values)
    shown = inbox.notices[0].incident.explanation
    assert shown == (
        "condition_failed: [BODY].said (Bearer ***) == nothing; [BODY].login (token=***!) == nothing"
    )
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("record.db*"))
    for text in (seen, kept.decode("latin-1"), Echo.posted.decode()):
        assert "***" in text
        assert not any(form in text for form in (TOKEN, "canary"))
