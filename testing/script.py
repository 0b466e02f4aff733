"""Scripts: what a target does over time, in words: `ok 10m, down 90s, slow 700ms 1m, ok`."""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

import msgspec

from ..domain.duration import parse_duration
from ..domain.moment import NS_PER_MS
from ..domain.observation import Observation
from ..domain.outcome import Outcome, Reason

ANSWER_NS = 5 * NS_PER_MS
"""How long a scripted target takes to answer where the script does not say."""
FOREVER_NS = 1 << 62


class Behaviour(msgspec.Struct, frozen=True):
    """What a target does for a while: an observation after some time, or silence for ever (`after_ns` None)."""

    observation: Observation
    after_ns: int | None = ANSWER_NS


def _ok() -> Behaviour:
    return Behaviour(Observation(connected=True, status=200, response_time_ns=ANSWER_NS, body=b"ok"))


def _status(word: str) -> Behaviour:
    return Behaviour(Observation(connected=True, status=int(word), response_time_ns=ANSWER_NS))


def _slow(word: str) -> Behaviour:
    length_ns = parse_duration(word)
    return Behaviour(
        Observation(connected=True, status=200, response_time_ns=length_ns, body=b"ok"), length_ns
    )


def _failed(outcome: Outcome, reason: Reason) -> Behaviour:
    return Behaviour(Observation(connected=False, outcome=outcome, reason=reason, detail="as scripted"))


PLAIN: dict[str, Callable[[], Behaviour]] = {
    "ok": _ok,
    "down": lambda: _failed(Outcome.DOWN, Reason.CONNECTION_REFUSED),
    "degraded": lambda: _failed(Outcome.DEGRADED, Reason.REPORTED),
    "unknown": lambda: _failed(Outcome.UNKNOWN, Reason.NO_DESCRIPTORS),
    "hang": lambda: Behaviour(Observation(connected=False), None),
}
WITH_WORD: dict[str, Callable[[str], Behaviour]] = {"status": _status, "slow": _slow}
"""Words that take another: `status 503`, `slow 700ms`."""


class Script:
    """A timeline of behaviours; the last one lasts for ever."""

    def __init__(self, behaviours: list[Behaviour], lengths_ns: list[int]) -> None:
        self._behaviours = behaviours
        self._ends_ns = list(accumulate(lengths_ns))

    @classmethod
    def parse(cls, text: str) -> "Script":
        """Read a script. Raises ValueError that says which part means nothing and what would."""
        parts = [part.split() for part in text.split(",")]
        behaviours, lengths = [], []
        for number, words in enumerate(parts, 1):
            behaviour, rest = _read(words, text)
            if len(rest) > 1 or (not rest and number < len(parts)):
                raise ValueError(f"{' '.join(words)!r} in {text!r} needs exactly one length, like `down 90s`")
            behaviours.append(behaviour)
            lengths.append(parse_duration(rest[0]) if rest else FOREVER_NS)
        return cls(behaviours, lengths)

    def at(self, since_start_ns: int) -> Behaviour:
        """What the target does so long after the script began."""
        return self._behaviours[min(bisect_right(self._ends_ns, since_start_ns), len(self._behaviours) - 1)]


def _read(words: list[str], text: str) -> tuple[Behaviour, list[str]]:
    match words:
        case [word, *rest] if word in PLAIN:
            return PLAIN[word](), rest
        case [word, argument, *rest] if word in WITH_WORD:
            return WITH_WORD[word](argument), rest
    known = ", ".join([*PLAIN, *(f"{word} ..." for word in WITH_WORD)])
    raise ValueError(f"{' '.join(words)!r} in {text!r} is no behaviour; there are {known}")


ALWAYS_OK = Script.parse("ok")
