"""A runtime whose store has a past of some days, with an open incident, and readers of its pages."""

import time
from pathlib import Path

import pytest
from asking import Asking, signed_in
from browsing import Browser
from seeded_store import Outage, seed
from watchkeeper import Call, Channel, Heartbeat, Log, Runtime, Target, Threshold
from watchkeeper.domain.specification.channel import CallChannel
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S

PAST_OUTAGES = (
    Outage("payments-api", 4 * NS_PER_DAY, 5 * NS_PER_HOUR),
    Outage("payments-api", 2 * NS_PER_DAY, 26 * NS_PER_MINUTE, Severity.WARNING, rule="slow"),
    Outage("payments-api", 38 * NS_PER_MINUTE, 38 * NS_PER_MINUTE, is_open=True),
)
PING_KEY = "key-of-the-backup-0001"
EVIL_TEXT = "</script><script>alert(2)</script>"


def fail(*_):
    raise ValueError(f"{EVIL_TEXT} no stock")


CALLABLES = {"fail": fail, "taken": lambda _notice: None}


@pytest.fixture(scope="session")
def past(tmp_path_factory):
    """The file of a store with a past of six days, and the ids of its incidents, oldest first."""
    path = str(tmp_path_factory.mktemp("past") / "watch.db")
    ids = seed(
        path,
        time.time_ns(),
        ("payments-api",),
        days=6,
        every_ns=10 * NS_PER_MINUTE,
        outages=PAST_OUTAGES,
        recent=(NS_PER_HOUR, 60 * NS_PER_S),
        notify=("ops", "mail"),
    )
    return path, ids


@pytest.fixture
def seeded(past, tmp_path):
    """A runtime on a copy of that store."""
    store = tmp_path / "watch.db"
    for ending in ("", "-head"):
        store.with_name(f"watch.db{ending}").write_bytes(Path(f"{past[0]}{ending}").read_bytes())
    slow = Threshold(id="slow", value=300, window="5m", aggregate="p95", severity="warning")
    targets = [
        Target(
            id="payments-api",
            call=Call(name="fail"),
            every="60s",
            rules=[slow],
            name="payments api",
            group="Payments",
            labels={"team": "billing"},
            runbook="https://wiki.example/payments",
            notify=["ops", "mail"],
        ),
        Target(id="backup", heartbeat=Heartbeat(grace="1h", key=PING_KEY), every="24h", group="Jobs"),
        Target(id="evil", call=Call(name="fail"), every="1h", name=EVIL_TEXT, description=EVIL_TEXT),
    ]
    channels = [Channel(id="ops", log=Log()), Channel(id="mail", call=CallChannel(name="taken"))]
    with Runtime(targets=targets, channels=channels, store=store, callables=CALLABLES) as runtime:
        yield runtime


@pytest.fixture
def seeded_url(seeded):
    return seeded.serve("127.0.0.1:0", anonymous="viewer")


@pytest.fixture
def reader(seeded_url):
    """A person who may see and not act."""
    return Asking(seeded_url)


@pytest.fixture
def otto(seeded, seeded_url):
    """A person who may act."""
    return Asking(seeded_url, cookie=signed_in(seeded_url, seeded.login_link(role="operator", name="otto")))


@pytest.fixture
def browser(otto, seeded_url):
    """The browser of that person."""
    return Browser(seeded_url, otto.cookie)


@pytest.fixture
def incident_ids(past):
    return past[1]
