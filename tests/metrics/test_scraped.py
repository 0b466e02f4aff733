"""A program that runs, scraped by Prometheus every second: no gap in a minute, and every expression is answered."""

import json
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from asking import Asking
from host_servers import until
from prometheus_server import WITHIN_S, free_port, prometheus

from tests.metrics.test_shipped import expressions, printed
from tests.web.conftest import Failing

MINUTE_S = 60
MAYBE_NONE = ("certificate", "oldest_pending", "missed_ticks")
"""Parts of expressions that have no series where all is well."""
SETTLED_S = 180.0


class Serving(BaseHTTPRequestHandler):
    """Answers every request well."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fine")

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    """Makes a web server that answers as a class says; returns its URL."""
    servers = []

    def serve(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def program(tmp_path, site):
    """The URL and the store of a program that watches a site that is well and one that fails."""
    port = free_port()
    configuration = {
        "runtime": {"store": str(tmp_path / "watch.db")},
        "web": {"listen": f"127.0.0.1:{port}"},
        "channels": [{"id": "ops", "log": {}}],
        "defaults": {"every": "500ms", "timeout": "400ms", "notify": ["ops"]},
        "targets": [
            {"id": 'say "hi" \\ <b>', "group": "front", "http": {"url": site(Serving)}},
            {"id": "broken", "group": "back/office", "http": {"url": site(Failing)}},
            {"id": "job", "every": "1h", "heartbeat": {}},
        ],
    }
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "watchkeeper", "run", "--plain", str(path)]
    with (
        (tmp_path / "run.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            assert until(lambda: process.poll() is not None or answers(url), WITHIN_S)
            assert process.poll() is None, (tmp_path / "run.log").read_text()
            yield url, str(tmp_path / "watch.db")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WITHIN_S)


def answers(url):
    try:
        return Asking(url).ask("GET", "/readyz").status == 200
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.needs("prometheus")
def test_prometheus_scrapes_a_program_for_a_minute_without_a_gap(program, tmp_path):
    url, store = program
    rules = tmp_path / "watchkeeper.rules.yml"
    rules.write_text(printed("rules"), encoding="utf-8")
    with prometheus(tmp_path, url, rules) as scraper:
        assert until(lambda: scraper.number("watchkeeper_incidents_total{change='opened'} > 0"), SETTLED_S)
        began = scraper.number("vector(time())")
        assert until(lambda: scraper.number("vector(time())") >= began + MINUTE_S, SETTLED_S)
        # At each second of the minute there is a sample that is younger than ten seconds: a busy machine may lose some.
        steps = scraper.get(
            "/api/v1/query_range",
            query='count_over_time(watchkeeper_role{role="active"}[10s])',
            start=str(began),
            end=str(began + MINUTE_S),
            step="1s",
        )["result"][0]["values"]
        assert len(steps) == MINUTE_S + 1

        assert every_expression_is_answered(scraper)
        status = {
            each["metric"]["target"]: each["value"][1] for each in scraper.query("watchkeeper_target_status")
        }
        assert status == {'say "hi" \\ <b>': "0", "broken": "2", "job": "3"}
        assert scraper.number("rate(watchkeeper_lateness_seconds_count[1m])") > 0

        admin = Asking(store)
        assert admin.put("/targets/later", {"heartbeat": {}, "every": "1h"}).status == 200
        assert until(lambda: scraper.query('watchkeeper_target_status{target="later"}'), SETTLED_S)
        assert admin.delete("/targets/later").status == 200
        assert until(lambda: not scraper.query('watchkeeper_target_status{target="later"}'), SETTLED_S)


def every_expression_is_answered(scraper):
    """Whether those of the dashboard find series, and the alerts are evaluated without an error."""
    for expression in expressions():
        found = scraper.query(expression.replace("$__rate_interval", "1m").replace("$__range", "5m"))
        is_alert = not any(expression in text for text in dashboard())
        assert found or is_alert or any(part in expression for part in MAYBE_NONE), expression
    (group,) = scraper.get("/api/v1/rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    return True


def dashboard():
    return [
        target["expr"]
        for panel in json.loads(printed("dashboard"))["panels"]
        for target in panel.get("targets", ())
    ]
