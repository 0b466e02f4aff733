"""The simulator: seeds that break nothing, runs that repeat to the bit, failures that are found, shortened and kept."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from simulator.__main__ import main
from simulator.batch import Order, run_batch
from simulator.cases.case import Act, Case, Options, Reached, Watched, load_case, save_case
from simulator.cases.drawing import draw_case
from simulator.cases.faults import Fault, parse_faults
from simulator.cases.tape import Tape
from simulator.run import Run, run_case
from simulator.shrink import Shrinker
from simulator.sometimes import WANTED, never_happened
from simulator.stores.legs import DiskLeg
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Heartbeat, Http
from watchkeeper.domain.specification.rule import Consecutive, NoData
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.validation.partial import judged
from watchkeeper.testing.script import ANSWER_NS

REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.json"))
SMALL = Watched(
    target=Target(
        id="shop",
        every="5s",
        timeout="2s",
        http=Http(url="http://shop.example/"),
        rules=(Consecutive(id="down", after=2, recover=1),),
        default_rules=False,
        notify=("ops",),
    ),
    script="ok 6s, down 15s, ok",
)


def case_of(*targets, **options):
    channels = (Reached(channel=Channel(id="ops", log=Log())),)
    return Case(seed=1, options=Options(**({"minutes": 1} | options)), targets=targets, channels=channels)


def said(result):
    return [violation.line() for violation in result.violations]


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_breaks_no_invariant(seed):
    assert said(run_case(draw_case(seed, minutes=5))) == []


def test_every_drawn_target_is_one_that_a_configuration_may_have():
    for seed in range(300):
        case = draw_case(seed)
        drawn = (*(watched.target for watched in case.targets), *(act.target for act in case.acts))
        channels = [reached.channel for reached in case.channels]
        for target in filter(None, drawn):
            alone = msgspec.structs.replace(target, depends_on=msgspec.UNSET)
            members = [
                msgspec.structs.replace(each, depends_on=msgspec.UNSET)
                for each in drawn
                if target.composite and each
            ]
            whole = {each.id: each for each in (*members, alone)}
            _, problems = judged(Configuration(targets=whole.values(), channels=channels))
            assert [str(problem) for problem in problems] == [], f"seed {seed}"


def test_seeds_break_nothing_on_a_disk_that_fails():
    kinds = ("disk", "bit")
    disk = (*(fault for fault in Fault if fault.startswith(kinds)), Fault.DEATH, Fault.CRASH)
    met = Counter()
    for seed in range(8):
        case = draw_case(seed, allowed=disk, minutes=5)
        options = msgspec.structs.replace(case.options, store="sqlite", faults=disk, micro_fault_every=300)
        result = run_case(msgspec.structs.replace(case, options=options))
        assert said(result) == [], f"seed {seed}"
        met.update(result.sometimes)
    assert min(met["disk fault at a commit"], met["power cut"], met["flipped bit detected"]) > 0


def test_a_run_repeats_to_the_bit_under_another_hash_seed():
    traces = []
    for hash_seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-m", "simulator", "--one", "3", "--minutes", "5"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        traces.append(done.stdout.split("trace ")[1].split(",")[0])
    assert traces[0] == traces[1]


def test_a_recorded_tape_plays_the_same_run():
    case = draw_case(5, minutes=3)
    failing = msgspec.structs.replace(case, targets=(*case.targets, unopenable()))
    first = run_case(failing)
    assert first.tape
    again = run_case(msgspec.structs.replace(failing, tape=first.tape))
    assert again.trace == first.trace


def test_a_tape_of_zeros_is_a_run_without_faults():
    case = draw_case(5, minutes=2)
    result = run_case(msgspec.structs.replace(case, acts=(), tape={}))
    assert said(result) == []
    assert result.processes == 1


def test_streams_do_not_disturb_each_other():
    alone, together = Tape(9), Tape(9)
    together.stream("noise").below(1_000)
    assert [alone.stream("a").below(10_000) for _ in range(5)] == [
        together.stream("a").below(10_000) for _ in range(5)
    ]


@pytest.mark.slow
def test_death_at_any_site_loses_and_repeats_nothing():
    case = case_of(SMALL)
    sites = run_case(case).sites
    assert sites > 500
    for site in range(1, sites, 5):
        result = run_case(case, die_at=site)
        assert said(result) == [], f"dead at site {site}"


@pytest.mark.parametrize("crash_first", [True, False], ids=["before it acts", "after it acted"])
@pytest.mark.parametrize("command", ["track", "untrack", "pause"])
def test_a_command_that_a_supervisor_crashes_over_is_obeyed_all_the_same(command, crash_first):
    changed = msgspec.structs.replace(SMALL.target, http=Http(url="http://shop.example/other"))
    crash = Act(at_ns=20_123_456_789, do="crash", name="supervisor", length_ns=0 if crash_first else 1)
    told = Act(at_ns=20_123_456_789, do=command, name="shop", target=changed if command == "track" else None)
    case = msgspec.structs.replace(case_of(SMALL, faults=(Fault.RECONFIGURE,)), acts=(crash, told), tape={})
    result = run_case(case)
    assert said(result) == []
    assert result.sometimes["crash of supervisor"] == 1


@pytest.mark.parametrize("after_ns", [1, ANSWER_NS], ids=["while it runs", "as it answers"])
@pytest.mark.parametrize("command", ["track", "track paused", "untrack", "pause"])
def test_a_command_in_the_middle_of_a_probe_breaks_nothing(command, after_ns):
    rules = (*SMALL.target.rules, NoData(id="silent"))
    small = msgspec.structs.replace(SMALL, target=msgspec.structs.replace(SMALL.target, rules=rules))
    do, *paused = command.split()
    beating = msgspec.structs.replace(
        small.target, http=None, heartbeat=Heartbeat(grace="2s"), paused=bool(paused)
    )
    told = Act(at_ns=25_000_000_000, do=do, name="shop", length_ns=after_ns)
    told = msgspec.structs.replace(told, target=beating if do == "track" else None)
    case = msgspec.structs.replace(case_of(small, faults=(Fault.RECONFIGURE,), minutes=2), acts=(told,))
    assert said(run_case(case)) == []


def test_a_paused_heartbeat_is_met_in_the_middle_of_gaps():
    """A command that waits for a probe is executed at once for a target without probes: otherwise it would never be."""
    beating = msgspec.structs.replace(SMALL.target, http=None, heartbeat=Heartbeat(grace="2s"))
    watched = msgspec.structs.replace(SMALL, target=beating)
    acts = (
        Act(at_ns=20_000_000_000, do="pause", name="shop", length_ns=1),
        Act(at_ns=30_000_000_000, do="suspend", length_ns=60_000_000_000),
        Act(at_ns=70_000_000_000, do="track", name="shop", target=SMALL.target, length_ns=1),
    )
    case = case_of(watched, faults=(Fault.RECONFIGURE, Fault.SUSPEND), minutes=2)
    result = run_case(msgspec.structs.replace(case, acts=acts))
    assert said(result) == []
    met = result.sometimes
    assert (met["heartbeat paused"], met["gap while a heartbeat is paused"]) == (1, 1)
    assert met["verdict: ok"] > 0, "it is probed again"


def unopenable():
    """A target that stays down under a rule that never opens: it violates L2."""
    rules = (Consecutive(id="down", after=900),)
    target = msgspec.structs.replace(SMALL.target, id="mute", rules=rules)
    return Watched(target=target, script="down", finally_="down")


def test_a_failure_is_shortened_stored_and_found_again(tmp_path):
    case = msgspec.structs.replace(draw_case(5, minutes=3), seed=5)
    case = msgspec.structs.replace(case, targets=(*case.targets, unopenable()))
    # Five minutes: it takes seconds where the machine is idle, and a smaller budget would end it half-way on a busy one.
    shrinker = Shrinker(case, "L2", budget_ns=300_000_000_000)
    short = shrinker.shrink()
    assert len(short.targets) == 1
    assert short.acts == ()
    save_case(short, tmp_path / "l2-5.json")
    assert load_case(tmp_path / "l2-5.json") == short
    outcome = CliRunner().invoke(main, ["--replay", str(tmp_path / "l2-5.json")])
    assert outcome.exit_code == 1
    assert "L2 at" in outcome.output


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_a_regression_case_violates_no_invariant(path):
    assert said(run_case(load_case(path))) == []


def test_a_batch_sums_up_what_its_seeds_came_to():
    figures = run_batch(range(4), Order(faults=(), minutes=2), progress=lambda _: None)
    assert figures.seeds == 4
    assert figures.failed == []
    assert len(figures.traces) == 4
    assert figures.as_builtins()["simulated_hours"] > 0


def test_a_batch_that_never_met_a_situation_says_so():
    counts = dict.fromkeys((name for names in WANTED.values() for name in names), 1)
    del counts["commit in doubt"]
    assert "commit in doubt" in never_happened(counts, tuple(Fault))
    assert "commit in doubt" not in never_happened(counts, (Fault.CRASH,))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--one", "1", "--faults", "gremlins"], "no fault is called 'gremlins'; there are all, none"),
        (["--seeds", "9"], "write it like 0:1000"),
        (["--seeds", "9:3"], "write it like 0:1000"),
        ([], "name the seeds"),
        (["--replay", "nowhere.json"], "nowhere.json"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_hint(words, says):
    outcome = CliRunner().invoke(main, words)
    assert outcome.exit_code == 2
    assert says in outcome.output


def test_a_case_of_another_version_is_refused(tmp_path):
    path = tmp_path / "old.json"
    path.write_text('{"version": 0, "seed": 1}')
    with pytest.raises(ValueError, match="version 0; this simulator runs version 8"):
        load_case(path)


def test_fault_names_are_read_in_one_order():
    assert parse_faults("crash, delay") == parse_faults("delay,crash") == (Fault.DELAY, Fault.CRASH)


def test_no_run_leaves_a_store_behind():
    run = Run(case_of(SMALL, unopenable(), store="sqlite"))
    leg = run.machine.store
    assert isinstance(leg, DiskLeg)
    assert leg.folder.exists()
    run.safety()
    run.close()
    assert not leg.folder.exists()
