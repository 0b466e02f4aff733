"""The sparkline: the latency of a day in a line of text."""

from collections.abc import Sequence

from markupsafe import Markup

from ..words import latency
from .svg import element, path, picture

WIDTH, HEIGHT = 112.0, 22.0
_PAD = 2.0


def sparkline(latency_ms: Sequence[float | None], is_bad: Sequence[bool] = ()) -> Markup:
    """Returns a line through the latency of each hour, oldest first; hours with a bad sample have a stroke at the top.

    A day that hardly varies is a flat line: the least and the greatest value are as far apart as the mean at least.
    """
    found = [value for value in latency_ms if value is not None]
    if not found and not any(is_bad):
        return Markup()
    step = (WIDTH - 2 * _PAD) / max(1, len(latency_ms) - 1)
    low, high = min(found, default=0.0), max(found, default=0.0)
    reach = max(high - low, (high + low) / 2, 1e-9)

    def place(number: int, value: float | None) -> tuple[float, float] | None:
        if value is None:
            return None
        return _PAD + number * step, HEIGHT - _PAD - (value - low) / reach * (HEIGHT - 2 * _PAD)

    line = path(place(number, value) for number, value in enumerate(latency_ms))
    strokes = "".join(
        f"M{max(0.0, _PAD + number * step - 1.5):.1f} 1.5h3" for number, bad in enumerate(is_bad) if bad
    )
    children = [element("path", d=line)] if line else []
    if strokes:
        children.append(element("path", class_="bad", d=strokes))
    return picture("spark", WIDTH, HEIGHT, _label(found, sum(is_bad)), children)


def _label(found: Sequence[float], bad: int) -> str:
    said = "no answer"
    if found:
        said = f"{latency(int(min(found) * 1e6))} to {latency(int(max(found) * 1e6))}"
    failures = f"; failures in {bad} of its hours" if bad else ""
    return f"Mean latency of the last 24 hours: {said}{failures}"
