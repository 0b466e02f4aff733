# ruff: noqa: S608  # the schemas are those of the test
"""A PostgreSQL that is killed, frozen, cut off or restored: nothing that was acknowledged is lost, and nothing is in it twice."""

import os
import signal
import socket
import threading
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psycopg
import pytest
from between import Stretch
from databases import new_store, schema_of
from postgres_server import PostgresServer
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.opening import make_reader
from watchkeeper.adapters.stores.postgres.store import PostgresStore
from watchkeeper.adapters.stores.postgres.watch import DatabaseWatch
from watchkeeper.domain import limits
from watchkeeper.domain.errors import StoreBusy, StoreError
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.units import NS_PER_MS

pytestmark = pytest.mark.needs("postgres")
NOTICE = notice_of(opened())
FIRST = Batch(transitions=(opened(),), notices=(NOTICE,), samples=(sample_at(0),))
SECOND = Batch(
    transitions=(then(opened(), TransitionKind.RESOLVED),),
    deliveries=(delivery_of(NOTICE, DeliveryState.DELIVERED),),
    samples=(sample_at(1_000_000_000),),
)


@pytest.fixture(scope="module")
def durable():
    """A server of this module alone, which keeps what it has acknowledged."""
    with PostgresServer() as running:
        yield running


@pytest.fixture
def url(durable):
    return new_store(durable)


@pytest.fixture
def store(url):
    made = PostgresStore(url)
    made.open(NOON)
    made.commit(FIRST)
    yield made
    made.close()


def is_whole(url):
    """Whether both batches are recorded, each once."""
    reader = make_reader(url)
    assert not reader.verify().problems
    assert len(reader.samples("shop", 0, 2**62)) == 2
    assert [each.delivery.state for each in reader.outbox()] == [DeliveryState.DELIVERED]
    return [step.sequence for step in reader.transitions(opened().id)] == [1, 2]


def test_a_server_that_is_killed_and_started_again_has_what_was_acknowledged(durable, url, store):
    durable.kill()
    with pytest.raises(StoreError, match="the store failed while committing"):
        store.commit(SECOND)
    with pytest.raises(StoreError, match="takes nothing until it is opened again"):
        store.commit(SECOND)
    store.close()
    with pytest.raises(StoreError, match="the store failed while opening"):
        store.open(NOON)
    durable.start()
    assert store.open(NOON).writes == 1
    store.commit(SECOND)
    assert is_whole(url)


@pytest.fixture
def stretch(durable):
    """A network to the server that may lose or delay."""
    made = Stretch(durable.host, durable.port)
    yield made
    made.close()


@pytest.fixture
def far(durable, url, stretch):
    """A store beyond that network, with the first batch."""
    words = durable.dsn.replace(f":{durable.port}/", f":{stretch.port}/")
    made = PostgresStore(f"{words}?schema={schema_of(url)}")
    made.open(NOON)
    made.commit(FIRST)
    yield made
    made.close()


def test_a_commit_whose_answer_was_lost_is_repeated_without_effect(url, far, stretch):
    """The server has committed, and the connection ends before it can say so."""
    stretch.loses_answers = True
    with pytest.raises(StoreError, match="the store failed while committing"):
        far.commit(Batch(samples=SECOND.samples))
    stretch.loses_answers = False
    far.close()
    assert far.open(NOON).writes == 1
    far.commit(SECOND)
    assert is_whole(url)


@pytest.mark.slow  # the deadline of an answer passes in real time
def test_a_commit_that_comes_late_is_refused(url, far, stretch):
    """A commit that was sent, and whose connection was given up, may reach the server after the next opening."""
    stretch.delays_requests = True
    with pytest.raises(StoreError, match="has not answered within 4 s"):
        far.commit(Batch(samples=(sample_at(5),)))
    far.close()
    at = SystemClock().read()
    watch = DatabaseWatch(url)
    looks = limits.TENURE_LEASE_NS // limits.TENURE_LOOK_NS + 1
    any(watch.look(at.shifted(number * limits.TENURE_LOOK_NS)) for number in range(looks))
    watch.close()
    near = PostgresStore(url, lapsed=watch.lapsed)
    near.open(NOON)
    stretch.delays_requests = False
    assert stretch.delivered.wait(20)
    near.commit(SECOND)
    assert is_whole(url)
    near.close()


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        ("LOCK TABLE {}.outbox IN ACCESS EXCLUSIVE MODE", "a lock on a table of the store"),
        ("SELECT 1 FROM {}.outbox FOR UPDATE", "a lock on a table of the store"),
        ("SELECT 1 FROM {}.shard FOR UPDATE", "the row of the owner"),
    ],
)
def test_a_lock_of_another_connection_is_told_as_what_it_is(durable, url, monkeypatch, lock, says):
    monkeypatch.setattr(limits, "POSTGRES_LOCK_NS", 50 * NS_PER_MS)
    with closing(PostgresStore(url)) as store, psycopg.connect(durable.dsn) as other:
        store.open(NOON)
        store.commit(FIRST)
        other.execute(lock.format(schema_of(url)))
        with pytest.raises(StoreBusy, match=f"another connection holds {says} while committing"):
            store.commit(SECOND)


def test_a_connection_that_is_cut_in_the_middle_costs_one_opening(durable, url, store):
    durable.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watchkeeper'"
    )
    with pytest.raises(StoreError):
        store.commit(SECOND)
    store.close()
    store.open(NOON)
    store.commit(SECOND)
    assert is_whole(url)


@pytest.mark.slow  # the deadline of an answer passes in real time
def test_a_server_that_is_frozen_fails_the_store_by_a_deadline(durable, url, store):
    clock = SystemClock()
    backend = int(durable.sql(f"SELECT backend FROM {schema_of(url)}.shard"))
    goes_on = threading.Timer(0.3, os.kill, (backend, signal.SIGCONT))
    os.kill(backend, signal.SIGSTOP)
    try:
        begun_ns = clock.monotonic_ns()
        with pytest.raises(StoreError, match="has not answered within 4 s"):
            store.commit(SECOND)
        took_ns = clock.monotonic_ns() - begun_ns
        # Between the two the calling thread needs no more than its turn, for which a busy machine lets it wait.
        assert limits.POSTGRES_ANSWER_NS < limits.STORE_ANSWER_NS
        assert limits.POSTGRES_ANSWER_NS <= took_ns < 3 * limits.STORE_ANSWER_NS
        store.close()
    finally:
        # The frozen process of the server has read the commit, and may still do it.
        goes_on.start()
    store.open(NOON)
    goes_on.join()
    store.commit(SECOND)
    assert is_whole(url)


EACH_TABLE = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' AND tablename NOT LIKE 'kept%' LOOP {do} END LOOP;
END $$
"""
KEEP = "EXECUTE format('CREATE TABLE {schema}.kept_%s AS TABLE {schema}.%I', name, name);"
PUT_BACK = """
EXECUTE format('TRUNCATE {schema}.%I', name);
EXECUTE format('INSERT INTO {schema}.%I OVERRIDING SYSTEM VALUE SELECT * FROM {schema}.kept_%s', name, name);
"""


def for_each_table(server, schema, do):
    """Takes a copy of all tables of a store, or puts it back, as a restored backup does."""
    server.sql(EACH_TABLE.format(schema=schema, do=do.format(schema=schema)))


def test_a_database_that_went_back_in_time_is_noticed_and_gone_on_with(durable, url, store):
    for_each_table(durable, schema_of(url), KEEP)
    store.commit(SECOND)
    for_each_table(durable, schema_of(url), PUT_BACK)
    with pytest.raises(StoreError, match="went back in time, as after a restored backup: it is opened again"):
        store.commit(Batch(samples=(sample_at(9),)))
    store.close()
    restored = store.open(NOON)
    assert (restored.epoch, restored.writes) == (2, 1), "the sink had written two"
    store.commit(SECOND)
    assert is_whole(url)


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_openings_that_fail_leave_no_descriptor():
    store = PostgresStore("postgresql://watch@127.0.0.1:1/watch")
    before = descriptors()
    for _ in range(200):
        with pytest.raises(StoreError, match="the store failed while opening"):
            store.open(NOON)
    assert descriptors() <= before


@pytest.fixture
def peer():
    """Listens in the place of a server, and gives every connection the words of a test."""
    listening = socket.create_server(("127.0.0.1", 0))
    said = []

    def answer():
        with suppress(OSError), ExitStack() as silent:
            while True:
                connection, _ = listening.accept()
                silent.enter_context(connection)
                connection.recv(8)
                if said:
                    connection.sendall(said[0])
                    connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    yield said, f"postgresql://watch@127.0.0.1:{listening.getsockname()[1]}/watch?sslmode=disable"
    # Closing alone would not wake the thread that accepts.
    listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    listening.close()


@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100_000, b"E", b"R\xff\xff\xff\xff"]
)
def test_a_peer_that_is_no_postgresql_is_an_error(peer, words):
    said, url = peer
    said.append(words)
    with pytest.raises(StoreError, match="the store failed while opening"):
        PostgresStore(url).open(NOON)


@pytest.mark.slow  # the time for a connection passes
def test_a_peer_that_is_silent_is_left_by_a_deadline(peer):
    _, url = peer
    clock = SystemClock()
    begun_ns = clock.monotonic_ns()
    with pytest.raises(StoreError, match="timeout"):
        PostgresStore(url).open(NOON)
    assert clock.monotonic_ns() - begun_ns < limits.STORE_ANSWER_NS
