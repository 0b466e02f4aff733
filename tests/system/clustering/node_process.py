"""One node with a store in PostgreSQL, run by the tests: `node_process.py run CONFIG [--node NAME]`.

With UNFENCED=1 its commits and signs of life no longer compare the row of the owner. Without `--node` it is a runtime that stands by.
"""

import os
import signal
import sys
import threading

MINE = "shard = %s AND epoch = %s AND incarnation = %s AND commits = %s"
"""The condition by which a commit proves that the shard is still its owner's."""
ANYBODY = "shard = %s AND (%s::bigint, %s::text, %s::bigint) IS NOT NULL"


def take_the_fence() -> None:
    """Replaces the condition in every statement of the fence but the one that leaves a shard. The product has no switch for it."""
    from watchkeeper.adapters.stores.postgres import fence

    fenced = {
        name: text
        for name, text in vars(fence).items()
        if isinstance(text, str) and MINE in text and "owner = ''" not in text
    }
    assert {"ADVANCE", "REQUIRE"} <= fenced.keys(), "the fence has another form: change MINE here"
    for name, text in fenced.items():
        setattr(fence, name, text.replace(MINE, ANYBODY))


def stand_by(path: str) -> None:
    """Runs a runtime that stands by for its store, until SIGTERM."""
    from watchkeeper import Runtime

    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with Runtime.from_config(path):
        sys.stderr.write("watching: or standing by\n")
        sys.stderr.flush()
        while not over.wait(1.0):
            pass


def main(arguments: list[str]) -> None:
    if os.environ.get("UNFENCED"):
        take_the_fence()
    if "--node" in arguments:
        from watchkeeper.launcher.main import main as run

        run()
    else:
        stand_by(arguments[1])


if __name__ == "__main__":
    main(sys.argv[1:])
