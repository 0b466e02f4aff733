"""Targets of several locations in a whole runtime, over a real NATS server."""

import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from asgi import exchanged
from click.testing import CliRunner
from hostile.server import HostileServer
from looking import until
from nats_server import NatsServer
from ports import free_port
from watchkeeper import (
    Agent,
    Agents,
    CallChannel,
    Channel,
    Consecutive,
    Record,
    Runtime,
    Target,
    Tcp,
    Web,
)
from watchkeeper.launcher.main import cli
from watchkeeper.web.pages.words import instant

pytestmark = pytest.mark.needs("nats")
LOCATIONS = ("fra", "iad", "syd")


@pytest.fixture
def nats():
    with NatsServer(*LOCATIONS) as server:
        yield server


def shop(port, **fields):
    return Target(
        id="shop",
        every="200ms",
        tcp=Tcp(host="127.0.0.1", port=port),
        locations=LOCATIONS,
        rules=[Consecutive(id="down", after=2)],
        default_rules=False,
        notify=["ops"],
        **fields,
    )


def watching(nats, target, told, store=None):
    return Runtime(
        store=store,
        web=Web(listen="127.0.0.1:0", anonymous="viewer"),
        targets=[target],
        channels=[Channel(id="ops", call=CallChannel(name="tell"))],
        callables={"tell": told.append},
        agents=Agents(nats=nats.url(), locations=LOCATIONS),
    )


def page_of(runtime, path):
    status, _, body = exchanged(runtime.asgi(), "GET", path, {"host": "localhost"})
    assert status == 200
    return body.decode()


def serving(nats, running, location, **options):
    agent = running.enter_context(Agent(location=location, nats=nats.url(location), **options))
    assert agent.wait_connected("20s")
    return agent


def found(runtime):
    sample = runtime.status()["shop"].sample
    return (
        {}
        if not sample or not sample.locations
        else {each.location: each.outcome.value for each in sample.locations}
    )


@pytest.fixture
def port():
    """The port of a server that takes every connection and says nothing."""
    with HostileServer(greeting=lambda visit: visit.wait_for_client_to_leave()) as server:
        yield server.port


def test_a_lying_location_two_silent_ones_and_nats_that_is_gone_tell_nobody_of_anything(nats):
    told = []
    with (
        HostileServer(greeting=lambda visit: visit.wait_for_client_to_leave()) as server,
        ExitStack() as running,
        watching(nats, shop(server.port), told) as runtime,
    ):
        agents = {
            name: serving(nats, running, name, deny_private_addresses=name == "syd") for name in LOCATIONS
        }
        until(lambda: found(runtime) == {"fra": "up", "iad": "up", "syd": "down"})
        agents["fra"].stop()
        agents["iad"].stop()
        until(lambda: found(runtime) == {"fra": "unknown", "iad": "unknown", "syd": "down"})
        assert runtime.status()["shop"].sample.reason == "location_silent"
        nats.kill()
        until(lambda: found(runtime) == dict.fromkeys(LOCATIONS, "unknown"))
        until(lambda: dict(runtime.status().counters).get("location_silences", 0) > 0)
        assert not runtime.incidents()
    assert told == []


def noted(place):
    """The note of the verb `status` about the target: that of the process that runs the store, or of the store alone."""
    config = Path(place).with_name("watchkeeper.yaml")
    config.write_text(
        f"runtime: {{store: {place}}}\nagents: {{nats: 'nats://h', locations: [fra, iad, syd]}}\n"
        "targets: [{id: shop, tcp: {host: h, port: 1}, locations: [fra, iad, syd]}]\n"
    )
    said = CliRunner().invoke(cli, ["status", "-c", str(config)]).output
    row = next(line for line in said.splitlines() if line.startswith("shop"))
    return re.split(r"\s{2,}", row.strip())[-1]


SEEN = "locations_differ: down from syd (address_refused), up from fra and iad"


def test_the_finding_of_one_location_of_three_is_known_after_a_restart(nats, port, tmp_path):
    place = str(tmp_path / "watch.db")
    with ExitStack() as running, watching(nats, shop(port), [], place) as runtime:
        for name in LOCATIONS:
            serving(nats, running, name, deny_private_addresses=name == "syd")
        until(lambda: found(runtime) == {"fra": "up", "iad": "up", "syd": "down"})
        # On a loaded machine an agent is late now and then: the next sample has all three again.
        until(lambda: f"<code>{SEEN}</code>" in page_of(runtime, "/t/shop"))
        until(lambda: noted(place) == "down from syd")
    kept = next(each for each in Record(place).samples("shop") if each.explanation == SEEN)
    assert (kept.outcome, kept.reason) == ("up", "locations_differ")
    assert noted(place).startswith("locations_differ: down from syd (address_refused)")
    with watching(nats, shop(port), [], place) as runtime:
        assert f"<code>{SEEN}</code>" in page_of(runtime, f"/t/shop/a/{instant(kept.at_ns)}")
        rows = page_of(runtime, "/api/v1/targets/shop/samples")
        assert SEEN in {row["explanation"] for row in json.loads(rows)["items"]}


def test_two_of_three_that_agree_on_an_outage_tell_of_it_once(nats):
    told, port = [], free_port()
    with ExitStack() as running, watching(nats, shop(port), told) as runtime:
        for name in ("fra", "iad"):
            serving(nats, running, name)
        until(lambda: told)
        counted = dict(runtime.status().counters)["samples"]
        until(lambda: dict(runtime.status().counters)["samples"] > counted + 4)
    assert len(told) == 1
    assert "down from fra and iad" in told[0].incident.cause
