"""Links to a real NATS server that end, by themselves or closed: nothing of them is left."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import trustme
from awaiting import a_moment, becomes
from nats_server import NatsServer
from watchkeeper.adapters.locations.link import CONNECTING, NatsLink, NatsSubject
from watchkeeper.domain.specification.remote.agents import Agents

from tests.support.left_behind import descriptors

pytestmark = pytest.mark.needs("nats")


@pytest.fixture(scope="module")
def nats():
    with NatsServer() as server:
        yield server


def sockets():
    shown = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return {each for each in shown if each.startswith("socket:")}


def test_no_descriptor_is_left_of_connections_that_fail(run, nats):
    async def main():
        loop = asyncio.get_running_loop()
        servers = Agents(nats=nats.url("owner", "wrong"), locations=("x",)).servers
        before = None
        for number in range(60):
            link = NatsLink(loop, servers, None, (NatsSubject("a"),), print, name="x", dice=float)
            link.start()
            await becomes(lambda link=link: link.refusal != CONNECTING)
            link.close()
            if number == 10:
                before = descriptors()
        await becomes(lambda: descriptors() <= before)

    run(main)


def test_a_link_that_is_closed_waits_for_no_word_of_a_server_that_hangs(run, tmp_path, monkeypatch):
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def main():
        loop = asyncio.get_running_loop()
        before = sockets()
        servers = Agents(nats=server.url(), locations=("x",)).servers
        link = NatsLink(loop, servers, None, (), print, name="x", dice=float)
        link.start()
        await becomes(lambda: link.refusal is None)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            link.close()
            await a_moment()
            await a_moment()
            await becomes(lambda: sockets() <= before)
        finally:
            os.kill(server.pid, signal.SIGCONT)

    with NatsServer(ca=ca) as server:
        run(main)


def test_a_link_that_is_refused_a_subject_leaves_no_task(run, nats):
    async def main():
        loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
        servers = Agents(nats=nats.url(), locations=("x",)).servers
        link = NatsLink(loop, servers, None, (NatsSubject("forbidden"),), print, name="x", dice=float)
        link.start()
        await becomes(lambda: link.refusal != CONNECTING)
        assert "permit" in link.refusal.text
        link.close()
        await becomes(lambda: asyncio.all_tasks() <= before)

    run(main)
