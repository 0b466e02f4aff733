"""Documents with one target, and a value of a key beside its visible effect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from seeing import sample

NOWHERE = "http://127.0.0.1:9/"


class Real(NamedTuple):
    """The way to see a value of a key, and the visible effects of two values."""

    see: Callable[[Path, Any], Any]
    values: tuple[Any, Any]
    seen: tuple[Any, Any]


def watching(probe: dict[str, Any], runtime: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    target = {"id": "shop", "every": "1h", "timeout": "20s", **probe, **fields}
    return {"runtime": runtime or {}, "targets": [target]}


def one_target(folder: Path, probe: dict[str, Any], **how: Any) -> tuple[str, str]:
    return sample(folder, watching(probe, how.pop("runtime", None), **how))
