"""The seeded bugs still fit the code, a sample of them is caught, and a bug that no test catches is reported."""

import ast
import builtins
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEETH = ROOT / "tests" / "teeth"
sys.path.insert(0, str(TEETH))

from catalogue import Bug, catalogue, changed  # noqa: E402  # the scripts lie beside their table
from copies import Find, NoVerdict  # noqa: E402  # as above
from patterns import ONE, RUN, Misfit, statements  # noqa: E402  # as above
from run import Line, Row, keep, kept, summary, verdict  # noqa: E402  # as above

BUGS = catalogue()
SAMPLE = 8
CORE = ("domain", "protocol", "actors", "adapters", "host", "testing")
BROKEN = re.compile(r"S([1-9]|[12]\d|3\d|4[0-3])|L([1-9]|1[0-6])|F\d{1,3}|C\d{1,2}|B-(0[1-9]|1\d|2[01])")
"""An invariant of safety or of liveness, a fault, a control, or a claim of docs/internal/proofs.md."""


def name_of(bug):
    return bug.id


@cache
def functions_in(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def words_in(path):
    """The identifiers of a file; of a folder, those of all its files."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return {word for file in files for word in re.findall(r"[A-Za-z_]\w*", file.read_text())}


def strange_words(bug):
    """The names that a bug would put in and that exist nowhere: it would only raise a NameError or an AttributeError."""
    tree = {word for folder in CORE for word in words_in(ROOT / folder)}
    known = words_in(ROOT / bug.file) | set(dir(builtins))
    nodes = [node for edit in bug.edits for top in statements(edit.put) for node in ast.walk(top)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - known
    attributes = {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and not of_a_library(node)
    } - tree
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {word for word in names - made | attributes if not word.startswith((ONE, RUN))}


def of_a_library(attribute):
    return getattr(attribute.value, "id", "") in sys.stdlib_module_names


def is_there(test):
    """Whether a file of tests exists, or one function in it with any parameters."""
    path, _, function = test.partition("::")
    if not (ROOT / path).is_file():
        return False
    return not function or function.partition("[")[0] in functions_in(path)


@pytest.mark.parametrize("bug", BUGS, ids=name_of)
def test_a_seeded_bug_fits_the_code_as_it_is(bug):
    source = (ROOT / bug.file).read_text()
    assert ast.dump(ast.parse(changed(bug, source))) != ast.dump(ast.parse(source))
    assert strange_words(bug) == set()
    assert bug.tests
    assert [test for test in bug.tests if not is_there(test)] == []
    assert bug.says.endswith(".")
    assert bug.breaks
    assert all(BROKEN.fullmatch(broken) for broken in bug.breaks), bug.breaks


@pytest.mark.parametrize(
    ("test", "there"),
    [
        ("tests/test_teeth.py", True),
        ("tests/test_teeth.py::test_there_are_at_least_fifty_seeded_bugs", True),
        ("tests/test_teeth.py::test_a_seeded_bug_fits_the_code_as_it_is[gone]", True),
        ("tests/test_teeth.py::test_that_was_renamed", False),
        ("tests/test_teeth.py::test_that_was_renamed[gone]", False),
        ("tests/test_that_was_moved.py", False),
        ("tests", False),
    ],
)
def test_a_test_that_is_gone_is_not_taken_to_catch_a_bug(test, there):
    assert is_there(test) is there


def test_there_are_at_least_fifty_seeded_bugs():
    assert len(BUGS) >= 50
    assert sum(not bug.beyond for bug in BUGS) >= 50


def a_bug(**fields):
    return Bug(id="gone", says="", breaks=("S1",), file="domain/supervision/retry.py", tests=(), **fields)


def test_a_bug_whose_code_has_gone_is_refused():
    bug = a_bug(within="wait", find="never_there()")
    with pytest.raises(
        Misfit, match=r"in wait this is there 0 times, not once:\nnever_there\(\)\nthere is\nelsewhere\(\)"
    ):
        changed(bug, "def wait():\n    elsewhere()")
    with pytest.raises(Misfit, match=r"there 2 times, not once:\nnever_there\(\)\nin the lines 2, 3"):
        changed(bug, "def wait():\n    never_there()\n    never_there()")
    with pytest.raises(Misfit, match="nothing is called wait; there are waited"):
        changed(bug, "def waited():\n    never_there()")


def test_a_bug_of_names_that_are_gone_is_seen():
    bug = a_bug(find="$policy.wait", put="renamed_since.wait_ns(len($policy).taken_away)")
    assert strange_words(bug) == {"renamed_since", "taken_away"}


def teeth(*arguments):
    return subprocess.run(
        [sys.executable, str(TEETH / "run.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=1_500,
        check=False,
    )


@pytest.mark.slow
def test_a_sample_of_seeded_bugs_is_caught():
    ended = teeth("--sample", str(SAMPLE), "--by", "tests", "--no-control", "--jobs", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f'"caught": {SAMPLE}' in ended.stdout


def test_a_bug_that_nobody_catches_is_reported():
    row = Row(id="harmless", breaks=("S1",), tests=None, simulator=None, seconds=0.0)
    assert not row.caught
    assert "NOT CAUGHT" in row.line()
    assert summary([row], 0.0)["not_caught"] == ["harmless"]


def test_a_command_without_a_verdict_has_caught_nothing():
    def stuck():
        raise NoVerdict("it did not end")

    assert verdict(stuck) == Find(False, "it did not end")


def test_rows_of_a_run_that_was_stopped_are_taken_up(tmp_path):
    log, bug = tmp_path / "rows", BUGS[0]
    row = Row(id=bug.id, breaks=bug.breaks, tests=Find(True, "a test"), simulator=None, seconds=1.0)
    keep(log, Line("tree", repr(bug), row))
    with log.open("ab") as torn:
        torn.write(b'["tree","half a')
    assert kept(log, [bug], "tree") == {bug.id: row}
    keep(log, Line("tree", repr(bug), row))
    assert kept(log, [bug], "tree") == {bug.id: row}
    assert kept(log, [bug], "another tree") == {}


def test_a_bug_of_an_unknown_name_is_refused():
    ended = teeth("--only", "no-such-bug")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no bug is called no-such-bug" in ended.stderr
