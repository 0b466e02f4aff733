"""The figures of a chart as the rows of a table."""

from collections.abc import Iterable

from markupsafe import Markup

from ....host.access.target_past import Part
from ..frame import PageFrame
from ..words import latency

_ROW = Markup(
    '<tr><td><time datetime="{}">{}</time></td><td class="num">{}</td><td class="num">{}</td><td class="num">{}</td>'
    '<td class="num">{}</td><td class="num">{}</td></tr>\n'
)


def figure_rows(parts: Iterable[Part], frame: PageFrame) -> Markup:
    """Returns a row for each part of a span. A year has 365: here they take a quarter of what a template needs."""
    return Markup().join(
        _ROW.format(
            frame.iso(part.since_ns),
            frame.clock(part.since_ns),
            latency(part.p50_ns),
            latency(part.p95_ns),
            latency(part.max_ns),
            part.samples,
            part.bad,
        )
        for part in parts
    )
