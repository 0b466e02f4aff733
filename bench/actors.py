"""The cost of a message, a question and an actor on the loop, against pykka.ThreadingActor in the same run.

    python bench/actors.py [--pairs 5]

Prints one JSON object. Costs are CPU nanoseconds (user and system, all threads) per operation, and wall nanoseconds
beside them; each figure is the median of alternating runs of ours and theirs, and each ratio the median of the ratios of
the pairs. `bare_hop` is no actor of ours but the least that passing a message from object to object takes, against the
same as `hop_alone`: no actor in Python can cost less. All but `hop_alone_free` run on one core: there the two threads of pykka need not wait for a second one.
"""

import argparse
import contextlib
import gc
import json
import os
import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pykka
from machine import describe
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.mailbox.address import Address
from watchkeeper.actors.dispatch.run.loop import LoopDispatcher
from watchkeeper.actors.dispatch.spawning import spawn

HOPS = 200_000
THREADED_HOPS = 5_000
TOKENS = 64
TELLS = 100_000
ASKS = 2_000
STARTS = 2_000
IDLE = 100_000
THREADED_IDLE = 500
DEADLINE_S = 60.0
BARS = {"hop_ratio_min": 30.0, "hops_per_s_min": 800_000, "tell_ratio_min": 5.0}


class Hopper(DispatchedActor):
    """Passes a token on until it has made its hops."""

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done
        self.to: Address

    def on_receive(self, message):
        if type(message) is int:
            if message:
                self.to.tell(message - 1)
            else:
                self.done.set()
        else:
            self.to = message


class ThreadedHopper(pykka.ThreadingActor):
    """The same on a thread of its own."""

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done

    def on_receive(self, message):
        if type(message) is int:
            if message:
                self.to.tell(message - 1)
            else:
                self.done.set()
        else:
            self.to = message


class Bare:
    """A hop without anything that makes an actor: a deque, a flag and a call, which is as little as Python can do."""

    def __init__(self, ready: deque["Bare"]) -> None:
        self.box: deque[int] = deque()
        self.ready = ready
        self.idle = True
        self.to = self

    def tell(self, message):
        self.box.append(message)
        if self.idle:
            self.idle = False
            self.ready.append(self)

    def take_turn(self):
        while self.box:
            self.on_receive(self.box.popleft())
        self.idle = True

    def on_receive(self, message):
        if message:
            self.to.tell(message - 1)


class Echo(DispatchedActor):
    """Answers with the question."""

    def on_receive(self, message):
        return message


class ThreadedEcho(pykka.ThreadingActor):
    """The same on a thread of its own."""

    def on_receive(self, message):
        return message


def cost(action: Callable[[], None], operations: int) -> tuple[float, float]:
    """CPU and wall nanoseconds per operation."""
    gc.collect()
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    action()
    return (time.process_time_ns() - cpu) / operations, (time.perf_counter_ns() - wall) / operations


class Ours:
    """The measures on one loop."""

    def __init__(self) -> None:
        self.dispatcher = LoopDispatcher(monotonic_ns=time.monotonic_ns)
        self.dispatcher.start()

    def pair(self, tokens: int, hops: int) -> tuple[float, float]:
        done = threading.Event()
        one, two = (spawn(Hopper, done, dispatcher=self.dispatcher) for _ in range(2))
        one.ask(two, DEADLINE_S)
        two.ask(one, DEADLINE_S)

        def play() -> None:
            self.dispatcher.loop.call_soon_threadsafe(
                lambda: [one.tell(hops // tokens) for _ in range(tokens)]
            )
            done.wait(DEADLINE_S)
            one.ask(two, DEADLINE_S)

        figures = cost(play, hops)
        one.stop()
        two.stop()
        return figures

    def hop(self) -> tuple[float, float]:
        return self.pair(TOKENS, HOPS)

    def hop_alone(self) -> tuple[float, float]:
        return self.pair(1, HOPS // 4)

    def bare_hop(self) -> tuple[float, float]:
        ready: deque[Bare] = deque()
        one, two = Bare(ready), Bare(ready)
        one.to, two.to = two, one

        def play() -> None:
            one.tell(HOPS)
            while ready:
                ready.popleft().take_turn()

        return cost(play, HOPS)

    def tell(self) -> tuple[float, float]:
        address = Address("echo", capacity=TELLS + 1)
        spawn(Echo, dispatcher=self.dispatcher, address=address)

        def play() -> None:
            tell = address.tell
            for number in range(TELLS):
                tell(number)
            address.ask("last", DEADLINE_S)

        figures = cost(play, TELLS)
        address.stop()
        return figures

    def ask(self) -> tuple[float, float]:
        address = spawn(Echo, dispatcher=self.dispatcher)

        def play() -> None:
            for number in range(ASKS):
                address.ask(number, DEADLINE_S)

        figures = cost(play, ASKS)
        address.stop()
        return figures

    def start(self) -> tuple[float, float]:
        addresses = []
        stopped = threading.Event()

        def play() -> None:
            addresses.extend(
                spawn(Echo, dispatcher=self.dispatcher, on_exit=lambda *_: stopped.set())
                for _ in range(STARTS)
            )
            addresses[-1].ask("last", DEADLINE_S)

        figures = cost(play, STARTS)
        for address in addresses:
            address.stop()
        stopped.wait(DEADLINE_S)
        return figures


class Theirs:
    """The same measures on pykka's threads."""

    def pair(self, tokens: int, hops: int) -> tuple[float, float]:
        done = threading.Event()
        one, two = (ThreadedHopper.start(done) for _ in range(2))
        one.ask(two)
        two.ask(one)

        def play() -> None:
            for _ in range(tokens):
                one.tell(hops // tokens)
            done.wait(DEADLINE_S)
            one.ask(two)

        figures = cost(play, hops)
        one.stop()
        two.stop()
        return figures

    def hop(self) -> tuple[float, float]:
        return self.pair(TOKENS, THREADED_HOPS * 4)

    def hop_alone(self) -> tuple[float, float]:
        return self.pair(1, THREADED_HOPS)

    def tell(self) -> tuple[float, float]:
        reference = ThreadedEcho.start()

        def play() -> None:
            tell = reference.tell
            for number in range(TELLS // 4):
                tell(number)
            reference.ask("last")

        figures = cost(play, TELLS // 4)
        reference.stop()
        return figures

    def ask(self) -> tuple[float, float]:
        reference = ThreadedEcho.start()

        def play() -> None:
            for number in range(ASKS):
                reference.ask(number)

        figures = cost(play, ASKS)
        reference.stop()
        return figures

    def start(self) -> tuple[float, float]:
        references = []

        def play() -> None:
            references.extend(ThreadedEcho.start() for _ in range(STARTS // 10))
            references[-1].ask("last")

        figures = cost(play, STARTS // 10)
        for reference in references:
            reference.stop()
        return figures


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def idle_bytes(ours: Ours) -> dict[str, float]:
    """Resident bytes per actor that has handled one message and waits for the next."""
    gc.collect()
    before = resident_bytes()
    addresses = []
    for number in range(IDLE):
        address = Address(f"target-{number}", capacity=16)
        addresses.append(spawn(Echo, dispatcher=ours.dispatcher, address=address))
        address.tell(number)
    addresses[-1].ask("last", DEADLINE_S)
    gc.collect()
    mine = (resident_bytes() - before) / IDLE
    before = resident_bytes()
    references = [ThreadedEcho.start() for _ in range(THREADED_IDLE)]
    for reference in references:
        reference.ask("warm")
    theirs = (resident_bytes() - before) / THREADED_IDLE
    for reference in references:
        reference.stop()
    return {"ours": mine, "pykka": theirs, "ratio": theirs / mine}


def compare(ours: Callable[[], tuple[float, float]], theirs: Callable[[], tuple[float, float]], pairs: int):
    """Run both alternately. Returns the medians and the median ratio."""
    runs = [(ours(), theirs()) for _ in range(pairs)]
    middle = statistics.median
    ours_cpu_ns = middle(mine[0] for mine, _ in runs)
    return {
        "ours_cpu_ns": round(ours_cpu_ns),
        "pykka_cpu_ns": round(middle(other[0] for _, other in runs)),
        "ratio": round(middle(other[0] / mine[0] for mine, other in runs), 1),
        "ours_wall_ns": round(middle(mine[1] for mine, _ in runs)),
        "pykka_wall_ns": round(middle(other[1] for _, other in runs)),
        "wall_ratio": round(middle(other[1] / mine[1] for mine, other in runs), 1),
        "ours_per_cpu_s": round(1e9 / ours_cpu_ns),
    }


def main(arguments: list[str]) -> int:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args(arguments)
    ours, theirs = Ours(), Theirs()
    free = compare(ours.hop_alone, theirs.hop_alone, options.pairs)
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), {0})
    figures: dict[str, Any] = {
        name: compare(getattr(ours, name), getattr(theirs, name), options.pairs)
        for name in ("hop", "hop_alone", "tell", "ask", "start")
    }
    figures["hop_alone_free"] = free
    figures["bare_hop"] = compare(ours.bare_hop, theirs.hop_alone, options.pairs)
    figures["idle_bytes"] = {key: round(value, 1) for key, value in idle_bytes(ours).items()}
    ours.dispatcher.stop(DEADLINE_S)
    met = {
        "hop_ratio": min(figures["hop"]["ratio"], figures["hop_alone"]["ratio"]) >= BARS["hop_ratio_min"],
        "hops_per_s": figures["hop"]["ours_per_cpu_s"] >= BARS["hops_per_s_min"],
        "tell_ratio": figures["tell"]["ratio"] >= BARS["tell_ratio_min"],
    }
    setting = {"pairs": options.pairs, "tokens": TOKENS}
    print(
        json.dumps({**figures, "bars": BARS, "met": met, "setting": setting, "machine": describe()}, indent=2)
    )
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
