"""One process with a runtime that stands by: says its role at each change, and stops when its input ends.

python tests/system/standing_by.py CONFIG
"""

import sys
import threading

from watchkeeper import Runtime

LOOK_EVERY_S = 0.01


def say_roles(runtime: Runtime, over: threading.Event) -> None:
    """Prints each new role, until the end."""
    said = ""
    while not over.wait(LOOK_EVERY_S):
        role = runtime.role
        if role != said:
            said = role
            sys.stdout.write(f"{role}\n")
            sys.stdout.flush()


def main(path: str) -> None:
    over = threading.Event()
    with Runtime.from_config(path) as runtime:
        thread = threading.Thread(target=say_roles, args=(runtime, over))
        thread.start()
        sys.stdin.read()
        over.set()
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
