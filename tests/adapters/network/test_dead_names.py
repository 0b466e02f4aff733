"""Names of silent zones beside healthy ones: whose look-up waits for nothing is told, and is told in time."""

import asyncio
from contextlib import ExitStack

import pytest
from hostile.names import SILENCE
from hostile.server import HostileServer
from hostile.visit import Visit
from watchkeeper.adapters.channels.posting import RecipeMessenger
from watchkeeper.adapters.channels.recipes.webhook import WebhookRecipe
from watchkeeper.adapters.net.name_service import CaresNameService
from watchkeeper.adapters.probes.network.tcp import TcpProber
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.limits import NAME_SILENT_NS, NAME_TRY_NS
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.channel import Webhook
from watchkeeper.domain.specification.probe import Http, Tcp
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline

from tests.adapters.timing import ANSWER_WITHIN_MS
from tests.support.records import notice_of, opened

TIMEOUT_MS = 1_500
DEAD_MS = 4_000
"""The deadline of attempts at silent names: the healthy ones have ended before, and would wait for it if they waited."""
LIFE_ASKED = NAME_TRY_NS // NAME_SILENT_NS + 1
"""A name service that has left as many signs of life unanswered has been silent for longer than one try."""


@pytest.fixture(autouse=True)
def zones(names):
    names.names |= {".silent.example": SILENCE, ".good.example": ("127.0.0.1",)}


@pytest.fixture
def server():
    with HostileServer() as server:
        yield server


def started(bench, prober, probes, timeout_ms=ANSWER_WITHIN_MS):
    """The observations to come of probes that begin together."""
    answers = []
    for probe in probes:
        answer = bench.loop.create_future()
        prober.start(bench.request(probe, timeout_ms), answer.set_result)
        answers.append(answer)
    return answers


def ended(bench, answers):
    return bench.loop.run_until_complete(asyncio.wait_for(asyncio.gather(*answers), 30))


def test_sixty_dead_names_over_https_cost_the_healthy_ones_nothing(bench, names, server):
    prober = HttpProber(bench.transport)
    dead = started(bench, prober, [Http(url=f"https://{n}.silent.example/") for n in range(60)], DEAD_MS)
    healthy = started(bench, prober, [Http(url=f"http://{n}.good.example:{server.port}/") for n in range(14)])

    assert {seen.outcome for seen in ended(bench, healthy)} == {Outcome.UP}
    assert not any(answer.done() for answer in dead)
    seen = ended(bench, dead)
    assert {(one.outcome, one.reason) for one in seen} == {(Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)}
    assert {one.detail for one in seen} == {"the deadline passed while the name was looked up"}


def test_thirty_dead_names_over_tcp_cost_the_healthy_ones_nothing(bench, names):
    prober = TcpProber(bench.loop, bench.clock, bench.resolver)
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        dead = started(bench, prober, [Tcp(host=f"{n}.silent.example", port=80) for n in range(30)], DEAD_MS)
        healthy = started(bench, prober, [Tcp(host=f"{n}.good.example", port=server.port) for n in range(14)])
        assert {seen.outcome for seen in ended(bench, healthy)} == {Outcome.UP}
        assert not any(answer.done() for answer in dead)
        seen = ended(bench, dead)
    prober.close()

    assert {(one.outcome, one.reason) for one in seen} == {(Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)}


def test_a_channel_by_name_waits_for_no_target(bench, names, server):
    prober = HttpProber(bench.transport)
    dead = started(bench, prober, [Http(url=f"https://{n}.silent.example/") for n in range(60)], DEAD_MS)
    answer = bench.loop.create_future()
    messenger = RecipeMessenger(
        WebhookRecipe(Webhook(url=f"http://ops.good.example:{server.port}/")), bench.transport, bench.clock
    )
    deadline = Deadline.after(bench.clock.read(), ANSWER_WITHIN_MS * NS_PER_MS)
    messenger.send(notice_of(opened()), 1, deadline, answer.set_result)

    assert bench.wait(answer).accepted
    assert not any(answer.done() for answer in dead)


def test_a_dead_name_service_says_nothing_about_any_target(bench, names, server):
    names.mute = True
    probes = [
        Http(url=f"http://0.good.example:{server.port}/"),
        Http(url="https://1.good.example/"),
        Http(url="http://2.silent.example/"),
    ]
    seen = ended(bench, started(bench, HttpProber(bench.transport), probes, TIMEOUT_MS))

    assert {(one.outcome, one.reason) for one in seen} == {(Outcome.UNKNOWN, Reason.BLIND)}
    assert {one.detail for one in seen} == {
        "the deadline passed while the name was looked up: the name service answers nothing"
    }


def test_names_are_asked_for_again_once_a_dead_name_service_lives(bench, names):
    """All that c-ares sends for the one question is lost; the next after that is answered."""
    tries = 4
    names.mute = True
    names.names["shop.example"] = ("127.0.0.1",)
    names.lost["shop.example"] = tries - 1
    service = CaresNameService(bench.loop, bench.clock, servers=(names.place,), tries=tries)
    answer = bench.loop.create_future()
    service.ask("shop.example", "ipv4", answer.set_result)
    bench.until(lambda: sum(name.endswith(".invalid") for name in list(names.asked)) > LIFE_ASKED)
    names.mute = False
    found = bench.wait(answer, 20_000)
    service.close()

    assert [address.host for address in found.addresses] == ["127.0.0.1"]


def test_a_target_that_hangs_beside_a_name_that_is_none_costs_no_answer(bench, names, server):
    """Libcurl's own resolver woke its loop by a descriptor that is no socket, over which the batch stumbled."""
    problems = []
    bench.loop.set_exception_handler(lambda _, context: problems.append(context))
    prober = HttpProber(bench.transport)
    with ExitStack() as ends:
        hanging = started(bench, prober, [Http(url=server.url("/nothing"))], DEAD_MS)
        ends.callback(ended, bench, hanging)
        for number in range(20):
            nowhere = Http(url=f"http://{number}.nowhere.example/")
            healthy = Http(url=f"http://{number}.good.example:{server.port}/")
            seen = ended(bench, started(bench, prober, [nowhere, healthy]))
            assert [one.outcome for one in seen] == [Outcome.DOWN, Outcome.UP]

    assert problems == []
