"""The figures of a chart as the rows of a table."""

from collections.abc import Iterable

from markupsafe import Markup

from ....host.access.target_past import Part
from ..frame import PageFrame
from ..words import latency


def figure_rows(parts: Iterable[Part], frame: PageFrame) -> Markup:
    """Returns a row for each part of a span. A year has 365: here they take a tenth of what a template needs."""
    return Markup("".join(_row(part, frame) for part in parts))  # noqa: S704  # times and figures, no word of others


def _row(part: Part, frame: PageFrame) -> str:
    at_ns = part.since_ns
    figures = (*map(latency, (part.p50_ns, part.p95_ns, part.max_ns)), f"{part.samples:,}", f"{part.bad:,}")
    cells = "".join(f'<td class="num">{figure}</td>' for figure in figures)
    return f'<tr><td><time datetime="{frame.iso(at_ns)}">{frame.clock(at_ns)}</time></td>{cells}</tr>\n'
