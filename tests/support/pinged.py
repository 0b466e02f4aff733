"""Echo requests in a network of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNPRIVILEGED, RAW = 0, None
"""The group that may send echo requests: the one of the process, or none, so that it needs a raw socket."""
HERE = {"host": "127.0.0.1"}


def pinged(group, *probes, answering=True, without=(), repeat=0):
    """Runs probes, each beside who answers, in a network whose loopback is up. Returns the fate of each, and how many raw and unprivileged sockets were open."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support"), *sys.path])
    command = [
        "unshare",
        "--map-root-user",
        "--net",
        *without,
        sys.executable,
        "-m",
        "tests.adapters.network.pinging",
    ]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": paths, "PATH": os.environ["PATH"]},
        input=json.dumps({"group": group, "probes": probes, "answering": answering, "repeat": repeat}),
        capture_output=True,
        timeout=120,
        check=False,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["left_open"] <= 0
    return found["probes"], found["sockets"]
