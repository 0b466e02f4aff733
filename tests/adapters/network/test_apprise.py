"""An `apprise` channel sends by a child process: its results, its secrets, and its end."""

import json
from pathlib import Path

import msgspec
import pytest
from hostile.server import HostileServer
from records import SHOP_DOWN
from watchkeeper.adapters.channels.apprise import AppriseMessenger
from watchkeeper.adapters.extras import missing_libraries
from watchkeeper.domain.incidents.notice import NoticeReason, make_notice
from watchkeeper.domain.specification.channel import Channel
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.local_channels import Apprise
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline

OPENED, AT_NS = SHOP_DOWN, SHOP_DOWN.at_ns
LONG_MS = 60_000


def notice_of(incident=OPENED):
    return make_notice(incident, "rest", incident.change, AT_NS, NoticeReason.TRANSITION)


class Channels:
    """Channels of a test, which leave nothing behind."""

    def __init__(self, bench):
        self.bench = bench
        self.made = []

    def make(self, *urls):
        bench = self.bench
        self.made.append(AppriseMessenger("rest", Apprise(urls=urls), bench.loop, bench.clock, bench.call_at))
        return self.made[-1]

    def begin(self, messenger, notice=None, timeout_ms=LONG_MS):
        answer = self.bench.loop.create_future()
        deadline = Deadline.after(self.bench.clock.read(), timeout_ms * NS_PER_MS)
        running = messenger.send(notice or notice_of(), 1, deadline, answer.set_result)
        return running, answer

    def send(self, messenger, notice=None, timeout_ms=LONG_MS):
        return self.bench.wait(self.begin(messenger, notice, timeout_ms)[1], timeout_ms)


@pytest.fixture
def channels(bench):
    channels = Channels(bench)
    yield channels
    for each in channels.made:
        each.close()
        bench.until(lambda each=each: each.abandoned() == ())


@pytest.fixture
def server():
    with HostileServer() as server:
        yield server


def listed():
    """The children of each thread of this process."""
    return [task.joinpath("children").read_text() for task in Path("/proc/self/task").iterdir()]


def at(server, path):
    return server.url(f"/{path}").replace("http://", "json://")


def test_a_notice_arrives_as_title_and_text(channels, server):
    answer = channels.send(channels.make(at(server, "hook")))
    heard = json.loads(server.heard[0].body)

    assert (answer.accepted, answer.detail) == (True, "taken for 1 of 1")
    assert (heard["title"], heard["type"]) == ("[critical] shop: down", "failure")
    assert heard["message"].startswith("[STATUS] (503) == 200\nshop/down, since ")


@pytest.mark.parametrize("path", ["status/500", "status/404", "reset", "redirect/307?/hook"])
def test_a_failure_is_tried_again_and_no_redirect_is_followed(channels, server, path):
    answer = channels.send(channels.make(at(server, path)))

    assert (answer.accepted, answer.retryable) == (False, True)
    assert answer.detail.startswith("taken for 0 of 1; ")
    assert len(server.heard) == 1


def test_a_retry_asks_those_alone_that_have_not_taken_it(channels, server):
    failing = {"later": lambda visit: visit.answer("500 No")}
    with HostileServer(failing) as other:
        messenger = channels.make(at(server, "hook"), at(other, "later"))
        first = channels.send(messenger)
        other.answers["later"] = lambda visit: visit.answer("200 OK")
        second = channels.send(messenger)

    assert (first.accepted, second.accepted, second.detail) == (False, True, "taken for 2 of 2")
    assert (len(server.heard), len(other.heard)) == (1, 2)


def test_a_url_that_apprise_cannot_read_is_said(channels, server):
    answer = channels.send(channels.make("nothing://such/thing", at(server, "hook")))

    assert (answer.accepted, answer.retryable) == (False, True)
    assert answer.detail == "taken for 1 of 2; Apprise cannot read this URL"


def test_a_receiver_that_drips_leaves_the_outcome_unknown(channels, server):
    answer = channels.send(channels.make(at(server, "drip_head")), timeout_ms=2_000)

    assert (answer.accepted, answer.retryable) == (False, True)
    assert "unknown" in answer.detail


def test_the_child_is_killed_at_the_deadline_whatever_its_services_do(channels, server):
    messenger = channels.make(*(at(server, f"drip_head?{number}") for number in range(6)))
    answer = channels.send(messenger, timeout_ms=2_000)
    healthy = channels.send(channels.make(at(server, "hook")))

    assert not answer.accepted
    assert healthy.accepted, "six receivers that drip fill the threads of one process of Apprise"


def test_no_url_stands_in_the_arguments_or_the_environment_of_the_child(bench, channels, server):
    running, answer = channels.begin(channels.make(at(server, "nothing?token=canary")))
    assert bench.when(server.arrived)
    children = [Path(f"/proc/{pid}") for pid in " ".join(listed()).split()]
    shown = [(child / name).read_bytes() for child in children for name in ("cmdline", "environ")]
    running.cancel()

    assert any(b"apprise_child" in each for each in shown)
    assert not any(b"canary" in each for each in shown)
    assert not answer.done()


def test_no_text_calls_everybody(channels, server):
    text = "@everyone @here ann@example.org"
    incident = msgspec.structs.replace(OPENED, target=text, explanation=text)
    channels.send(channels.make(at(server, "hook")), notice_of(incident))
    heard = json.loads(server.heard[0].body)

    assert "@everyone" not in heard["title"] + heard["message"]
    assert "ann@example.org" in heard["message"]


def test_a_missing_library_is_named_with_what_to_install():
    configuration = Configuration(
        channels=[Channel(id="ops", log={}), Channel(id="rest", apprise={"urls": ["json://host"]})]
    )
    (problem,) = missing_libraries(configuration, apprise="installed_nowhere")

    assert str(problem) == (
        "channels[1].apprise: Apprise is not installed: pip install 'watchkeeper[channels]'"
    )
    assert not [*missing_libraries(configuration)]
