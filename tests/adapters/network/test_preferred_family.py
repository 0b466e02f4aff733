"""A preferred family of addresses: the other one is tried once all addresses of the preferred one have failed."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from hostile.records import RecordServer, record, reply
from hostile.server import HostileServer
from msgspec.structs import replace
from watchkeeper.adapters.http.curl.transport import CurlTransport
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.net.names import LookedUp, literal_address
from watchkeeper.adapters.probes.course import Surroundings
from watchkeeper.adapters.probes.network.tcp import TcpProber
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tcp
from watchkeeper.domain.specification.probes.dns import Dns
from watchkeeper.domain.specification.probes.redis import Redis
from watchkeeper.domain.specification.probes.udp import Udp

from tests.adapters.network.held_names import HeldNames

V4, V6 = literal_address("127.0.0.1"), literal_address("::1")
MORE_V4 = literal_address("127.0.0.9")
BOTH = (V6, MORE_V4, V4)
TIMEOUT_MS = 300


class Way:
    """The probers of several kinds, whose names have the addresses of the test."""

    def __init__(self, bench) -> None:
        self.names = HeldNames()
        self.names.answer = LookedUp(BOTH)
        self.resolver = bench.naming(self.names)
        self.transport = CurlTransport(bench.loop, bench.clock, bench.call_at, self.resolver)
        self._plain = FastHttpEngine(bench.loop, bench.clock, bench.call_at, self.resolver)
        around = Surroundings(
            loop=bench.loop, clock=bench.clock, resolver=self.resolver, deny_private_addresses=False
        )
        self.probers = {
            "libcurl": HttpProber(self.transport),
            "fast": HttpProber(self.transport, self._plain),
            "tcp": TcpProber(bench.loop, bench.clock, self.resolver),
            "redis": NETWORK_PROBERS[Redis](around),
            "udp": NETWORK_PROBERS[Udp](around),
            "dns": NETWORK_PROBERS[Dns](around),
        }

    def close(self) -> None:
        for prober in self.probers.values():
            prober.close()
        self._plain.close()
        self.transport.close()
        self.resolver.close()


@pytest.fixture
def way(bench):
    way = Way(bench)
    yield way
    way.close()
    bench.turn()


@pytest.fixture
def servers():
    """One server on each family at the same port."""
    with HostileServer() as four, HostileServer(host="::1", port=four.port) as six:
        yield four, six


def probe_of(kind, port, family):
    if kind == "tcp":
        return Tcp(host="shop.example", port=port, address_family=family)
    return Http(url=f"http://shop.example:{port}/healthy", address_family=family)


def asked(bench, way, kind, port, family, times=2):
    return [bench.run(way.probers[kind], probe_of(kind, port, family)).seen for _ in range(times)][-1]


STREAMS = ["libcurl", "fast", "tcp"]


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize(("family", "ip"), [("prefer_ipv4", "127.0.0.9"), ("prefer_ipv6", "::1")])
def test_the_preferred_family_is_taken_where_it_answers(bench, way, kind, family, ip):
    with HostileServer(host="127.0.0.9") as four, HostileServer(host="::1", port=four.port):
        for order in (BOTH, BOTH[::-1]):
            way.names.answer = LookedUp(tuple(each for each in order if each != V4))
            way.resolver.kept.clear()
            seen = asked(bench, way, kind, four.port, family)
            assert (seen.outcome, seen.ip) == (Outcome.UP, ip)


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", "prefer_ipv6"), ("::1", "prefer_ipv4")])
def test_the_other_family_is_taken_where_each_address_of_the_preferred_one_fails(
    bench, way, kind, host, family
):
    with HostileServer(host=host) as server:
        seen = asked(bench, way, kind, server.port, family)

    assert (seen.outcome, seen.detail, seen.ip) == (Outcome.UP, "", host)
    phases = seen.phases
    parts = [phases.dns_ns, phases.connect_ns, phases.first_byte_ns or 0, phases.transfer_ns or 0]
    assert min(parts) >= 0
    assert sum(parts) == seen.response_time_ns


@pytest.mark.parametrize("kind", STREAMS)
def test_the_other_family_waits_for_a_preferred_address_that_says_nothing(bench, way, kind, full_backlog):
    """The race of both families would begin it after a quarter of a second."""
    with full_backlog("127.0.0.9") as port, HostileServer(host="::1", port=port) as six:
        way.names.answer = LookedUp((MORE_V4, V6))
        probe = probe_of(kind, port, "prefer_ipv4")
        if kind == "fast":
            way.names.answer = LookedUp((V6,))
            bench.run(way.probers[kind], probe)
            way.names.answer = LookedUp((MORE_V4, V6))
            way.resolver.kept.clear()
        before = len(six.heard)
        seen = bench.run(way.probers[kind], probe, 600).seen
        assert len(six.heard) == before

    assert (seen.outcome, seen.reason) == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_port_without_a_listener_is_down_whichever_family_is_preferred(bench, way, kind):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        seen = asked(bench, way, kind, taken.getsockname()[1], "prefer_ipv6")

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_name_of_one_family_needs_no_preference(bench, way, kind):
    way.names.answer = LookedUp((V4,))
    with HostileServer() as server:
        assert asked(bench, way, kind, server.port, "prefer_ipv6").outcome is Outcome.UP


def test_both_preferences_and_none_share_one_question(bench, way, servers):
    for family in ("any", "prefer_ipv4", "prefer_ipv6", "any"):
        asked(bench, way, "libcurl", servers[0].port, family)

    assert way.names.asked == [("shop.example", "any")]


def test_a_kept_connection_to_the_other_family_is_used_again(bench, way):
    with HostileServer() as server:
        probe = Http(
            url=f"http://shop.example:{server.port}/healthy", connection="reuse", address_family="prefer_ipv6"
        )
        seen = [bench.run(way.probers["libcurl"], probe).seen for _ in range(3)]

    assert [one.reused_connection for one in seen] == [False, True, True]


def test_private_addresses_of_the_other_family_are_refused_too(bench, way):
    prober = HttpProber(way.transport, deny_private_addresses=True)
    with HostileServer() as server:
        seen = bench.run(prober, probe_of("libcurl", server.port, "prefer_ipv6")).seen
        assert server.heard == []

    assert seen.reason is Reason.ADDRESS_REFUSED


def test_cancelling_between_the_families_closes_everything(bench, way, full_backlog, descriptors):
    way.names.answer = LookedUp((V6, MORE_V4))
    with full_backlog("127.0.0.9") as port:
        bench.run(way.probers["libcurl"], probe_of("libcurl", port, "prefer_ipv6"), TIMEOUT_MS)
        before = descriptors()
        attempt = way.probers["libcurl"].start(
            bench.request(probe_of("libcurl", port, "prefer_ipv6")), lambda _: pytest.fail("it was cancelled")
        )
        bench.until(lambda: descriptors() > before)
        assert attempt.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert descriptors() <= before


@pytest.mark.parametrize("kind", STREAMS)
def test_no_descriptor_is_left_after_both_families_have_failed(bench, way, kind, descriptors):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        probe = probe_of(kind, taken.getsockname()[1], "prefer_ipv6")
        bench.run(way.probers[kind], probe)
        before = descriptors()
        for _ in range(200):
            bench.run(way.probers[kind], probe)

    assert descriptors() <= before + 2


def test_a_conversation_takes_the_other_family_too(bench, way):
    with HostileServer(greeting=lambda visit: (visit.read_something(), visit.send(b"+PONG\r\n"))) as server:
        probe = Redis(host="shop.example", port=server.port, address_family="prefer_ipv6")
        seen = bench.run(way.probers["redis"], probe).seen

    assert (seen.outcome, seen.ip) == (Outcome.UP, "127.0.0.1")


def test_a_question_goes_to_the_other_family_where_nobody_listens_on_the_preferred_one(bench, way):
    way.names.answer = LookedUp((V6, V4))
    with RecordServer(lambda question: reply(question, [record(1, bytes([192, 0, 2, 1]))])) as server:
        probe = Dns(name="a.example", server="ns.example", port=server.port, address_family="prefer_ipv6")
        seen = bench.run(way.probers["dns"], probe).seen
        none = bench.run(way.probers["dns"], replace(probe, address_family="any")).seen

    assert (seen.outcome, seen.ip) == (Outcome.UP, "127.0.0.1")
    assert (none.outcome, none.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)


def test_a_datagram_goes_to_the_other_family_where_nobody_listens_on_the_preferred_one(bench, way):
    way.names.answer = LookedUp((V6, V4))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, ThreadPoolExecutor(1) as pool:
        server.bind(("127.0.0.1", 0))

        def answer():
            _, peer = server.recvfrom(100)
            server.sendto(b"pong", peer)

        answered = pool.submit(answer)
        probe = Udp(
            host="shop.example", port=server.getsockname()[1], send="ping", address_family="prefer_ipv6"
        )
        seen = bench.run(way.probers["udp"], probe).seen
        answered.result()

    assert (seen.outcome, seen.body, seen.ip) == (Outcome.UP, b"pong", "127.0.0.1")


def test_a_datagram_that_each_family_refuses_is_down_by_the_last(bench, way):
    way.names.answer = LookedUp((V6, V4))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    seen = bench.run(
        way.probers["udp"], Udp(host="shop.example", port=port, send="x", address_family="prefer_ipv6")
    ).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)
    assert seen.detail.startswith(f"127.0.0.1 port {port}")
