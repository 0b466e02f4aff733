"""Copies of the tree that a bug may be put into, each importable as `watchkeeper` by processes of its own."""

import compileall
import json
import os
import py_compile
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue

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
OURS = ("teeth", "mutants", "support")
"""Folders of tests/ that hold plugins of pytest."""
TESTS_S_MAX = 400
PASSED = "the tests pass"
NOTHING = "seeds find nothing"
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


class NoVerdict(Exception):  # the end of a command, not a fault of this script
    """A command neither passed nor caught anything."""


class Find(msgspec.Struct, frozen=True):
    """The result of one command in a copy with a bug."""

    caught: bool
    by: str
    """The test or the invariant; where nothing was caught, why not."""


def digest_of(root: Path, left_out: frozenset[str] = frozenset({"teeth", "mutants"})) -> str:
    """Changes whenever a source changes, but for files and folders of these names."""
    digest = blake2b(digest_size=8)
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in left_out and not LEFT_OUT(folder, [name]))
        for name in sorted(files):
            if name.endswith((".py", ".toml")) and name not in left_out:
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
        return self.write(bug.file, changed(bug, (self.root / bug.file).read_text()))

    def write(self, file: str, source: str):
        """Put another source in a file's place; returns what puts its own there again."""
        path = self.root / file
        sound = path.read_text()
        path.write_text(source)
        return lambda: path.write_text(sound)

    def test(self, tests, seconds: float = TESTS_S_MAX) -> Find:
        """Run tests up to the first that fails. Raises NoVerdict."""
        ended = self.pytest(["-x", *tests], seconds)
        if ended.returncode == 0:
            return Find(False, PASSED)
        failed = FAILED.findall(ended.stdout)
        if ended.returncode != 1 or not failed:
            raise NoVerdict(
                f"pytest ended with {ended.returncode}:\n{ended.stdout[-2_000:]}{ended.stderr[-2_000:]}"
            )
        return Find(True, failed[0])

    def pytest(self, arguments, seconds: float, environment=None) -> subprocess.CompletedProcess[str]:
        """Run pytest, which names what fails. Raises NoVerdict where it does not end in time."""
        options = ("--all", "-q", "--no-header", "--tb=no", "-rfE", "--hypothesis-seed=0", "-p", "unshrunk")
        return self._run("-P", "-m", "pytest", *options, *arguments, seconds=seconds, environment=environment)

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

    def environment(self) -> dict[str, str]:
        """The variables by which a process of Python imports this copy as `watchkeeper`."""
        path = os.pathsep.join(map(str, (self.root.parent, *(self.root / "tests" / name for name in OURS))))
        return os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}

    def _run(self, *command: str, seconds: float, environment=None) -> subprocess.CompletedProcess[str]:
        with subprocess.Popen(
            [sys.executable, *command],
            cwd=self.root,
            env=self.environment() | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, complained = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired as late:
                # With all that it has started: a child of its own would hold the pipes open.
                os.killpg(process.pid, signal.SIGKILL)
                raise NoVerdict(f"{command[2]} did not end within {seconds:g} s") from late
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, said, complained)


def spread(work, items, copies: list[Copy]):
    """The results of `work(item, copy)`, as each is done; a copy is used by one call at a time."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for each in copies:
        free.put(each)

    def on_a_free_copy(item):
        copy = free.get()
        try:
            return work(item, copy)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        for done in as_completed([pool.submit(on_a_free_copy, item) for item in items]):
            yield done.result()
