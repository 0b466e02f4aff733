"""The one resolver, of a name service that answers at the test's word, and of a real one over UDP."""

import socket
import threading

import msgspec
import pytest
from hostile.names import SERVER_FAILED, SILENCE, NameServer
from hostile.server import HostileServer
from watchkeeper.adapters.net.name_service import CaresNameService
from watchkeeper.adapters.net.names import LookedUp, ResolvedAddress, literal_address, not_found, public_only
from watchkeeper.adapters.net.resolver import DNS_CACHE, Resolver
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.limits import DNS_FRESH_NS, RESOLVER_QUEUE_MAX
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http

from tests.adapters.network.held_names import FOUND, HeldNames

SMALL = msgspec.structs.replace(DNS_CACHE, entries_max=2)


@pytest.fixture
def held():
    return HeldNames()


@pytest.fixture
def resolver(bench, held, clock):
    return Resolver(bench.loop, clock, service=held, policy=SMALL)


def ask(bench, resolver, host, family="any"):
    """The answer to one question, waited for where it is not known."""
    answer = bench.loop.create_future()
    known = resolver.look_up(host, family, answer.set_result)
    return known if known is not None else bench.wait(answer, 20_000)


@pytest.fixture
def hasty(bench, names):
    """A resolver that gives a name up after its first question."""
    service = CaresNameService(bench.loop, bench.clock, servers=(names.place,), tries=1)
    yield bench.naming(service)
    service.close()


def addresses(found):
    return [address.host for address in found.addresses]


def test_a_name_is_asked_once_however_many_wait(bench, resolver, held):
    held.hold()
    answers = [bench.loop.create_future() for _ in range(50)]
    for answer in answers:
        assert resolver.look_up("shop.example", "any", answer.set_result) is None
    held.release()

    assert {bench.wait(answer) for answer in answers} == {FOUND}
    assert held.asked == [("shop.example", "any")]


def test_an_answer_is_kept_for_its_time_and_no_longer(bench, resolver, held, clock):
    ask(bench, resolver, "shop.example")
    clock.advance(DNS_CACHE.fresh_for_ns)
    ask(bench, resolver, "shop.example")
    assert len(held.asked) == 1
    clock.advance(1)
    ask(bench, resolver, "shop.example")

    assert len(held.asked) == 2


def test_a_failure_is_not_kept(bench, resolver, held):
    held.answer = not_found("shop.example", "there is no such name")
    assert ask(bench, resolver, "shop.example") == held.answer
    held.answer = FOUND

    assert ask(bench, resolver, "shop.example") == FOUND


def test_beyond_its_bound_a_look_up_is_our_own_fault_at_once(resolver, held):
    held.hold()
    for number in range(RESOLVER_QUEUE_MAX):
        assert resolver.look_up(f"{number}.example", "any", print) is None

    refused = resolver.look_up("one-more.example", "any", print)
    assert refused.verdict[:2] == (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS)
    assert repr(resolver) == f"Resolver(kept=0, under_way={RESOLVER_QUEUE_MAX})"


def test_the_kept_answers_are_bounded_by_their_last_use(bench, resolver, held):
    for host in ("a", "b", "a", "c", "a", "b"):
        ask(bench, resolver, host)

    assert [host for host, _ in held.asked] == ["a", "b", "c", "b"]
    assert len(resolver.kept) == 2


def test_a_callback_that_fails_costs_no_other_its_answer(bench, resolver, held):
    held.hold()
    problems, answer = [], bench.loop.create_future()
    bench.loop.set_exception_handler(lambda _, context: problems.append(context["message"]))
    resolver.look_up("shop.example", "any", lambda _: 1 / 0)
    resolver.look_up("shop.example", "any", answer.set_result)
    held.release()

    assert bench.wait(answer) == FOUND
    assert problems == ["a callback failed"]


def test_a_closed_resolver_calls_nobody(bench, resolver, held):
    held.hold()
    heard = []
    resolver.look_up("shop.example", "any", heard.append)
    resolver.close()
    held.release()
    bench.turn()

    assert heard == []
    assert resolver.look_up("shop.example", "any", heard.append).verdict[0] is Outcome.UNKNOWN


def test_names_answer_while_others_are_silent(bench, names):
    names.names |= {".silent.example": SILENCE, ".good.example": ("127.0.0.1",)}
    waiting, threads = [], set(threading.enumerate())
    for number in range(200):
        assert bench.resolver.look_up(f"{number}.silent.example", "any", waiting.append) is None
    for number in range(20):
        assert addresses(ask(bench, bench.resolver, f"{number}.good.example")) == ["127.0.0.1"]

    assert waiting == []
    begun_since = [thread.name for thread in threading.enumerate() if thread not in threads]
    assert [name for name in begun_since if "watchkeeper" in name] == []


def test_a_name_whose_servers_are_silent_is_down_while_others_are_answered(bench, names, hasty):
    names.names["shop.example"] = SILENCE
    begun_ns = bench.clock.monotonic_ns()
    found = ask(bench, hasty, "shop.example")

    assert hasty.overdue(begun_ns)[:2] == (Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT)
    assert found.verdict[:2] == (Outcome.DOWN, Reason.DNS_FAILED)
    assert "do not answer" in found.verdict[2]


def test_a_name_service_that_answers_nothing_is_our_own_fault(bench, names, hasty):
    names.mute = True
    begun_ns = bench.clock.monotonic_ns()
    found = ask(bench, hasty, "shop.example")

    assert found.verdict[:2] == (Outcome.UNKNOWN, Reason.BLIND)
    assert hasty.overdue(begun_ns)[:2] == (Outcome.UNKNOWN, Reason.BLIND)


REFUSED = 5


def verdicts(bench, names):
    return [ask(bench, bench.resolver, name).verdict[:2] for name in names]


FAILS, OURS = (Outcome.DOWN, Reason.DNS_FAILED), (Outcome.UNKNOWN, Reason.BLIND)


@pytest.mark.parametrize("code", [SERVER_FAILED, REFUSED])
def test_a_name_service_that_fails_for_every_name_is_our_own_fault(bench, names, code):
    names.names[".example"] = code

    assert verdicts(bench, ["a.example", "a.example", "b.example"]) == [FAILS] * 3
    found = ask(bench, bench.resolver, "c.example")
    assert (found.verdict[:2], "as for every name" in found.verdict[2]) == (OURS, True)
    assert verdicts(bench, ["a.example", "b.example"]) == [OURS] * 2


def test_a_name_service_that_answered_before_and_fails_for_every_name_is_our_own_fault(bench, names):
    names.names["good.other"] = ("127.0.0.1",)
    ask(bench, bench.resolver, "good.other")
    names.names |= {"good.other": SERVER_FAILED, ".example": SERVER_FAILED}
    hosts = [f"{number}.example" for number in range(20)]
    verdicts(bench, hosts)

    assert set(verdicts(bench, hosts)) == {OURS}
    names.names[".example"] = ("127.0.0.1",)
    assert addresses(ask(bench, bench.resolver, "0.example", "ipv4")) == ["127.0.0.1"]
    names.names["only.other"] = SERVER_FAILED
    assert verdicts(bench, ["only.other"]) == [FAILS]


@pytest.mark.parametrize("name", ["good.other", "no-such.other"])
def test_a_broken_zone_of_many_names_is_down_while_another_is_answered(bench, names, name):
    names.names |= {"good.other": ("127.0.0.1",), ".example": SERVER_FAILED}
    ask(bench, bench.resolver, "good.other")
    for _ in range(10):
        ask(bench, bench.resolver, name)
        assert set(verdicts(bench, [f"{number}.example" for number in range(3)])) == {FAILS}


def test_a_name_server_that_is_not_there_is_our_own_fault(bench):
    with NameServer() as gone:
        place = gone.place
    service = CaresNameService(bench.loop, bench.clock, servers=(place,))
    found = ask(bench, bench.naming(service), "shop.example")
    service.close()

    assert found.verdict[:2] == (Outcome.UNKNOWN, Reason.BLIND)


def test_a_look_up_without_a_free_descriptor_is_our_own_fault(bench, no_descriptors):
    with no_descriptors():
        found = ask(bench, bench.resolver, "shop.example")

    assert found.verdict[:2] == (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS)


def test_a_lost_packet_is_asked_again(bench, names):
    names.names["shop.example"] = ("127.0.0.1",)
    names.lost["shop.example"] = 2

    assert addresses(ask(bench, bench.resolver, "shop.example", "ipv4")) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("behaviour", "family", "words"),
    [
        (SERVER_FAILED, "any", "SERVFAIL"),
        (5, "any", "REFUSED"),
        (3, "any", "no such name"),
        (
            ("::1",),
            "ipv4",
            "shop.example has no IPv4 address, and address_family: ipv4 allows no other",
        ),
        (
            ("127.0.0.1",),
            "ipv6",
            "shop.example has no IPv6 address, and address_family: ipv6 allows no other",
        ),
        ((), "any", "could not resolve shop.example: it has no address"),
    ],
    ids=str,
)
def test_an_answer_without_an_address_says_why(bench, names, behaviour, family, words):
    names.names["shop.example"] = behaviour
    found = ask(bench, bench.resolver, "shop.example", family)

    assert found.verdict[:2] == (Outcome.DOWN, Reason.DNS_FAILED)
    assert words in found.verdict[2]
    assert ("could not resolve" in found.verdict[2]) is (family == "any")


@pytest.mark.parametrize("host", ["localhost", "localhost.", "shop.localhost", "Shop.Localhost."])
def test_names_of_this_machine_are_asked_of_nobody(bench, names, host):
    assert addresses(ask(bench, bench.resolver, host, "ipv4")) == ["127.0.0.1"]
    assert not names.asked


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("::1", "::1")],
)
def test_every_spelling_of_an_address_is_asked_of_nobody(bench, names, host, address):
    assert addresses(ask(bench, bench.resolver, host)) == [address]
    assert not names.asked


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("straße.test", "xn--strae-oqa.test"),
        ("BÜCHER.Test", "xn--bcher-kva.test"),
        ("βόλος.test", "xn--nxasmm1c.test"),
        ("نامه‌ای.test", "xn--mgba3gch31f060k.test"),
        ("☃.test", "xn--n3h.test"),
        ("_dmarc.straße.test", "_dmarc.xn--strae-oqa.test"),
        ("日本。test", "xn--wgv71a.test"),
        ("_dmarc.test", "_dmarc.test"),
        ("ab--cd.test", "ab--cd.test"),
        ("under_score.test", "under_score.test"),
    ],
)
def test_an_international_name_is_asked_for_as_browsers_do(bench, names, written, asked):
    names.names[asked] = ("127.0.0.1",)

    assert addresses(ask(bench, bench.resolver, written)) == ["127.0.0.1"]
    assert set(names.asked) == {asked}


def test_an_international_name_is_asked_for_by_http_and_in_its_header(bench, names):
    names.names["xn--strae-oqa.test"] = ("127.0.0.1",)
    with HostileServer() as server:
        prober = HttpProber(bench.transport)
        seen = bench.run(prober, Http(url=f"http://straße.test:{server.port}/")).seen

        assert server.heard[0].header("host") == f"xn--strae-oqa.test:{server.port}"
    assert (seen.outcome, seen.ip) == (Outcome.UP, "127.0.0.1")


def test_a_scoped_address_keeps_its_scope(bench):
    (found,) = ask(bench, bench.resolver, "fe80::1%lo").addresses

    assert (found.host, found.scope) == ("fe80::1", socket.if_nametoindex("lo"))


def test_a_trailing_dot_is_the_name_itself(bench, names):
    names.names["shop.example"] = ("127.0.0.1",)

    assert addresses(ask(bench, bench.resolver, "shop.example.")) == ["127.0.0.1"]


def test_another_name_server_is_asked_where_the_first_is_silent(bench, names):
    names.names["shop.example"] = ("127.0.0.1",)
    with NameServer() as silent:
        silent.mute = True
        service = CaresNameService(bench.loop, bench.clock, servers=(silent.place, names.place))
        found = ask(bench, bench.naming(service), "shop.example")
        service.close()

    assert addresses(found) == ["127.0.0.1"]


def test_an_answer_of_long_life_is_asked_for_again_within_a_minute(bench, names, clock):
    names.names["shop.example"] = ("127.0.0.1",)
    service = CaresNameService(bench.loop, clock, servers=(names.place,))
    resolver = Resolver(bench.loop, clock, service=service)
    ask(bench, resolver, "shop.example", "ipv4")
    names.names["shop.example"] = ("127.0.0.2",)
    clock.advance(DNS_FRESH_NS + 1)

    assert addresses(ask(bench, resolver, "shop.example", "ipv4")) == ["127.0.0.2"]
    service.close()


def test_closing_leaves_no_descriptor_and_no_callback(bench, names, descriptors):
    names.names["shop.example"] = SILENCE
    before, heard = descriptors(), []
    bench.resolver.look_up("shop.example", "any", heard.append)
    assert descriptors() > before
    bench.resolver.close()
    bench.turn()

    assert descriptors() <= before
    assert heard == []


def test_only_addresses_of_the_public_network_are_left_where_others_are_denied():
    public, private = literal_address("8.8.8.8"), literal_address("10.0.0.1")

    assert public_only(LookedUp((private, public))) == LookedUp((public,))
    assert public_only(LookedUp((private,))).verdict[1] is Reason.ADDRESS_REFUSED
    assert public_only(not_found("a", "b")) == not_found("a", "b")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", None),
        ("localhost", None),
        ("127.1", None),
    ],
)
def test_only_a_plain_address_is_taken_literally(host, address):
    literal = literal_address(host)

    assert (literal.host if literal else None) == address


def test_an_address_of_either_family_fits_a_socket():
    assert ResolvedAddress(socket.AF_INET6, "::1", 2).with_port(80) == ("::1", 80, 0, 2)
    assert ResolvedAddress(socket.AF_INET, "127.0.0.1").with_port(80) == ("127.0.0.1", 80)
