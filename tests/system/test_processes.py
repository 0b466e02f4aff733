"""Complete processes: their ends, their refusals, and shortages of the machine, which are no evidence about targets."""

import fcntl
import os
import resource
import signal
import threading
from contextlib import closing, contextmanager, suppress

import pytest
from asking import Asking
from looking import until
from watchkeeper import WatchkeeperError
from watchkeeper.adapters.stores.sqlite.reader import StoreReader
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.observation.outcome import Outcome

from tests.system.disk import find_strace
from tests.system.outside import Receiver, Site
from tests.system.processes import Watch, write_configuration

FOR_EVER_NS = 2**62
"""A time after every sample."""
AT_ONCE_S = 60.0
"""Above the grace of 1 s on a busy machine, too, and far below the grace of 10 m that must not be waited for."""


@pytest.fixture
def site():
    made = Site()
    yield made
    made.close()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def configure(tmp_path, site, receiver):
    """Writes a configuration of the site and the receiver; returns its path."""

    def write(**fields):
        return write_configuration(tmp_path / "watch.yaml", site=site.url, receiver=receiver.url, **fields)

    return write


@pytest.fixture
def reader(tmp_path):
    return StoreReader(str(tmp_path / "watch.db"))


@pytest.fixture
def hang(receiver):
    """Lets the receiver hold every post until the test sets the event."""
    released = threading.Event()

    def mood():
        released.wait(600)
        return 200

    receiver.mood = mood
    yield released
    released.set()


def outcomes(reader, target):
    return [sample.outcome for sample in reader.samples(target, 0, FOR_EVER_NS)]


# How a process ends.


def test_a_signal_lets_what_is_in_hand_be_answered(configure, site, receiver, reader, hang):
    site.down = {"t0"}
    with Watch(configure(grace="10m")).until_watching() as watch:
        assert receiver.wait_until_arrived(1)
        watch.signal(signal.SIGTERM)
        assert watch.errors.wait_for("stopping (")
        hang.set()
        assert watch.wait() == 0
    assert [each.delivery.state for each in reader.outbox()] == [DeliveryState.DELIVERED]


def test_a_notice_that_outlives_the_grace_is_named_and_sent_next_time(
    configure, site, receiver, reader, hang
):
    site.down = {"t0"}
    path = configure(grace="1s")
    with Watch(path).until_watching() as watch:
        assert receiver.wait_until_arrived(1)
        watch.signal(signal.SIGTERM)
        assert watch.wait(AT_ONCE_S) == 0
        (left,) = reader.outbox(DeliveryState.PENDING)
        assert watch.errors.wait_for(f"sent by the next run: 1 notice: {left.notice.key}")
    hang.set()
    with Watch(path).until_watching() as watch:
        assert receiver.wait_until_applied("opened", 1)
        assert watch.lines.wait_for("notice delivered")
        assert watch.stop() == 0
    assert {post.key for post in receiver.posts} == {left.notice.key}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_a_drain_at_once(configure, site, receiver, reader, hang, number, status):
    site.down = {"t0"}
    with Watch(configure(grace="10m")).until_watching() as watch:
        assert receiver.wait_until_arrived(1)
        watch.signal(number)
        assert watch.errors.wait_for("stopping (")
        watch.signal(number)
        assert watch.wait(AT_ONCE_S) == status
    assert not reader.verify().problems


def test_a_second_process_on_a_store_is_refused_by_name(configure, site):
    path = configure()
    with Watch(path).until_watching() as first, Watch(path) as second:
        assert second.wait() == 3
        assert second.errors.wait_for(f"is held by process {first.pid} on ")
        assert site.wait_for_questions(2)


def test_a_bad_configuration_read_again_changes_nothing(configure, site, receiver):
    site.down = {"t0"}
    path = configure()
    with Watch(path).until_watching() as watch:
        assert receiver.wait_until_applied("opened", 1)
        path.write_text("targets: [{id: t0, every: never}]")
        watch.signal(signal.SIGHUP)
        assert watch.errors.wait_for("the running configuration stays in force")
        assert site.wait_for_questions(3)
        site.down = set()
        assert receiver.wait_until_applied("resolved", 1)
        assert watch.stop() == 0


# A shortage of the machine opens no incident.


@pytest.mark.slow
# On both sides of STALL_NS, 5 s.
@pytest.mark.parametrize(("stopped_s", "intervals"), [(3.0, 0), (6.0, 1)])
def test_a_process_that_was_stopped_blames_no_target(configure, site, reader, stopped_s, intervals):
    # So that some attempt is under way whenever the process is stopped, and none comes near its deadline on a busy machine.
    site.late_s = 0.5
    with Watch(configure(targets=12, every="2s", timeout="2s")).until_watching() as watch:
        assert site.wait_for_questions(1)
        watch.signal(signal.SIGSTOP)
        threading.Event().wait(stopped_s)
        watch.signal(signal.SIGCONT)
        assert site.wait_for_questions(2)
        assert watch.stop() == 0
    assert reader.incidents() == ()
    assert [interval.cause for interval in reader.blind()] == ["stalled"] * intervals


def test_want_of_descriptors_is_not_held_against_targets(configure, site, reader):
    site.late_s = 0.8
    # Enough descriptors to start, and too few for 40 targets whose connections stay open for 0.8 s of each two seconds.
    limited = ("sh", "-c", 'ulimit -n 36; exec "$@"', "sh")
    names = [f"t{number}" for number in range(40)]
    with Watch(configure(targets=40, every="2s"), before=limited).until_watching() as watch:
        # Every target gets its turn, whatever its place in the two seconds.
        assert site.wait_for_questions(2, *names), (site.asked, watch.errors.all())
        assert watch.stop() == 0, watch.errors.all()
    found = {outcome for name in names for outcome in outcomes(reader, name)}
    assert found == {Outcome.UNKNOWN, Outcome.UP}
    assert reader.incidents() == ()


@contextmanager
def without_a_free_descriptor(watch):
    soft, hard = resource.prlimit(watch.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(watch.pid, resource.RLIMIT_NOFILE, (3, hard))
    yield
    resource.prlimit(watch.pid, resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.needs("pidfd")
def test_a_process_that_had_no_free_descriptor_goes_on_when_it_has_some(configure, site, reader):
    with Watch(configure()).until_watching() as watch:
        assert site.wait_for_questions(1)
        with without_a_free_descriptor(watch):
            # Longer than the process waits between two looks at its children.
            assert not site.wait_for_questions(2, within_s=2)
        assert site.wait_for_questions(2), watch.errors.all()
        assert watch.stop() == 0
    assert set(outcomes(reader, "t0")) == {Outcome.UNKNOWN, Outcome.UP}
    assert reader.incidents() == ()


def connected(store):
    """A connection to the control socket of a store, which a busy machine may open a moment after its process watches."""

    def connection():
        with suppress(OSError, WatchkeeperError):
            return Asking(str(store)).connection()
        return None

    return until(connection)


@pytest.mark.needs("pidfd")
def test_a_control_socket_without_a_free_descriptor_is_served_when_there_are_some(configure, tmp_path):
    with (
        Watch(configure()).until_watching() as watch,
        closing(connected(tmp_path / "watch.db")) as connection,
    ):
        with without_a_free_descriptor(watch):
            connection.request("GET", "/api/v1/status")
            assert watch.errors.wait_for("is not served yet, and is tried again each second: ")
        assert connection.getresponse().status == 200
        connection.close()
        assert watch.stop() == 0


@pytest.mark.needs("strace")
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_start_without_threads_ends_with_a_message(configure, tmp_path, nth):
    refused = (
        find_strace(),
        "-D",
        "-f",
        "-qq",
        "-o",
        str(tmp_path / "strace.log"),
        "-e",
        "trace=clone,clone3",
    )
    fault = ("-e", f"inject=clone,clone3:error=EAGAIN:when={nth}+")
    with Watch(configure(), before=(*refused, *fault)) as watch:
        assert watch.wait() == 1
        assert watch.errors.wait_for("can't start new thread")


# Output without a reader.


@pytest.fixture
def full_pipe():
    """The write end of a full pipe."""
    reading, writing = os.pipe()
    # One page, the smallest pipe, so that one write fills it.
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)
    os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)


@pytest.fixture
def closed_pipe():
    """The write end of a pipe whose read end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_pipe_holds_nothing_up(configure, site, receiver, full_pipe, stream):
    run_without_reader(configure, site, receiver, **{stream: full_pipe})


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_pipe_holds_nothing_up(configure, site, receiver, closed_pipe, stream):
    run_without_reader(configure, site, receiver, **{stream: closed_pipe})


def run_without_reader(configure, site, receiver, **streams):
    """Lets two incidents open and resolve, then stops the process."""
    with Watch(configure(), **streams) as watch:
        os.close(*streams.values())
        for count in (1, 2):
            site.down = {"t0"}
            assert receiver.wait_until_applied("opened", count)
            site.down = set()
            assert receiver.wait_until_applied("resolved", count)
        assert watch.stop() == 0, watch.errors.all()


def test_a_second_signal_is_obeyed_though_nobody_reads(configure, site, receiver, hang, full_pipe):
    site.down = {"t0"}
    with Watch(configure(grace="10m"), stderr=full_pipe) as watch:
        os.close(full_pipe)
        assert receiver.wait_until_arrived(1)
        watch.signal(signal.SIGTERM)
        assert watch.is_alive
        watch.signal(signal.SIGINT)
        assert watch.wait(AT_ONCE_S) in {130, 143}
