"""The command `watchkeeper`, as a program and as python -m watchkeeper."""

import os
import signal
import sys


def main() -> None:
    """Runs the command; a signal that comes while it loads ends `run` where it should, and only there."""
    if "run" in sys.argv[1:]:
        # A reload that is asked for during half a second of imports: the configuration is read after them anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if os.getpid() == 1:
            # The kernel drops signals that process 1 has no handler for, and a container would not stop.
            signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    from .launcher.main import main as command

    command()


if __name__ == "__main__":
    main()
