"""The output and the end of a command are one observation; it gets the stated environment and no more."""

import asyncio
import errno
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import UNSET
from watchkeeper.adapters.callables.results import Raised
from watchkeeper.adapters.programs.exec_answer import could_not_start
from watchkeeper.adapters.programs.leftovers import MARK
from watchkeeper.domain import limits
from watchkeeper.domain.observation.observation import Measurement
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Exec

from tests.adapters.commands.running import begin, shell

LIMITS = resource.getrlimit(resource.RLIMIT_NOFILE)


def fill_descriptors():
    """Open descriptors until this process can have no more."""
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 16, LIMITS[1]))
    fillers = []
    with suppress(OSError):
        while True:
            fillers.append(os.open(os.devnull, os.O_RDONLY))
    return fillers


MANY = " ".join(f"m{number}=1" for number in range(limits.MEASUREMENTS_MAX + 5))
DROPPED = "(5 figures dropped: 32 are kept)"
LOST = f"(1 unreadable figures) {DROPPED}"
ENDS = [
    ("echo 'OK fine | t=1.5s'; exit 0", Outcome.UP, Reason.OK, "OK fine"),
    ("echo 'WARNING'; exit 1", Outcome.DEGRADED, Reason.EXIT_STATUS, "WARNING"),
    ("echo 'CRITICAL'; exit 2", Outcome.DOWN, Reason.EXIT_STATUS, "CRITICAL"),
    ("echo 'UNKNOWN'; exit 3", Outcome.UNKNOWN, Reason.EXIT_STATUS, "UNKNOWN"),
    ("echo four; exit 4", Outcome.DOWN, Reason.EXIT_STATUS, "exit status 4: four"),
    ("exit 255", Outcome.DOWN, Reason.EXIT_STATUS, "exit status 255"),
    ("/no/such/thing", Outcome.DOWN, Reason.EXIT_STATUS, None),
    ("echo on error >&2; exit 2", Outcome.DOWN, Reason.EXIT_STATUS, "on error"),
    ("echo on error >&2; echo said; exit 2", Outcome.DOWN, Reason.EXIT_STATUS, "said"),
    ("kill -SEGV $$", Outcome.DOWN, Reason.COMMAND_FAILED, "killed by SIGSEGV"),
    ("echo last words; kill -9 $$", Outcome.DOWN, Reason.COMMAND_FAILED, "killed by SIGKILL: last words"),
    ("printf 'a\\033[31mb\\nmore'", Outcome.UP, Reason.OK, r"a\x1b[31mb"),
    ("printf 'OK \\377'", Outcome.UP, Reason.OK, "OK \ufffd"),
    ("echo 'OK | a=nan b=1'", Outcome.UP, Reason.OK, "OK (1 unreadable figures)"),
    (f"echo 'OK | {MANY} z=nan'", Outcome.UP, Reason.OK, f"OK {LOST}"),
    (f"echo 'broken | {MANY}'; exit 2", Outcome.DOWN, Reason.EXIT_STATUS, f"broken {DROPPED}"),
    ("exec >&- 2>&-; exit 2", Outcome.DOWN, Reason.EXIT_STATUS, ""),
]


@pytest.mark.parametrize(("script", "outcome", "reason", "detail"), ENDS)
def test_every_end_of_a_plugin_is_one_observation(run, script, outcome, reason, detail):
    seen = shell(run, script)

    assert (seen.outcome, seen.reason) == (outcome, reason)
    assert detail is None or seen.detail == detail
    assert seen.response_time_ns > 0


def test_figures_become_measurements_and_output_the_body(run):
    seen = shell(run, "echo \"OK | 'my disk'=5MB;6;7 t=0.25s\"; echo long")

    assert seen.measurements == (Measurement("my disk", 5.0, "MB"), Measurement("t", 0.25, "s"))
    assert seen.body == b"OK | 'my disk'=5MB;6;7 t=0.25s\nlong\n"


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (("/no/such/program",), "No such file"),
        (("no-such-program-anywhere",), "No such file"),
        (("/etc/passwd",), "Permission denied"),
        (("/etc",), "Permission denied"),
        (("/bin/sh", "nul\0byte"), "null byte"),
        (("/bin/sh", "-c", "x" * 3_000_000), "too long"),
    ],
    ids=["absent", "not on PATH", "not executable", "a folder", "nul", "too long"],
)
def test_a_program_that_cannot_run_is_down_with_its_reason(run, argv, word):
    seen = run(lambda prober: begin(prober, *argv)[1])

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.COMMAND_FAILED)
    assert word in seen.detail


@pytest.mark.parametrize(("printed", "dropped"), [("m=1", UNSET), ("m=nan", 1), (f"{MANY} z=nan", 6)])
def test_figures_that_are_not_kept_are_counted(run, printed, dropped):
    seen = run(lambda prober: begin(prober, "/bin/echo", f"OK | {printed}")[1])

    assert seen.figures_dropped == dropped


def test_a_directory_that_is_not_there_is_named(run):
    seen = run(lambda prober: begin(prober, "/bin/true", directory="/no/such/folder")[1])

    assert (seen.outcome, seen.reason) == (Outcome.DOWN, Reason.COMMAND_FAILED)
    assert "/no/such/folder" in seen.detail


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EMFILE, Reason.NO_DESCRIPTORS),
        (errno.ENFILE, Reason.NO_DESCRIPTORS),
        (errno.ENOMEM, Reason.OVERLOADED),
        (errno.EAGAIN, Reason.OVERLOADED),
    ],
)
def test_our_own_lack_says_nothing_about_the_target(number, reason):
    seen = could_not_start(
        Exec(argv=("/bin/true",)), Raised("OSError", os.strerror(number), error_number=number)
    )

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, reason)


def test_no_descriptor_left_is_unknown_never_down(run):
    async def main(prober):
        ends = [await begin(prober, "/bin/true")[1]]
        fillers = fill_descriptors()
        try:
            for _ in range(10):
                ends.append(await begin(prober, "/bin/true")[1])
                os.close(fillers.pop())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, LIMITS)
            for filler in fillers:
                os.close(filler)
        return ends

    seen = {(each.outcome, each.reason) for each in run(main)}
    assert (Outcome.UNKNOWN, Reason.NO_DESCRIPTORS) in seen
    assert seen <= {(Outcome.UNKNOWN, Reason.NO_DESCRIPTORS), (Outcome.UP, Reason.OK)}


def test_metacharacters_reach_the_program_as_they_are(run):
    hostile = "$(touch /tmp/never); `id` | cat && 'x' \"y\" * ~ \n"

    seen = run(lambda prober: begin(prober, "/usr/bin/printf", "%s", hostile)[1])

    assert seen.body == hostile.encode()


NEUTRAL = ["LANG=C.UTF-8", "LC_ALL=C.UTF-8"]


@pytest.mark.parametrize(
    ("pairs", "locale"),
    [
        ({"TOKEN": "t"}, NEUTRAL),
        ({"LANG": "de_DE"}, []),
        ({"LC_NUMERIC": "de_DE"}, NEUTRAL[:1]),
        ({"LC_ALL": "de_DE"}, NEUTRAL[:1]),
    ],
    ids=str,
)
def test_only_path_and_the_pairs_reach_a_program_and_no_locale_of_the_machine(
    pairs, locale, run, monkeypatch
):
    for name in ("SECRET_OF_THE_HOST", "LANG", "LC_ALL", "LC_NUMERIC"):
        monkeypatch.setenv(name, "fr_FR.UTF-8")

    seen = run(lambda prober: begin(prober, "/usr/bin/env", environment=pairs)[1])

    stated = [f"{name}={value}" for name, value in pairs.items()]
    given = [each for each in seen.body.decode().split() if not each.startswith(f"{MARK}=")]
    assert sorted(given) == sorted([f"PATH={os.environ['PATH']}", *locale, *stated])


def test_a_program_has_a_session_of_its_own_and_empty_hands(run):
    held = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(held, True)
    script = "import os,sys; print(os.getsid(0) == os.getpid(), sorted(map(int, os.listdir('/proc/self/fd')))[:4], sys.stdin.read() == '')"

    try:
        seen = run(lambda prober: begin(prober, sys.executable, "-I", "-c", script)[1])
    finally:
        os.close(held)

    assert seen.detail == "True [0, 1, 2, 3] True", "descriptor 3 is the listing's own"


def test_a_program_never_reads_what_the_host_is_fed(run):
    reader, writer = os.pipe()
    kept = os.dup(0)
    os.dup2(reader, 0)
    try:
        seen = run(lambda prober: begin(prober, "/bin/readlink", "/proc/self/fd/0")[1])
    finally:
        os.dup2(kept, 0)
        for descriptor in (reader, writer, kept):
            os.close(descriptor)

    assert seen.detail == "/dev/null"


def test_all_that_a_program_wrote_before_it_ended_is_read(run):
    script = "import fcntl, os; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'x' * 500_000); os._exit(0)"

    async def main(prober):
        attempt, answered = begin(prober, sys.executable, "-I", "-c", script, output_bytes_max=1_000_000)
        while attempt.command is None:
            await begin(prober, "/bin/true")[1]
        if not answered.done():
            # The loop does not come round until the program has ended: its end and its output are seen together.
            poll = select.poll()
            poll.register(attempt.command.end.descriptor, select.POLLIN)
            assert poll.poll(10_000)
        return await answered

    assert run(main).body == b"x" * 500_000


def test_a_flood_is_capped_drained_and_counted(run):
    seen = shell(run, "head -c 5000000 /dev/zero; exit 1", output_bytes_max=1000)

    assert (seen.outcome, len(seen.body)) == (Outcome.DEGRADED, 1000)
    assert (
        "4999000 bytes of output dropped" in seen.detail or len(seen.detail) == limits.DETAIL_CHARACTERS_MAX
    )


def test_a_figure_that_the_cap_cut_is_dropped_completely(run):
    seen = shell(run, "echo 'OK | a=1 b=123456'", output_bytes_max=14)

    assert seen.body == b"OK | a=1 b=123"
    assert seen.measurements == (Measurement("a", 1.0),)


def test_a_full_error_pipe_does_not_stop_a_program(run):
    seen = shell(run, "head -c 1000000 /dev/zero >&2; echo OK")

    assert (seen.outcome, seen.detail) == (Outcome.UP, "OK")


def test_fifty_at_once_all_answer(run):
    async def main(prober):
        answers = [begin(prober, "/bin/sh", "-c", f"echo n{n}; exit {n % 4}")[1] for n in range(50)]
        return await asyncio.gather(*answers)

    seen = run(main)

    assert [each.detail for each in seen] == [f"n{number}" for number in range(50)]


def test_too_many_programs_at_once_are_an_internal_fault(run, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    async def main(prober):
        answers = [begin(prober, "/bin/cat", str(gate))[1] for _ in range(limits.COMMANDS_MAX)]
        seen = await begin(prober, "/bin/true")[1]
        prober.close()
        return seen, await asyncio.gather(*answers)

    seen, others = run(main)

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.OVERLOADED)
    assert {each.outcome for each in others} == {Outcome.CANCELLED}


def test_an_exit_status_taken_by_the_host_is_unknown(run):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        seen = shell(run, "echo OK; exit 2")
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
