"""The `redis` probe against a server of the protocol, and against peers that break off, lie, or say nothing."""

import json

import pytest
from hostile.server import HostileServer
from hostile.stores import Store
from hostile.visit import Visit
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.redis import Redis

TIMEOUT_MS = 300
PASSWORD = "open-sesame"  # noqa: S105  # of the test's own server


@pytest.fixture
def prober(prober_of):
    return prober_of(Redis)


def target(server, **fields) -> Redis:
    return Redis(**{"host": server.host, "port": server.port, **fields})


def asked(bench, prober, store=None, **fields):
    with HostileServer(greeting=store or Store()) as server:
        return bench.run(prober, target(server, **fields)).seen


def test_a_ping_that_is_answered_is_up(bench, prober):
    seen = asked(bench, prober)

    assert (seen.outcome, seen.reason, seen.body) == (Outcome.UP, Reason.OK, b"PONG")
    assert (seen.connected, seen.ip, seen.measurements) == (True, "127.0.0.1", ())
    assert seen.phases.connect_ns <= seen.response_time_ns


ANSWERED = [
    (["LLEN", "jobs"], b"42", 42.0),
    (["GET", "load"], b"0.25", 0.25),
    (["GET", "gone"], b"null", None),
    (["GET", "word"], "grün\r\nab".encode(), None),
]


@pytest.mark.parametrize(("command", "body", "value"), ANSWERED)
def test_the_answer_of_a_command_is_told_and_a_number_is_a_figure(bench, prober, command, body, value):
    seen = asked(bench, prober, command=command)

    assert (seen.outcome, seen.body) == (Outcome.UP, body)
    assert [each.value for each in seen.measurements if each.name == "value"] == (
        [] if value is None else [value]
    )


def test_a_list_is_told_as_json(bench, prober):
    assert json.loads(asked(bench, prober, command=["LRANGE", "jobs", "0", "-1"]).body) == [
        "a",
        7,
        [None, "x"],
    ]


def test_a_login_and_a_database_come_before_the_command(bench, prober):
    store = Store(PASSWORD, "watch")
    seen = asked(bench, prober, store, user="watch", password=PASSWORD, database=3, command=["DATABASE"])

    assert (seen.outcome, seen.body) == (Outcome.UP, b"3")
    assert store.heard == [f"AUTH watch {PASSWORD}", "SELECT 3", "PING", "DATABASE"]


REFUSED = [
    (Store(PASSWORD), {}, "PING: NOAUTH"),
    (Store(PASSWORD), {"password": "wrong-word"}, "the login: WRONGPASS"),
    (Store(PASSWORD), {"password": PASSWORD, "user": "other"}, "the login: WRONGPASS"),
    (Store(), {"database": 99}, "the database: ERR"),
    (Store(), {"command": ["LLEN", "word"]}, "LLEN: WRONGTYPE"),
]


@pytest.mark.parametrize(("store", "fields", "said"), REFUSED)
def test_an_error_of_the_server_is_down_and_says_at_what(bench, prober, store, fields, said):
    seen = asked(bench, prober, store, **fields)

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith(f"the server refuses {said}")
    assert PASSWORD not in seen.detail


def test_a_server_of_tls_proves_itself(bench, prober, authority):
    context = authority.context()
    good = asked(bench, prober, Store(tls=context), tls=Tls(ca_file=authority.file))
    unknown = asked(bench, prober, Store(tls=context), tls=Tls())

    assert (good.outcome, good.detail) == (Outcome.UP, "")
    assert good.phases.tls_ns > 0
    assert (unknown.outcome, unknown.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def answering(*answers):
    """A peer that gives these answers, one to each thing that it hears."""

    def serve(visit):
        for answer in answers:
            visit.read_something()
            visit.send(answer)

    return serve


HOSTILE = [
    (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (lambda visit: visit.drip([b"+"] + [b"P"] * 90, 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    (Visit.read_something, Outcome.DOWN, Reason.TRUNCATED),
    (answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (answering(b"+pong\r\n"), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    (answering(b"-LOADING the dataset\r\n"), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    (answering(b"+PONG\r\n", b":" + b"9" * 5_000 + b"\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (answering(b"+PONG\r\n", b":1_0\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (answering(b"+PONG\r\n", b"$9999999999\r\n"), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (answering(b"+PONG\r\n", b"*9999999999\r\n"), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    (answering(b"+PONG\r\n", b"*1\r\n" * 5_000), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    (answering(b"+PONG\r\n", b"$5\r\nab"), Outcome.DOWN, Reason.TRUNCATED),
    (lambda visit: visit.pour(b"x" * 65_536, 100), Outcome.DOWN, Reason.BODY_TOO_LARGE),
]


@pytest.mark.parametrize(("serve", "outcome", "reason"), HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, serve, outcome, reason):
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, command=["GET", "a"]), **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert seen.detail
    assert seen.detail.isprintable()


def test_a_cancelled_attempt_leaves_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        started = prober.start(bench.request(target(server)), lambda seen: pytest.fail(str(seen)))
        bench.turn()
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_neither_a_password_nor_the_words_of_a_command_are_shown():
    shown = repr(Redis(host="h", password=PASSWORD, command=["SET", "key", "hunter2"]))

    assert PASSWORD not in shown
    assert "hunter2" not in shown
