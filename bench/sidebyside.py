"""Two subjects measured by turns, so that a slow minute of a shared machine is slow for both."""

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Self, cast


def cpu_ns(action: Callable[[], object], operations: int) -> float:
    """User and system nanoseconds of this process, all its threads, per operation."""
    gc.collect()
    began_ns = time.process_time_ns()
    action()
    return (time.process_time_ns() - began_ns) / operations


def by_turns(subjects: Sequence[Callable[[], float]], rounds: int) -> list[tuple[float, ...]]:
    """One figure of each subject per round; every other round begins with the last."""
    found = []
    for number in range(rounds):
        order = list(enumerate(subjects))[:: -1 if number % 2 else 1]
        seen = {place: subject() for place, subject in order}
        found.append(tuple(seen[place] for place in range(len(subjects))))
    return found


def median_of(rounds: Sequence[tuple[float, ...]], place: int) -> float:
    """The median figure of one subject."""
    return statistics.median(each[place] for each in rounds)


def ratio_of(rounds: Sequence[tuple[float, ...]], place: int, ours: int = 0) -> float:
    """The median of the rounds' ratios: how many times what we cost another costs."""
    return statistics.median(each[place] / each[ours] for each in rounds)


class InProcess:
    """A subject in its own process, so that its heap holds nothing else: a script that answers lines with JSON."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> dict[str, float]:
        questions, answers = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)
        questions.write(line + "\n")
        questions.flush()
        answer = answers.readline()
        if not answer:
            raise RuntimeError("the subject ended; what it said is above")
        return cast("dict[str, float]", json.loads(answer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cast("IO[str]", self.process.stdin).close()
        self.process.wait(60)


def answer_lines(answer: Callable[[str], object]) -> None:
    """The other end of InProcess: until the input ends."""
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)
