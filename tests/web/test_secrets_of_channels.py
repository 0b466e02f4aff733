"""Each channel against a receiver that echoes every secret that it was sent: no answer, page, line of the log or record shows one."""

import json
import ssl
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from asking import TOKENS, Asking, tokens
from click.testing import CliRunner
from host_servers import until
from mail_server import MailServer
from watchkeeper import Channel, ConfigurationError, Runtime, TryResult
from watchkeeper.launcher.main import cli

CANARY = "canary7f3a91"
KEY = CANARY + "0" * 20
HTTP = {
    "webhook": {
        "webhook": {"url": "URL/CANARY", "secret": "CANARY-of-the-hook", "headers": {"X-Key": "CANARY"}}
    },
    "slack": {"slack": {"token": "xoxb-CANARY", "channel": "#ops", "api": "URL"}},
    "slack-hook": {"slack": {"url": "URL/services/T0/B0/CANARY"}},
    "pagerduty": {"pagerduty": {"routing_key": KEY, "api": "URL"}},
    "discord": {"discord": {"url": "URL/api/webhooks/1/CANARY"}},
    "telegram": {"telegram": {"token": "123456:CANARY", "chat": 1, "api": "URL"}},
    "ntfy": {"ntfy": {"topic": "CANARY", "token": "tk_CANARY", "server": "URL"}},
    "alertmanager": {"alertmanager": {"url": "URL", "headers": {"Authorization": "Bearer CANARY"}}},
}
ELSEWHERE = {
    "apprise": {"apprise": {"urls": ["JSON/CANARY"]}},
    "exec": {"exec": {"argv": ["/bin/sh", "-c", "env; env >&2; exit 1"], "environment": {"TOKEN": "CANARY"}}},
    "email": {"email": {"to": ["a@b.test"], "from": "c@d.test", "smtp": "SMTPS", "tls": {"verify": False}}},
}
SILENT = {"log", "call"}
"""Kinds of channels that are given no secret."""
OTHERS = {"id", "min_severity", "give_up_after", "in_flight_max", "after", "rate"}
READINGS = (
    "/status", "/self", "/policies", "/notices", "/channels", "/config", "/targets", "/incidents", "/silences",
    "/incidents/ID", "/incidents/ID/notices", "/incidents/ID/told", "/incidents/ID/transitions", "/metrics",
)  # fmt: skip
PAGES = ("/", "/self", "/incidents", "/i/ID", "/i/ID.txt", "/t/job", "/silences")


class Echo:
    """Answers with all that it was asked with, as a refusal in the words of every service."""

    def __init__(self):
        self.heard = ""
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                said = f"no: {self.command} {self.path} {dict(self.headers)} {body}"
                echo.heard += said
                words = dict.fromkeys(("error", "description", "message", "status"), said)
                document = json.dumps({**words, "ok": False, "errors": [said]}).encode()
                # Slack refuses with status 200, and every other service is asked to come back.
                self.send_response(200 if self.path.startswith(("/chat.", "/conversations.")) else 500)
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            do_PUT = do_GET = do_PATCH = do_POST  # noqa: N815  # the library's names

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.place = f"127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def receivers():
    """The echo, and a mail server that repeats the password of a login; yields the echo and the words of both."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    refusal = f"535 5.7.8 {CANARY} is no password of otto"
    with closing(Echo()) as echo, MailServer(tls=context, has_login=True, faults={"AUTH": refusal}) as mail:
        yield (
            echo,
            {
                "JSON": f"json://{echo.place}",
                "URL": f"http://{echo.place}",
                "SMTPS": f"smtps://otto:{CANARY}@127.0.0.1:{mail.port}",
                "CANARY": CANARY,
            },
        )


def written(folder, spec, words):
    text = json.dumps(spec)
    for word, value in words.items():
        text = text.replace(word, value)
    path = folder / "watchkeeper.yaml"
    document = {
        "runtime": {"store": str(folder / "watch.db"), "allow_exec": True},
        "web": {"listen": "127.0.0.1:0", "tokens": tokens()},
        "channels": [{"id": "ops", **json.loads(text)}],
        "targets": [{"id": "job", "every": "1h", "heartbeat": {}, "notify": ["ops"]}],
    }
    path.write_text(json.dumps(document))
    return path, document


def everything_said(runtime, url, path):
    """Yields each place in which people and programs see a runtime whose channel is refused, and its text."""
    (incident,) = runtime.incidents()
    admin = Asking(url, TOKENS["admin"])
    until(
        lambda: (
            admin.get(f"/incidents/{incident.id}/notices").json["items"][0]["tries"][0]["result"] == "failed"
        )
    )
    tried = runtime.test_channel("ops", by="ann")
    assert tried.result is not TryResult.ACCEPTED
    yield "the test", repr(tried)
    yield "the runtime", repr(runtime)
    yield "the status", runtime.status().to_json()
    for reading in READINGS:
        yield reading, admin.get(reading.replace("ID", incident.id)).body.decode()
    for page in PAGES:
        answer = Asking(url).ask("GET", page.replace("ID", incident.id))
        assert answer.status == 200, page
        yield page, answer.body.decode()
    for verb in (["notices"], ["incidents"], ["show", incident.id], ["check"], ["notify", "ops"]):
        name, *rest = verb
        where = [str(path)] if name == "check" else ["-c", str(path)]
        yield f"watchkeeper {name}", CliRunner().invoke(cli, [name, *rest, *where]).output
    for file in path.parent.glob("watch.db*"):
        if file.is_file():
            yield file.name, file.read_bytes().decode("latin-1")


@pytest.mark.parametrize("kind", HTTP | ELSEWHERE)
def test_a_secret_that_its_receiver_echoes_is_shown_nowhere(kind, tmp_path, caplog):
    caplog.set_level("DEBUG")
    with receivers() as (echo, words):
        path, _ = written(tmp_path, (HTTP | ELSEWHERE)[kind], words)
        with Runtime.from_config(path, {}) as runtime:
            url = runtime.serve("127.0.0.1:0", anonymous="viewer")
            runtime.heartbeat("job", ok=False)
            said = dict(everything_said(runtime, url, path))
    assert CANARY in echo.heard or kind in {"exec", "email"}
    assert {place for place, text in said.items() if CANARY in text} == set()
    assert [
        record for record in caplog.records if record.name != "mail.log" and CANARY in record.getMessage()
    ] == []


@pytest.mark.parametrize("kind", HTTP | ELSEWHERE)
def test_a_mistake_beside_a_secret_shows_nothing_of_it(kind, tmp_path):
    with receivers() as (_, words):
        path, document = written(tmp_path, (HTTP | ELSEWHERE)[kind], words)
    (channel,) = document["channels"]
    (name,) = channel.keys() - {"id"}
    for wrong in ({"timeout": "never"}, {"nonsense": CANARY}):
        path.write_text(json.dumps({**document, "channels": [{"id": "ops", name: channel[name] | wrong}]}))
        with pytest.raises(ConfigurationError) as refused:
            Runtime.from_config(path, {})
        said = CliRunner().invoke(cli, ["check", str(path)])
        assert said.exit_code == 2
        assert CANARY not in str(refused.value) + repr(refused.value) + said.output


def test_every_kind_of_channel_stands_in_the_table():
    kinds = {spec.partition("-")[0] for spec in HTTP | ELSEWHERE}
    assert kinds | SILENT == set(Channel.__struct_fields__) - OTHERS
    assert repr(Channel(id="ops", webhook={"url": f"http://h/{CANARY}"})).count(CANARY) == 0
