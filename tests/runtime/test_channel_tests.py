"""A test of a channel: the real way, marked, about no incident, tried once, answered with what came back."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from watchkeeper import Channel, Heartbeat, Log, Runtime, Target, UnknownName, UsageError, Webhook
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.specification.channel import CallChannel
from watchkeeper.testing import FakeRuntime

JOB = Target(id="job", heartbeat=Heartbeat(), notify=["ops"])


class Receiver:
    """A server of webhooks that answers with the status that the test sets."""

    def __init__(self):
        self.status = 204
        self.bodies = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.fixture
def runtime(receiver, path):
    ops = Channel(id="ops", webhook=Webhook(url=receiver.url, timeout="5s"))
    with Runtime(targets=[JOB], channels=[ops], store=path) as runtime:
        yield runtime


def test_a_test_is_marked_for_the_receiver_and_recorded_as_a_try(runtime, receiver, path):
    tried = runtime.test_channel("ops", by="ann")
    assert (tried.channel, tried.attempt, tried.result.value) == ("ops", 1, "accepted")
    assert 0 < tried.took_ns < 5 * 10**9
    (body,) = receiver.bodies
    assert (body["type"], body["test"], body["reason"], body["id"]) == (
        "channel.test",
        True,
        "test",
        tried.key,
    )
    assert body["incident"]["status"] == "resolved"
    says = "this is a test of the channel ops, asked for by ann: nothing is wrong"
    assert body["incident"]["explanation"] == says
    assert StoreReader(path).deliveries(key=tried.key) == (tried,)
    assert (runtime.incidents(), StoreReader(path).outbox()) == ((), ())


@pytest.mark.parametrize(("status", "result"), [(503, "failed"), (410, "refused")])
def test_a_test_that_fails_is_not_repeated_and_no_problem(runtime, receiver, status, result):
    receiver.status = status
    tried = runtime.test_channel("ops")
    assert (tried.result.value, str(status) in tried.detail) == (result, True)
    receiver.status = 204
    again = runtime.test_channel("ops")
    assert (again.result.value, again.key == tried.key) == ("accepted", False)
    assert [body["id"] for body in receiver.bodies] == [tried.key, again.key]
    found = runtime.status()
    assert (found.problems, [name for name, _ in found.counters if "notices" in name]) == ((), [])


def test_a_test_is_awaited_on_an_event_loop(runtime):
    async def work():
        return await runtime.aio.test_channel("ops")

    assert asyncio.run(work()).result.value == "accepted"


def test_a_test_of_an_unknown_channel_names_the_closest(runtime):
    with pytest.raises(UnknownName, match="no channel is named 'obs'"):
        runtime.test_channel("obs")


def test_a_second_test_waits_for_no_first_one(path):
    held, release = threading.Event(), threading.Event()

    def slow(notice):
        held.set()
        release.wait(10)

    ops = Channel(id="ops", call=CallChannel(name="slow"))
    with Runtime(targets=[JOB], channels=[ops], store=path, callables={"slow": slow}) as runtime:
        first = threading.Thread(target=runtime.test_channel, args=("ops",))
        first.start()
        assert held.wait(10)
        with pytest.raises(UsageError, match="no test of channel 'ops' can begin: one is under way"):
            runtime.test_channel("ops")
        release.set()
        first.join()
        assert runtime.test_channel("ops").result.value == "accepted"


def test_a_channel_that_hangs_is_answered_at_its_timeout(path):
    release = threading.Event()
    ops = Channel(id="ops", call=CallChannel(name="hang", timeout="200ms"))
    with Runtime(
        targets=[JOB], channels=[ops], store=path, callables={"hang": lambda _: release.wait(10)}
    ) as runtime:
        tried = runtime.test_channel("ops")
        release.set()
    assert tried.result.value == "failed"


def test_a_stopped_runtime_tests_no_channel():
    with pytest.raises(UsageError, match="not running"):
        Runtime(targets=[JOB], channels=[Channel(id="ops", log=Log())]).test_channel("ops")


def test_a_test_in_virtual_time_follows_the_script_of_its_channel():
    with FakeRuntime(targets=[JOB], channels=[Channel(id="ops", log=Log())]) as runtime:
        assert runtime.test_channel("ops", by="ann").result.value == "accepted"
        runtime.world.script_channel("ops", "slow 2s")
        assert runtime.test_channel("ops").took_ns == 2 * 10**9
        runtime.world.script_channel("ops", "status 503")
        assert runtime.test_channel("ops").result.value == "failed"
        runtime.world.run("1m")
        assert sum(post.notice.is_test for post in runtime.world.messengers["ops"].posts) == 3
        assert runtime.world.delivered("ops") == []


def test_tests_of_two_runs_have_two_keys(receiver):
    ops = Channel(id="ops", webhook=Webhook(url=receiver.url, timeout="5s"))
    for _ in range(2):
        with Runtime(channels=[ops]) as runtime:
            runtime.test_channel("ops")
    first, second = (body["id"] for body in receiver.bodies)
    assert first != second
