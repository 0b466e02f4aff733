"""Races questions against the stop of the actor that is asked: none may stay unanswered.

    python tests/stress/ask_race.py [--races 100000]

pykka's own mailbox loses a question that is put after the stopping actor has drained it, about once in two thousand
races. Prints one line; the exit status is 0 only when every question was answered.
"""

import argparse
import sys
import threading
from pathlib import Path

from pykka import ActorDeadError, Timeout
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.actors.dispatch.spawning import spawn

sys.path.append(str(Path(__file__).parents[1] / "support"))

from execution_models import LoopActor

ASKERS = 3
SWITCH_S = 1e-6
TIMEOUT_S = 20.0
DELAYS = 12
"""The stop comes after 0 to 11 messages, so that it falls before, among and after the questions."""


class Echo(LoopActor):
    """Answers with the question."""

    def on_receive(self, message):
        return message


def race(dispatcher: LoopDispatcher, *, stock: bool, delay: int) -> list[str]:
    """One actor, stopped while three threads ask; `delay` questions later. Returns what became of each question."""
    address = None if stock else spawn(Echo, dispatcher=dispatcher)
    reference = Echo.start() if stock else None
    gate, outcomes = threading.Barrier(ASKERS + 1), []

    def ask():
        gate.wait(TIMEOUT_S)
        try:
            answer = reference.ask(1, timeout=TIMEOUT_S) if stock else address.ask(1, TIMEOUT_S)
            outcomes.append("answered" if answer == 1 else "wrong")
        except ActorDeadError:
            outcomes.append("refused")
        except Timeout:
            outcomes.append("lost")
        except Exception:  # noqa: BLE001  # whatever else comes is not an answer, and must be counted
            outcomes.append("wrong")

    threads = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for thread in threads:
        thread.start()
    gate.wait(TIMEOUT_S)
    for _ in range(delay):
        reference.ask(0, block=False) if stock else address.tell(0)
    if stock:
        reference.stop(block=False)
    else:
        address.stop()
    for thread in threads:
        thread.join()
    return outcomes


def run(races: int) -> dict[str, int]:
    """Race until that many questions were asked, half of them to stock actors. Returns the counts."""
    counts = dict.fromkeys(("answered", "refused", "wrong", "lost"), 0)
    before = sys.getswitchinterval()
    dispatcher = LoopDispatcher()
    dispatcher.start()
    sys.setswitchinterval(SWITCH_S)
    try:
        for number in range(-(-races // ASKERS)):
            for outcome in race(dispatcher, stock=number % 2 == 0, delay=number // 2 % DELAYS):
                counts[outcome] += 1
    finally:
        sys.setswitchinterval(before)
        dispatcher.stop(TIMEOUT_S)
    return counts


def main(arguments: list[str]) -> int:
    """Race and print. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=100_000)
    races = parser.parse_args(arguments).races
    counts = run(races)
    total = sum(counts.values())
    sys.stdout.write(", ".join(f"{count} {outcome}" for outcome, count in counts.items()) + "\n")
    return 1 if counts["lost"] or counts["wrong"] or total < races else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
