"""The verb `run` in a process of its own."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

RUN = """
from watchkeeper.domain import limits
limits.SETTLED_NS *= 10  # a command is durable before its answer on a busy machine, too
from watchkeeper.__main__ import main
main()
"""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[list[str]]:
    """The verb `run` in a process of its own; gives the lines that it has written on standard error at its end."""
    command = [sys.executable, "-P", "-c", RUN, "run", "watchkeeper.yaml"]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line.strip())
            if "watching:" in line:
                break
        yield lines
        process.send_signal(signal.SIGTERM)
        lines += [line.strip() for line in process.stderr]
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
