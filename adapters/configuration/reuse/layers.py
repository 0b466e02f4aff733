"""Layers: mappings one above the other, merged into one, weighed before anything is built."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from ....domain import limits
from ....domain.specification.problem import Path
from .keys import FOR_EACH

EACH = re.compile(r"\$\$\{|\$\{each(?:\.([^{}]*))?\}")
"""A reference to the entry of a loop, or the characters `${` themselves. One without its end is read up to the next one, and not on."""


class Weight(NamedTuple):
    """The cost of a part that is built: its values, the characters of its texts, and how often it names the entry of a loop."""

    nodes: int = 0
    characters: int = 0
    references: int = 0

    def plus(self, other: "Weight") -> "Weight":
        return Weight(*(mine + its for mine, its in zip(self, other, strict=True)))

    def repeated(self, times: int, replaced: int) -> "Weight":
        """Returns the weight of copies, in which entries of `replaced` characters altogether take the place of references."""
        return Weight(self.nodes * times, self.characters * times + self.references * replaced)

    @property
    def excess(self) -> str:
        """The bound that so much exceeds, in words; empty where none is."""
        if self.nodes > limits.CONFIGURATION_NODES_MAX:
            return (
                f"{self.nodes:,} values: {limits.CONFIGURATION_NODES_MAX:,} are the most in one configuration"
            )
        if self.characters > limits.CONFIGURATION_BYTES_MAX:
            most = limits.CONFIGURATION_BYTES_MAX // (1024 * 1024)
            return f"{self.characters:,} characters: {most} MiB are the most in one configuration"
        return ""


def weight_of(data: Any) -> Weight:
    """Returns what plain data weighs."""
    nodes, characters, references = 0, 0, 0
    parts = [data]
    while parts:
        part = parts.pop()
        nodes += 1
        if isinstance(part, str):
            characters += len(part)
            references += len(EACH.findall(part)) if "${" in part else 0
        elif isinstance(part, dict):
            characters += sum(map(len, part))
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)
    return Weight(nodes, characters, references)


def without_loop(part: Any) -> Any:
    """Returns a part of a target as each entry of a loop has it."""
    return {key: value for key, value in part.items() if key != FOR_EACH} if isinstance(part, dict) else part


def merged(layers: Sequence[Any]) -> Any:
    """Returns a copy of the layers as one, the first above the others: mappings are merged, anything else hides what is below."""
    top = layers[0]
    if isinstance(top, dict):
        maps = visible(layers)
        keys = dict.fromkeys(key for part in maps for key in part)
        return {key: merged([part[key] for part in maps if key in part]) for key in keys}
    if isinstance(top, list):
        return [merged([entry]) for entry in top]
    return top


def visible(layers: Sequence[Any]) -> list[dict[str, Any]]:
    """Returns the mappings that nothing else hides."""
    return list(takewhile(lambda part: isinstance(part, dict), layers))


class Layer(NamedTuple):
    """A part of a value, and where it stands."""

    value: Any
    source: int
    path: Path
    uses: tuple[tuple[int, Path], ...] = ()


def stating(layers: Sequence[Layer], path: Path) -> tuple[Layer, bool]:
    """Returns the layer that states the value under a path, or else what holds it, and whether the whole path was found."""
    for number, step in enumerate(path):
        below = [_below(layer, step) for layer in layers if _has(layer.value, step)]
        if not below:
            return layers[0], number == len(path)
        maps = list(takewhile(lambda layer: isinstance(layer.value, dict), below))
        layers = maps or below[:1]
    return layers[0], True


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _below(layer: Layer, step: str | int) -> Layer:
    return layer._replace(value=layer.value[step], path=(*layer.path, step))
