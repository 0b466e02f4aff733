import threading

import msgspec
import pytest
from watchkeeper.adapters.net.resolver import DNS_CACHE, LookedUp, ResolvedAddress, Resolver, literal_address
from watchkeeper.domain.limits import RESOLVER_QUEUE_MAX, RESOLVER_THREADS_MAX

SMALL = msgspec.structs.replace(DNS_CACHE, entries_max=2)
FOUND = LookedUp((ResolvedAddress(2, "192.0.2.1"),))


class SlowSystem:
    """A name service that answers on request of the test, and counts its questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.answer = FOUND

    def __call__(self, host, _family) -> LookedUp:
        self.asked.append(host)
        self.may_answer.wait(5)
        return self.answer


@pytest.fixture
def system():
    return SlowSystem()


@pytest.fixture
def resolver(bench, system, clock):
    resolver = Resolver(bench.loop, clock, ask=system, policy=SMALL)
    yield resolver
    system.may_answer.set()
    resolver.close()


def ask(bench, resolver, host):
    """The answer to one question, waited for where it is not known."""
    answer = bench.loop.create_future()
    known = resolver.look_up(host, "any", answer.set_result)
    return known if known is not None else bench.wait(answer)


def test_a_name_is_asked_once_however_many_wait(bench, resolver, system):
    answers = [bench.loop.create_future() for _ in range(50)]
    for answer in answers:
        assert resolver.look_up("shop.example", "any", answer.set_result) is None
    system.may_answer.set()

    assert {bench.wait(answer) for answer in answers} == {FOUND}
    assert system.asked == ["shop.example"]


def test_an_answer_is_kept_for_its_time_and_no_longer(bench, resolver, system, clock):
    system.may_answer.set()
    ask(bench, resolver, "shop.example")
    clock.advance(DNS_CACHE.fresh_for_ns)
    ask(bench, resolver, "shop.example")
    assert len(system.asked) == 1
    clock.advance(1)
    ask(bench, resolver, "shop.example")

    assert len(system.asked) == 2


def test_a_failure_is_not_kept(bench, resolver, system):
    system.may_answer.set()
    system.answer = LookedUp(message="no such name")
    assert ask(bench, resolver, "shop.example").message == "no such name"
    system.answer = FOUND

    assert ask(bench, resolver, "shop.example") == FOUND


def test_slow_names_take_no_more_than_their_threads(bench, resolver, system):
    for number in range(100):
        resolver.look_up(f"{number}.example", "any", print)

    assert repr(resolver) == f"Resolver(kept=0, under_way=100, threads={RESOLVER_THREADS_MAX})"


def test_beyond_the_queue_a_look_up_fails_at_once(resolver, system):
    for number in range(RESOLVER_QUEUE_MAX):
        assert resolver.look_up(f"{number}.example", "any", lambda _: None) is None

    refused = resolver.look_up("one-more.example", "any", print)
    assert refused.addresses == ()
    assert "wait" in refused.message


def test_the_kept_answers_are_bounded_by_their_last_use(bench, resolver, system):
    system.may_answer.set()
    for host in ("a", "b", "a", "c", "a"):
        ask(bench, resolver, host)
    assert system.asked == ["a", "b", "c"]
    ask(bench, resolver, "b")

    assert system.asked == ["a", "b", "c", "b"]
    assert len(resolver.kept) == 2


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
