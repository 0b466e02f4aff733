"""Mutants are small, are drawn by a seed, and are put to the tests that run their line; those that survive are reported."""

import ast
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MUTANTS = ROOT / "tests" / "mutants"
sys.path.insert(0, str(ROOT / "tests" / "teeth"))
sys.path.insert(0, str(MUTANTS))

from covering import TABLES, Cover, Covered  # noqa: E402  # the scripts lie beside their lists
from drawing import core_files, mutants_of  # noqa: E402  # as above
from served import Unfit, put_in  # noqa: E402  # as above

RUN = spec_from_file_location("mutants_run", MUTANTS / "run.py")  # another script is called run, too
run = module_from_spec(RUN)
RUN.loader.exec_module(run)

SOURCE = """
LIMIT = 3

class Queue:
    def take(self, room: int = 0):
        if room > LIMIT and not self.closed:
            self.count += 1
            return self.items[: room - 1]
        raise Closed

    def close(self):
        self.items.clear()
"""


@pytest.mark.parametrize(
    ("kind", "function", "lines"),
    [
        ("comparison", "Queue.take", {"if (room >= LIMIT) and", "if (room <= LIMIT) and"}),
        ("boolean operator", "Queue.take", {"if (room > LIMIT or not self.closed):"}),
        ("negation", "Queue.take", {"and (self.closed):"}),
        ("branch always taken", "Queue.take", {"if (True):"}),
        ("branch never taken", "Queue.take", {"if (False):"}),
        ("operator", "Queue.take", {"self.items[: (room + 1)]"}),
        ("statement", "Queue.close", {"        pass"}),
        ("constant", "LIMIT", {"LIMIT = (4)"}),
    ],
)
def test_a_careless_hand_makes_one_change_at_a_time(kind, function, lines):
    found = [
        each for each in mutants_of("queue.py", SOURCE) if (each.kind, each.function) == (kind, function)
    ]
    assert len(found) == len(lines)
    for mutant in found:
        added = [line[1:] for line in mutant.diff(SOURCE).splitlines() if line.startswith("+")]
        assert len(added) == 1
        assert any(line in added[0] for line in lines), added


def test_every_mutant_of_the_core_can_be_read_and_is_no_longer_the_tree():
    for file in core_files(ROOT, ("domain/supervision", "protocol")):
        source = (ROOT / file).read_text()
        before = ast.dump(ast.parse(source))
        for mutant in mutants_of(file, source):
            assert ast.dump(ast.parse(mutant.source)) != before
            assert mutant.source.count("\n") == source.count("\n")


def test_a_line_that_no_test_runs_is_not_mutated():
    source = "def f(a: Literal[1]) -> Literal[2]:\n    assert a < 3, f'{a > 4}'\n    assert_never(a)\n"
    assert list(mutants_of("f.py", source)) == []


def test_a_seed_draws_the_same_mutants_again():
    mutants = run.every_mutant(("domain/supervision",))
    first, _ = run.drawn(mutants, 20, 1)
    assert run.drawn(mutants, 20, 1)[0] == first
    assert run.drawn(mutants, 20, 2)[0] != first
    assert max(Counter(map(repr, first)).values()) == 1


def test_tests_of_a_mutant_run_its_line_and_come_quickest_first():
    taking, closing = (
        next(each for each in mutants_of("queue.py", SOURCE) if each.line == line) for line in (6, 12)
    )
    slow = Covered({"slow": 2.0}, {"queue.py": {6: (0,), 12: (0,)}})
    quick = Covered({"other": 0.1, "quick": 0.2}, {"queue.py": {6: (1,)}, "other.py": {12: (0,)}})
    cover = Cover([slow, quick])
    assert cover.tests_of(taking) == ["quick", "slow"]
    assert cover.tests_of(closing) == ["slow"]


def test_tests_of_what_runs_at_import_run_the_lines_that_use_it():
    file, user = "domain/limits/running.py", "domain/policy.py"
    mutants = mutants_of(file, (ROOT / file).read_text())
    slack = next(each for each in mutants if each.function == "DEADLINE_SLACK_NS")
    lines = (ROOT / user).read_text().splitlines()
    use = next(number for number, line in enumerate(lines, 1) if "DEADLINE_SLACK_NS" in line)
    cover = Cover([Covered({"slack": 1.0, "other": 1.0}, {user: {use: (0,), use + 1: (1,)}})])
    assert cover.tests_of(slack) == [TABLES[file], "slack"]


@pytest.mark.parametrize("each", run.explanations(), ids=lambda each: f"{each.file}-{each.within}")
def test_an_explained_mutant_fits_the_code_and_says_why(each):
    assert each.why.endswith(".")
    mutants = mutants_of(each.file, (ROOT / each.file).read_text())
    assert run.shape(each.source()) in {run.shape(mutant.source) for mutant in mutants}


BELL = """
from functools import wraps

def loudly(function):
    @wraps(function)
    def louder(*given):
        return function(*given) * 2
    return louder

class Bell:
    size = 3

    @property
    def note(self):
        return [self.size + more for more in range(2)]

    @loudly
    def ring(self):
        return self.size + 1
"""


def imported(path):
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("find", "put", "rings", "note"),
    [
        ("self.size + 1", "self.size - 1", 4, [3, 4]),
        ("self.size + more", "self.size - more", 8, [3, 2]),
        ("* 2", "* 3", 12, [3, 4]),
    ],
)
def test_a_mutant_is_put_into_a_function_that_others_hold_already(tmp_path, find, put, rings, note):
    path = tmp_path / "bell.py"
    path.write_text(BELL)
    bell = imported(path).Bell()
    assert (bell.ring(), bell.note) == (8, [3, 4])
    put_in(str(path), BELL, BELL.replace(find, put))
    assert (bell.ring(), bell.note) == (rings, note)


def test_a_mutant_of_no_function_takes_a_process_of_its_own(tmp_path):
    path = tmp_path / "bell.py"
    path.write_text(BELL)
    bell = imported(path).Bell()
    with pytest.raises(Unfit):
        put_in(str(path), BELL, BELL.replace("def ring", "def peal"))
    assert bell.ring() == 8
