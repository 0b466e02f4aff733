"""The `domain` probe against a registry on loopback, with TLS, its list of servers, and answers that tell nothing good."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hostile.registry import Registry, answering, listing, registration
from hostile.server import HostileServer
from watchkeeper.adapters.net.sockets import Sockets
from watchkeeper.adapters.probes.course import AttemptCourse, Surroundings
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.adapters.probes.web.registration import make_registration_prober
from watchkeeper.adapters.probes.web.registries import Registries
from watchkeeper.domain.limits import REGISTRIES_BYTES_MAX, REGISTRIES_FRESH_NS, REGISTRY_BYTES_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Http, Tls
from watchkeeper.domain.specification.probes.web.registration import DomainRegistration
from watchkeeper.domain.units import NS_PER_DAY

UNKNOWN, DOWN, UP, LATE = Outcome.UNKNOWN, Outcome.DOWN, Outcome.UP, Outcome.TIMED_OUT


class Asking:
    """A prober, and a question about one domain."""

    def __init__(self, bench, *, listed=None, deny=False, clock=None):
        self._bench = bench
        around = Surroundings(
            loop=bench.loop, clock=clock or bench.clock, resolver=bench.resolver, deny_private_addresses=deny
        )
        http = HttpProber(bench.transport, deny_private_addresses=deny)
        registries = None if listed is None else Registries(http, listed)
        self.prober = make_registration_prober(around, http, registries)

    def __call__(self, name="shop.example", *, timeout_ms=10_000, **fields):
        return self._bench.run(self.prober, DomainRegistration(name=name, **fields), timeout_ms).seen


@pytest.fixture
def asking(bench):
    made = []

    def make(**how):
        made.append(Asking(bench, **how))
        return made[-1]

    yield make
    for each in made:
        each.prober.close()
    bench.turn()


def asked(asking, answer, name="shop.example", **fields):
    with HostileServer({"rdap": answer}) as server:
        seen = asking()(name, rdap_server=server.url("/rdap/"), **fields)
        return seen, server.heard


def test_a_registration_is_told_with_its_end(asking):
    seen, (heard,) = asked(asking, Registry(registration()))

    left = datetime(2190, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    assert (seen.outcome, seen.reason, seen.detail, seen.status) == (UP, Reason.OK, "", 200)
    assert abs(seen.domain_expires_in_ns - left // timedelta(microseconds=1) * 1_000) < NS_PER_DAY
    assert [(each.name, each.unit) for each in seen.measurements] == [("registration_expiration", "ms")]
    assert seen.measurements[0].value == pytest.approx(seen.domain_expires_in_ns / 1_000_000)
    assert (heard.path, heard.header("accept")) == (
        "/rdap/domain/shop.example",
        "application/rdap+json, application/json",
    )
    assert json.loads(seen.body) == {
        "name": "shop.example",
        "status": ["client transfer prohibited", "active"],
        "registrar": "Good Names Inc.",
        "events": {
            "registration": "1990-12-31T23:59:59Z",
            "last_changed": "1991-12-31T23:59:59Z",
            "expiration": "2190-01-01T00:00:00Z",
        },
        "nameservers": ["ns1.example.net", "ns2.example.net"],
    }


def test_a_server_of_tls_proves_itself_and_its_certificate_is_not_the_domains(asking, authority):
    with authority.server() as server:
        server.answers["rdap"] = Registry(registration())
        place = server.url("/rdap")
        good = asking()(rdap_server=place, tls=Tls(ca_file=authority.file))
        unknown = asking()(rdap_server=place)

    assert (good.outcome, good.certificate_expires_in_ns, good.certificate_names) == (UP, None, None)
    assert (unknown.outcome, unknown.reason) == (DOWN, Reason.CERTIFICATE_INVALID)


def event(action, date):
    return [{"eventAction": action, "eventDate": date}]


ENDS = [
    (event("expiration", "9999-12-31T23:59:59Z"), 2**63 - 1, ""),
    (event("registrar expiration", "2190-01-01T00:00:00+02:00"), True, ""),
    (event("expiration", "2190-01-01 00:00:00"), True, ""),
    (event("expiration", "soon"), None, ""),
    (event("registration", "1990-01-01T00:00:00Z"), None, ""),
    ("expiration", None, ""),
    (event("expiration", "2001-01-01T00:00:00Z"), False, "the registration has ended: 2001-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("events", "left", "detail"), ENDS)
def test_the_end_of_a_registration_is_read_as_registries_write_it(asking, events, left, detail):
    seen, _ = asked(asking, answering(registration(events=events)))

    found = seen.domain_expires_in_ns
    assert (found if left is None or left > 1 else found > 0) == left
    assert (seen.outcome, seen.detail) == (DOWN if detail else UP, detail)
    assert len(seen.measurements) == (left is not None)


def test_an_international_name_is_asked_for_in_ascii(asking):
    seen, (heard,) = asked(asking, Registry(registration("xn--strae-oqa.example")), "Straße.Example.")
    in_unicode = registration(ldhName=None, unicodeName="Straße.example")
    also, _ = asked(asking, answering(in_unicode), "straße.example")

    assert (seen.outcome, heard.path, also.outcome) == (UP, "/rdap/domain/xn--strae-oqa.example", UP)


BAD = [
    (answering({}, "404 Not Found"), Reason.UNEXPECTED_ANSWER, "the registry knows no registration of shop.example"),
    (answering({}, "500 Oh"), Reason.UNEXPECTED_ANSWER, "HTTP 500"),
    (answering([]), Reason.PROTOCOL_ERROR, "the answer is no domain of RDAP"),
    (answering({"objectClassName": "entity"}), Reason.PROTOCOL_ERROR, "the answer is no domain of RDAP"),
    (answering(registration("other.example")), Reason.PROTOCOL_ERROR, "the answer is about other.example"),
    (answering(registration(ldhName="ß" * 9 + "\ud7ff.")), Reason.PROTOCOL_ERROR, "the answer is about "),
    (answering(registration(ldhName=["shop.example"])), Reason.PROTOCOL_ERROR, "the answer is about no name"),
    (lambda visit: visit.answer(body=b"<html>"), Reason.PROTOCOL_ERROR, "the answer is not JSON: JSON is malformed"),
    (lambda visit: visit.answer(body=b"[" * 9_000), Reason.PROTOCOL_ERROR, "the answer is not JSON: nested deeper"),
    (lambda visit: visit.answer(body=b" " * (REGISTRY_BYTES_MAX + 1)), Reason.BODY_TOO_LARGE, "the answer has more than"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "reason", "said"), BAD)
def test_an_answer_that_tells_of_no_registration_is_down(asking, answer, reason, said):
    seen, _ = asked(asking, answer)

    assert (seen.outcome, seen.reason) == (DOWN, reason)
    assert seen.detail.startswith(said)


ODD = {
    "status": ["active", 7, None],
    "entities": [
        7,
        {"roles": "registrar"},
        {"roles": ["registrar"], "vcardArray": ["vcard", [[], ["fn"]]], "handle": "ABC"},
    ],
    "nameservers": {"ldhName": "ns"},
    "events": [{"eventAction": 7, "eventDate": "2190-01-01"}, 7, *event("expiration", "2190-01-01")],
}


def test_parts_of_another_shape_are_passed_over(asking):
    seen, _ = asked(asking, answering(registration(**ODD)))

    found = json.loads(seen.body)
    assert (seen.outcome, found["status"], found["registrar"], found["nameservers"]) == (
        UP,
        ["active"],
        "ABC",
        [],
    )


@pytest.mark.parametrize("path", ["nothing", "drip_head", "drip_body"])
def test_a_server_that_does_not_answer_ends_at_the_deadline(asking, path):
    with HostileServer() as server:
        seen = asking()(rdap_server=server.url(f"/{path}"), timeout_ms=200)
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason, seen.detail) == (
        LATE,
        Reason.TIMED_OUT,
        "the deadline passed before 127.0.0.1 answered",
    )


def test_a_server_that_is_asked_too_often_is_left_alone_and_says_nothing_of_the_domain(asking):
    ask = asking()
    busy = answering({"errorCode": 429}, "429 Too Many Requests", "Retry-After: 7200")
    with HostileServer({"rdap": busy}) as server:
        first, second = (ask(name, rdap_server=server.url("/rdap")) for name in ("shop.example", "b.example"))
        heard = len(server.heard)

    assert (first.outcome, first.reason) == (UNKNOWN, Reason.RATE_LIMITED)
    assert first.detail == "127.0.0.1 answers no further questions (HTTP 429) for 2h: ask less often"
    assert (second.outcome, second.reason, heard) == (UNKNOWN, Reason.RATE_LIMITED, 1)


@pytest.mark.parametrize(("header", "wait"), [("Retry-After: 99999999", "24h"), ("X-Nothing: 1", "1h")])
def test_the_wait_that_a_server_asks_for_is_bounded(asking, header, wait):
    seen, _ = asked(asking, answering({}, "429 Too Many Requests", header))

    assert f" for {wait}:" in seen.detail


# The list of registries.


@pytest.fixture
def registry(authority):
    """A registry of .example and .org.example, and the list that names it."""
    with authority.server() as server:
        servers = {"example": server.url("/rdap/"), "org.example": server.url("/deep/rdap")}
        server.answers |= {
            "rdap": Registry(registration()),
            "deep": answering(registration("shop.org.example")),
            "list": answering(listing(servers)),
        }
        yield server


def listed_at(server, authority, path="/list"):
    return Http(url=server.url(path), tls=Tls(ca_file=authority.file), body_bytes_max=REGISTRIES_BYTES_MAX)


def test_the_server_of_a_domain_is_found_in_the_list_which_is_read_once(asking, registry, authority):
    ask = asking(listed=listed_at(registry, authority))
    trusted = Tls(ca_file=authority.file)
    seen = [
        ask(name, tls=trusted) for name in ("shop.example", "shop.org.example", "gone.example", "shop.test")
    ]

    assert [each.outcome for each in seen] == [UP, UP, DOWN, UNKNOWN]
    assert (seen[3].reason, seen[3].detail) == (
        Reason.REGISTRY_UNKNOWN,
        "the registry of .test has no server of RDAP in IANA's list: name one as rdap_server",
    )
    assert [heard.path for heard in registry.heard] == [
        "/list",
        "/rdap/domain/shop.example",
        "/deep/rdap/domain/shop.org.example",
        "/rdap/domain/gone.example",
    ]


def test_several_attempts_wait_for_one_list(bench, asking, registry, authority):
    ask = asking(listed=listed_at(registry, authority))
    probe = DomainRegistration(name="shop.example", tls=Tls(ca_file=authority.file))
    ends = [bench.loop.create_future() for _ in range(4)]
    first, *others = [ask.prober.start(bench.request(probe), end.set_result) for end in ends]
    bench.turn()
    assert first.cancel() is CancelOutcome.WITHOUT_EFFECT

    assert [bench.wait(end).outcome for end in ends[1:]] == [UP] * len(others)
    assert [heard.path for heard in registry.heard].count("/list") == 1


UNREADABLE = [
    ("/status/503", "HTTP 503"),
    ("/healthy", "JSON is malformed"),
    ("/empty", "it names no server"),
    ("/plain", "it names no server"),
    ("/odd", "it names no server"),
    ("/large", "it has more than 1,048,576 bytes"),
    ("/early_close", ""),
]
LISTS = {
    "empty": answering({"services": []}),
    "plain": answering(listing({"example": "http://127.0.0.1/"})),
    "odd": answering({"services": [7, [], [["example"]], [["example"], [7]], ["example", "https://h/"]]}),
    "large": lambda visit: visit.answer(body=b" " * (REGISTRIES_BYTES_MAX + 1)),
}


@pytest.mark.parametrize(("path", "said"), UNREADABLE)
def test_a_list_that_cannot_be_read_says_nothing_of_the_domain(asking, registry, authority, path, said):
    registry.answers |= LISTS
    ask = asking(listed=listed_at(registry, authority, path))
    seen, again = ask(), ask()

    assert (seen.outcome, seen.reason) == (UNKNOWN, Reason.REGISTRY_UNKNOWN)
    assert seen.detail.startswith(f"the list of registries cannot be read: {said}")
    assert again.detail == seen.detail
    assert len(registry.heard) == 1


def test_a_list_that_does_not_come_ends_at_the_deadline(asking, registry, authority):
    seen = asking(listed=listed_at(registry, authority, "/nothing"))(timeout_ms=200)

    assert (seen.outcome, seen.detail) == (LATE, "the deadline passed while the list of registries was read")


class Days:
    """A clock that is ahead of another."""

    def __init__(self, clock):
        self._clock, self.ahead_ns = clock, 0

    def monotonic_ns(self):
        return self._clock.monotonic_ns() + self.ahead_ns


def test_an_old_list_is_used_where_it_cannot_be_read_anew(bench, registry, authority):
    clock = Days(bench.clock)
    around = Surroundings(loop=bench.loop, clock=clock, resolver=bench.resolver, deny_private_addresses=False)
    registries = Registries(HttpProber(bench.transport), listed_at(registry, authority))
    paths = []
    for _ in range(3):
        course = AttemptCourse(around, Sockets(bench.loop), bench.request(registries), clock.monotonic_ns())
        found = bench.loop.run_until_complete(registries.server_of("shop.example", course))
        paths.append(found)
        clock.ahead_ns += REGISTRIES_FRESH_NS + 1
        registry.answers["list"] = answering({}, "500 Oh")

    assert paths == [registry.url("/rdap/")] * 3
    assert len(registry.heard) == 3


def test_denied_addresses_are_denied_to_the_servers_of_the_list(asking, registry, authority):
    direct = asking(deny=True)(rdap_server=registry.url("/rdap"))
    listed = asking(deny=True, listed=listed_at(registry, authority))()

    assert direct.reason is Reason.ADDRESS_REFUSED
    assert (listed.reason, "127.0.0.1" in listed.detail) == (Reason.REGISTRY_UNKNOWN, True)
    assert registry.heard == []


def test_a_cancelled_attempt_and_failures_leave_no_descriptor(bench, asking, descriptors):
    ask = asking()
    with HostileServer() as server:
        ask(rdap_server=server.url("/early_close"))
        before = descriptors()
        for path in ("/early_close", "/status/500", "/healthy", "/two_lengths") * 50:
            ask(rdap_server=server.url(path))
        probe = DomainRegistration(name="shop.example", rdap_server=server.url("/nothing"))
        started = ask.prober.start(bench.request(probe), lambda seen: pytest.fail(str(seen)))
        server.arrived.clear()
        bench.when(server.arrived)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()

        assert descriptors() <= before + 2
