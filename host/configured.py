"""The host's side of the configuration: targets and functions as configured so far, from any thread."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import force_setattr, replace

from ..adapters.extras import problems_beside, problems_of_environment
from ..adapters.masking import SecretMask, secrets_in, secrets_of
from ..domain import limits
from ..domain.comparison.entries import restarting
from ..domain.errors import ConfigurationError, UnknownName, UsageError
from ..domain.incidents.record import PauseMark, present_pauses
from ..domain.line import one_line
from ..domain.specification.channel import CallChannel, Channel
from ..domain.specification.configuration import Configuration
from ..domain.specification.probe import Call
from ..domain.specification.problem import Problem, capped, quoted, suggestion
from ..domain.specification.rule import illegal_transitions
from ..domain.specification.target import Target
from ..domain.validation.dependencies import dependency_problems, member_problems
from ..domain.validation.partial import judged, judged_target, read_target
from ..domain.validation.probes.locations import KnownLocations

CALLERS = (Channel, Target)
CALLS = (CallChannel, Call)
_ALIKE = ("every", "timeout", "expect", "rules", "notify", "group", "labels")
"""The fields in which many targets say the same in the same words."""


class ConfigurationDiff(NamedTuple):
    """A new configuration and its differences from the current one; nothing is applied yet."""

    configuration: Configuration
    targets: dict[str, Target]
    removed: list[str]
    """Names of the targets that the new configuration lacks."""
    changed: list[Target]
    """The targets that are new or different."""
    needs_restart: bool
    """Whether channels, routes or options differ too, or a target has another name."""


class ConfiguredTargets:
    """Targets and functions by name, under one lock. The actors own copies and never read this object."""

    def __init__(
        self, configuration: Configuration, callables: Mapping[str, Callable[..., Any]] | None
    ) -> None:
        """Raises: ConfigurationError for `callables` that are no functions by name; None has none."""
        if callables is not None and not isinstance(callables, Mapping):
            raise ConfigurationError(
                f"callables: expected functions by name, like {{'announce': announce}}, got a {type(callables).__name__}"
            )
        callables = callables or {}
        self.guard = threading.RLock()
        """Held while a command is checked and handed over, so that the actors receive commands in the host's order."""
        self._configuration = configuration
        self._targets = {target.id: target for target in configuration.targets}
        self._said_paused = frozenset(target.id for target in configuration.targets if target.paused)
        """The targets that the configuration itself pauses, whatever commands have changed since."""
        self._commanded: dict[str, str | None] = {}
        """The author of each pause that a command of this process made; None for a target that one has resumed."""
        self._duplicates = len(self._targets) < len(configuration.targets)
        self.callables: dict[str, Callable[..., Any]] = {
            name: _callable(function, f"callables[{name!r}]") for name, function in callables.items()
        }
        self._given = frozenset(callables)
        """Functions that the host passed in `callables`."""
        self._checks: set[str] = set()
        """Targets that the host made with `check`."""
        self._tracked: set[str] = set()
        """Targets that `track` has added beside those of the configuration, until a reload removes them."""
        self.mask = SecretMask()
        """Knows the secrets of every configuration that has run."""
        self.is_judged = False
        """Set where the loader has validated the configuration: a second time takes 2 s at 100,000 targets."""
        self.is_whole = False
        """Set where a file or a reload names every target; a host without either may track some after the start."""

    def __len__(self) -> int:
        return len(self._targets)

    @property
    def given(self) -> Configuration:
        """The newest configuration as it was given, without the changes by commands."""
        return self._configuration

    def stated(self) -> Configuration:
        """Returns what was given and what `check` has added, without the effect of commands."""
        checks = [target for name, target in self._targets.items() if name in self._checks]
        given = {target.id: target for target in self._configuration.targets}
        return replace(
            self._configuration, targets=tuple({**{each.id: each for each in checks}, **given}.values())
        )

    def snapshot(self) -> Configuration:
        """Returns the current configuration, not validated."""
        return replace(self._configuration, targets=tuple(self._targets.values()))

    def show(self, listener: Callable[[Iterable[Target]], None]) -> None:
        """Calls `listener` with the current targets, under the guard: no command changes them during the call."""
        with self.guard:
            listener(tuple(self._targets.values()))

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(channel.id for channel in self._configuration.channels)

    def configuration(self) -> Configuration:
        """Returns the current configuration, validated. Raises: ConfigurationError with every problem."""
        with self.guard:
            if self._duplicates:
                require_valid(self._configuration, self.callables)
            whole = self.snapshot()
        if self.is_judged:
            _refuse(_missing_functions(whole, self.callables))
            _share_equal_parts(whole.targets)
            return whole
        return self._settle(whole, require_valid(whole, self.callables))

    def _settle(self, asked: Configuration, whole: Configuration) -> Configuration:
        """Stores the validated targets in place of the given ones, except those that a command has replaced since."""
        with self.guard:
            self._configuration = whole
            for former, target in zip(asked.targets, whole.targets, strict=True):
                if self._targets.get(target.id) is former:
                    self._targets[target.id] = target
        return whole

    def __contains__(self, target: str) -> bool:
        return target in self._targets

    def known(self, target: str) -> Target:
        """Returns the specification of a target. Raises: UnknownName with the closest known name; TypeError for no text."""
        known = self._targets.get(named(target))
        if known is None:
            raise UnknownName(f"no target is named {target!r}{suggestion(target, self._targets)}")
        return known

    def require_tracked(self, target: str) -> None:
        """Raises: UsageError for a target that the configuration or a check of the host states, and not a command."""
        if target in self._targets and target not in self._tracked:
            origin = "a check of the program" if target in self._checks else "the configuration"
            raise UsageError(f"target {target!r} is stated by {origin}: change it there")

    def read(self, data: Mapping[str, Any]) -> tuple[Target, tuple[Problem, ...], bool]:
        """Returns the target that plain data is, its problems, and whether its shape is wrong; see `read_target`."""
        known, allow = KnownLocations.of(self._configuration), self._configuration.runtime.allow_exec
        read = read_target(data, channels=self.channels, allow_exec=allow, places=known)
        target, problems, misshapen = read
        missing = "" if misshapen else _missing_function(target, self.callables)
        found = [Problem(("call", "name"), missing)] if missing else []
        return target, (*problems, *found, *self._with_others(target)), misshapen

    def _with_others(self, target: Target) -> Iterator[Problem]:
        """The problems that a target has beside the others, and beside what is installed."""
        yield from problems_beside(target)
        yield from self._taken_keys(target)
        if target.dependency is not None:
            yield from dependency_problems({**self._targets, target.id: target}, {target.id: ()})
        if target.composite:
            yield from member_problems({**self._targets, target.id: target}, {target.id: ()})

    def _taken_keys(self, target: Target) -> Iterator[Problem]:
        """A key that another heartbeat has: its pings would report for this one and leave the other silent."""
        key = target.heartbeat.key if target.heartbeat else None
        for other in self._targets.values() if key else ():
            if other.id != target.id and other.heartbeat and other.heartbeat.key == key:
                text = f"target {other.id!r} has this key: each heartbeat has its own"
                yield Problem(("heartbeat", "key"), text)

    def accepted(self, target: Target, *, checked: bool = False) -> Target:
        """Returns a target in its declared types. Raises: ConfigurationError with everything that is wrong with it.

        A target of `check` (`checked`) brings its own function, so that function is not looked up.
        """
        allow_exec = self._configuration.runtime.allow_exec
        known = KnownLocations.of(self._configuration)
        valid, problems = judged_target(target, channels=self.channels, allow_exec=allow_exec, places=known)
        missing = "" if checked else _missing_function(target, self.callables)
        found = [*problems, *([f"call.name: {missing}"] if missing else []), *self._with_others(valid)]
        _refuse([f"{_titled(target)}{problem}" for problem in found])
        if valid.id not in self._targets and len(self._targets) >= limits.TARGETS_MAX:
            _refuse([f"{limits.TARGETS_MAX:,} targets are the most in one runtime"])
        _refuse(self._moved_wrongly([valid]))
        watched = [name for name in valid.former_names if name in self._targets]
        told = "is watched still: rename it by reload() or before start(), so that its record is continued"
        _refuse([f"{_titled(target)}renamed_from: {quoted(name)} {told}" for name in watched])
        return valid

    def add(self, target: Target) -> None:
        """Adds an accepted target; from here on `known` finds it."""
        self.mask.learn(secrets_of([target]))
        if target.id not in self._targets and target.id not in self._checks:
            self._tracked.add(target.id)
        self._targets[target.id] = target

    def accepted_check(self, target: Target, function: Callable[..., Any]) -> Target:
        """Accepts a target of `check` and stores its function. Returns and raises as `accepted` does.

        A check never takes the place of a function in `callables`: a channel may send its notices by it. Nor does it take
        the place of a watched target: that one would no longer be polled, and nothing would say so.
        """
        _callable(function, f"check {target.id!r}")
        target = self.accepted(target, checked=True)
        if target.id in self._given:
            _refuse(
                [f"{_titled(target)}`callables` has a function of this name: give the check another name"]
            )
        if target.id in self._targets:
            told = "is watched already: give the check another name, or call untrack() first"
            _refuse([f"{_titled(target)}{told}"])
        self.callables[target.id] = function
        self._checks.add(target.id)
        return target

    def _moved_wrongly(self, targets: Iterable[Target]) -> list[str]:
        """Returns the rules that would go back in their lifecycle: an active rule may have sent notices already."""
        return [
            f"target {target.id!r}: {fault}"
            for target in targets
            if target.id in self._targets
            for fault in illegal_transitions(self._targets[target.id].judged_rules, target.judged_rules)
        ]

    def remove(self, target: str) -> None:
        self.known(target)
        del self._targets[target]
        self._tracked.discard(target)
        self._commanded.pop(target, None)
        if target in self._checks:
            self._checks.discard(target)
            self._let_go(target)

    def discard(self, target: str) -> None:
        """Forgets a target where it is known: the active process has ceased to watch it."""
        with self.guard:
            if target in self._targets:
                self.remove(target)

    def _let_go(self, function: str) -> None:
        """Drops the function of a removed check, unless a channel or another target calls it by that name."""
        callers = (*self._configuration.channels, *self._targets.values())
        if not any(_called(caller) == function for caller in callers):
            self.callables.pop(function, None)

    def pause(self, target: str, *, paused: bool, by: str = "") -> None:
        self._targets[target] = replace(self.known(target), paused=paused)
        self._commanded[target] = by if paused else None

    def commanded_pauses(self) -> list[tuple[str, str]]:
        """Returns the pauses that commands of this process have made, each with its author."""
        return [(target, by) for target, by in self._commanded.items() if by is not None]

    def forget_pauses(self, targets: Iterable[str]) -> None:
        """Leaves targets to another process: they are paused where the configuration says so, until a record says otherwise."""
        for name in self._targets.keys() & targets:
            self._commanded.pop(name, None)
            self._targets[name] = replace(self._targets[name], paused=name in self._said_paused)

    def keep_paused(self, marks: Iterable[PauseMark]) -> None:
        """Takes over the pauses of a record, apart from targets that a newer command has paused or resumed."""
        for name in {*present_pauses(marks, self._targets)} - self._commanded.keys():
            self._targets[name] = replace(self._targets[name], paused=True)

    def require_legal(self, new: Configuration) -> None:
        """Raises: ConfigurationError for a rule that would go back in its lifecycle."""
        _refuse(self._moved_wrongly(new.targets))

    def diff(self, new: Configuration) -> ConfigurationDiff:
        """Returns the changes that a new configuration makes. Slow with many targets; `known` does not wait for it.

        Targets that the host made with `check` are in no file and stay; a pause that the host commanded stays as well.
        """
        old = self._configuration
        made = {name: target for name, target in self._targets.items() if name in self._checks}
        targets = {**made, **{target.id: self._as_paused(target) for target in new.targets}}
        removed, changed = _differences(self._targets, targets)
        # A former name is continued from the record alone, so a rename restarts.
        renamed = any(name in self._targets for target in new.targets for name in target.former_names)
        needs_restart = renamed or bool(restarting(old, new))
        return ConfigurationDiff(new, targets, removed, changed, needs_restart)

    def apply(self, diff: ConfigurationDiff) -> None:
        """Makes a compared configuration the current one; the caller holds the guard since `diff`."""
        self.mask.learn(secrets_in(diff.configuration, diff.changed))
        self._configuration = diff.configuration
        stays = self._checks | {
            target.id for target in diff.configuration.targets if self._says_as_before(target)
        }
        self._commanded = {name: by for name, by in self._commanded.items() if name in stays}
        self.is_whole = True
        self._tracked.clear()
        self._said_paused = frozenset(target.id for target in diff.configuration.targets if target.paused)
        self._targets = diff.targets

    def _as_paused(self, target: Target) -> Target:
        """Returns the target with the commanded pause, where the configuration's own `paused` is the same as before."""
        now = self._targets.get(self._name_before(target))
        return replace(target, paused=now.paused) if now and self._says_as_before(target) else target

    def _name_before(self, target: Target) -> str:
        """Returns the name under which a target of a new configuration is watched now; its own where it is not."""
        return next((name for name in (target.id, *target.former_names) if name in self._targets), target.id)

    def _says_as_before(self, target: Target) -> bool:
        """Whether a new configuration pauses a target as the current one does."""
        return (self._name_before(target) in self._said_paused) is target.paused

    def since(self, before: Mapping[str, Target]) -> tuple[list[str], list[Target]]:
        """Returns the names of the targets removed since `before`, and the targets that are new or changed."""
        return _differences(before, self._targets)


def named(target: str) -> str:
    """Returns the id of a target. Raises: TypeError for what is no text."""
    if not isinstance(target, str):
        raise TypeError(f"a target is named by its id, which is a text, not by {one_line(repr(target))}")
    return target


def _callable(function: Callable[..., Any], place: str) -> Callable[..., Any]:
    """Returns the function. Raises: UsageError for a value that cannot be called."""
    if not callable(function):
        raise UsageError(f"{place} is no function: {type(function).__name__} cannot be called")
    return function


def _differences(before: Mapping[str, Target], after: Mapping[str, Target]) -> tuple[list[str], list[Target]]:
    removed = [name for name in before if name not in after]
    changed = [target for name, target in after.items() if before.get(name) != target]
    return removed, changed


def _titled(target: object) -> str:
    """How the problems of a target begin; empty for what is none."""
    return f"target {target.id!r}: " if isinstance(target, Target) else ""


def _share_equal_parts(targets: Iterable[Target]) -> None:
    """Makes equal parts of targets one object: each copy takes half a kilobyte, and there may be 100,000.

    Takes targets that were read or converted here: nothing else has them, and they say what they said.
    """
    parts: dict[Any, Any] = {}
    for target in targets:
        for name in _ALIKE:
            part = getattr(target, name)
            force_setattr(target, name, parts.setdefault(part, part))


def require_valid(configuration: Configuration, callables: Iterable[str] | None) -> Configuration:
    """Returns the configuration in its declared types.

    Raises: ConfigurationError with everything that is wrong. That includes missing functions, unless `callables` is
    None because the configuration is never executed.
    """
    valid, found = judged(configuration)
    problems = [str(problem) for problem in (*found, *problems_of_environment(configuration))]
    _refuse(problems + ([] if callables is None else _missing_functions(configuration, callables)))
    _share_equal_parts(valid.targets)
    return valid


def _missing_functions(configuration: Configuration, callables: Iterable[str]) -> list[str]:
    """Returns a problem for each channel and target that calls a function which `callables` lacks."""
    known = frozenset(callables)
    groups = (("channels", configuration.channels), ("targets", configuration.targets))
    return [
        f"{group}[{number}].call.name: {missing}"
        for group, callers in groups
        for number, caller in enumerate(callers)
        if (missing := _missing_function(caller, known))
    ]


def _missing_function(caller: object, known: Collection[str]) -> str:
    name = _called(caller)
    if not name.strip() or name in known:
        return ""
    how = "pass it in `callables` of a Python program; the command line cannot"
    return f"no function is named {quoted(name)}{suggestion(name, known)} ({how})"


def _called(caller: object) -> str:
    """Returns the name of the called function; empty for none, and for a malformed one, which validation reports."""
    if not isinstance(caller, CALLERS) or caller.call is None:
        return ""
    call: object = caller.call
    name: object = call.name if isinstance(call, CALLS) else ""
    return name if isinstance(name, str) else ""


def _refuse(problems: list[str]) -> None:
    if problems:
        raise ConfigurationError(*capped(problems))
