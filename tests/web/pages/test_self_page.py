"""The page of the runtime itself: one sentence first, then its figures, channels, parts, blind intervals and policies."""

import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import apsw
import pytest
from asgi import exchanged
from asking import Asking, signed_in
from browsing import Browser
from host_servers import until
from watchkeeper import (
    BlindInterval,
    Channel,
    Heartbeat,
    Log,
    NoticeEnded,
    Route,
    Runtime,
    RuntimeOptions,
    Target,
    Webhook,
)
from watchkeeper.adapters.stores.sqlite.marks import MarkTable
from watchkeeper.domain.incidents.incident import Incident, TransitionKind
from watchkeeper.domain.read_model.histogram import Percentiles
from watchkeeper.domain.read_model.status import RuntimeStatus
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.web.pages.self_page import headline_of

MINUTE_NS = 60 * 10**9


@pytest.fixture
def person(runtime, url):
    """A browser that has signed in as an operator."""
    return Browser(url, signed_in(url, runtime.login_link(role="operator")))


def test_a_sound_runtime_sees(person, runtime):
    runtime.check("queue", every="1h")(lambda: 3)
    runtime.status()
    page = person.open("/self")
    assert page.status == 200
    assert "It sees. This process is active: it checks, records and tells." in page.text
    for words in (
        "Missed ticks 0",
        "In flight",
        "Loop lag",
        "Writes",
        "MB with its log",
        "Never: every target was seen",
        "reopen store",
    ):
        assert words in page.text
    for part in ("supervisor", "owner", "sink", "recorder", "pollers"):
        assert f"up: {part}" in page.text


def test_a_channel_that_takes_nothing_is_the_first_sentence_and_is_tested_by_a_button(person, runtime):
    runtime.track(Target(id="deafened", heartbeat=Heartbeat(), notify=["deaf"]))
    with runtime.subscribe() as events:
        runtime.heartbeat("deafened", ok=False)
        while "channel deaf" not in dict(runtime.status().problems):
            assert events.get(20) is not None
    page = person.open("/self")
    assert "One channel is stuck for" in page.text
    assert "degraded: deaf by call · 1 notice waits for" in page.text
    assert "channel deaf ValueError: this receiver takes nothing" in page.text
    tested = person.press(page, "Test")
    assert "The receiver has not taken the test message." in tested.text
    assert ": failed in" in tested.text.partition("test at")[2]
    assert "failed" not in person.open("/self?tested=msg_0").text


def test_a_viewer_has_no_button(url):
    page = Browser(url).open("/self")
    assert (page.status, "Test" in page.buttons) == (200, False)


def test_a_runtime_without_a_channel_or_a_file_says_what_to_do():
    with Runtime(targets=[Target(id="shop", heartbeat=Heartbeat())]) as runtime:
        page = Browser(runtime.serve("127.0.0.1:0")).open("/self").text
    assert "No channel yet" in page
    assert "Never: every target was seen" in page


def test_a_standby_shows_the_figures_of_the_active_process_and_names_it(store):
    targets, channels = [Target(id="shop", heartbeat=Heartbeat())], [Channel(id="ops", log=Log())]

    def made():
        return Runtime(store=store, targets=targets, channels=channels)

    with made(), made() as waiting:
        app = waiting.asgi(lambda scope: ("anna", "viewer"))
        headers = {"host": "localhost", "accept": "text/html"}
        status, _, body = exchanged(app, "GET", "/self", headers)
    assert status == 200
    assert b"This process stands by, and passes commands on:" in body
    assert b"is active." in body
    assert b"supervisor" in body


# The sentence.


def status_of(*problems, incidents=()):
    return RuntimeStatus(
        at_ns=10 * MINUTE_NS,
        targets=(),
        incidents=incidents,
        silences=(),
        problems=problems,
        blind=(),
        lateness=Percentiles(0, 0, 0, 0, 0),
        counters=(),
    )


def own_incident(part):
    return Incident(
        id="inc_1",
        sequence=1,
        change=TransitionKind.OPENED,
        target="watchkeeper",
        rule=part,
        severity=Severity.CRITICAL,
        at_ns=5 * MINUTE_NS,
        opened_at_ns=4 * MINUTE_NS,
        cause="",
        reason="",
        explanation="",
        notify=(),
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (status_of(), "It sees."),
        (status_of(("network", "lost"), ("channel ops", "x")), "It is blind."),
        (status_of(("network", "lost"), incidents=(own_incident("network"),)), "It is blind for 6 min."),
        (
            status_of(("store", "full"), incidents=(own_incident("store"),)),
            "It cannot write its record for 6 min.",
        ),
        (
            status_of(("standby", "this is the last recorded state: gone")),
            "The active process does not answer.",
        ),
        (status_of(("standby", "another has a newer configuration")), "It sees, with 1 problem of its own."),
        (status_of(("poller/a", "x"), ("poller/b", "y")), "It sees, with 2 problems of its own."),
    ],
)
def test_the_worst_is_said_first(status, text):
    assert headline_of(status, ()).text == text


def test_blind_intervals_of_90_days_are_listed_with_their_sum(person, runtime, store):
    now_ns = runtime.status().at_ns
    long_ago_ns = now_ns - 100 * 24 * 60 * MINUTE_NS
    spans = (
        (long_ago_ns, 9, "stalled"),
        (now_ns - 60 * MINUTE_NS, 2, "stalled"),
        (now_ns - 30 * MINUTE_NS, 1, "network_lost"),
    )
    with closing(apsw.Connection(store)) as connection:
        connection.set_busy_timeout(5_000)  # the runtime may be in the middle of a commit
        MarkTable(connection).note_blind(
            tuple(BlindInterval(at_ns, at_ns + minutes * MINUTE_NS, cause) for at_ns, minutes, cause in spans)
        )
    page = person.open("/self").text
    assert "2 intervals, 3 min in all." in page
    assert "network lost" in page.partition("Blind in 90 days")[2]


class Receiver(BaseHTTPRequestHandler):
    """Refuses each notice and each ping, until it is told to take them."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def do_GET(self):
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver():
    """The server of a receiver that refuses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.status = 410
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_notice_that_was_given_up_is_shown_and_sent_again_by_its_button(tmp_path, receiver):
    channel = Channel(id="ops", webhook=Webhook(url=f"http://127.0.0.1:{receiver.server_address[1]}/hook"))
    target = Target(id="shop", heartbeat=Heartbeat(), notify=["ops"])
    with Runtime(targets=[target], channels=[channel], store=str(tmp_path / "watch.db")) as runtime:
        url = runtime.serve("127.0.0.1:0")
        person = Browser(url, signed_in(url, runtime.login_link(role="operator")))
        with runtime.subscribe() as events:
            runtime.heartbeat("shop", ok=False, detail="no stock")
            ended_as(events, "dead")
            page = person.open("/self")
            assert "shop: rule missed opened" in page.text
            assert "410" in page.text
            receiver.status = 204
            again = person.press(page, "Send again")
            assert "The notice is on its way again." in again.text
            ended_as(events, "delivered")
        assert "Send again" not in person.open("/self").buttons
        assert "cannot be sent again" in person.press(page, "Send again").text


def ended_as(events, state):
    """Waits until a notice has this end."""
    while (event := events.get(20)) is not None:
        if isinstance(event, NoticeEnded) and event.delivery.state.value == state:
            return
    raise AssertionError(f"no notice is {state}")


def test_a_digest_that_was_given_up_is_named_by_its_group(tmp_path, receiver):
    channel = Channel(id="ops", webhook=Webhook(url=f"http://127.0.0.1:{receiver.server_address[1]}/hook"))
    route = Route(id="all", to=["ops"], group_by=["group"], group_wait="0s")
    target = Target(id="shop", group="front", heartbeat=Heartbeat())
    with Runtime(
        targets=[target], channels=[channel], routes=[route], store=str(tmp_path / "watch.db")
    ) as runtime:
        url = runtime.serve("127.0.0.1:0", anonymous="viewer")
        with runtime.subscribe() as events:
            runtime.heartbeat("shop", ok=False)
            ended_as(events, "dead")
        assert "1 of all: group=front opened" in Browser(url).open("/self").text


def test_a_channel_says_how_much_it_may_send(tmp_path):
    channels = [Channel(id="ops", log=Log(), rate="10/1m"), Channel(id="rest", log=Log())]
    with Runtime(channels=channels, store=str(tmp_path / "watch.db")) as runtime:
        url = runtime.serve("127.0.0.1:0", anonymous="viewer")
        text = Browser(url).open("/self").text
        rows = Asking(url).get("/channels").json["items"]
    assert "ops by log · at most 10/1m · nothing waits" in text
    assert "rest by log · nothing waits" in text
    assert {row["id"]: row["rate"] for row in rows} == {"ops": "10/1m", "rest": None}


def test_the_page_says_when_the_last_ping_was_answered(tmp_path, receiver):
    url = f"http://127.0.0.1:{receiver.server_address[1]}/ping"
    with Runtime(options=RuntimeOptions(ping={"url": url}), store=str(tmp_path / "watch.db")) as runtime:
        served = runtime.serve("127.0.0.1:0", anonymous="viewer")
        until(lambda: "ping" in dict(runtime.status().problems))
        assert (
            "Last ping none yet that the dead-man's service has answered"
            in Browser(served).open("/self").text
        )
        assert Asking(served).get("/self").json["pinged_at"] is None
    receiver.status = 204
    with Runtime(options=RuntimeOptions(ping={"url": url}), store=str(tmp_path / "watch.db")) as runtime:
        served = runtime.serve("127.0.0.1:0", anonymous="viewer")
        answered = until(lambda: Asking(served).get("/self").json["pinged_at"])
        assert answered.endswith("Z")
        assert " ago that the dead-man's service has answered" in Browser(served).open("/self").text
