"""An owner's drivers and agents over a real NATS server."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager, contextmanager
from itertools import count

import pytest
from awaiting import a_moment, becomes
from hostile.server import HostileServer
from looking import until
from nats_server import MUTE, NatsServer
from ports import free_port
from watchkeeper import Configuration, Target, Tcp
from watchkeeper.actors.dispatch.run.alarm import AlarmClock
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.drivers import Drivers
from watchkeeper.adapters.locations.link import CONNECTING, NatsLink
from watchkeeper.adapters.locations.subjects import asks_subject
from watchkeeper.domain.limits import REMOTE_BYTES_MAX
from watchkeeper.domain.observation.attempt import AttemptId, ProbeRequest
from watchkeeper.domain.observation.location import NO_ANSWER
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.remote.agents import Agents
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline
from watchkeeper.host.agents.agent import Agent

from tests.adapters.timing import outlasting

pytestmark = pytest.mark.needs("nats")
LOCATIONS = ("fra", "iad", "syd")
SILENT_MS = 600
"""A deadline that must pass."""
LONG_MS = 10_000


@pytest.fixture(scope="module")
def nats():
    with NatsServer(*LOCATIONS, "alone", MUTE) as server:
        yield server


@pytest.fixture(scope="module")
def agents(nats):
    """One agent at each location, that of syd with a view of its own: it refuses every address of this machine."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(serving(nats, name, deny_private_addresses=name == "syd"))
            for name in LOCATIONS
        }


@contextmanager
def serving(nats, location, **options):
    agent = Agent(location=location, nats=nats.url(location), **options)
    with agent:
        assert agent.wait_connected("20s")
        yield agent


@pytest.fixture(scope="module")
def port():
    """The port of a server that takes every connection and says nothing."""
    with HostileServer(greeting=lambda visit: visit.wait_for_client_to_leave()) as server:
        yield server.port


class Owner:
    def __init__(self, loop, url, locations):
        self.loop, self.clock, self.numbers = loop, SystemClock(), count(1)
        call_at = AlarmClock(loop, self.clock.monotonic_ns).call_at
        whole = Configuration(agents=Agents(nats=url, locations=locations))
        self.drivers = Drivers(loop, self.clock, call_at, whole, {}, None)
        self.client = self.drivers.probe_client

    async def see(self, target, within_ms=LONG_MS):
        now, answer = self.clock.read(), self.loop.create_future()
        request = ProbeRequest(
            attempt=AttemptId(target.id, 1, next(self.numbers)),
            probe=target.probe,
            deadline=Deadline.after(now, within_ms * NS_PER_MS),
            started=now,
        )
        self.drivers.located(target).start(request, answer.set_result)
        return await answer

    async def until_connected(self):
        await becomes(lambda: self.client.link.refusal is None)

    async def until_refused(self):
        await becomes(lambda: self.client.link.refusal not in {None, CONNECTING})
        return self.client.link.refusal


@asynccontextmanager
async def owning(url, locations=(*LOCATIONS, "alone")):
    owner = Owner(asyncio.get_running_loop(), url, locations)
    try:
        yield owner
    finally:
        owner.drivers.close()
        await a_moment()


def shop(port, *locations, **fields):
    return Target(id="shop", tcp=Tcp(host="127.0.0.1", port=port), locations=locations, **fields)


def found(observation):
    return {each.location: each.outcome.value for each in observation.locations}


def test_one_location_of_three_that_sees_it_otherwise_decides_nothing(run, nats, agents, port):
    async def main():
        async with owning(nats.url()) as owner:
            await owner.until_connected()
            seen = await owner.see(shop(port, *LOCATIONS))
            assert seen.outcome is Outcome.UP
            assert found(seen) == {"fra": "up", "iad": "up", "syd": "down"}
            seen = await owner.see(shop(port, "home", *LOCATIONS, quorum=1))
            assert seen.outcome is Outcome.DOWN

    run(main)


def test_the_agents_of_a_location_share_its_asks(run, nats, agents, port):
    asked = 0

    async def main(answers):
        nonlocal asked
        async with owning(nats.url()) as owner:
            await owner.until_connected()
            # The server chooses by chance: until both have had one.
            while asked < 20 or not all(answers()):
                assert (await owner.see(shop(port, "fra"))).outcome is Outcome.UP
                asked += 1

    before = agents["fra"].statistics().answers
    with serving(nats, "fra") as other:

        def answers():
            return agents["fra"].statistics().answers - before, other.statistics().answers

        run(lambda: main(answers))
        assert sum(answers()) == asked


def test_locations_without_an_agent_are_silent_at_once(run, nats, port):
    async def main():
        async with owning(nats.url(), locations=("xxx", "yyy")) as owner:
            await owner.until_connected()
            seen = await owner.see(shop(port, "home", "xxx", "yyy"))
            assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.LOCATION_SILENT)
            assert seen.locations[1].explanation == "no agent listens there"

    run(main)


def test_an_agent_of_a_foreign_account_is_connected_and_never_asked(run, nats, port):
    async def main():
        async with owning(nats.url(), locations=("tyo",)) as owner:
            await owner.until_connected()
            seen = await owner.see(shop(port, "tyo"))
            assert seen.locations[0].explanation == "no agent listens there"

    with Agent(location="tyo", nats=nats.url("stranger")) as agent:
        assert agent.wait_connected("20s")
        run(main)
        assert agent.statistics().asks == 0


def test_messages_that_are_hostile_or_too_large_cost_nothing(run, nats, agents, port):
    dropped = agents["fra"].statistics().dropped

    async def main():
        loop = asyncio.get_running_loop()
        async with owning(nats.url()) as owner:
            await owner.until_connected()
            enemy = NatsLink(
                loop,
                Agents(nats=nats.url(), locations=("x",)).servers,
                None,
                (),
                print,
                name="enemy",
                dice=float,
            )
            enemy.start()
            await becomes(lambda: enemy.refusal is None)
            reply = f"watchkeeper.answer.{owner.client.id}.fra.1"
            for data in (b"", b"\xc1" * 100, b"\x93" * 1_000, b"x" * (REMOTE_BYTES_MAX + 1)):
                assert enemy.publish(asks_subject("fra"), data, reply)
            await enemy.sent()
            seen = await owner.see(shop(port, *LOCATIONS))
            assert seen.outcome is Outcome.UP
            enemy.close()

    run(main)
    assert agents["fra"].statistics().dropped == dropped + 4


def test_nats_that_is_killed_makes_its_locations_silent_and_all_is_well_again_once_it_is_back(run, port):
    async def main(server, agent):
        async with owning(server.url()) as owner:
            await owner.until_connected()
            assert (await owner.see(shop(port, "fra"))).outcome is Outcome.UP
            server.kill()
            seen = await owner.see(shop(port, "fra"), SILENT_MS)
            assert seen.reason is Reason.LOCATION_SILENT
            await owner.until_refused()
            began_ns = owner.clock.monotonic_ns()
            seen = await owner.see(shop(port, "fra"))
            assert seen.locations[0].explanation.startswith("no connection to NATS: ")
            assert owner.clock.monotonic_ns() - began_ns < LONG_MS * NS_PER_MS / 2
            server.start_again()
            while (await owner.see(shop(port, "fra"))).outcome is not Outcome.UP:
                await a_moment()

    with NatsServer("fra") as server, serving(server, "fra") as agent:
        run(lambda: main(server, agent))


@contextmanager
def agent_process(nats, location):
    """The verb, as a process of its own that can be killed and frozen."""
    words = [
        sys.executable,
        "-m",
        "watchkeeper",
        "agent",
        "--location",
        location,
        "--nats",
        nats.url(location),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while "connected" not in (line := process.stdout.readline()):
                assert line, "the agent has ended"
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_an_agent_that_is_frozen_or_killed_makes_its_location_silent(nats, port):
    async def main(process):
        async with owning(nats.url()) as owner:
            await owner.until_connected()
            assert (await owner.see(shop(port, "alone"))).outcome is Outcome.UP
            os.kill(process.pid, signal.SIGSTOP)
            seen = await owner.see(shop(port, "alone"), SILENT_MS)
            assert seen.locations[0].explanation == "no answer"
            os.kill(process.pid, signal.SIGCONT)
            assert (await owner.see(shop(port, "alone"))).outcome is Outcome.UP
            process.kill()
            while (await owner.see(shop(port, "alone"), SILENT_MS)).locations[
                0
            ].explanation != "no agent listens there":
                await a_moment()

    with agent_process(nats, "alone") as process:
        asyncio.run(asyncio.wait_for(main(process), 20))


def test_an_agent_that_is_stopped_answers_what_it_has_begun(run, nats, port):
    async def main(agent, within_ms):
        loop = asyncio.get_running_loop()
        async with owning(nats.url()) as owner:
            await owner.until_connected()
            silent = Target(
                id="slow",
                tcp=Tcp(host="127.0.0.1", port=port, expect="never"),
                locations=("alone",),
            )
            asked = loop.create_task(owner.see(silent, within_ms))
            await becomes(lambda: agent.statistics().running)
            await loop.run_in_executor(None, agent.stop)
            return (await asked).locations[0]

    def attempt(within_ms):
        with serving(nats, "alone") as agent:
            return run(lambda: main(agent, within_ms))

    # The answer has a quarter of the time for its way back, which is too short on a busy machine.
    seen = outlasting(attempt, lambda seen: seen.explanation != NO_ANSWER, SILENT_MS)
    assert seen.outcome is Outcome.TIMED_OUT


# Logins, permissions and TLS.


def refusal(run, url, **changed):
    async def main():
        async with owning(url) as owner:
            return await owner.until_refused()

    return run(main)


def test_an_agent_may_serve_no_other_location_than_that_of_its_account(nats):
    said = []
    with Agent(location="iad", nats=nats.url("fra"), told=lambda *each: said.append(each)):
        until(lambda: said)
    line, is_final = said[0]
    assert is_final
    assert "does not permit this account" in line
    assert ".iad" in line


def test_an_agent_that_may_not_answer_says_so_and_its_location_is_silent(run, nats, port):
    async def main():
        async with owning(nats.url(), (MUTE,)) as owner:
            await owner.until_connected()
            seen = await owner.see(shop(port, MUTE), SILENT_MS)
            assert seen.reason is Reason.LOCATION_SILENT

    said = []
    with serving(nats, MUTE, told=lambda line, _: said.append(line)):
        run(main)
        until(lambda: len(said) > 1)
    assert "does not permit this account: permissions violation for publish" in said[1]


def test_a_server_that_is_not_there_is_tried_again(run):
    refused = refusal(run, f"nats://127.0.0.1:{free_port()}")
    assert refused == ("nothing listens there", False)
