"""Orphans of a process that adopts them, in a process of its own: reaped, killed at the end, and no program's own end taken."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.needs("pidfd")
SCRIPT = """
import subprocess, sys
from pathlib import Path
from watchkeeper.adapters.programs.orphans import ORPHAN_LOOKS, Orphans, _children, _has_ended

def left(script):
    subprocess.run(["sh", "-c", script], check=True)

orphans = Orphans()
orphans.adopt()
"""


def in_a_process(script):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_an_orphan_that_has_ended_is_reaped_after_a_number_of_looks():
    script = """
left("setsid sh -c 'exit 3' &")
while not (pids := [*_children()]) or not _has_ended(pids[0]):
    pass
for _ in range(ORPHAN_LOOKS):
    orphans.look()
    assert [*_children()] == pids
orphans.look()
print(len([*_children()]))
"""
    assert in_a_process(script) == ["0"]


def test_a_program_that_its_probe_reaps_in_time_keeps_its_exit_status():
    script = """
program = subprocess.Popen(["sh", "-c", "exit 3"])
while not _has_ended(program.pid):
    pass
for _ in range(ORPHAN_LOOKS):
    orphans.look()
print(program.wait())
"""
    assert in_a_process(script) == ["3"]


def test_an_orphan_that_runs_is_left_alone_and_killed_at_the_end():
    script = """
left("env -i setsid sleep 1000 &")
for _ in range(2 * ORPHAN_LOOKS):
    orphans.look()
(pid,) = _children()
orphans.end()
while Path(f"/proc/{pid}").exists():
    orphans.end()
print("gone")
"""
    assert in_a_process(script) == ["gone"]


def test_a_process_without_a_free_descriptor_looks_again_later():
    script = """
import os, resource
left("setsid sleep 1000 &")
(pid,) = _children()
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
for _ in range(2 * ORPHAN_LOOKS):
    orphans.look()
orphans.end()
crowded = Orphans()
crowded.adopt()
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
# It could not see that it had no child before, so it kills none.
crowded.end()
print(Path(f"/proc/{pid}").exists())
os.kill(pid, 9)
"""
    assert in_a_process(script) == ["True"]


def test_a_child_that_the_process_had_before_is_never_killed():
    script = """
server = subprocess.Popen(["sleep", "1000"])
orphans = Orphans()
orphans.adopt()
left("setsid sleep 1000 &")
orphans.end()
print(server.poll(), len([*_children()]))
for pid in _children():
    __import__("os").kill(pid, 9)
server.wait()
"""
    assert in_a_process(script) == ["None", "2"]


def test_nothing_that_a_program_has_left_stays_a_zombie_of_a_process_that_gets_it():
    script = """
import select
from watchkeeper.adapters.probes.local.exec import program_of
from watchkeeper.adapters.programs.command import start_command
from watchkeeper.adapters.programs.leftovers import kill_leftovers
from watchkeeper.domain.specification.probe import Exec

shell = "sleep 1000 & (sh -c 'exit 1' &); sleep 0.1; setsid sleep 1000 & (setsid sleep 1000 &); echo OK"
other = subprocess.Popen(["sh", "-c", "exit 3"])
for _ in range(20):
    command = start_command(program_of(Exec(argv=("/bin/sh", "-c", shell))))
    poll = select.poll()
    poll.register(command.end.descriptor)
    poll.poll()
    assert command.reap()
    command.drain_pipes()
    kill_leftovers({command.mark: command.pid})
    assert [*_children()] == [other.pid]
print(other.wait())
"""
    assert in_a_process(script) == ["3"]
