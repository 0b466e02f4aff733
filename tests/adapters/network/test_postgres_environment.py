"""The `postgres` probe beside settings of the environment, which libpq reads for other programs."""

import pytest
from hostile.databases import Postgres as Small
from hostile.server import HostileServer
from hostile.visit import Visit
from postgres_server import PASSWORD
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probes.servers.postgres import Postgres


@pytest.fixture
def prober(prober_of):
    return prober_of(Postgres)


def target(server, **fields) -> Postgres:
    return Postgres(
        **{"host": "127.0.0.1", "port": server.port, "user": "watch", "password": PASSWORD, **fields}
    )


ENVIRONMENT = {
    "PGHOST": "elsewhere.example",
    "PGPORT": "1",
    "PGUSER": "eve",
    "PGPASSWORD": "hunter2",
    "PGDATABASE": "other",
    "PGOPTIONS": "-c search_path=other",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGREQUIREAUTH": "gss",
    "PGCHANNELBINDING": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGMINPROTOCOLVERSION": "3.2",
}


def test_the_environment_says_nothing_of_whom_it_speaks_with_and_how(bench, prober, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    small = Small(password=PASSWORD, database="watch")
    with HostileServer(greeting=small) as server:
        seen = bench.run(prober, target(server, query="SELECT 1")).seen
    with HostileServer(greeting=Small(password="hunter2", user="eve")) as server:  # noqa: S106
        without = bench.run(prober, target(server, user="eve", password=None)).seen

    assert (seen.outcome, seen.detail, seen.body) == (Outcome.UP, "", b'[{"a": 42}]')
    assert without.detail == "the server asks for a password: write it under password"


def test_a_service_of_the_environment_that_there_is_not_says_nothing_of_the_target(
    bench, prober, monkeypatch
):
    monkeypatch.setenv("PGSERVICE", "nowhere")
    with HostileServer(greeting=Visit.wait_for_client_to_leave) as server:
        seen = bench.run(prober, target(server)).seen

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert 'definition of service "nowhere" not found' in seen.detail
