"""The whole of a configuration: its sources as one plain document, without the keys of reuse, and where each value stands."""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ....domain import limits
from ....domain.specification.construction.shape import UNREADABLE
from ....domain.specification.probe import Http
from ....domain.specification.problem import Path, Problem
from ....domain.specification.target import Target
from ....domain.validation.partial import default_position
from .including import Gathered
from .keys import DEFAULTS, FOR_EACH, HTTP, INCLUDE, PRIVATE, TEMPLATES, USE
from .layers import Layer, Weight, merged, stating, weight_of, without_loop
from .loops import Filler, LoopEntry, characters_of, entries_of
from .source import ReuseFault, ValueOrigin
from .templates import Templates

TARGETS = "targets"


class _Made(NamedTuple):
    """Where a target of the whole comes from."""

    source: int
    at: int
    entry: int | None = None
    """The entry of its loop."""


class _Plan(NamedTuple):
    """Of what a target is made."""

    made: _Made
    layers: list[Layer]
    entries: list[tuple[int, LoopEntry]] | None = None
    is_complete: bool = True


class UnfinishedPart(NamedTuple):
    """A part that is no whole of its kind, and of which only the stated keys can be judged."""

    kind: type
    value: Any
    source: int
    path: Path


class Expansion:
    """One configuration made of several sources, or of one with reuse in it. One without is left as it is."""

    def __init__(self, gathered: Gathered) -> None:
        """Makes the whole at once; `faults` tell what could not be made."""
        self.sources = gathered.sources
        self.faults: list[ReuseFault] = list(gathered.faults)
        self.looped: list[Path] = []
        """The places of texts in which the entry of a loop stands."""
        self.problems: list[Problem] = []
        """Problems of the whole, by their paths in it."""
        self.parts: list[UnfinishedPart] = []
        self._starts: dict[str, tuple[list[int], list[int]]] = {}
        """Of each list that several sources state: where the entries of each begin, and its number."""
        self._made: list[_Made] | None = None
        self._http: Layer | None = None
        self._templates = Templates(self._stated_templates(), are_whole=gathered.is_whole)
        self.data: Any = self._whole()

    @property
    def is_plain(self) -> bool:
        """Whether each value of the whole stands in the one source under its own path."""
        return self._made is None and not self._starts and len(self.sources) == 1

    def folder(self, path: Path) -> FilePath:
        """Returns the folder from which the file is found that a value names: that of the file in which it is written."""
        number = 0 if len(self.sources) == 1 else self.origin(path).source
        return self.sources[number].folder

    # Made once.

    def _whole(self) -> Any:
        # A file that cannot be read hides nothing of the others: what it says is missing.
        if len(self.sources) == 1 and not self.sources[0].entries:
            return self.sources[0].document.data
        data = self._together()
        self._templates.settle()
        defaults = data.get(DEFAULTS)
        if isinstance(defaults, dict) and HTTP in defaults:
            origin = self._in_sources((DEFAULTS, HTTP))
            self._http = Layer({HTTP: defaults[HTTP]}, origin.source, (DEFAULTS,))
            data[DEFAULTS] = {key: value for key, value in defaults.items() if key != HTTP}
            self.parts.append(UnfinishedPart(Http, defaults[HTTP], origin.source, (DEFAULTS, HTTP)))
        targets = data.get(TARGETS)
        if isinstance(targets, list) and (self._http or any(map(_is_reusing, targets))):
            data[TARGETS] = self._targets(targets)
        self.faults += self._templates.faults
        return data

    def _together(self) -> dict[str, Any]:
        """Returns the top level of all sources: lists one behind the other, mappings key by key, each key stated once."""
        data: dict[str, Any] = {}
        for number, source in enumerate(self.sources):
            data_of = source.document.data
            if not isinstance(data_of, dict | None) and data_of is not UNREADABLE:
                text = "expected a mapping with keys like targets and channels"
                self.faults.append(ReuseFault(number, Problem((), text)))
            for key, value in source.entries.items():
                if key in {INCLUDE, TEMPLATES} or key.startswith(PRIVATE):
                    continue
                if key not in data:
                    data[key] = value
                    if isinstance(value, list):
                        self._starts[key] = ([0], [number])
                elif isinstance(value, list) and isinstance(data[key], list):
                    starts, numbers = self._starts[key]
                    starts.append(len(data[key]))
                    numbers.append(number)
                    data[key] = [*data[key], *value]
                else:
                    data[key] = self._joined(data[key], value, number, (key,))
        if len(self.sources) == 1:
            self._starts.clear()
        return data

    def _joined(self, first: Any, second: Any, number: int, path: Path) -> Any:
        if first is UNREADABLE or second is UNREADABLE:
            return UNREADABLE
        if isinstance(first, dict) and isinstance(second, dict):
            joined = dict(first)
            for key, value in second.items():
                below = (*path, key)
                joined[key] = self._joined(joined[key], value, number, below) if key in joined else value
            return joined
        other = self.sources[self._in_sources(path).source].name
        text = f"stands in {other} already: state it in one file"
        self.faults.append(ReuseFault(number, Problem(path, text, at_key=True)))
        return first

    def _stated_templates(self) -> dict[str, tuple[int, Any]]:
        found: dict[str, tuple[int, Any]] = {}
        for number, source in enumerate(self.sources):
            stated = source.entries.get(TEMPLATES, {})
            if stated is UNREADABLE:
                continue
            if not isinstance(stated, dict):
                self._tell(number, (TEMPLATES,), "expected a mapping of templates by name")
                continue
            for name, template in stated.items():
                if name in found:
                    other = self.sources[found[name][0]].name
                    self._tell(
                        number, (TEMPLATES, name), f"stands in {other} already: rename one", at_key=True
                    )
                    continue
                if not isinstance(template, dict) and template is not UNREADABLE:
                    self._tell(number, (TEMPLATES, name), "expected a mapping with keys of a target")
                found[name] = (number, template)
                self.parts.append(UnfinishedPart(Target, template, number, (TEMPLATES, name)))
        return found

    def _targets(self, targets: list[Any]) -> list[Any]:
        """Returns the targets with everything that they use, one for each entry of a loop, once it is counted what they weigh."""
        http = Weight() if self._http is None else weight_of(self._http.value)
        plans: list[_Plan] = []
        whole, made = Weight(), 0
        for number, target in enumerate(targets):
            source, at = self._start_of(TARGETS, number)
            plan = self._plan(_Made(source, at), target)
            weight = self._templates.weight(plan.layers[1:]).plus(http)
            if plan.entries is not None:
                own = weight.plus(weight_of(without_loop(target)))
                weight = own.repeated(len(plan.entries), characters_of(plan.entries))
            whole = whole.plus(weight)
            made += 1 if plan.entries is None else len(plan.entries)
            excess = whole.excess
            if made > limits.TARGETS_MAX:
                excess = f"{made:,} targets: {limits.TARGETS_MAX:,} are the most in one runtime"
            if excess:
                self._tell(source, (TARGETS, at), f"templates and loops up to here make {excess}")
                return [UNREADABLE]
            plans.append(plan)
        self._made = []
        return [target for plan in plans for target in self._built(plan)]

    def _plan(self, made: _Made, target: Any) -> _Plan:
        """Returns of what a target will be made; one of which something is missing is not made."""
        path = (TARGETS, made.at)
        layers = [Layer(target, made.source, path)]
        if not isinstance(target, dict):
            return _Plan(made, layers)
        is_complete = self._templates.has_all(target, made.source, path)
        layers += self._templates.layers(target, made.source, path)
        entries = None
        if loop := [each.value[FOR_EACH] for each in layers if _states(each.value, FOR_EACH)]:
            told = len(self.faults)
            entries = entries_of(loop[0], layers, self.faults)
            is_complete = is_complete and loop[0] is not UNREADABLE and len(self.faults) == told
        if not is_complete:
            self.parts.append(UnfinishedPart(Target, target, made.source, path))
        return _Plan(made, layers, entries, is_complete)

    def _built(self, plan: _Plan) -> Iterator[Any]:
        trail = self._made if self._made is not None else []
        target = plan.layers[0].value
        http = self._http_below(plan.layers)
        if not plan.is_complete:
            trail.append(plan.made)
            yield UNREADABLE
        elif len(plan.layers) == 1 and http is None and not _is_reusing(target):
            trail.append(plan.made)
            yield target
        else:
            for whole, entry in self._copies(plan, http):
                trail.append(plan.made._replace(entry=entry))
                yield whole

    def _copies(self, plan: _Plan, http: Layer | None) -> Iterator[tuple[dict[str, Any], int | None]]:
        """Yields the target that is made of all layers, once or for each entry of its loop."""
        parts = [_own_keys(each.value) for each in (*plan.layers, *([http] if http else []))]
        for number, entry in [(None, None)] if plan.entries is None else plan.entries:
            whole: dict[str, Any] = merged(parts)
            if entry is not None:
                filler = Filler(entry, (TARGETS, len(self._made or ())))
                filler.fill(whole)
                self.looped += filler.filled
                self.problems += filler.problems
            yield whole, number

    def _http_below(self, layers: list[Layer]) -> Layer | None:
        """Returns the default keys of `http` for a target that has one."""
        return self._http if any(_states(each.value, HTTP) for each in layers) else None

    # Asked afterwards.

    def origin(self, path: Path) -> ValueOrigin:
        """Returns where the value stands that the whole has under a path, or where what holds it stands."""
        match path:
            case ("targets", int(number), *rest) if self._made is not None and number < len(self._made):
                return self._of_target(self._made[number], tuple(rest), number)
            case ("targets", int(number), str(name), *rest):
                source, at = self._start_of(TARGETS, number)
                holder = self._listed(source, TARGETS, at)
                if isinstance(holder, dict) and name not in holder:
                    return self._default((name, *rest), number) or ValueOrigin(
                        source, (TARGETS, at, name, *rest)
                    )
                return ValueOrigin(source, (TARGETS, at, name, *rest))
            case (str(key), int(number), *rest):
                source, at = self._start_of(key, number)
                return ValueOrigin(source, (key, at, *rest))
            case _:
                return self._in_sources(path)

    def _listed(self, source: int, key: str, at: int) -> Any:
        stated = self.sources[source].entries.get(key)
        return stated[at] if isinstance(stated, list) and at < len(stated) else None

    def _of_target(self, made: _Made, rest: Path, number: int) -> ValueOrigin:
        target = self._listed(made.source, TARGETS, made.at)
        own = (TARGETS, made.at)
        layers = [Layer(target, made.source, own)]
        if isinstance(target, dict):
            layers += self._templates.layers(target, made.source, own)
        if http := self._http_below(layers):
            layers.append(http)
        layer, is_stated = stating(layers, rest)
        if not is_stated and rest and not any(_states(each.value, rest[0]) for each in layers):
            default = self._default(rest, number)
            if default is not None:
                return default
        uses = layer.uses
        if made.entry is not None:
            loop, _ = stating(layers, (FOR_EACH, made.entry))
            uses = (*uses, (loop.source, loop.path))
        if not is_stated and layer.source == made.source and layer.path[: len(own)] == own:
            return ValueOrigin(made.source, (*own, *rest), uses)
        if layer.path[:1] == (DEFAULTS,):
            return self._in_sources(layer.path)
        return ValueOrigin(layer.source, layer.path, uses)

    def _default(self, rest: Path, number: int) -> ValueOrigin | None:
        """Returns where `defaults` state what a target of the whole does not; None where they do not either."""
        stated = (source.entries.get(DEFAULTS) for source in self.sources)
        holder = next((defaults for defaults in stated if _states(defaults, rest[0])), None)
        if holder is None:
            return None
        match rest:
            case ("expect" | "warn" as key, int(at)):
                target = self.data[TARGETS][number]
                whole = target if isinstance(target, dict) else {}
                rest = (key, default_position(holder[key], whole, key, at))
            case _:
                pass
        return self._in_sources((DEFAULTS, *rest))

    def _in_sources(self, path: Path) -> ValueOrigin:
        """Returns the source that states a path of the top level, or else most of it."""
        layers = [Layer(source.entries, number, ()) for number, source in enumerate(self.sources)]
        for length in range(len(path), 0, -1):
            for layer in layers:
                if stating([layer], path[:length])[1]:
                    return ValueOrigin(layer.source, path)
        return ValueOrigin(0, path)

    def _start_of(self, key: str, number: int) -> tuple[int, int]:
        """Returns the source that states an entry of a list, and its number there."""
        if key not in self._starts:
            return next((n for n, source in enumerate(self.sources) if key in source.entries), 0), number
        starts, numbers = self._starts[key]
        at = bisect_right(starts, number) - 1
        return numbers[at], number - starts[at]

    def _tell(self, source: int, path: Path, text: str, *, at_key: bool = False) -> None:
        self.faults.append(ReuseFault(source, Problem(path, text, at_key)))


def _own_keys(part: Any) -> Any:
    """Returns a layer without the keys that are about layers."""
    if not isinstance(part, dict):
        return part
    return {key: value for key, value in part.items() if key not in {USE, FOR_EACH}}


def _is_reusing(target: Any) -> bool:
    return isinstance(target, dict) and (USE in target or FOR_EACH in target)


def _states(value: Any, key: Any) -> bool:
    return isinstance(value, dict) and key in value
