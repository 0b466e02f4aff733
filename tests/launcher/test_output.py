"""Output that cannot be written: each verb ends with a message and a documented status, with and without buffering."""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from watchkeeper import Runtime
from watchkeeper.launcher.output import ExitStatus

WITHIN_S = 60
PIPE_BYTES = 4096
CONFIG = """
runtime: {store: watch.db}
targets: [{id: a, every: 100ms, timeout: 100ms, tcp: {host: 127.0.0.1, port: 1}}]
channels: [{id: ops, log: {}}]
"""
MINIMAL = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
BUFFERING = {"buffered": {}, "unbuffered": {"PYTHONUNBUFFERED": "1"}}
VERBS = [
    "--help",
    "--version",
    "run --help",
    "check watch.yaml",
    "schema",
    "status -c watch.yaml",
    "status -c watch.yaml --json",
    "incidents -c watch.yaml",
    "notices -c watch.yaml",
    "simulate -c watch.yaml --hours 0.1 --script a=ok",
    "demo",
]


def closed_pipe():
    """The end to write to of a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full_disk():
    return os.open("/dev/full", os.O_WRONLY)


OUTPUTS = {
    "full": (full_disk, "", "No space left on device"),
    "gone": (closed_pipe, "", "Broken pipe"),
    "closed": (full_disk, ">&-", "Bad file descriptor"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a configuration and the store of a runtime that has ended."""
    made = tmp_path_factory.mktemp("output")
    (made / "watch.yaml").write_text(CONFIG)
    with Runtime.from_config(made / "watch.yaml"):
        pass
    return made


@contextmanager
def started(verb, folder, output, *, environment=None, redirect=""):
    """A process of the command in a minimal environment, killed when it is late; `output` is its to close."""
    script = f'exec "$0" -m watchkeeper {verb} {redirect}'
    with subprocess.Popen(
        ["sh", "-c", script, sys.executable],
        stdout=output,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**MINIMAL, "LANG": "C.UTF-8", **(environment or {})},
        text=True,
    ) as process:
        os.close(output)
        late = Timer(WITHIN_S, process.kill)
        late.start()
        try:
            yield process
        finally:
            late.cancel()
            process.kill()


def ended(verb, folder, output, **options):
    """Returns the exit status and the text of standard error."""
    with started(verb, folder, output, **options) as process:
        said = process.communicate(timeout=WITHIN_S)[1]
        return process.returncode, said


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_ends_every_verb_with_one_line(verb, folder):
    status, said = ended(verb, folder, full_disk())
    assert status == ExitStatus.FAILED
    # `simulate` tells its progress on a busy machine.
    lines = [line for line in said.splitlines() if not line.endswith("hours are simulated")]
    assert lines == ["watchkeeper: standard output cannot be written: No space left on device"]


@pytest.mark.parametrize("environment", BUFFERING.values(), ids=BUFFERING)
@pytest.mark.parametrize("output", OUTPUTS)
def test_no_buffer_changes_how_a_verb_ends(folder, output, environment):
    opened, redirect, why = OUTPUTS[output]
    status, said = ended("status -c watch.yaml", folder, opened(), redirect=redirect, environment=environment)
    assert (status, said) == (ExitStatus.FAILED, f"watchkeeper: standard output cannot be written: {why}\n")


@pytest.mark.parametrize("environment", BUFFERING.values(), ids=BUFFERING)
@pytest.mark.parametrize("output", OUTPUTS)
def test_run_goes_on_without_output_and_says_so(tmp_path, output, environment):
    (tmp_path / "watch.yaml").write_text(CONFIG)
    opened, redirect, why = OUTPUTS[output]
    with started("run watch.yaml", tmp_path, opened(), redirect=redirect, environment=environment) as process:
        lost = (
            f"Z ERROR standard output cannot be written: {why}: events are dropped until it can be written\n"
        )
        assert any(line.endswith(lost) for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=WITHIN_S)[1]
        assert process.returncode == ExitStatus.FINE
        assert "Error" not in said
        assert "Traceback" not in said


def test_a_stream_that_takes_no_more_for_now_is_waited_for(folder):
    """Another process may have made the descriptor non-blocking; the schema is longer than the pipe."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(writing, False)
    with started("schema", folder, writing) as process, os.fdopen(reading) as reader:
        schema = reader.read()
        assert process.wait(WITHIN_S) == ExitStatus.FINE
    assert len(schema) > PIPE_BYTES
    assert schema.endswith("}\n")


def test_standard_error_that_fails_changes_no_status(tmp_path):
    (tmp_path / "bad.yaml").write_text("targets: [{id: a, cal: {}}]")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "watchkeeper", "check", "bad.yaml"],
            stdout=subprocess.DEVNULL,
            stderr=full,
            cwd=tmp_path,
            env={**MINIMAL, "LANG": "C.UTF-8"},
            timeout=WITHIN_S,
            check=False,
        )
    assert done.returncode == ExitStatus.CONFIGURATION
