"""A command while the database hangs has an answer within ten seconds, which says whether it was done."""

import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

import psycopg
import pytest
from between import Stretch
from clustered import JOBS, SHARDS, Nodes, fail
from databases import HASTY, new_store, schema_of
from looking import WITHIN_S, until
from ports import free_port
from postgres_server import PostgresServer, children
from watchkeeper import StoreError
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.adapters.stores.opening import database_nodes
from watchkeeper.domain.errors import NotSent
from watchkeeper.domain.time.moment import NS_PER_MS, Deadline
from watchkeeper.launcher.output import ExitStatus

from tests.adapters.timing import outlasting

pytestmark = pytest.mark.needs("postgres")
SOON_NS = 300 * NS_PER_MS
ANSWER_WITHIN_S = 10


def sender_of(url):
    return database_nodes(url).command_sender(SystemClock(), threading.Event().wait)


def soon():
    return Deadline.after(SystemClock().read(), SOON_NS)


@pytest.fixture
def stretch(database_server):
    made = Stretch(database_server.host, database_server.port)
    yield made
    made.close()


@pytest.fixture
def far(store, nodes, database_server, stretch):
    """The URL of a store that is there, by a network that may delay."""
    nodes.start("a")
    nodes.close()
    words = database_server.dsn.replace(f":{database_server.port}/", f":{stretch.port}/")
    return f"{words}?schema={schema_of(store)}"


def test_a_command_that_cannot_be_sent_is_not_done():
    sender = sender_of(f"postgresql://keeper@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(
        NotSent, match="nothing was done: the store failed while sending a command by postgres"
    ):
        sender.ask([0], b"", soon())
    with pytest.raises(NotSent, match="nothing was done: the store failed while reading postgres"):
        sender.owner_of(soon(), incident="x")


def test_a_command_that_was_sent_into_a_silence_may_be_done(far, stretch, database_server):
    sender, count = sender_of(far), f"SELECT count(*) FROM {schema_of(far)}.command"  # noqa: S608  # the schema of the test
    with (
        psycopg.connect(database_server.socket_dsn, autocommit=True) as looking,
        ThreadPoolExecutor(1) as others,
    ):

        def attempt(within_ms):
            """Sends a command, holds all that follows it, and returns the error at the deadline."""
            stretch.delays_requests = False
            (before,) = looking.execute(count).fetchone()
            deadline = Deadline.after(SystemClock().read(), within_ms * NS_PER_MS)
            asked = others.submit(sender.ask, [0], b"hello", deadline)
            assert until(lambda: asked.done() or looking.execute(count).fetchone() > (before,))
            stretch.delays_requests = True
            # Without a deadline it would be waited for for ever.
            return asked.exception(WITHIN_S)

        # A busy machine may pass a short deadline before the command is there.
        error = outlasting(attempt, lambda error: type(error) is StoreError, 4 * SOON_NS // NS_PER_MS)
    assert type(error) is StoreError, "neither NotSent nor a node that did not answer"
    assert re.search(r"has not answered within .*: the command may be obeyed yet", str(error))


def test_a_silent_server_ends_a_look_for_an_owner_at_the_deadline_of_the_command(far, stretch):
    stretch.delays_requests = True
    sender, begun = sender_of(f"{far}&connect_timeout=2"), monotonic()
    with pytest.raises(NotSent, match="nothing was done"):
        sender.owner_of(soon(), key="k")
    assert monotonic() - begun < ANSWER_WITHIN_S


@contextmanager
def hung(server):
    """Stops every process of a server, until the end of the block."""
    first = int((server.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    # The first one, stopped, makes no more of them.
    os.kill(first, signal.SIGSTOP)
    stopped = [first, *children(first)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_every_verb_has_an_answer_within_ten_seconds_of_a_hang_that_says_what_was_done(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with PostgresServer(settings=HASTY) as server:
        nodes = Nodes(new_store(server, SHARDS))
        try:
            runtimes = {name: nodes.start(name) for name in ("a", "b")}
            nodes.settle("a", "b")
            owners = nodes.by_shard()
            # Verbs reach the first node where the database does not say which of them live.
            far = [JOBS[shard].id for shard in range(SHARDS) if owners[shard] == "b"]
            near = next(JOBS[shard].id for shard in range(SHARDS) if owners[shard] == "a")
            fail(runtimes["a"], far[0])
            until(lambda: runtimes["a"].incidents(open_only=True))
            given = {
                "pause": ("pause", far[1]),
                "ack": ("ack", far[0]),
                "near": ("pause", near, far[1]),
            }
            with ThreadPoolExecutor(len(given)) as others:
                # As many processes at once as later: what their start takes is no part of an answer.
                started_s = max(took_s for _, _, took_s in others.map(lambda _: timed("--version"), given))
                with hung(server):
                    at_store = ["--store", nodes.store]
                    asked = {verb: others.submit(timed, *words, *at_store) for verb, words in given.items()}
                    found = {verb: each.result() for verb, each in asked.items()}
                    status, says, _ = timed("status", *at_store)
                    is_down, _, _ = timed("status", "--exit-code", *at_store)
            assert is_down == ExitStatus.FAILED, "the other node, whose target is down, was asked, too"
            assert (status, "on this machine know without it" in says) == (0, True)
            assert "watchkeeper itself, store:" in says
            for verb, (status, says, took_s) in found.items():
                assert status != 0, (verb, says)
                known = "effect is not known" if verb == "near" else "nothing was done"
                assert known in says, (verb, says)
                assert (f"{near}: see below; not given: {far[1]}" in says) is (verb == "near")
                assert took_s < ANSWER_WITHIN_S + started_s, (verb, took_s, started_s, says)
            # The words are true: the one command that was given is obeyed, and no other.
            until(lambda: runtimes["b"].status()[near].paused)
            status = runtimes["b"].status()
            assert [each.id for each in status.targets if each.paused] == [near]
            assert [one.acknowledged_by for one in runtimes["b"].incidents(open_only=True)] == [None]
        finally:
            nodes.close()


def timed(*words):
    begun = monotonic()
    found = subprocess.run(
        [sys.executable, "-m", "watchkeeper", *words], check=False, capture_output=True, text=True
    )
    return found.returncode, found.stdout + found.stderr, monotonic() - begun
