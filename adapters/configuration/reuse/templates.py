"""Templates: parts of targets by name, each found with everything that it uses itself."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ....domain import limits
from ....domain.specification.construction.shape import UNREADABLE
from ....domain.specification.problem import Path, Problem, quoted, suggestion
from .keys import TEMPLATES, USE
from .layers import Layer, Weight, weight_of, without_loop
from .source import ReuseFault

_TOO_DEEP = f"templates use each other over {limits.TEMPLATE_LEVELS_MAX} levels at most"


class TemplateChain(NamedTuple):
    """Templates in the order in which they go before each other, and whether all that are named were found."""

    names: tuple[str, ...]
    is_complete: bool
    levels: int = 0
    """Of templates that use templates."""


class Templates:
    """The templates of a configuration; a wrong `use` is told once, and is then left out."""

    def __init__(self, stated: Mapping[str, tuple[int, Any]], *, are_whole: bool) -> None:
        """Each by its name, with the source that states it. Unless they are whole, an unknown one may stand in what cannot be read."""
        self._stated = stated
        self._are_whole = are_whole
        self._chains: dict[str, TemplateChain] = {}
        self._weights: dict[str, Weight] = {}
        self.faults: list[ReuseFault] = []

    def layers(self, holder: Mapping[str, Any], source: int, path: Path) -> list[Layer]:
        """Returns the templates that a target uses, the one that goes before the others first."""
        use = (source, (*path, USE))
        stated = ((name, *self._stated[name]) for name in self._chain_of(holder, source, path, ()).names)
        return [Layer(data, number, (TEMPLATES, name), (use,)) for name, number, data in stated]

    def has_all(self, holder: Mapping[str, Any], source: int, path: Path) -> bool:
        """Whether everything that a target uses was found."""
        return self._chain_of(holder, source, path, ()).is_complete

    def weight(self, layers: list[Layer]) -> Weight:
        """Returns what the layers weigh together."""
        whole = Weight()
        for layer in layers:
            name = str(layer.path[-1])
            if name not in self._weights:
                self._weights[name] = weight_of(without_loop(layer.value))
            whole = whole.plus(self._weights[name])
        return whole

    def settle(self) -> None:
        """Looks at every template, also at those that no target uses."""
        for name in self._stated:
            self._chain(name, ())

    def _chain(self, name: str, above: tuple[str, ...]) -> TemplateChain:
        """Returns a template and those that it uses, each once, where it goes before the others."""
        if name not in self._chains:
            source, data = self._stated[name]
            holder = data if isinstance(data, dict) else {}
            used = self._chain_of(holder, source, (TEMPLATES, name), (*above, name))
            names = tuple(dict.fromkeys((name, *used.names)))
            self._chains[name] = TemplateChain(
                names, used.is_complete and isinstance(data, dict), used.levels + 1
            )
        return self._chains[name]

    def _chain_of(
        self, holder: Mapping[str, Any], source: int, path: Path, above: tuple[str, ...]
    ) -> TemplateChain:
        found: list[str] = []
        levels = 0
        named = self._named(holder.get(USE, []), (*path, USE))
        is_complete = len(named) <= limits.USES_MAX
        if not is_complete:
            self._tell(
                source, (*path, USE), f"names more than {limits.USES_MAX} templates, which are the most"
            )
        for place, name in named[: limits.USES_MAX]:
            fault = self._fault(name, above)
            if fault:
                self._tell(source, place, fault)
            if fault is not None:
                is_complete = False
                continue
            chain = self._chain(name, above)
            if above and chain.levels >= limits.TEMPLATE_LEVELS_MAX:
                self._tell(source, place, _TOO_DEEP)
                is_complete = False
                continue
            levels = max(levels, chain.levels)
            found[:0] = chain.names
            is_complete = is_complete and chain.is_complete
        return TemplateChain(tuple(dict.fromkeys(found)), is_complete, levels)

    def _named(self, use: Any, path: Path) -> list[tuple[Path, Any]]:
        """Returns what is named, each with its place; of too many one more than may be."""
        if not isinstance(use, list):
            return [(path, use)]
        return [((*path, at), name) for at, name in enumerate(use[: limits.USES_MAX + 1])]

    def _fault(self, name: Any, above: tuple[str, ...]) -> str | None:
        """Returns why a template cannot be used; None where it can, and an empty text where that is told elsewhere."""
        if name is UNREADABLE:
            return ""
        if not isinstance(name, str):
            return "expected the name of a template, or a list of names"
        if "${" in name:
            return "takes neither variables nor ${each}: write the name of the template"
        if name not in self._stated:
            return (
                f"there is no template {quoted(name)}{suggestion(name, self._stated)}"
                if self._are_whole
                else ""
            )
        if name in above:
            circle = " uses ".join(map(quoted, (*above[above.index(name) :], name)))
            return f"goes round in a circle: {circle}"
        if len(above) >= limits.TEMPLATE_LEVELS_MAX:
            return _TOO_DEEP
        return None

    def _tell(self, source: int, path: Path, text: str) -> None:
        self.faults.append(ReuseFault(source, Problem(path, text)))
