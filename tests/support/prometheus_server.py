"""Debian's Prometheus, its promtool and its Alertmanager, beside a test."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from host_servers import until
from ports import free_port

WITHIN_S = 60.0


def find(program: str, package: str = "prometheus") -> str:
    """Returns the path of a program such as `promtool`; root installs its package with apt-get where it is missing."""
    if shutil.which(program) is None:
        subprocess.run(["apt-get", "update", "--quiet"], check=True)
        subprocess.run(
            ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package], check=True
        )
    return shutil.which(program) or program


def promtool(*arguments: str | Path, said: str = "", cwd: Path | None = None) -> str:
    """Runs promtool and returns what it said. Fails with all of it where it ends with another status than 0."""
    command = [find("promtool"), *map(str, arguments)]
    done = subprocess.run(
        command, input=said, capture_output=True, text=True, timeout=WITHIN_S, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    """A running Prometheus that scrapes one address every second."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **query: str) -> Any:
        """Returns the data of an answer of its API; one that it refuses is an assertion."""
        with urlopen(f"{self._url}{path}?{urlencode(query)}", timeout=WITHIN_S) as answer:  # noqa: S310
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> list[Any]:
        """Returns the series that an expression gives now."""
        found: list[Any] = self.get("/api/v1/query", query=expression)["result"]
        return found

    def number(self, expression: str) -> float | None:
        """Returns the value of the one series of an expression; None without one."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None


@contextmanager
def prometheus(folder: Path, target: str, rules: Path) -> Iterator[Prometheus]:
    """Runs one beside the block, with a data base of its own in a folder; it has ended afterwards."""
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": "watchkeeper", "static_configs": [{"targets": [target.removeprefix("http://")]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(settings), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        find("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with _serving(command, folder / "prometheus.log", address):
        yield Prometheus(f"http://{address}")


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Runs an Alertmanager beside the block that tells nobody; gives its address. It has ended afterwards."""
    settings = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    (folder / "alertmanager.yml").write_text(json.dumps(settings), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        find("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with _serving(command, folder / "alertmanager.log", address):
        yield f"http://{address}"


@contextmanager
def _serving(command: list[str], said: Path, address: str) -> Iterator[None]:
    with said.open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            assert until(lambda: process.poll() is not None or _is_ready(address), WITHIN_S)
            assert process.poll() is None, said.read_text()
            yield
        finally:
            process.terminate()
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_ready(address: str) -> bool:
    try:
        with urlopen(f"http://{address}/-/ready", timeout=WITHIN_S):
            return True
    except (URLError, OSError):
        return False
