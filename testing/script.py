"""Scripts: the behaviour of a target over time, as text: `ok 10m, down 90s, slow 700ms 1m, ok`."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Protocol

import msgspec

from ..domain.observation.observation import Observation
from ..domain.observation.outcome import Outcome, Reason
from ..domain.specification.text import DURATION_PATTERN
from ..domain.time.duration import parse_duration
from ..domain.time.moment import NS_PER_MS

ANSWER_NS = 5 * NS_PER_MS
"""The answer time of a scripted target where the script gives none."""
FOREVER_NS = 1 << 62
STATUS_DIGITS_MAX = 3


class ScriptedAnswer(Observation, frozen=True, kw_only=True):
    """An answer of which a script gives a few facts; conditions on other facts are not judged."""

    said: frozenset[str] = frozenset()
    """The given facts, as placeholders of conditions, such as STATUS."""


class ScriptedBehaviour(msgspec.Struct, frozen=True):
    """One behaviour of a target: an observation after some time, or no answer at all (`after_ns` None)."""

    observation: Observation
    after_ns: int | None = ANSWER_NS
    apart: tuple[tuple[str, "ScriptedBehaviour"], ...] = ()
    """The locations from which it behaves in another way; from all others it is well."""

    @property
    def is_same_everywhere(self) -> bool:
        """Whether it is judged by the conditions of the target, which none but this process has here."""
        return not self.apart and isinstance(self.observation, ScriptedAnswer) and bool(self.observation.said)

    def within(self, left_ns: int) -> int:
        """Returns when it answers; `left_ns` where it does not answer before that, or one of its locations does not."""
        if any(each.after_ns is None for _, each in self.apart):
            return left_ns
        return left_ns if self.after_ns is None else min(self.after_ns, left_ns)


class Behaviours(Protocol):
    """The behaviour of a target over time: a script, or series of values."""

    def at(self, since_start_ns: int) -> ScriptedBehaviour:
        """Returns the behaviour at this time after the start, in nanoseconds."""
        ...


def answer(*said: str, after_ns: int = ANSWER_NS, **facts: Any) -> ScriptedBehaviour:
    """Returns a good answer. Any fact that the script gives implies that the target was connected."""
    names = frozenset({*said, "CONNECTED"} if said else ())
    plain: dict[str, Any] = {"connected": True, "status": 200, "response_time_ns": after_ns, "body": b"ok"}
    return ScriptedBehaviour(ScriptedAnswer(**(plain | facts), said=names), after_ns)


def _status(word: str) -> ScriptedBehaviour:
    if not (word.isascii() and word.isdigit() and len(word) <= STATUS_DIGITS_MAX):
        raise ValueError(f"{word!r} is no status: write it like `status 503`")
    return answer("STATUS", status=int(word), body=None)


def _slow(word: str) -> ScriptedBehaviour:
    return answer("RESPONSE_TIME", after_ns=parse_duration(word))


def _body(word: str) -> ScriptedBehaviour:
    document = json.loads(word)
    return answer("BODY", body=(document if isinstance(document, str) else word).encode())


def _certificate(word: str) -> ScriptedBehaviour:
    return answer("CERTIFICATE_EXPIRATION", certificate_expires_in_ns=parse_duration(word))


def failed(outcome: Outcome, reason: Reason) -> ScriptedBehaviour:
    """Returns an attempt without an answer."""
    return ScriptedBehaviour(
        Observation(connected=False, outcome=outcome, reason=reason, detail="as scripted")
    )


def _degraded() -> ScriptedBehaviour:
    return answer(
        outcome=Outcome.DEGRADED, reason=Reason.REPORTED, detail="as scripted", status=None, body=None
    )


PLAIN: dict[str, Callable[[], ScriptedBehaviour]] = {
    "ok": answer,
    "down": lambda: failed(Outcome.DOWN, Reason.CONNECTION_REFUSED),
    "degraded": _degraded,
    "unknown": lambda: failed(Outcome.UNKNOWN, Reason.NO_DESCRIPTORS),
    "hang": lambda: ScriptedBehaviour(Observation(connected=False), None),
}
WITH_WORD: dict[str, Callable[[str], ScriptedBehaviour]] = {
    "status": _status,
    "slow": _slow,
    "body": _body,
    "certificate": _certificate,
}
"""Words with an argument: `status 503`, `slow 700ms`, `body {"status": "failing"}`, `certificate 12h`."""
_WORD = re.compile(r"\s*(,|[^\s,]+)")
FROM = "from"
_LENGTH = re.compile(DURATION_PATTERN)
_JSON = json.JSONDecoder()


class Script:
    """A timeline of behaviours; the last one lasts for ever.

    `ok` is an answer that meets the target's conditions, whatever they are. A word with a fact is judged by the
    conditions that name this fact, and all others count as met: `status 503` by those on [STATUS], `slow 700ms` by
    those on [RESPONSE_TIME], `body {"status": "failing"}` or `body "a text"` by those on [BODY], `certificate 12h` by
    those on [CERTIFICATE_EXPIRATION]. `down` is a refused connection, `hang` no answer before the timeout, `degraded`
    an answer that the probe itself reports as degraded, and `unknown` an internal fault.

    Of a target with locations, `down from fra iad 5m` is down from there and well from all others, and `down from fra hang from
    iad 5m` is so with a location besides that does not answer. Words without a fact may stand before `from`; a word that stands
    alone holds at every location.
    """

    def __init__(self, behaviours: list[ScriptedBehaviour], lengths_ns: list[int]) -> None:
        self._behaviours = behaviours
        self._ends_ns = list(accumulate(lengths_ns))
        self.places = frozenset(place for each in behaviours for place, _ in each.apart)
        """The locations that it names."""

    @classmethod
    def parse(cls, text: str) -> "Script":
        """Parses a script. Raises: ValueError with the part that is not valid, and the valid words."""
        parts = _parts(text)
        behaviours, lengths = [], []
        for number, words in enumerate(parts, 1):
            try:
                behaviour, rest = _read(words)
                length_ns = parse_duration(rest[0]) if rest else FOREVER_NS
            except ValueError as error:
                raise ValueError(f"{' '.join(words)!r} in {text!r}: {error}") from None
            if len(rest) > 1 or (not rest and number < len(parts)):
                raise ValueError(f"{' '.join(words)!r} in {text!r} needs exactly one length, like `down 90s`")
            behaviours.append(behaviour)
            lengths.append(length_ns)
        return cls(behaviours, lengths)

    def at(self, since_start_ns: int) -> ScriptedBehaviour:
        """Returns the behaviour at this time after the start of the script, in nanoseconds."""
        return self._behaviours[min(bisect_right(self._ends_ns, since_start_ns), len(self._behaviours) - 1)]


def _parts(text: str) -> list[list[str]]:
    """Returns the words between commas; the JSON after `body` is one word, with its commas and blanks."""
    parts: list[list[str]] = [[]]
    at = 0
    while found := _WORD.match(text, at):
        at = found.end()
        if found[1] == ",":
            parts.append([])
            continue
        if parts[-1] == ["body"]:
            at = _json_end(text, found.start(1))
        parts[-1].append(text[found.start(1) : at])
    return parts


def _json_end(text: str, start: int) -> int:
    try:
        return _JSON.raw_decode(text, start)[1]
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"the text after `body` in {text!r} is not JSON ({error}): write it like "
            'body {"status": "failing"} 2m, or body "a text" 2m'
        ) from None


def _read(words: list[str]) -> tuple[ScriptedBehaviour, list[str]]:
    match words:
        case [word, "from", *_] if word in PLAIN:
            return _read_apart(words)
        case [word, *rest] if word in PLAIN:
            return PLAIN[word](), rest
        case [word, argument, *rest] if word in WITH_WORD:
            return WITH_WORD[word](argument), rest
    known = ", ".join([*PLAIN, *(f"{word} ..." for word in WITH_WORD)])
    raise ValueError(f"that is no behaviour; valid are {known}")


def _read_apart(words: list[str]) -> tuple[ScriptedBehaviour, list[str]]:
    """Reads `down from fra iad hang from syd 5m`: a length is the last word, and no location."""
    apart: dict[str, ScriptedBehaviour] = {}
    rest = list(words)
    while len(rest) > 1 and rest[0] in PLAIN and rest[1] == FROM:
        behaviour, rest = PLAIN[rest[0]](), rest[2:]
        count = len(apart)
        while rest and not _ends_names(rest):
            apart[rest.pop(0)] = behaviour
        if len(apart) == count:
            raise ValueError("`from` needs a location that is not named before, like `down from fra 5m`")
    return ScriptedBehaviour(answer().observation, apart=tuple(apart.items())), rest


def _ends_names(words: list[str]) -> bool:
    """Whether these words are no further location: a length that stands last, or another behaviour."""
    return words[1:2] == [FROM] or (len(words) == 1 and _LENGTH.fullmatch(words[0]) is not None)


ALWAYS_OK = Script.parse("ok")
ALWAYS_DOWN = Script.parse("down")
