"""A host that runs a configuration with every target silenced for an hour; takes the arguments of `watchkeeper run`."""

import signal
import sys

from watchkeeper import ALL, Runtime

if __name__ == "__main__":
    with Runtime.from_config(sys.argv[2]) as runtime:
        runtime.silence(ALL, "1h")
        runtime.status()
        sys.stderr.write("watching: silenced\n")
        signal.pause()
