"""The `mqtt` probe against Mosquitto itself, and against peers that break off, lie, or say nothing."""

import pytest
from daemons import PASSWORD, USER, Mosquitto
from hostile.brokers import CONNACK, CONNACK_5, SUBACK, SUBACK_5, Broker, published
from hostile.server import HostileServer
from hostile.visit import Visit
from paho.mqtt.publish import single
from trustme import CA
from watchkeeper.adapters.probes.course import Surroundings
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.limits import BODY_BYTES, MESSAGES_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.servers.mqtt import Mqtt

TIMEOUT_MS = 300


@pytest.fixture
def prober(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=False
    )
    prober = NETWORK_PROBERS[Mqtt](around)
    yield prober
    prober.close()
    bench.turn()


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    """A Mosquitto, and the file of its authority."""
    ca, file = CA(), tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    with Mosquitto(ca) as server:
        yield server, Tls(ca_file=str(file))


@pytest.fixture
def real(proven):
    return proven[0]


@pytest.fixture
def trusted(proven):
    return proven[1]


def target(server, **fields) -> Mqtt:
    return Mqtt(**{"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD, **fields})


VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


@pytest.mark.needs("mosquitto")
@VERSIONS
def test_a_login_is_up_in_clear_and_by_tls(bench, prober, real, trusted, version):
    in_clear = bench.run(prober, target(real, version=version)).seen
    by_tls = bench.run(prober, target(real, version=version, port=real.tls_port, tls=trusted)).seen

    assert (in_clear.outcome, in_clear.detail, in_clear.body) == (Outcome.UP, "", b"")
    assert (by_tls.outcome, by_tls.detail) == (Outcome.UP, "")
    assert by_tls.phases.tls_ns > 0


@pytest.mark.needs("mosquitto")
@VERSIONS
def test_a_published_text_comes_back_and_a_number_is_a_figure(bench, prober, real, version):
    number = bench.run(prober, target(real, version=version, topic="shop/a", publish="42.5")).seen
    word = bench.run(prober, target(real, version=version, topic="shop/a", publish="grün")).seen
    code = bench.run(prober, target(real, version=version, topic="shop/a", publish="1_000")).seen

    assert (number.outcome, number.detail, number.body) == (Outcome.UP, "", b"42.5")
    assert [(each.name, each.value) for each in number.measurements] == [("value", 42.5)]
    assert (word.body, word.measurements) == ("grün".encode(), ())
    assert (code.body, code.measurements) == (b"1_000", ())


@pytest.mark.needs("mosquitto")
@VERSIONS
def test_a_message_that_the_broker_keeps_is_told_and_is_no_answer_to_another(bench, prober, real, version):
    login = {"username": USER, "password": PASSWORD}
    single("shop/k", "old 42", qos=1, retain=True, hostname=real.host, port=real.port, auth=login)
    kept = bench.run(prober, target(real, version=version, topic="shop/k")).seen
    sent = bench.run(prober, target(real, version=version, topic="shop/k", publish="42")).seen

    assert (kept.body, sent.body) == (b"old 42", b"42")


@pytest.mark.needs("mosquitto")
@VERSIONS
def test_a_topic_without_a_message_times_out(bench, prober, real, version):
    seen = bench.run(prober, target(real, version=version, topic="shop/none"), timeout_ms=TIMEOUT_MS).seen

    assert (seen.outcome, seen.detail) == (Outcome.TIMED_OUT, "the deadline passed before the message came")


@pytest.mark.needs("mosquitto")
@VERSIONS
@pytest.mark.parametrize(
    "fields", [{"password": "wrong-word"}, {"user": "eve"}, {"user": None, "password": None}]
)
def test_a_login_that_is_refused_is_down(bench, prober, real, version, fields):
    seen = bench.run(prober, target(real, version=version, **fields)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith("the broker refuses the connection: ")
    assert "not authorized" in seen.detail


@pytest.mark.needs("mosquitto")
def test_a_message_that_may_not_be_published_is_down_in_the_newer_version(bench, prober, real):
    seen = bench.run(prober, target(real, version="5", topic="secret/a", publish="x")).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith("the broker refuses the message: not authorized")


@pytest.mark.needs("mosquitto")
def test_a_server_whose_certificate_proves_nothing_is_down(bench, prober, real):
    seen = bench.run(prober, target(real, port=real.tls_port, tls=Tls())).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def asked(bench, prober, broker, **fields):
    with HostileServer(greeting=broker) as server:
        return bench.run(prober, Mqtt(host=server.host, port=server.port, **fields)).seen


@VERSIONS
def test_a_retained_message_is_told(bench, prober, version):
    seen = asked(bench, prober, Broker(), topic="shop/#", version=version)

    assert (seen.outcome, seen.detail, seen.body) == (Outcome.UP, "", b"7")
    assert [each.value for each in seen.measurements] == [7.0]


@VERSIONS
@pytest.mark.parametrize(
    ("fields", "body"), [({}, b"42"), ({"expect": "4"}, b"42"), ({"publish": "o"}, b"o")]
)
def test_a_message_from_before_is_no_answer_to_what_is_published(bench, prober, version, fields, body):
    broker = Broker(retained=b"old 42")
    seen = asked(bench, prober, broker, topic="a", version=version, **{"publish": "42", **fields})

    assert (seen.outcome, seen.detail, seen.body) == (Outcome.UP, "", body)
    assert [packet[0] for packet in broker.heard] == [0x10, 0x82, 0x32, 0xE0]


def test_a_client_that_is_not_named_has_a_new_name_each_time(bench, prober):
    broker = Broker()
    for fields in ({}, {}, {"client_id": "keeper"}):
        asked(bench, prober, broker, **fields)
    names = [packet[14:] for packet in broker.heard if packet[0] == 0x10]

    assert len(set(names)) == 3
    assert {len(name) for name in names[:2]} == {22}
    assert all(name.isalnum() for name in names)
    assert names[2] == b"keeper"


def saying(*answers, stays=True):
    """A peer that gives these answers, one to each thing that it hears."""

    def serve(visit):
        for answer in answers:
            visit.read_something()
            visit.send(answer)
        if stays:
            visit.wait_for_client_to_leave()

    return serve


def endless(visit):
    saying(CONNACK, SUBACK, stays=False)(visit)
    visit.pour(published("t", b"another") * 100, MESSAGES_MAX)


ERROR, STRANGE = (Outcome.DOWN, Reason.UNEXPECTED_ANSWER), (Outcome.DOWN, Reason.PROTOCOL_ERROR)
LATE, LARGE = (Outcome.TIMED_OUT, Reason.TIMED_OUT), (Outcome.DOWN, Reason.BODY_TOO_LARGE)
HOSTILE = {
    "silent": ("3.1.1", Visit.wait_for_client_to_leave, *LATE),
    "drip": ("5", lambda visit: visit.drip([b"\x20", b"\x7f", *[b"\0"] * 40], 0.1), *LATE),
    "gone": ("3.1.1", Visit.read_something, Outcome.DOWN, Reason.TRUNCATED),
    "reset": ("3.1.1", lambda visit: (visit.read_something(), visit.reset()), Outcome.DOWN, Reason.CONNECTION_RESET),
    "http": ("3.1.1", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 200), *STRANGE),
    "endless length": ("3.1.1", saying(b"\x20\xff\xff\xff\xff"), *STRANGE),
    "huge": ("3.1.1", saying(b"\x20\xff\xff\xff\x7f"), *LARGE),
    "short": ("3.1.1", saying(b"\x20\x01\0"), *STRANGE),
    "refused": ("3.1.1", saying(b"\x20\x02\0\1"), *ERROR),
    "refused in the older version": ("5", saying(b"\x20\x02\0\1"), *ERROR),
    "refused for an unknown reason": ("5", saying(b"\x20\x03\0\xfe\0"), *STRANGE),
    "no subscription": ("3.1.1", saying(CONNACK, b"\x90\x03\0\1\x80"), *ERROR),
    "no subscription with its reason": ("5", saying(CONNACK_5, b"\x90\x04\0\1\0\x87"), *ERROR),
    "other subscription": ("3.1.1", saying(CONNACK, b"\x90\x03\0\2\0"), *STRANGE),
    "empty subscription": ("3.1.1", saying(CONNACK, b"\x90\x02\0\1"), *STRANGE),
    "sent away": ("5", saying(CONNACK_5, SUBACK_5 + b"\xe0\x01\x8b"), *ERROR),
    "sent away without a reason": ("5", saying(CONNACK_5, SUBACK_5 + b"\xe0\0"), *ERROR),
    "other message taken": ("3.1.1", saying(CONNACK, SUBACK + b"\x40\2\0\7"), *STRANGE),
    "a question": ("3.1.1", saying(CONNACK, SUBACK + b"\xc0\x00"), *STRANGE),
    "other quality": ("3.1.1", saying(CONNACK, SUBACK + b"\x34\x06\0\1t\0\1x"), *STRANGE),
    "two connections": ("3.1.1", saying(CONNACK + CONNACK), *STRANGE),
    "cut topic": ("3.1.1", saying(CONNACK, SUBACK + b"\x30\x03\0\x09a"), *STRANGE),
    "cut properties": ("5", saying(CONNACK_5, SUBACK_5 + b"\x30\x04\0\1t\x7f"), *STRANGE),
    "huge message": ("3.1.1", saying(CONNACK, SUBACK + b"\x31\xff\xff\x7f"), *LARGE),
    "broken off": ("3.1.1", saying(CONNACK, SUBACK + b"\x30\x09\0\1t", stays=False), Outcome.DOWN, Reason.TRUNCATED),
    "another message": ("3.1.1", saying(CONNACK, SUBACK + published("t", b"another")), *LATE),
    "endless messages": ("3.1.1", endless, *LARGE),
}  # fmt: skip


@pytest.mark.parametrize("way", HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, way):
    version, serve, outcome, reason = HOSTILE[way]
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        probe = target(server, version=version, topic="t", expect="the word")
        seen = bench.run(prober, probe, **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail
    assert seen.detail.isprintable()


def test_a_deadline_says_how_many_other_messages_came(bench, prober):
    with HostileServer(greeting=saying(CONNACK, SUBACK + published("t", b"a") * 3)) as server:
        probe = target(server, topic="t", expect="the word")
        seen = bench.run(prober, probe, timeout_ms=TIMEOUT_MS).seen

    assert seen.detail == "the deadline passed before the message came (3 without the expected text)"


def test_a_flood_of_messages_lets_the_loop_turn_to_others(bench, prober):
    """Packets that are there already are read without a wait: a timer beside them must not be late."""
    turns = 0

    def count():
        nonlocal turns
        turns += 1
        if turns < 10_000:
            bench.loop.call_soon(count)

    with HostileServer(greeting=endless) as server:
        bench.loop.call_soon(count)
        bench.run(prober, target(server, topic="t", expect="the word"))

    assert turns == 10_000


def test_a_message_as_long_as_a_body_may_be_is_told(bench, prober):
    payload = b"x" * BODY_BYTES
    length = len(payload) + 3
    digits = bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
    with HostileServer(greeting=saying(CONNACK, SUBACK + b"\x30" + digits + b"\0\1t" + payload)) as server:
        seen = bench.run(prober, target(server, topic="t")).seen

    assert (seen.outcome, seen.body == payload, seen.body_cut) == (Outcome.UP, True, False)


def test_private_addresses_are_refused_where_they_are_denied(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=True
    )
    prober = NETWORK_PROBERS[Mqtt](around)
    with HostileServer(greeting=Broker()) as server:
        seen = bench.run(prober, target(server)).seen
        assert not server.arrived.is_set()
    prober.close()

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)


def test_two_hundred_failures_and_a_cancelled_attempt_leave_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=saying(b"\x20\x02\0\5")) as server:
        for _ in range(200):
            bench.run(prober, target(server))
    with HostileServer(greeting=saying(CONNACK, SUBACK)) as server:
        started = prober.start(bench.request(target(server, topic="t")), lambda seen: pytest.fail(str(seen)))
        bench.until(server.arrived.is_set)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_neither_a_password_nor_a_published_text_is_shown():
    shown = repr(Mqtt(host="h", user="u", password=PASSWORD, topic="t", publish="hunter2"))

    assert PASSWORD not in shown
    assert "hunter2" not in shown
    assert PASSWORD in set(Mqtt(host="h", user="u", password=PASSWORD).secrets())
