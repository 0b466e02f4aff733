"""The `mysql` probe against MariaDB itself, and against peers that break off, lie, or say nothing."""

import json
import threading

import pytest
from daemons import PASSWORD, USER, MariaDb
from hostile.databases import (
    END,
    FORTY_TWO,
    NONCE,
    OK,
    TLS_ASKED_BYTES,
    answer,
    column,
    greeting,
    packet,
    refusal,
    text,
)
from hostile.databases import (
    Mysql as Small,
)
from hostile.server import HostileServer
from hostile.visit import Visit
from trustme import CA
from watchkeeper.adapters.probes.course import Surroundings
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.limits import BODY_BYTES, ROWS_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.servers.mysql import Mysql

from tests.adapters.timing import outlasting

TIMEOUT_MS = 300


@pytest.fixture
def prober(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=False
    )
    prober = NETWORK_PROBERS[Mysql](around)
    yield prober
    prober.close()
    bench.turn()


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    """A MariaDB, and the file of its authority."""
    ca, file = CA(), tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    with MariaDb(ca) as server:
        yield server, Tls(ca_file=str(file))


@pytest.fixture
def real(proven):
    return proven[0]


@pytest.fixture
def trusted(proven):
    return proven[1]


def target(server, **fields) -> Mysql:
    return Mysql(**{"host": "127.0.0.1", "port": server.port, "user": USER, "password": PASSWORD, **fields})


@pytest.mark.needs("mariadb")
def test_a_login_is_up_and_the_version_is_told(bench, prober, real, trusted):
    in_clear = bench.run(prober, target(real, database="shop")).seen
    by_tls = bench.run(prober, target(real, tls=trusted)).seen

    assert (in_clear.outcome, in_clear.reason, in_clear.detail) == (Outcome.UP, Reason.OK, "")
    assert "MariaDB" in json.loads(in_clear.body)["version"]
    assert (by_tls.outcome, by_tls.detail) == (Outcome.UP, "")
    assert by_tls.phases.tls_ns > 0


@pytest.mark.needs("mariadb")
def test_rows_are_told_as_json_and_the_first_number_is_a_figure(bench, prober, real):
    query = "SELECT 7 AS n, NULL AS nothing, 2.50 AS price, 'grün' AS word, 1e3 AS large UNION SELECT 8, 'x', 1, 'y', 2"
    seen = bench.run(prober, target(real, query=query)).seen

    assert json.loads(seen.body) == [
        {"n": 7, "nothing": None, "price": 2.5, "word": "grün", "large": 1000.0},
        {"n": 8, "nothing": "x", "price": 1.0, "word": "y", "large": 2.0},
    ]
    assert [(each.name, each.value) for each in seen.measurements] == [("value", 7.0)]


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("query", ["SELECT 1 FROM jobs", "SET @a = 1", "SELECT 'word'"])
def test_an_answer_without_a_number_has_no_figure(bench, prober, real, query):
    seen = bench.run(prober, target(real, database="shop", query=query)).seen

    assert (seen.outcome, seen.detail, seen.measurements) == (Outcome.UP, "", ())


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("rows", [ROWS_MAX, ROWS_MAX + 1, 5 * ROWS_MAX])
def test_rows_beyond_the_bound_are_not_read(bench, prober, real, rows):
    query = f"SELECT 7 AS n FROM seq_1_to_{rows}"  # noqa: S608  # the test's own
    seen = bench.run(prober, target(real, query=query, database="shop")).seen

    assert (seen.outcome, seen.detail, seen.body_cut) == (Outcome.UP, "", rows > ROWS_MAX)
    assert json.loads(seen.body) == [{"n": 7}] * ROWS_MAX


FAILS = [
    ("SELECT hunter2", "1054: there is no such column"),
    ("SELECT 1 FROM hunter2", "1146: there is no such table"),
    ("CREATE TABLE hunter2 (id INT)", "1792: it would write"),
    ("DROP TABLE jobs", "1792: it would write"),
    ("INSERT INTO jobs VALUES (3)", "1792: it would write"),
    ("SELECT 1; SELECT 'hunter2'", "1064: the statement cannot be read"),
    ("COMMIT; DROP TABLE jobs", "1064: the statement cannot be read"),
]


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize(("query", "said"), FAILS)
def test_a_query_that_fails_is_down_by_its_code_and_shows_nothing_of_itself(bench, prober, real, query, said):
    seen = bench.run(prober, target(real, database="shop", query=query)).seen
    rows = bench.run(prober, target(real, database="shop", query="SELECT count(*) FROM jobs")).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith(f"the query fails with the error {said}")
    assert "hunter2" not in seen.detail
    assert [each.value for each in rows.measurements] == [0.0]


@pytest.mark.needs("mariadb")
def test_a_query_ends_with_the_deadline_here_and_soon_after_it_at_the_server(bench, prober, real):
    seen = outlasting(
        lambda within_ms: bench.run(prober, target(real, query="SELECT sleep(30)"), within_ms).seen,
        lambda seen: "query" in seen.detail,
        TIMEOUT_MS,
    )

    assert (seen.outcome, seen.detail) == (
        Outcome.TIMED_OUT,
        "the deadline passed before the query was answered",
    )
    asked = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT sleep%'"

    def is_over():
        return bench.run(prober, target(real, query=asked)).seen.measurements[0].value == 0

    bench.until(is_over)


REFUSED = [
    ({"password": "wrong-word"}, "the server refuses the login: Access denied for user 'watch'"),
    ({"password": None}, "the server refuses the login: Access denied for user 'watch'"),
    ({"user": "eve"}, "the server refuses the login: Access denied for user 'eve'"),
    ({"user": "old"}, "the server asks for a login by 'client_ed25519'"),
    ({"database": "nowhere"}, "the server refuses the login: Unknown database 'nowhere' (1049)"),
]


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize(("fields", "said"), REFUSED)
def test_a_login_that_is_refused_is_down_in_the_servers_words(bench, prober, real, fields, said):
    seen = bench.run(prober, target(real, **fields)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith(said)


@pytest.mark.needs("mariadb")
def test_a_server_whose_certificate_proves_nothing_is_down(bench, prober, real):
    seen = bench.run(prober, target(real, tls=Tls())).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


def test_a_small_server_hears_its_bounds_before_the_query(bench, prober):
    small = Small(
        answer(OK),
        answer(refusal(1193, "Unknown system variable")),
        *[answer(OK)] * 3,
        FORTY_TWO,
        password=PASSWORD,
    )
    with HostileServer(greeting=small) as server:
        seen = bench.run(prober, target(server, query="SELECT 42"), timeout_ms=20_000).seen

    heard = [said[5:].decode() for said in small.heard]
    assert (seen.outcome, seen.detail) == (Outcome.UP, "")
    assert 10_000 < int(heard[1].removeprefix("SET max_execution_time = ")) <= 20_100
    assert heard[0] == "SET NAMES utf8mb4"
    assert heard[2:] == [
        "SET sql_select_limit = 1001",
        "SET SESSION TRANSACTION READ ONLY",
        "START TRANSACTION READ ONLY",
        "SELECT 42",
        "",
    ]
    assert small.heard[-1] == b"\1\0\0\0\1"


def test_private_addresses_are_refused_where_they_are_denied(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=True
    )
    prober = NETWORK_PROBERS[Mysql](around)
    with HostileServer(greeting=Small()) as server:
        seen = bench.run(prober, target(server)).seen
        assert not server.arrived.is_set()
    prober.close()

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)


def saying(*pieces, stays=True):
    """A peer that greets, and gives one piece for each thing that it hears."""

    def serve(visit):
        first, *others = pieces
        visit.send(first)
        for piece in others:
            visit.read_something()
            visit.send(piece)
        if stays:
            visit.wait_for_client_to_leave()

    return serve


GREETED = (greeting(), packet(2, OK), answer(OK))
BEGUN = (*GREETED, *[answer(OK)] * 4)


def endless(visit):
    saying(*BEGUN, answer(b"\1", column(), END), stays=False)(visit)
    for number in range(4, 10**6):
        visit.send(packet(number, text(b"7" * 200)))


def endless_columns(visit):
    saying(*BEGUN, answer(b"\xfc\x40\6"), stays=False)(visit)
    wide = b"\3def\xfc\x60\xea" + b"d" * 60_000 + bytes(2) + column()[7:]
    for number in range(2, 10**6):
        visit.send(packet(number, wide))


ERROR, STRANGE = (Outcome.DOWN, Reason.UNEXPECTED_ANSWER), (Outcome.DOWN, Reason.PROTOCOL_ERROR)
HOSTILE = {
    "silent": (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    "drip": (lambda visit: visit.drip([greeting()[at : at + 1] for at in range(40)], 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    "gone": (lambda visit: None, Outcome.DOWN, Reason.TRUNCATED),
    "reset": (lambda visit: (visit.send(greeting()), visit.read_something(), visit.reset()), Outcome.DOWN, Reason.CONNECTION_RESET),
    "ssh": (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), *STRANGE),
    "too many": (saying(packet(0, b"\xff\x10\x04Too many connections")), *ERROR),
    "old": (saying(packet(0, b"\x09" + bytes(60))), *STRANGE),
    "short": (saying(packet(0, b"\x0a8.0\0")), *STRANGE),
    "empty": (saying(packet(0, b"")), *STRANGE),
    "huge": (saying(b"\xff\xff\xff\0"), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    "endless login": (saying(greeting(), *[packet(2 + 2 * at, b"\xfemysql_native_password\0" + NONCE) for at in range(9)]), *STRANGE),
    "wants a file": (saying(*BEGUN, answer(b"\xfb/etc/passwd")), *STRANGE),
    "no transaction": (saying(*GREETED, answer(OK), answer(OK), answer(OK), answer(refusal(1064, "no"))), *ERROR),
    "rows for none": (saying(*GREETED, FORTY_TWO), *STRANGE),
    "many columns": (saying(*BEGUN, answer(b"\xfd\xff\xff\xff")), *STRANGE),
    "endless columns": (endless_columns, Outcome.DOWN, Reason.BODY_TOO_LARGE),
    "cut column": (saying(*BEGUN, answer(b"\1", b"\3def\7x")), *STRANGE),
    "cut row": (saying(*BEGUN, answer(b"\1", column(), END, b"\x09a")), *STRANGE),
    "more columns": (saying(*BEGUN, answer(b"\1", column(), column())), *STRANGE),
    "false length": (saying(*BEGUN, answer(b"\1", column(), END, b"\xfe" + b"\xff" * 12)), *STRANGE),
    "huge row": (saying(*BEGUN, answer(b"\1", column(), END) + (BODY_BYTES + 1).to_bytes(3, "little") + b"\4"), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    "broken off": (saying(*BEGUN, answer(b"\1", column(), END), stays=False), Outcome.DOWN, Reason.TRUNCATED),
    "lost count": (saying(*BEGUN, answer(b"\1", column(), END, first=3)), *STRANGE),
    "endless rows": (endless, Outcome.UP, Reason.OK),
}  # fmt: skip


@pytest.mark.parametrize("way", HOSTILE)
def test_each_hostile_peer_ends_with_its_own_reason(bench, prober, way):
    serve, outcome, reason = HOSTILE[way]
    within_ms = {"timeout_ms": TIMEOUT_MS} if outcome is Outcome.TIMED_OUT else {}
    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, query="SELECT 1"), **within_ms).seen
        assert server.gone.wait(20)

    assert (seen.outcome, seen.reason, seen.body_cut) == (outcome, reason, way == "endless rows")
    assert bool(seen.detail) is (outcome is not Outcome.UP)
    assert seen.detail.isprintable()


@pytest.mark.parametrize(
    ("greets", "reason"),
    [(greeting(), Reason.TLS_FAILED), (greeting(has_tls=True) + packet(1, OK), Reason.PROTOCOL_ERROR)],
)
def test_nothing_but_tls_follows_where_tls_is_asked_for(bench, prober, greets, reason):
    with HostileServer(greeting=saying(greets)) as server:
        seen = bench.run(prober, target(server, tls=Tls(verify=False))).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, reason)


def test_neither_the_user_nor_the_password_is_sent_before_tls(bench, prober):
    heard = []

    def serve(visit):
        visit.send(greeting(has_tls=True))
        heard.append(visit.read_exactly(TLS_ASKED_BYTES))
        visit.send(b"no TLS")
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server, tls=Tls(verify=False))).seen

    assert seen.reason is Reason.TLS_FAILED
    assert USER.encode() not in heard[0]
    assert heard[0][13:] == bytes(23)


def test_two_hundred_failures_and_a_cancelled_attempt_leave_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=saying(greeting(), answer(refusal(1045, "no"), first=2))) as server:
        for _ in range(200):
            bench.run(prober, target(server))
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        started = prober.start(bench.request(target(server)), lambda seen: pytest.fail(str(seen)))
        bench.until(server.arrived.is_set)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before
    bench.until(lambda: not [each for each in threading.enumerate() if each.name == "watchkeeper-mysql"])


def test_neither_a_password_nor_a_query_is_shown():
    shown = repr(Mysql(host="h", user="u", password=PASSWORD, query="SELECT 'hunter2'"))

    assert PASSWORD not in shown
    assert "hunter2" not in shown
    assert PASSWORD in set(Mysql(host="h", user="u", password=PASSWORD).secrets())
