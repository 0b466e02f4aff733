"""A run of the simulator that computes without end is stopped, and its batch says which seed it is."""

from itertools import count

import pytest
from simulator.batch import Order, run_batch
from simulator.cases.drawing import draw_case
from simulator.endless import bounded
from simulator.invariants.auditor import AT_ONCE_MAX
from simulator.run import Run, quiet, run_case
from watchkeeper.domain import limits
from watchkeeper.protocol.sink import Commit

AT_ONCE_S = 0.001
"""No run ends within so little processor time."""


def compute():
    for _ in count():
        pass


def test_an_endless_computation_is_stopped_and_says_where_it_was():
    said = []
    with bounded(lambda invariant, says: said.append((invariant, says)), cpu_s=0.05):
        compute()
    ((invariant, says),) = said
    assert invariant == "BOUND"
    assert "test_endless.py" in says
    assert says.split(": ")[0] == "the run has not ended after 0.05 s of processor time"


def test_a_run_that_does_not_end_violates_its_bound():
    result = run_case(draw_case(7), cpu_s=AT_ONCE_S)
    assert [violation.invariant for violation in result.violations][:1] == ["BOUND"]
    assert result.seed == 7


def test_actors_that_never_come_to_rest_violate_the_bound():
    with quiet():
        run = Run(draw_case(7))
        auditor = run.machine.auditor
        for _ in range(AT_ONCE_MAX):
            auditor.handling("sink", 1, Commit())
        assert auditor.violations == []
        auditor.handling("sink", 1, Commit())
        assert [violation.invariant for violation in auditor.violations] == ["BOUND"]
        run.close()


def test_a_run_that_breaks_off_names_its_seed(monkeypatch):
    monkeypatch.setattr(limits, "SIMULATED_STEPS_MAX", 1)
    with pytest.raises(RuntimeError, match=r"seed 3 broke off: .*the actors do not become idle"):
        run_batch(range(3, 5), Order(minutes=1), progress=lambda _: None)
