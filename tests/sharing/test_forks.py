"""Children that are forked while another thread starts or stops the runtime of their parent."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys, threading
from watchkeeper import Heartbeat, NotRunning, Runtime, Target
from watchkeeper.adapters.stores.ownership.forks import FORKS
FORKS.waits_s = FORKS.waits_for_imports_s = 60  # a busy machine takes longer than usual
runtime = Runtime(store=sys.argv[1], targets=[Target(id="job", every="1h", heartbeat=Heartbeat())])
def is_taken():
    try:
        runtime.heartbeat("job")
    except (NotRunning, TimeoutError):  # as above
        return False
    return True
def child():
    signal.alarm(300)
    if runtime.role == "stopped":
        runtime.start()
    while not is_taken():
        pass
    runtime.stop()
if sys.argv[2] == "stop":
    runtime.start()
turning = threading.Thread(target=getattr(runtime, sys.argv[2]))
turning.start()
children, pause = [], threading.Event()
for _ in range(8):
    pause.wait(0.003)
    children.append(os.fork())
    if children[-1] == 0:
        try:
            child()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
turning.join()
ended = [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children]
if runtime.role == "stopped":
    runtime.start()
print(ended, runtime.role, runtime.status().healthy)
runtime.stop()
"""


@pytest.mark.slow
@pytest.mark.parametrize("turn", ["start", "stop"])
def test_children_of_a_runtime_that_starts_or_stops_reach_the_store(store, turn):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(store), turn],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        timeout=600,
    )
    assert run.stdout == f"{[0] * 8} active True\n", run.stderr
