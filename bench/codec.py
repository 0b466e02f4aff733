"""The cost of encoding and decoding a message against msgspec's own msgpack, and the codec's share of a check.

    python bench/codec.py [--pairs 5] [--quick]

Prints one JSON object. The messages are those of one check. The share is counted in a runtime that checks functions:
every call of the codec, and of all else that makes bytes on a check's way into the record, is timed where it is made.
"""

import argparse
import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from machine import describe
from sidebyside import by_turns, cpu_ns, median_of, ratio_of
from watchkeeper import Runtime
from watchkeeper.actors import behaviour
from watchkeeper.domain.observation.attempt import AttemptId, AttemptRecord, AttemptState, ProbeRequest
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.specification.probe import Call, Http
from watchkeeper.domain.specification.rule import Consecutive
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import NS_PER_S, Deadline
from watchkeeper.protocol.codec import decode, encode
from watchkeeper.protocol.message import Message
from watchkeeper.protocol.owner import SampleTaken
from watchkeeper.protocol.poller import StartAttempt
from watchkeeper.protocol.recorder import SampleJudged
from watchkeeper.protocol.sink import RecordSamples
from watchkeeper.protocol.supervisor import AttemptFinished

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from records import sample_at

TIMES = 5_000
TARGETS = 200
RUN_S = 5.0
BARS = {"times_of_msgspec_max": 12.0, "share_of_a_check_max": 0.05}


def messages() -> tuple[Message, ...]:
    """Those that one healthy check sends from the supervisor to the record."""
    phases = Phases(dns_ns=90_000, connect_ns=300_000, first_byte_ns=4_000_000, transfer_ns=20_000)
    sample = sample_at(NS_PER_S, "shop", phases=phases, ip="192.0.2.7")
    attempt = AttemptId("shop", 1, 4_711)
    at = sample.at
    request = ProbeRequest(
        attempt=attempt,
        probe=Http(url="https://shop.example/health"),
        deadline=Deadline.after(at, NS_PER_S),
        started=at,
    )
    record = AttemptRecord(
        attempt=attempt,
        state=AttemptState.FINISHED,
        due=at,
        started=at,
        ended=at,
        lateness_ns=0,
        missed=0,
        outcome="up",
    )
    return (
        StartAttempt(request),
        AttemptFinished(attempt, sample),
        SampleTaken(sample, record),
        RecordSamples(1, (sample,), (), ()),
        SampleJudged(sample, record, Status.UP, Status.UP),
    )


def ours(message: Message) -> Callable[[], float]:
    def work() -> None:
        for _ in range(TIMES):
            decode(encode(message))

    return lambda: cpu_ns(work, TIMES) / 1e3


def theirs(message: Message) -> Callable[[], float]:
    write = msgspec.msgpack.Encoder().encode
    read = msgspec.msgpack.Decoder(type(message)).decode

    def work() -> None:
        for _ in range(TIMES):
            read(write(message))

    return lambda: cpu_ns(work, TIMES) / 1e3


def compare(pairs: int) -> dict[str, dict[str, float]]:
    found = {}
    for message in messages():
        seen = by_turns([ours(message), theirs(message)], pairs)
        found[type(message).__name__] = {
            "bytes": len(encode(message)),
            "ours_us": round(median_of(seen, 0), 2),
            "msgspec_us": round(median_of(seen, 1), 2),
            "times_of_msgspec": round(1 / ratio_of(seen, 1), 1),
        }
    return found


class Spent:
    """The calls of the timed functions, and the time that they took."""

    def __init__(self) -> None:
        self.calls = 0
        self.ns = 0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            began_ns = time.thread_time_ns()
            try:
                return function(*arguments, **named)
            finally:
                self.ns += time.thread_time_ns() - began_ns
                self.calls += 1

        return call


@contextmanager
def timed(spent: Spent) -> Iterator[None]:
    """Time everything that makes bytes between a tick and the record: the wire's codec, and checkpoints."""
    places = [(behaviour, "encode"), (behaviour, "decode"), (msgspec.msgpack, "encode")]
    before = [getattr(owner, name) for owner, name in places]
    for (owner, name), function in zip(places, before, strict=True):
        setattr(owner, name, spent.timed(function))
    try:
        yield
    finally:
        for (owner, name), function in zip(places, before, strict=True):
            setattr(owner, name, function)


def share(seconds: float) -> dict[str, float]:
    """How much of a check's CPU time goes into bytes, in a runtime as it is in production: nothing debugged."""
    spent = Spent()
    rules = (Consecutive(id="down"),)
    targets = [
        Target(id=f"check-{number}", every="200ms", call=Call(name="check"), rules=rules, default_rules=False)
        for number in range(TARGETS)
    ]
    with timed(spent), tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.db"
        runtime = Runtime(targets=targets, store=store, callables={"check": lambda: True})
        began_ns = time.process_time_ns()
        with runtime:
            time.sleep(seconds)
            checks = dict(runtime.status().counters)["samples"]
        whole_ns = time.process_time_ns() - began_ns
    return {
        "checks": checks,
        "cpu_us_per_check": round(whole_ns / checks / 1e3, 1),
        "codec_calls_per_check": round(spent.calls / checks, 4),
        "share": round(spent.ns / whole_ns, 5),
    }


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two short pairs: a look, not a figure to quote")
    options = parser.parse_args(arguments)
    pairs = 2 if options.quick else options.pairs
    found = compare(pairs)
    spent = share(RUN_S / 2 if options.quick else RUN_S)
    worst = max(each["times_of_msgspec"] for each in found.values())
    met = {
        "times_of_msgspec": worst <= BARS["times_of_msgspec_max"],
        "share_of_a_check": spent["share"] <= BARS["share_of_a_check_max"],
    }
    figures = {"messages": found, "worst_times_of_msgspec": worst, "in_a_check": spent}
    print(json.dumps({**figures, "bars": BARS, "met": met, "pairs": pairs, "machine": describe()}, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
