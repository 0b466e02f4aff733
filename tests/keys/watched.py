"""Documents with one target, and a value of a key beside its visible effect."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from seeing import sample

NOWHERE = "http://127.0.0.1:9/"


class Real(NamedTuple):
    """The way to see a value of a key, and the visible effects of two values."""

    see: Callable[[Path, Any], Any]
    values: tuple[Any, Any]
    seen: tuple[Any, Any]


_STEPS: list[bool] = []
"""Not empty while a request is written as the only step of several."""


@contextmanager
def as_a_step() -> Iterator[None]:
    """A stretch in which `http` of a document is written as `http_steps` with one step."""
    _STEPS.append(True)
    try:
        yield
    finally:
        _STEPS.pop()


def watching(probe: dict[str, Any], runtime: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    if _STEPS and "http" in probe:
        probe = {"http_steps": {"steps": [{"id": "only", **probe["http"]}]}}
    target = {"id": "shop", "every": "1h", "timeout": "20s", **probe, **fields}
    return {"runtime": runtime or {}, "targets": [target]}


def one_target(folder: Path, probe: dict[str, Any], **how: Any) -> tuple[str, str]:
    return sample(folder, watching(probe, how.pop("runtime", None), **how))
