"""Runs pykka's own test suite, unmodified, on each of our execution models.

    python tests/conformance/run.py [loop] [pool] [simulated] [--cache FOLDER]

The suite comes from pykka's source distribution, downloaded at a pinned version and hash. The archive is kept and its
hash checked each time; it is unpacked for each run, so that no file of an earlier run can pass for the suite. One line is printed per model; the exit status is 0 only when every test passed on every model that was asked for.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

TESTS = 152
MODELS = ("loop", "pool", "simulated")
TIMEOUT_S = 120


class Pinned(NamedTuple):
    """One file of a package index."""

    requirement: str
    file: str
    sha256: str
    options: tuple[str, ...] = ()

    def is_in(self, folder: Path) -> bool:
        path = folder / self.file
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256

    def download(self, folder: Path) -> Path:
        """The file, verified; downloaded unless the folder has it. Raises where pip does not get it."""
        if not self.is_in(folder):
            (folder / self.file).unlink(missing_ok=True)
            wanted = folder / "requirements.txt"
            wanted.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n")
            pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "--no-deps"]
            subprocess.run(
                [*pip, *self.options, "--dest", str(folder), "--require-hashes", "-r", str(wanted)],
                check=True,
                stdout=sys.stderr,
                timeout=TIMEOUT_S,
            )
        return folder / self.file


SUITE = Pinned(
    "pykka==4.5.0",
    "pykka-4.5.0.tar.gz",
    "820fcc36046552b49d7eb61fe98088d1a29631cf3314e8ce4bc26aaead8dcd4f",
    ("--no-binary", ":all:"),
)
# pykka's suite uses its `mocker` fixture.
MOCK = Pinned(
    "pytest-mock==3.17.0",
    "pytest_mock-3.17.0-py3-none-any.whl",
    "1b82aa4b37137248bd687055e109723debeb07b489de1565297dc9589c5f2d6b",
)


def unpacked(cache: Path, folder: Path) -> tuple[Path, Path]:
    """The suite, unpacked into a folder of this run, and the wheel of pytest-mock, which Python imports from as it is."""
    cache.mkdir(parents=True, exist_ok=True)
    shutil.unpack_archive(SUITE.download(cache), folder)
    return folder / SUITE.file.removesuffix(".tar.gz"), MOCK.download(cache)


def run(model: str, suite: Path, mock: Path) -> str:
    """Run the suite on one model. Returns the counts of pytest's last line, and the exit status where it is not 0."""
    here = Path(__file__).parent
    path = os.pathsep.join((str(here), str(here.parent / "support"), str(mock)))
    environment = {**os.environ, "WATCHKEEPER_MODEL": model, "PYTHONPATH": path}
    command = [sys.executable, "-m", "pytest", "--noconftest", "-q", "--no-header", "-p", "plugin", "tests/"]
    if "pytest_cov" in sys.modules:
        command += ["-p", "no:cov"]
    result = subprocess.run(
        command, cwd=suite, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    lines = result.stdout.strip().splitlines() or ["nothing"]
    counts = re.search(r"\d+ (passed|failed|error).*?(?= in |$)", lines[-1])
    verdict = counts[0] if counts else lines[-1]
    if result.returncode == 0:
        return verdict
    sys.stderr.write(f"{result.stdout}\n{result.stderr}\n")
    return f"{verdict}, exit status {result.returncode}"


def main(arguments: list[str]) -> int:
    """Runs the requested models. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="by default " + ", ".join(MODELS))
    parser.add_argument("--cache", type=Path, help="keep the downloads here")
    options = parser.parse_args(arguments)
    models = options.models or list(MODELS)
    if unknown := set(models).difference(MODELS):
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        suite, mock = unpacked(options.cache or Path(temporary, "cache"), Path(temporary))
        verdicts = {model: run(model, suite, mock) for model in models}
    for model, verdict in verdicts.items():
        sys.stdout.write(f"{model}: {verdict}\n")
    return 0 if all(verdict == f"{TESTS} passed" for verdict in verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
