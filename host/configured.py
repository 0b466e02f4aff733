"""The host's side of a runtime: what hosts have configured so far, from whatever thread."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..adapters.http.fast.tls_contexts import missing_library
from ..domain.errors import ConfigurationError, UnknownName
from ..domain.specification.channel import CallChannel, Channel
from ..domain.specification.configuration import Configuration, RuntimeOptions
from ..domain.specification.probe import Call
from ..domain.specification.problem import capped, quoted, suggestion
from ..domain.specification.rule import illegal_transitions
from ..domain.specification.target import Target
from ..domain.validation.validation import judged, judged_target

CALLERS = (Channel, Target)
CALLS = (CallChannel, Call)


class ConfigurationDiff(NamedTuple):
    """A new configuration beside what stands, as nobody has gone over to it yet."""

    configuration: Configuration
    targets: dict[str, Target]
    removed: list[str]
    """The targets that go."""
    changed: list[Target]
    """The targets that come or change."""
    needs_restart: bool
    """Whether more than targets differs."""


class ConfiguredTargets:
    """Targets and functions by name, under one lock. The actors have copies of their own and never look here."""

    def __init__(self, configuration: Configuration, callables: Mapping[str, Callable[..., Any]]) -> None:
        self.guard = threading.RLock()
        """Held while a command is checked and handed over, so that the actors hear commands in the order of the host's."""
        self._configuration = configuration
        self._targets = {target.id: target for target in configuration.targets}
        self._said_paused = _paused_in(configuration)
        """The targets that are paused in the configuration, whatever was commanded since."""
        self._duplicates = len(self._targets) < len(configuration.targets)
        self.callables: dict[str, Callable[..., Any]] = dict(callables)
        self._checks: set[str] = set()
        """Targets that the host made with `check`."""
        self._is_judged = False

    def judged(self) -> None:
        """The configuration was judged where it was read: at 100,000 targets judging it again takes two seconds."""
        self._is_judged = True

    def __len__(self) -> int:
        return len(self._targets)

    @property
    def options(self) -> RuntimeOptions:
        return self._configuration.runtime

    @property
    def channel_specifications(self) -> tuple[Channel, ...]:
        return self._configuration.channels

    def snapshot(self) -> Configuration:
        """What is configured now, unjudged."""
        return replace(self._configuration, targets=tuple(self._targets.values()))

    def show(self, listener: Callable[[Iterable[Target]], None]) -> None:
        """Show somebody the targets as they stand, while nobody can change them."""
        with self.guard:
            listener(tuple(self._targets.values()))

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(channel.id for channel in self._configuration.channels)

    def configuration(self) -> Configuration:
        """As it stands now. Raises ConfigurationError with every problem."""
        with self.guard:
            if self._duplicates:
                require_valid(self._configuration, self.callables)
            whole = self.snapshot()
        if self._is_judged:
            require_functions(whole, self.callables)
            return whole
        return self._settle(whole, require_valid(whole, self.callables))

    def _settle(self, asked: Configuration, whole: Configuration) -> Configuration:
        """Go on with what was asked for in the types that it was found to mean."""
        parts: dict[Any, Any] = {}
        whole = replace(whole, targets=tuple(_sharing(target, parts) for target in whole.targets))
        with self.guard:
            self._configuration = whole
            for former, target in zip(asked.targets, whole.targets, strict=True):
                if self._targets.get(target.id) is former:
                    self._targets[target.id] = target
        return whole

    def known(self, target: str) -> Target:
        """The specification of a target. Raises UnknownName with what comes closest."""
        known = self._targets.get(target)
        if known is None:
            raise UnknownName(f"no target is named {target!r}{suggestion(target, self._targets)}")
        return known

    def accepted(self, target: Target, *, checked: bool = False) -> Target:
        """A target as it is to be watched. Raises ConfigurationError with everything that is wrong with it.

        One that is `checked` brings the function that it calls.
        """
        allow_exec = self._configuration.runtime.allow_exec
        valid, problems = judged_target(target, channels=self.channels, allow_exec=allow_exec)
        missing = "" if checked else _missing_function(target, self.callables)
        found = [*problems, *([f"call.name: {missing}"] if missing else [])]
        _refuse([f"{_titled(target)}{problem}" for problem in found])
        _refuse(self._moved_wrongly([valid]))
        return valid

    def add(self, target: Target) -> None:
        """Take in a target that was accepted; from here on everybody knows it."""
        self._targets[target.id] = target

    def accepted_check(self, target: Target, function: Callable[..., Any]) -> Target:
        """Take in the function that a target calls. Returns and raises as `accepted` does."""
        target = self.accepted(target, checked=True)
        self.callables[target.id] = function
        self._checks.add(target.id)
        return target

    def _moved_wrongly(self, targets: Iterable[Target]) -> list[str]:
        """Rules that would go back in their lifecycle: what an active one has told must stay true of it."""
        return [
            f"target {target.id!r}: {fault}"
            for target in targets
            if target.id in self._targets
            for fault in illegal_transitions(self._targets[target.id].rules, target.rules)
        ]

    def remove(self, target: str) -> None:
        self.known(target)
        del self._targets[target]
        if target in self._checks:
            self._checks.discard(target)
            self._let_go(target)

    def _let_go(self, function: str) -> None:
        """Forget the function of a check that is gone, unless somebody else calls it by that name."""
        callers = (*self._configuration.channels, *self._targets.values())
        if not any(_called(caller) == function for caller in callers):
            self.callables.pop(function, None)

    def pause(self, target: str, *, paused: bool) -> None:
        self._targets[target] = replace(self.known(target), paused=paused)

    def require_legal(self, new: Configuration) -> None:
        """Raise ConfigurationError for a rule that would go back in its lifecycle."""
        _refuse(self._moved_wrongly(new.targets))

    def diff(self, new: Configuration) -> ConfigurationDiff:
        """What a new configuration would change. Long with many targets: whoever knows what is configured is not held up.

        Targets that the host made with `check` are not in any file and stay, and so does a pause that it commanded.
        """
        old = self._configuration
        made = {name: target for name, target in self._targets.items() if name in self._checks}
        targets = {**made, **{target.id: self._as_paused(target) for target in new.targets}}
        removed, changed = _differences(self._targets, targets)
        needs_restart = (old.channels, old.runtime) != (new.channels, new.runtime)
        return ConfigurationDiff(new, targets, removed, changed, needs_restart)

    def apply(self, diff: ConfigurationDiff) -> None:
        """Go over to a new configuration, compared with what stands under the same guard."""
        self._configuration = diff.configuration
        self._said_paused = _paused_in(diff.configuration)
        self._targets = diff.targets

    def _as_paused(self, target: Target) -> Target:
        """A target that is paused as commanded, where the configuration says of that what it said before."""
        now = self._targets.get(target.id)
        as_before = (target.id in self._said_paused) is target.paused
        return replace(target, paused=now.paused) if now and as_before else target

    def since(self, before: Mapping[str, Target]) -> tuple[list[str], list[Target]]:
        """Which targets of an earlier stand are gone, and which are new or changed."""
        return _differences(before, self._targets)


def _differences(before: Mapping[str, Target], after: Mapping[str, Target]) -> tuple[list[str], list[Target]]:
    removed = [name for name in before if name not in after]
    changed = [target for name, target in after.items() if before.get(name) != target]
    return removed, changed


def _titled(target: object) -> str:
    """How the problems of a target begin; empty for what is none."""
    return f"target {target.id!r}: " if isinstance(target, Target) else ""


def _paused_in(configuration: Configuration) -> frozenset[str]:
    return frozenset(target.id for target in configuration.targets if target.paused)


def _sharing(target: Target, parts: dict[Any, Any]) -> Target:
    """The target with what is alike in many kept once: it takes half a kilobyte, and there may be 100,000."""
    alike = {name: getattr(target, name) for name in ("expect", "rules", "notify")}
    return replace(target, **{name: parts.setdefault(part, part) for name, part in alike.items()})


def require_valid(configuration: Configuration, callables: Iterable[str] | None) -> Configuration:
    """The configuration in its declared types.

    Raises ConfigurationError with everything that is wrong, functions that nobody gave included, unless none is ever called (None).
    """
    valid, found = judged(configuration)
    problems = [str(problem) for problem in (*found, *missing_library(configuration.runtime))]
    missing = [] if callables is None else _missing_functions(configuration, callables)
    _refuse([*problems, *missing])
    return valid


def require_functions(configuration: Configuration, callables: Iterable[str]) -> None:
    """Raise ConfigurationError for channels and targets that call a function nobody gave."""
    _refuse(_missing_functions(configuration, callables))


def _missing_functions(configuration: Configuration, callables: Iterable[str]) -> list[str]:
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
    how = "a program gives it in `callables`, the command line cannot"
    return f"no function is named {quoted(name)}{suggestion(name, known)} ({how})"


def _called(caller: object) -> str:
    """The name of the function that a channel or target calls; empty for none, and where it is misshapen, which others tell."""
    if not isinstance(caller, CALLERS) or caller.call is None:
        return ""
    call: object = caller.call
    name: object = call.name if isinstance(call, CALLS) else ""
    return name if isinstance(name, str) else ""


def _refuse(problems: list[str]) -> None:
    if problems:
        raise ConfigurationError(*capped(problems))
