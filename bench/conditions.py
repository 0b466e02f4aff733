"""The cost of judging one answer by one condition, for each kind of them, and of an expression on a hostile text.

    python bench/conditions.py [--pairs 5] [--quick]

Prints one JSON object. Each figure is the CPU time of `Expectation.judge` with that condition, less that without any; the answer has
20 lines of header and a body of 1 KiB. The hostile text is 64 KiB that need ever new states of the automaton.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable

from machine import describe
from sidebyside import by_turns, cpu_ns, median_of
from watchkeeper.domain.conditions.condition import compile_condition
from watchkeeper.domain.conditions.judgement import Expectation
from watchkeeper.domain.observation.attempt import AttemptId
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.time.moment import Moment

ATTEMPT, NOON = AttemptId("shop", 1, 1), Moment(0, 0)
TIMES, HOSTILE_TIMES = 20_000, 5
BARS = {"condition_us_max": 25.0, "usual_expression_ms_max": 0.5, "hostile_expression_ms_max": 250.0}
HEADER = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-Line-%d: %040d\r\n" % (at, at) for at in range(18))
ANSWER = Observation(
    connected=True,
    status=200,
    response_time_ns=5_000_000,
    header=HEADER + b"Server: nginx\r\nSet-Cookie: a=1\r\n\r\n",
    body=b'{"status": "ok", "text": "' + b"x" * 990 + b'"}',
    certificate_issuer="C=US, O=Let's Encrypt, CN=R11",
    certificate_names=("shop.example", "www.shop.example"),
    certificate_chain_expires_in_ns=10**16,
)
CONDITIONS = {
    "status": "[STATUS] == 200",
    "status_class": "[STATUS] == 2xx",
    "status_any": "[STATUS] == any(2xx, 301)",
    "header": "[HEADERS].server == nginx",
    "header_missing": "has([HEADERS].x-none) == false",
    "certificate_names": "[CERTIFICATE].names == www.shop.example",
    "chain_expiration": "[CERTIFICATE].chain_expiration > 14d",
    "json": "[BODY].status == ok",
    "glob": '[BODY] == pat(*"ok"*)',
    "expression": '[BODY] == matches("status"\\s*:\\s*"(ok|up)")',
}
USUAL, WORST = "[BODY] != matches((?i)error|exception|traceback)", "[BODY] != matches([ab]*a[ab]{490}c)"


def judging(
    texts: tuple[str, ...], seen: Observation, times: int, warn: tuple[str, ...] = ()
) -> Callable[[], float]:
    """Microseconds for one answer."""
    expectation = Expectation([*map(compile_condition, texts)], [*map(compile_condition, warn)])

    def work() -> None:
        for _ in range(times):
            expectation.judge(ATTEMPT, NOON, seen)

    return lambda: cpu_ns(work, times) / 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    times = TIMES // 10 if asked.quick else TIMES
    chance = random.Random(1)
    hostile = Observation(status=200, body=bytes(chance.choice(b"ab") for _ in range(64 * 1024)))
    subjects = [
        judging((), ANSWER, times),
        *(judging((text,), ANSWER, times) for text in CONDITIONS.values()),
        judging((), ANSWER, times, warn=("[RESPONSE_TIME] < 300",)),
        judging((USUAL,), hostile, HOSTILE_TIMES),
        judging((WORST,), hostile, HOSTILE_TIMES),
    ]
    rounds = by_turns(subjects, 1 if asked.quick else asked.pairs)
    bare = median_of(rounds, 0)
    each = {
        name: round(median_of(rounds, at) - bare, 2) for at, name in enumerate([*CONDITIONS, "warning"], 1)
    }
    usual_ms, worst_ms = (round(median_of(rounds, len(subjects) + at) / 1e3, 2) for at in (-2, -1))
    met = {
        "condition_us_max": max(each.values()) <= BARS["condition_us_max"],
        "usual_expression_ms_max": usual_ms <= BARS["usual_expression_ms_max"],
        "hostile_expression_ms_max": worst_ms <= BARS["hostile_expression_ms_max"],
    }
    document = {
        "machine": describe(),
        "judged_without_a_condition_us": round(bare, 2),
        "condition_us": each,
        "usual_expression_on_64_kib_ms": usual_ms,
        "hostile_expression_on_64_kib_ms": worst_ms,
        "bars": BARS,
        "met": met,
    }
    print(json.dumps(document, indent=2))
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
