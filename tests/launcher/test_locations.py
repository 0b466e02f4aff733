"""`status`, `show`, `top` and `probe` of a target that several locations probe."""

import json
import socket
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from served_world import served
from watchkeeper import Agents, Http, Target, Web
from watchkeeper.client.answers import LocationRow, RemoteStatus
from watchkeeper.client.connection import connect
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.launcher.main import cli
from watchkeeper.launcher.see.board import Board
from watchkeeper.launcher.see.located import finding_text, findings_at, findings_in
from watchkeeper.launcher.see.remote import show_status
from watchkeeper.testing import FakeRuntime

PLACES = ("fra", "iad", "syd")


@pytest.fixture(scope="module")
def url():
    """The URL of a runtime whose target is down from one of three locations."""
    shop = Target(id="shop", every="10s", http=Http(url="http://h/"), locations=PLACES)
    agents, web = (
        Agents(nats="nats://h", locations=PLACES),
        Web(listen="127.0.0.1:0", anonymous="viewer"),
    )
    with FakeRuntime(targets=[shop], agents=agents, web=web) as made:
        made.world.script("shop", "down from fra")
        made.world.run("1m")
        with served(made.asgi()) as url:
            yield url


def ran(*arguments):
    found = CliRunner().invoke(cli, [*arguments])
    assert found.exit_code == 0, found.output
    return found.output


class WithoutRecord:
    """A connection to a runtime whose notices nothing records."""

    def __init__(self, connection):
        self._connection = connection

    def notices(self, *_):
        return ()

    def __getattr__(self, name):
        return getattr(self._connection, name)


def test_the_status_notes_a_location_that_decides_nothing(url, capsys):
    with connect(url) as connection:
        for as_json in (False, True):
            show_status(WithoutRecord(connection), as_json=as_json, exit_code=False)
            said = capsys.readouterr().out
            if as_json:
                (plain,) = json.loads(said)["targets"]
                assert [each["outcome"] for each in plain["locations"]] == ["down", "up", "up"]
            else:
                row = next(line for line in said.splitlines() if line.startswith("shop"))
                assert row.split()[1] == "up"
                assert row.endswith("down from fra")


def test_the_time_line_has_a_line_for_each_location(url):
    assert ran("show", "shop", "--url", url).splitlines() == [
        "shop: no incident is recorded",
        "from fra: down: connection_refused: as scripted",
        "from iad: up in 5.0 ms",
        "from syd: up in 5.0 ms",
    ]
    assert len(json.loads(ran("show", "shop", "--url", url, "--json"))["locations"]) == 3


def test_the_screen_of_top_says_it_where_nothing_else_is_to_be_said(url):
    with connect(url) as connection:
        found = connection.status()
    board = Board()
    board.status = RemoteStatus(
        at=found.at, healthy=True, targets=found.targets, incidents=(), silences=(), problems=()
    )
    lines = board.lines(100, 5, datetime.now(UTC))
    assert any(text.endswith("down from fra") for text, _ in lines)
    assert findings_in(found.targets)["shop"][0].location == "fra"


def test_a_record_that_nobody_runs_knows_no_findings(tmp_path):
    assert findings_at(str(tmp_path / "watch.db"), ["shop"]) == {}


def test_a_late_location_is_told_in_words():
    late = LocationRow(
        location="fra",
        outcome=Outcome.TIMED_OUT,
        reason=Reason.TIMED_OUT,
        latency_ms=5_000.0,
        explanation="timed_out: no answer",
    )
    assert finding_text(late) == "from fra: timed out in 5000.0 ms: timed_out: no answer"


def test_a_probe_says_which_locations_decide(probe):
    with socket.create_server(("127.0.0.1", 0)) as server:
        tcp = f"{{host: 127.0.0.1, port: {server.getsockname()[1]}}}"
        targets = f"  - {{id: shop, tcp: {tcp}, locations: [home, home2]}}\n"
        agents = "agents: {nats: 'nats://h', locations: [home2]}\n"
        status, says = probe("shop", targets=targets + agents)
        plain = json.loads(probe("shop", "--json", targets=targets + agents)[1])
    assert status == 0, says
    assert says.splitlines()[-1] == "from this machine; home and home2 probe it, and 2 of them decide"
    assert plain["locations"] == ["home", "home2"]
