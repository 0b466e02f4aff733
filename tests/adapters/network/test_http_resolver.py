"""A name server that a target chooses: it alone is asked, by both engines, and its failures are no fault of this machine."""

import socket

import pytest
from hostile.names import SERVER_FAILED
from hostile.records import RecordServer, record, reply
from hostile.server import HostileServer
from ports import free_port
from proxy_server import ProxyServer
from watchkeeper.adapters.http.fast.engine import FastHttpEngine
from watchkeeper.adapters.net.resolver import Resolver
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.limits import NAME_SERVERS_KEPT
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.http.access import Proxy
from watchkeeper.domain.specification.probe import Http

TIMEOUT_MS = 400
UP, DOWN, LATE = Outcome.UP, Outcome.DOWN, Outcome.TIMED_OUT
HERE = socket.inet_aton("127.0.0.1")


def says_here(question):
    """The answer of a server to which every name is on this machine."""
    end = question.index(b"\0", 12) + 5
    asked = question[:end]  # without the record of EDNS
    return reply(asked, [record(1, HERE)] if asked[-3] == 1 else [])


@pytest.fixture
def chosen():
    with RecordServer(says_here) as server:
        yield server


@pytest.fixture
def plain():
    with HostileServer() as server:
        yield server


@pytest.fixture
def prober(bench):
    return HttpProber(bench.transport)


def to(server, scheme="udp"):
    return f"{scheme}://127.0.0.1:{server.port}"


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_the_chosen_server_is_asked_and_the_systems_is_not(bench, prober, chosen, plain, names, scheme):
    url = f"http://shop.test:{plain.port}/healthy"
    seen = [bench.run(prober, Http(url=url, resolver=to(chosen, scheme))).seen for _ in range(2)]

    assert [each.outcome for each in seen] == [UP, UP]
    assert {way for way, _ in chosen.asked} == {scheme}
    assert len(chosen.asked) <= 2, "the answer is kept for a while"
    assert not names.asked


def test_a_name_may_lead_elsewhere_by_each_server(bench, prober, chosen, plain, names):
    names.names["shop.test"] = ("127.0.0.2",)
    url = f"http://shop.test:{plain.port}/healthy"
    found = {
        resolver: bench.run(prober, Http(url=url, **fields)).seen.outcome
        for resolver, fields in {
            "system": {},
            "chosen": {"resolver": to(chosen)},
            "system again": {"connection": "reuse"},
        }.items()
    }

    assert found == {"system": DOWN, "chosen": UP, "system again": DOWN}


def test_a_kept_connection_belongs_to_its_name_server(bench, prober, chosen, plain, names):
    names.names["shop.test"] = ("127.0.0.2",)
    url = f"http://shop.test:{plain.port}/healthy"
    by_chosen = Http(url=url, resolver=to(chosen), connection="reuse")
    kept = [bench.run(prober, by_chosen).seen.reused_connection for _ in range(2)]
    seen = bench.run(prober, Http(url=url, connection="reuse")).seen

    assert kept == [False, True]
    assert (seen.outcome, seen.reused_connection) == (DOWN, False)


def test_a_connection_that_is_refused_was_none_to_reuse(bench, prober):
    spec = Http(url=f"http://127.0.0.1:{free_port()}/", connection="reuse")
    seen = bench.run(prober, spec).seen

    assert (seen.reason, seen.connected, seen.reused_connection) == (Reason.CONNECTION_REFUSED, False, False)


def test_the_fast_engine_asks_the_chosen_server(bench, chosen, plain, names):
    engine = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver)
    prober = HttpProber(bench.transport, engine)
    spec = Http(url=f"http://shop.test:{plain.port}/healthy", resolver=to(chosen))
    first = bench.run(prober, spec).seen
    # From here on only the fast engine can answer.
    bench.transport.close()
    second = bench.run(prober, spec).seen
    engine.close()

    assert (first.outcome, second.outcome) == (UP, UP)
    assert not names.asked


def test_the_file_of_hosts_and_search_domains_are_left_out(bench, prober, chosen):
    name = socket.gethostname() or "box"
    bench.run(prober, Http(url=f"http://{name}:{free_port()}/", resolver=to(chosen)))

    assert {heard[12 : heard.index(b"\0", 12) + 1] for _, heard in chosen.asked} == {wire_name(name)}


def wire_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def test_a_proxy_is_looked_up_by_the_chosen_server(bench, prober, chosen, plain, names):
    with ProxyServer() as proxy:
        spec = Http(url=plain.url(), proxy=Proxy(url=proxy.url("http", "proxy.test")), resolver=to(chosen))
        seen = bench.run(prober, spec).seen

    assert (seen.outcome, len(proxy.asked), names.asked["proxy.test"]) == (UP, 1, 0)


# Failures.


@pytest.fixture(params=["libcurl", "fast"])
def either(request, bench):
    engine = FastHttpEngine(bench.loop, bench.clock, bench.call_at, bench.resolver)
    yield HttpProber(bench.transport, engine if request.param == "fast" else None)
    engine.close()


def test_a_server_that_is_silent_says_nothing_about_this_machine(bench, either, names):
    names.mute = True
    spec = Http(url="http://shop.test/", resolver=f"udp://{names.place}")
    seen = bench.run(either, spec, TIMEOUT_MS).seen

    assert (seen.outcome, seen.reason) == (LATE, Reason.CONNECT_TIMED_OUT)
    assert "while the name was looked up" in seen.detail


def test_a_server_that_is_not_there_is_no_blindness(bench, either):
    for scheme in ("udp", "tcp"):
        resolver = f"{scheme}://127.0.0.1:{free_port()}"
        seen = bench.run(either, Http(url="http://shop.test/", resolver=resolver)).seen
        assert (seen.outcome, seen.reason) == (DOWN, Reason.DNS_FAILED)
        assert seen.detail.startswith(f"could not resolve shop.test: {resolver}")


@pytest.mark.parametrize(
    ("behaviour", "said"), [(3, "there is no such name"), (SERVER_FAILED, "SERVFAIL"), (5, "REFUSED")]
)
def test_a_server_that_fails_for_every_name_is_a_fault_of_the_target(bench, either, names, behaviour, said):
    names.names[".test"] = behaviour
    for number in range(6):
        spec = Http(url=f"http://shop{number}.test/", resolver=f"udp://{names.place}")
        seen = bench.run(either, spec).seen
        assert (seen.outcome, seen.reason) == (DOWN, Reason.DNS_FAILED)
        assert said in seen.detail


@pytest.mark.parametrize("garbage", [b"", b"\0" * 5, b"x" * 600], ids=len)
def test_garbage_is_no_answer(bench, prober, garbage):
    with RecordServer(lambda question: question[:2] + garbage) as server:
        seen = bench.run(prober, Http(url="http://shop.test/", resolver=to(server)), TIMEOUT_MS).seen

    assert seen.outcome in {DOWN, LATE}
    assert seen.reason in {Reason.DNS_FAILED, Reason.CONNECT_TIMED_OUT}


def test_a_server_at_a_private_address_is_not_asked(bench, chosen):
    prober = HttpProber(bench.transport, deny_private_addresses=True)
    seen = bench.run(prober, Http(url="http://shop.test/", resolver=to(chosen))).seen

    assert (seen.outcome, seen.reason, chosen.asked) == (DOWN, Reason.ADDRESS_REFUSED, [])
    assert seen.detail == "the name server 127.0.0.1 is not a public address: refused"


def test_servers_that_were_asked_long_ago_give_way(bench):
    resolver = Resolver(bench.loop, bench.clock, service=bench.service)
    first = resolver.at("udp://192.0.2.1", deny_private=False)
    for number in range(NAME_SERVERS_KEPT):
        resolver.at(f"udp://192.0.2.{number + 2}", deny_private=False)

    assert resolver.at("udp://192.0.2.1", deny_private=False) is not first
    assert resolver.at(None, deny_private=True) is resolver
    resolver.close()


def test_no_descriptor_is_left_after_many_look_ups_that_fail(bench, prober, names, descriptors):
    names.names[".test"] = SERVER_FAILED
    resolver = f"udp://{names.place}"
    bench.run(prober, Http(url="http://first.test/", resolver=resolver))
    before = descriptors()
    for number in range(200):
        seen = bench.run(prober, Http(url=f"http://shop{number}.test/", resolver=resolver)).seen
        assert seen.outcome is DOWN

    assert descriptors() <= before + 1
