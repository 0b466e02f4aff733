"""Real servers that run the examples, and a client that counts what it gets."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from looking import until
from ports import free_port
from watchkeeper import Record

EXAMPLES = Path(__file__).parents[2] / "examples" / "servers"
SERVERS = Path(__file__).parents[1] / "servers"


class Server:
    """One server, its processes and the store that they share."""

    def __init__(self, command, folder):
        self.store = folder / "watch.db"
        self.port = free_port()
        self.log = folder / f"server-{self.port}.log"
        self.environment = {
            **os.environ,
            "WATCH_STORE": str(self.store),
            "PYTHONPATH": f"{EXAMPLES}:{SERVERS}:{SERVERS / 'patient'}",
            "CELERY_FOLDER": str(folder / "celery"),
        }
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, *(part.format(port=self.port) for part in command)],
                cwd=EXAMPLES,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def active(self):
        """The process that runs the store; 0 where none does."""
        said = Record(self.store).run_by()
        return int(said.split()[1]) if said and said.startswith("process") else 0

    def ask(self, method="GET", path="/"):
        """Returns the status and the answer. A connection that breaks, as that to a killed worker does, is tried again."""
        for tries in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            try:
                connection.request(method, path)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except (ConnectionError, http.client.IncompleteRead):
                if tries == 4:
                    raise
            finally:
                connection.close()
        raise AssertionError

    def is_up(self):
        try:
            return self.ask()[0] == 200
        except OSError:
            assert self.popen.poll() is None, self.log.read_text()
            return False

    def kill_all(self):
        """Kills every process of the server."""
        os.killpg(self.popen.pid, signal.SIGKILL)

    def kill_active(self):
        """Kills the process that is active, waits until another one is, and returns the former."""
        former = until(lambda: self.active)
        os.kill(former, signal.SIGKILL)
        until(lambda: self.active not in {0, former})
        return former

    def close(self):
        self.popen.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(30)
        with suppress(ProcessLookupError):
            self.kill_all()
        self.popen.wait()


class Visitors:
    """Asks and commands all the time, and notes what fails."""

    def __init__(self, server):
        self.server = server
        self.answers = []
        self.failures = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._visit) for _ in range(2)]

    def _visit(self):
        while not self._is_over.wait(0.01):
            for method, path in (("POST", "/orders"), ("GET", "/")):
                try:
                    status, answer = self.server.ask(method, path)
                except (OSError, ValueError, http.client.HTTPException) as error:
                    self.failures.append(f"{method} {path}: {error!r}")
                else:
                    (self.answers if status == 200 else self.failures).append((method, status, answer))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()
