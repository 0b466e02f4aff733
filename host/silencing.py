"""Silences and acknowledgements as hosts ask for them, from a runtime and from a world in virtual time, and what a host knows to be in force."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from ..domain.errors import UnknownName, UsageError
from ..domain.incidents.record import ALL, EVERY_TARGET, AllTargets, Silence, silence_id
from ..domain.limits import INTEGER_MAX, MATCHER_CHARACTERS_MAX, NAME_CHARACTERS_MAX
from ..domain.line import first_line, listed, one_line
from ..domain.read_model.silence_preview import SilencePreview, preview_of
from ..domain.read_model.status import RuntimeStatus
from ..domain.specification.matcher import is_glob, parsed
from ..domain.specification.target import OWN_NAME
from ..domain.specification.text import NAME_FORM, NAME_PATTERN
from ..domain.time.duration import Duration, duration_ns
from ..domain.time.moment import Moment, names_moment, wall_ns_of
from ..protocol.owner import Acknowledge

MatcherTexts = str | Iterable[str]
"""Matchers such as `group=shop`, or one of them."""


def make_silence(
    target: str | AllTargets,
    length: Duration,
    until: str,
    *,
    by: str,
    reason: str,
    id: str | None,  # noqa: A002  # the name that hosts write
    match: MatcherTexts = (),
    now: Moment,
) -> Silence:
    """Returns a silence for a length from now or until a moment; without an id it has that of its target and matchers.

    Raises: UsageError unless a target is named and exactly one of length and end is given, and for an end that has passed;
    ValueError for a text that is neither, and for a matcher that cannot be read.
    """
    if (length == "") == (until == ""):
        raise UsageError("a silence has a length or an end: give one of the two")
    if id is not None and not _is_name(id):
        raise UsageError(f"{one_line(repr(id))} is no id of a silence: {NAME_FORM}")
    until_ns = wall_ns_of(until) if until != "" else now.wall_ns + duration_ns(length)
    muted, matchers = scope_of(target, match)
    silence = Silence(
        id=first_line(silence_id(muted, matchers) if id is None else id),
        target=muted,
        until_ns=until_ns,
        by=first_line(by),
        reason=first_line(reason),
        match=matchers,
    )
    if until and until_ns <= now.wall_ns:
        raise UsageError(f"{until} has passed, so nothing would be muted: the length 0s ends a silence")
    return silence


def _is_name(id: object) -> bool:  # noqa: A002  # as above
    """Whether the API can name a silence so, too: its ids are parts of paths."""
    return isinstance(id, str) and len(id) <= NAME_CHARACTERS_MAX and re.match(NAME_PATTERN, id) is not None


def make_acknowledgement(
    incident: str, by: str, note: str, until: Duration, *, until_worse: bool | None = None, now: Moment
) -> Acknowledge:
    """Returns the command of an acknowledgement; `until` is a moment, a length from now, or empty for one without an end.

    Raises: UsageError for an end that has passed; ValueError for a text that is neither, and for an end after 2262.
    """
    until_ns = None if until == "" else _end_ns(until, now)
    if until_ns is not None and until_ns <= now.wall_ns:
        raise UsageError(f"{until} has passed: unacknowledge() withdraws an acknowledgement")
    if until_ns is not None and until_ns > INTEGER_MAX:
        raise ValueError("an acknowledgement ends before the year 2262: no other moment can be recorded")
    return Acknowledge(first_line(incident), first_line(by), first_line(note), until_ns, until_worse)


def _end_ns(until: Duration, now: Moment) -> int:
    if isinstance(until, str) and names_moment(until):
        return wall_ns_of(until)
    return now.wall_ns + duration_ns(until)


def scope_of(target: str | AllTargets, match: MatcherTexts = ()) -> tuple[str | None, tuple[str, ...]]:
    """Returns what a silence records of its target and its matchers.

    Raises: UsageError unless a target is named; ValueError for a matcher that cannot be read; TypeError for no text.
    """
    if target is not ALL and not isinstance(target, str):
        raise UsageError(f"a silence names its target, or ALL for every one, not {target!r}")
    if target is not ALL and len(target) > MATCHER_CHARACTERS_MAX:
        raise UsageError(f"the target of a silence has at most {MATCHER_CHARACTERS_MAX} characters")
    if not isinstance(match, Iterable):
        raise TypeError(f"matchers are texts such as group=shop, not {match!r}")
    matchers = tuple(
        dict.fromkeys(str(matcher) for matcher in parsed((match,) if isinstance(match, str) else match))
    )
    muted = None if target is ALL else target
    return EVERY_TARGET if muted is None and matchers else muted, matchers


def names_one(target: str) -> bool:
    """Whether a silence names one target, which must be watched; a glob may match targets of later."""
    return target != OWN_NAME and not is_glob(target)


def preview(
    status: RuntimeStatus, target: str | AllTargets, length: Duration, until: str, match: MatcherTexts
) -> SilencePreview:
    """Returns what a silence would mute by a status; without a length and an end it has none.

    Raises: UnknownName for an id of a target that is not watched; the errors of `make_silence`.
    """
    has_end = length != "" or until != ""
    now = Moment(0, status.at_ns)
    silence = make_silence(
        target, length if has_end else "1s", until, by="", reason="", id=None, match=match, now=now
    )
    if isinstance(target, str) and names_one(target):
        _ = status[target]
    return preview_of(
        silence if has_end else replace(silence, until_ns=0),
        {each.id: each.metadata for each in status.targets},
        status.incidents,
    )


class InForce(Protocol):
    """A silence or an announcement."""

    @property
    def id(self) -> str: ...

    @property
    def until_ns(self) -> int | None: ...


F = TypeVar("F", bound=InForce)


class KnownInForce(Generic[F]):
    """The silences or announcements in force as a host knows them: those of the read model, and commands on their way."""

    def __init__(self, noun: str, describe: Callable[[F], str]) -> None:
        self._noun, self._describe = noun, describe
        self._shown: dict[str, F] = {}
        """Replaced as a whole on the runtime's thread: look-ups and copies from other threads need no lock."""
        self._sent: dict[str, F] = {}

    def show(self, shown: Iterable[F]) -> None:
        """Takes over those of the read model."""
        self._shown = {each.id: each for each in shown}
        for name in self._shown:
            self._sent.pop(name, None)

    def note(self, sent: F, now: Moment) -> None:
        """Notes a command that is on its way."""
        self._sent = {name: each for name, each in self._sent.copy().items() if _lasts(each, now)}
        self._sent[sent.id] = sent

    def forget(self, name: str) -> None:
        """Notes that a command ends one."""
        self._sent.pop(name, None)
        self._shown.pop(name, None)

    def all(self, now: Moment) -> tuple[F, ...]:
        """Returns those in force."""
        known: Collection[F] = {**self._shown.copy(), **self._sent.copy()}.values()
        return tuple(each for each in known if _lasts(each, now))

    def require(self, name: str, now: Moment) -> None:
        """Raises: UnknownName where none in force has this id, with those that are."""
        in_force = self.all(now)
        if any(each.id == name for each in in_force):
            return
        names = [f"{each.id} ({self._describe(each)})" for each in in_force]
        raise UnknownName(
            f"no {self._noun} in force has the id {one_line(name)!r}; in force: {listed(names) or 'none'}"
        )


def _lasts(each: InForce, now: Moment) -> bool:
    return each.until_ns is None or each.until_ns > now.wall_ns


def scope_text(silence: Silence) -> str:
    """Returns what a silence mutes, for people."""
    if not silence.match:
        return silence.target or "all targets"
    of_target = () if silence.target == EVERY_TARGET else (f"{silence.target}",)
    return ", ".join((*of_target, *silence.match))
