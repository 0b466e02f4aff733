"""A program with a runtime: it evaluates each line of its input and answers with one line."""

import os
import sys
import threading

from watchkeeper import CallChannel, Channel, Heartbeat, Runtime, Target

store, *options = sys.argv[1:]


class Hiding:
    """Finds no module of the web extra."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *where):
        return None if name in {"starlette", "uvicorn"} else self.finder.find_spec(name, *where)


if "without web" in options:
    sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
job = Target(id="job", every="1h", heartbeat=Heartbeat(grace="1m"), notify=("ops",))
ops = Channel(id="ops", call=CallChannel(name="announce"))
heard = []
runtime = Runtime(
    store=store,
    targets=[job],
    channels=[ops],
    callables={"announce": heard.append},
)
ran = []


@runtime.check("queue", every="100ms", rules=())
def queue():
    ran.append(1)
    return 3


def until(look, answer, within_s=120):
    pause = threading.Event()
    for _ in range(within_s * 50):
        if look() == answer:
            return True
        pause.wait(0.02)
    return look()


def say(answer):
    sys.stdout.write(str(answer).replace("\n", " ") + "\n")
    sys.stdout.flush()


def raised(work):
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # the test reads it
        return f"{type(error).__name__}: {error}"


def in_child(work):
    """Returns what a forked child says."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(raised(work)).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        return said.read()


def in_child_that_stays(work):
    """Returns the role of a forked child, which writes the result of its work and its role then to the output."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, runtime.role.encode())
        os.close(writer)
        say(f"{raised(work)} {runtime.role}")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        return said.read()


events = runtime.subscribe()
if "wait" not in options:
    runtime.start()
say(runtime.role)
for line in sys.stdin:
    say(raised(lambda: eval(line)))  # noqa: B023, S307  # the test's own words
runtime.stop()
