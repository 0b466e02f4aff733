"""Runs pykka's own test suite, unmodified, on each of our execution models.

    python tests/conformance/run.py [loop] [pool] [simulated] [--cache FOLDER]

The suite comes from pykka's source distribution, downloaded at a pinned version and hash. One line is printed per
model; the exit status is 0 only when every test passed on every model that was asked for.
"""

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PINNED = {
    "pykka==4.5.0": "820fcc36046552b49d7eb61fe98088d1a29631cf3314e8ce4bc26aaead8dcd4f",
    # pykka's suite uses its `mocker` fixture.
    "pytest-mock==3.17.0": "1b82aa4b37137248bd687055e109723debeb07b489de1565297dc9589c5f2d6b",
}
TESTS = 152
MODELS = ("loop", "pool", "simulated")
TIMEOUT_S = 120


def download(cache: Path) -> tuple[Path, Path]:
    """The suite's folder and the one that holds pytest-mock, downloaded unless the cache has them."""
    suite, mock = cache / "pykka-4.5.0", cache / "site"
    if not suite.exists():
        require("pykka==4.5.0", cache, "download", "--no-binary", ":all:", "--dest", str(cache))
        with tarfile.open(cache / "pykka-4.5.0.tar.gz") as archive:
            archive.extractall(cache, filter="data")
    if not mock.exists():
        require("pytest-mock==3.17.0", cache, "install", "--target", str(mock))
    return suite, mock


def require(package: str, cache: Path, *command: str) -> None:
    """Run one pip command for a pinned package without its dependencies."""
    requirements = cache / "requirements.txt"
    requirements.write_text(f"{package} --hash=sha256:{PINNED[package]}\n")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, *command, "--no-deps", "--require-hashes", "-r", str(requirements)],
        check=True,
        stdout=sys.stderr,
        timeout=TIMEOUT_S,
    )


def run(model: str, suite: Path, mock: Path) -> str:
    """Run the suite on one model. Returns the counts of pytest's last line."""
    here = Path(__file__).parent
    path = os.pathsep.join((str(here), str(mock)))
    environment = {**os.environ, "WATCHKEEPER_MODEL": model, "PYTHONPATH": path}
    command = [sys.executable, "-m", "pytest", "--noconftest", "-q", "--no-header", "-p", "plugin", "tests/"]
    if "pytest_cov" in sys.modules:
        command += ["-p", "no:cov"]
    result = subprocess.run(
        command, cwd=suite, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    lines = result.stdout.strip().splitlines() or ["nothing"]
    counts = re.search(r"\d+ (passed|failed|error).*?(?= in |$)", lines[-1])
    if result.returncode != 0 or counts is None:
        sys.stderr.write(f"{result.stdout}\n{result.stderr}\n")
    return counts[0] if counts else lines[-1]


def main(arguments: list[str]) -> int:
    """Run what was asked for. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="by default " + ", ".join(MODELS))
    parser.add_argument("--cache", type=Path, help="keep the downloads here")
    options = parser.parse_args(arguments)
    models = options.models or list(MODELS)
    if unknown := set(models).difference(MODELS):
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        cache = options.cache or Path(temporary)
        cache.mkdir(parents=True, exist_ok=True)
        suite, mock = download(cache)
        verdicts = {model: run(model, suite, mock) for model in models}
    for model, verdict in verdicts.items():
        sys.stdout.write(f"{model}: {verdict}\n")
    return 0 if all(verdict == f"{TESTS} passed" for verdict in verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
