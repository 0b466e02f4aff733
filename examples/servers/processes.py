"""Processes of `multiprocessing` report to the runtime of the program that made them, by fork and by spawn."""

import multiprocessing
import os

from watchkeeper import Heartbeat, Runtime, Target

runtime = Runtime(
    store=os.environ.get("WATCH_STORE", "watch.db"),
    targets=[Target(id="import", every="1h", heartbeat=Heartbeat())],
)


def work(part):
    if (
        runtime.role == "stopped"
    ):  # a spawned process has a runtime of its own; a forked one finds that of its parent
        runtime.start()
    runtime.heartbeat("import", detail=f"part {part}")
    return runtime.role


if __name__ == "__main__":
    with runtime:
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                print(method, sorted(set(pool.map(work, range(4)))), runtime.status()["import"].samples)
