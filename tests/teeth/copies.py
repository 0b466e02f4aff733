"""Copies of the tree that a bug may be put into, each importable as `watchkeeper` by processes of its own."""

import compileall
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import msgspec
from catalogue import changed

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".editable",
    ".hypothesis",
    ".*_cache",
    "__pycache__",
    "build",
    "bench",
    "*.egg-info",
    "*.db*",
)
TESTS_S_MAX = 150
PASSED = "the tests pass"
NOTHING = "seeds find nothing"
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class NoVerdict(Exception):  # what became of a command, not a fault of ours
    """A command neither passed nor caught anything."""


class Find(msgspec.Struct, frozen=True):
    """What one command made of a bug."""

    caught: bool
    by: str
    """The test or the invariant; where nothing was caught, why not."""


def digest_of(root: Path) -> str:
    """Changes whenever a source changes, but for the catalogue itself."""
    digest = blake2b(digest_size=8)
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != "teeth" and not LEFT_OUT(folder, [name]))
        for name in sorted(files):
            if name.endswith((".py", ".toml")):
                digest.update(name.encode() + Path(folder, name).read_bytes())
    return digest.hexdigest()


class Copy:
    """One copy. The commands below run on it as it is."""

    def __init__(self, folder: Path, source: Path = ROOT) -> None:
        self.root = folder / "watchkeeper"
        shutil.copytree(source, self.root, ignore=LEFT_OUT, symlinks=True)
        # By content: two versions of a file within one second and of one size must not share their bytecode.
        compileall.compile_dir(
            self.root, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )

    def put_in(self, bug):
        """Apply a bug; returns what takes it out again."""
        path = self.root / bug.file
        sound = path.read_text()
        path.write_text(changed(bug, sound))
        return lambda: path.write_text(sound)

    def test(self, tests, seconds: float = TESTS_S_MAX) -> Find:
        """Run tests up to the first that fails. Raises NoVerdict."""
        options = (
            "--all",
            "-x",
            "-q",
            "--no-header",
            "--tb=no",
            "-rfE",
            "--hypothesis-seed=0",
            "-p",
            "unshrunk",
        )
        ended = self._run("-P", "-m", "pytest", *options, *tests, seconds=seconds)
        if ended.returncode == 0:
            return Find(False, PASSED)
        failed = FAILED.findall(ended.stdout)
        if ended.returncode != 1 or not failed:
            raise NoVerdict(
                f"pytest ended with {ended.returncode}:\n{ended.stdout[-2_000:]}{ended.stderr[-2_000:]}"
            )
        return Find(True, failed[0])

    def simulate(self, seeds: int, seconds: float) -> Find:
        """Run seeds of the simulator up to the first that finds something. Raises NoVerdict."""
        script = Path("tests", "teeth", "seeds.py")
        ended = self._run("-P", str(script), str(seeds), str(seconds), seconds=20 * seconds + 120)
        if ended.returncode or not ended.stdout:
            raise NoVerdict(f"the seeds ended with {ended.returncode}:\n{ended.stderr[-3_000:]}")
        said = json.loads(ended.stdout.splitlines()[-1])
        if Path(said["package"]).parent != self.root.resolve():
            raise NoVerdict(f"{said['package']} was run, not {self.root}")
        if not said["found"]:
            return Find(False, f"{said['seeds']} {NOTHING}")
        return Find(True, f"seed {said['seeds'] - 1}: {said['found']}")

    def _run(self, *command: str, seconds: float) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(map(str, (self.root.parent, self.root / "tests" / "teeth")))
        environment = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}
        try:
            return subprocess.run(
                [sys.executable, *command],
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise NoVerdict(f"{command[2]} did not end within {seconds:g} s") from late
