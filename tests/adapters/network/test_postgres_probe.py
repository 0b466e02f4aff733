"""The `postgres` probe against PostgreSQL itself, and against peers that break off, lie, or say nothing."""

import json

import pytest
from hostile.databases import BEGUN, READY, WELCOME, columns, error, message, row
from hostile.databases import Postgres as Small
from hostile.server import HostileServer
from hostile.visit import Visit
from postgres_server import PASSWORD, USER, PostgresServer
from trustme import CA
from watchkeeper.adapters.probes.course import Surroundings
from watchkeeper.adapters.probes.table import NETWORK_PROBERS
from watchkeeper.domain.limits import BODY_BYTES, LOGIN_ROUNDS_MAX, NOTICES_MAX, ROWS_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Tls
from watchkeeper.domain.specification.probes.servers.postgres import Postgres

from tests.adapters.timing import outlasting

TIMEOUT_MS = 300
HBA = (
    "local all all trust",
    "host all md5 all md5",
    "host all scram all scram-sha-256",
    "host all formed all scram-sha-256",
    f"host all {USER} all password",
)


@pytest.fixture
def prober(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=False
    )
    prober = NETWORK_PROBERS[Postgres](around)
    yield prober
    prober.close()
    bench.turn()


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    """A server of TLS with one table, and the file of its authority."""
    ca, folder = CA(), tmp_path_factory.mktemp("authority")
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    with PostgresServer(ca=ca, hba=HBA) as server:
        server.sql("CREATE TABLE jobs (id int, name text); INSERT INTO jobs VALUES (1, 'a'), (2, NULL)")
        server.sql(
            f"CREATE ROLE scram LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT ON jobs TO scram;"
            "CREATE ROLE formed LOGIN PASSWORD 'IX o\u0308';"
            f"SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD '{PASSWORD}'"
        )
        yield server, Tls(ca_file=str(folder / "ca.pem"))


@pytest.fixture
def real(proven):
    return proven[0]


@pytest.fixture
def trusted(proven):
    return proven[1]


def target(server, **fields) -> Postgres:
    login = {"user": "scram", "password": PASSWORD, "database": "postgres"}
    return Postgres(**{"host": "127.0.0.1", "port": server.port, **login, **fields})


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("user", ["scram", "md5"])
def test_a_login_is_up_and_the_version_is_told(bench, prober, real, user):
    seen = bench.run(prober, target(real, user=user)).seen

    assert (seen.outcome, seen.reason, seen.detail, seen.connected) == (Outcome.UP, Reason.OK, "", True)
    assert int(json.loads(seen.body)["version"].split(".")[0]) > 9
    assert seen.measurements == ()


@pytest.mark.needs("postgres")
def test_rows_are_told_as_json_and_the_first_number_is_a_figure(bench, prober, real):
    query = "SELECT id, name, id > 1 AS late, 2.50::numeric AS price, 'NaN'::float8 AS no FROM jobs ORDER BY id DESC"
    seen = bench.run(prober, target(real, query=query)).seen

    assert json.loads(seen.body) == [
        {"id": 2, "name": None, "late": True, "price": 2.5, "no": "NaN"},
        {"id": 1, "name": "a", "late": False, "price": 2.5, "no": "NaN"},
    ]
    assert [(each.name, each.value) for each in seen.measurements] == [("value", 2.0)]
    assert not seen.body_cut


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(
    "query", ["SELECT 1 WHERE false", "SHOW timezone", "SELECT true", "SET work_mem = '1MB'"]
)
def test_an_answer_without_a_number_has_no_figure(bench, prober, real, query):
    seen = bench.run(prober, target(real, query=query)).seen

    assert (seen.outcome, seen.detail, seen.measurements) == (Outcome.UP, "", ())


@pytest.mark.needs("postgres")
@pytest.mark.parametrize("rows", [ROWS_MAX, ROWS_MAX + 1, 5 * ROWS_MAX])
def test_rows_beyond_the_bound_are_not_read(bench, prober, real, rows):
    query = f"SELECT 7 AS n FROM generate_series(1, {rows})"  # noqa: S608  # the test's own
    seen = bench.run(prober, target(real, query=query)).seen

    assert (seen.outcome, seen.body_cut) == (Outcome.UP, rows > ROWS_MAX)
    assert json.loads(seen.body) == [{"n": 7}] * ROWS_MAX
    assert [each.value for each in seen.measurements] == [7.0]


@pytest.mark.needs("postgres")
def test_bytes_beyond_the_bound_are_not_told(bench, prober, real):
    seen = bench.run(prober, target(real, query="SELECT repeat('x', 1000) FROM generate_series(1, 500)")).seen

    assert (seen.outcome, seen.body_cut) == (Outcome.UP, True)
    assert BODY_BYTES - 1_100 < len(seen.body) <= BODY_BYTES
    assert json.loads(seen.body)


FAILS = [
    ("SELECT 'hunter2'::int", "22P02: the data is wrong"),
    ("SELECT hunter2 FROM nowhere", "42P01: there is no such table"),
    ("CREATE TABLE hunter2 (id int)", "25006: it would write"),
    ("INSERT INTO jobs VALUES (3)", "25006: it would write"),
    ("SELECT 1; SELECT 'hunter2'", "42601: the statement cannot be read"),
    ("COMMIT; DROP TABLE jobs", "42601: the statement cannot be read"),
]


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(("query", "said"), FAILS)
def test_a_query_that_fails_is_down_by_its_code_and_shows_nothing_of_itself(bench, prober, real, query, said):
    seen = bench.run(prober, target(real, query=query)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert seen.detail.startswith(f"the query fails with the error {said}")
    assert "hunter2" not in seen.detail
    assert real.sql("SELECT count(*) FROM jobs") == "2"


@pytest.mark.needs("postgres")
def test_a_query_ends_with_the_deadline_here_and_soon_after_it_at_the_server(bench, prober, real):
    seen = outlasting(
        lambda within_ms: bench.run(prober, target(real, query="SELECT pg_sleep(30)"), within_ms).seen,
        lambda seen: "query" in seen.detail,
        TIMEOUT_MS,
    )

    assert (seen.outcome, seen.detail) == (
        Outcome.TIMED_OUT,
        "the deadline passed before the query was answered",
    )
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'scram' AND state = 'active'"
    bench.until(lambda: real.sql(asked) == "0")


@pytest.mark.needs("postgres with tls")
def test_the_password_goes_in_clear_behind_tls_alone(bench, prober, real, trusted):
    good = bench.run(prober, target(real, user=USER, tls=trusted)).seen
    in_clear = bench.run(prober, target(real, user=USER)).seen

    assert (good.outcome, good.detail) == (Outcome.UP, "")
    assert good.phases.tls_ns > 0
    assert (in_clear.outcome, in_clear.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert "in clear, and it is not sent" in in_clear.detail


@pytest.mark.needs("postgres with tls")
def test_a_server_whose_certificate_proves_nothing_is_down(bench, prober, real):
    seen = bench.run(prober, target(real, tls=Tls())).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.CERTIFICATE_INVALID)


REFUSED = [
    ({"password": "wrong-word"}, 'password authentication failed for user "scram"'),
    ({"user": "eve"}, "no pg_hba.conf entry"),
    ({"database": "nowhere"}, 'database "nowhere" does not exist'),
    ({"password": None}, "the server asks for a password"),
]


@pytest.mark.needs("postgres")
@pytest.mark.parametrize(("fields", "said"), REFUSED)
def test_a_login_that_is_refused_is_down_in_the_servers_words(bench, prober, real, fields, said):
    seen = bench.run(prober, target(real, **fields)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert said in seen.detail
    assert not seen.detail.endswith("\\n"), "the words of the server end with a line"


@pytest.mark.needs("postgres")
def test_a_server_that_was_killed_is_down_until_it_runs_again(bench, prober, real):
    real.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7); GRANT SELECT ON kept TO scram")
    probe = target(real, query="SELECT n FROM kept")
    real.kill()
    gone = bench.run(prober, probe).seen
    real.start()
    back = bench.run(prober, probe).seen

    assert (gone.outcome, gone.reason) == (Outcome.DOWN, Reason.CONNECTION_REFUSED)
    assert (back.outcome, back.body) == (Outcome.UP, b'[{"n": 7}]')


def test_private_addresses_are_refused_where_they_are_denied(bench):
    around = Surroundings(
        loop=bench.loop, clock=bench.clock, resolver=bench.resolver, deny_private_addresses=True
    )
    prober = NETWORK_PROBERS[Postgres](around)
    with HostileServer(greeting=Small()) as server:
        seen = bench.run(prober, target(server)).seen
        assert not server.arrived.is_set()
    prober.close()

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.ADDRESS_REFUSED)


@pytest.mark.needs("postgres")
def test_a_password_that_is_written_in_another_form_is_the_same(bench, prober, real):
    formed = target(real, user="formed", password="\u2168\u00a0\u00f6\u00ad")  # noqa: S106
    seen = bench.run(prober, formed).seen

    assert (seen.outcome, seen.detail) == (Outcome.UP, "")


def in_turn(*answers, stays=True):
    """A peer that gives these answers, one to each thing that it hears."""

    def serve(visit):
        for answer in answers:
            visit.read_something()
            visit.send(answer)
        if stays:
            visit.read_something()

    return serve


def challenging(challenge, proof=b"v=AAAA"):
    """A peer that challenges a login, whose nonce it repeats where the challenge asks for it."""

    def serve(visit):
        visit.read_something()
        visit.send(message("R", (10).to_bytes(4) + b"SCRAM-SHA-256\0\0"))
        nonce = visit.read_something().rpartition(b"r=")[2]
        visit.send(message("R", (11).to_bytes(4) + challenge.replace(b"NONCE", nonce)))
        if visit.read_something():
            visit.send(message("R", (12).to_bytes(4) + proof) + WELCOME)
        visit.wait_for_client_to_leave()

    return serve


def endless(visit):
    in_turn(WELCOME, BEGUN, message("1") + message("2") + columns(25), stays=False)(visit)
    visit.pour(row(b"x" * 60_000), 10_000)


def pouring(said):
    """A peer that says the same without an end."""

    def serve(visit):
        visit.read_something()
        visit.pour(said, 1_000)
        visit.wait_for_client_to_leave()

    return serve


HUGE = b"D\x7f\xff\xff\xff"
COLUMNS = message("1") + message("2") + columns(23)
HOSTILE = {
    "silent": (Visit.wait_for_client_to_leave, Outcome.TIMED_OUT, Reason.TIMED_OUT),
    "drip": (lambda visit: visit.drip([WELCOME[at : at + 1] for at in range(40)], 0.1), Outcome.TIMED_OUT, Reason.TIMED_OUT),
    "gone": (Visit.read_something, Outcome.DOWN, Reason.TRUNCATED),
    "reset": (lambda visit: (visit.read_something(), visit.reset()), Outcome.DOWN, Reason.CONNECTION_RESET),
    "http": (in_turn(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "no length": (in_turn(b"R\0\0\0\1"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "other login": (in_turn(message("R", (7).to_bytes(4))), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    "starting": (in_turn(error("57P03", "the database system is starting up")), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    "notices": (in_turn(WELCOME[:-6] + message("N", b"x") * (NOTICES_MAX + 1)), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    "huge row": (in_turn(WELCOME, BEGUN, COLUMNS + HUGE), Outcome.DOWN, Reason.BODY_TOO_LARGE),
    "endless rows": (endless, Outcome.UP, Reason.OK),
    "cut row": (in_turn(WELCOME, BEGUN, COLUMNS + row(b"4")[:-1], stays=False), Outcome.DOWN, Reason.TRUNCATED),
    "false row": (in_turn(WELCOME, BEGUN, COLUMNS + message("D", b"\0\1\0\0\0\x09a")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "more cells": (in_turn(WELCOME, BEGUN, COLUMNS + row(b"4", b"5")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "cut columns": (in_turn(WELCOME, BEGUN, message("T", b"\0\2a\0")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "many columns": (in_turn(WELCOME, BEGUN, message("T", b"\xff\xff")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "a copy": (in_turn(WELCOME, BEGUN, message("1") + message("2") + message("H", bytes(3))), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "other nonce": (challenging(b"r=other,s=AAAA,i=4096"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "no addition": (challenging(b"r=NONCE,s=AAAA,i=4096"), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
    "no number": (challenging(b"r=NONCEx,s=AAAA,i=x"), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "work behind the challenge": (challenging(b"r=NONCEx,s=AAAA,i=1,i=%d" % (LOGIN_ROUNDS_MAX + 1)), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "endless login": (pouring(message("R", (5).to_bytes(4) + b"salt")), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "endless work": (challenging(b"r=NONCEx,s=AAAA,i=%d" % (LOGIN_ROUNDS_MAX + 1)), Outcome.DOWN, Reason.PROTOCOL_ERROR),
    "no proof": (challenging(b"r=NONCEx,s=AAAA,i=1"), Outcome.DOWN, Reason.UNEXPECTED_ANSWER),
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


def test_a_server_that_skips_the_proof_of_a_challenge_is_refused(bench, prober):
    def serve(visit):
        visit.read_something()
        visit.send(message("R", (10).to_bytes(4) + b"SCRAM-SHA-256\0\0"))
        visit.read_something()
        visit.send(WELCOME)
        visit.wait_for_client_to_leave()

    with HostileServer(greeting=serve) as server:
        seen = bench.run(prober, target(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.UNEXPECTED_ANSWER)
    assert "does not prove" in seen.detail


@pytest.mark.parametrize(
    ("said", "reason"),
    [(b"N", Reason.TLS_FAILED), (b"H", Reason.PROTOCOL_ERROR), (b"S" + READY, Reason.PROTOCOL_ERROR)],
)
def test_nothing_but_tls_follows_where_tls_is_asked_for(bench, prober, said, reason):
    with HostileServer(greeting=in_turn(said)) as server:
        seen = bench.run(prober, target(server, tls=Tls(verify=False))).seen

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, reason)


def test_a_small_server_hears_a_bounded_transaction_and_one_statement(bench, prober):
    small = Small(password=PASSWORD)
    with HostileServer(greeting=small) as server:
        fields = {"user": "watch", "database": "shop", "query": "SELECT 1"}
        seen = bench.run(prober, target(server, **fields), timeout_ms=20_000).seen

    assert (seen.outcome, seen.body) == (Outcome.UP, b'[{"a": 42}]')
    begun, asked = small.heard[0], small.heard[1]
    limit_ms = int(begun.rpartition(b"= ")[2].rstrip(b"\0"))
    assert begun[5:].startswith(b"BEGIN READ ONLY; SET LOCAL statement_timeout = ")
    assert 10_000 < limit_ms <= 20_100
    assert asked.startswith(b"P")
    assert small.heard[2] == b"X\0\0\0\4"


def test_two_hundred_failures_and_a_cancelled_attempt_leave_no_descriptor(bench, prober, descriptors):
    before = descriptors()
    with HostileServer(greeting=in_turn(WELCOME, error("57P01"))) as server:
        for _ in range(200):
            bench.run(prober, target(server, query="SELECT 1"))
    with HostileServer(greeting=in_turn(WELCOME, BEGUN, b"")) as server:
        started = prober.start(
            bench.request(target(server, query="SELECT 1")), lambda seen: pytest.fail(str(seen))
        )
        bench.until(server.arrived.is_set)
        assert started.cancel() is CancelOutcome.WITHOUT_EFFECT
        bench.turn()
        assert server.gone.wait(20)
    assert descriptors() <= before


def test_neither_a_password_nor_a_query_is_shown():
    shown = repr(Postgres(host="h", user="u", password=PASSWORD, query="SELECT 'hunter2'"))

    assert PASSWORD not in shown
    assert "hunter2" not in shown
    assert PASSWORD in set(Postgres(host="h", user="u", password=PASSWORD).secrets())
