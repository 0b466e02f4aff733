"""Elements of SVG as safe markup: every text and attribute is escaped here, and nowhere else."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from ....domain.line import escaped


def element(name: str, *children: str, **attributes: float | str | None) -> Markup:
    """Returns an element; children that are no markup are text. `class_` and `view_box` stand for the names of SVG."""
    said = "".join(
        f' {_name(key)}="{escape(value) if isinstance(value, str) else _text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup().join(children)
    if not inside:
        return Markup(f"<{name}{said}/>")  # noqa: S704  # the values are escaped above
    return Markup(f"<{name}{said}>{inside}</{name}>")  # noqa: S704  # as above; the children are markup


def picture(name: str, width: float, height: float, label: str, children: Iterable[str]) -> Markup:
    """Returns a whole chart of a class; `label` says in words what it shows."""
    title = element("title", escaped(label))
    view_box = f"0 0 {_text(width)} {_text(height)}"
    return element("svg", title, *children, class_=name, viewBox=view_box, role="img")


def path(points: Iterable[tuple[float, float] | None]) -> str:
    """Returns the `d` of lines through points; None breaks the line. A point between two breaks is a stroke of its own."""
    parts: list[str] = []
    length = 0
    for point in (*points, None):
        if point is None:
            if length == 1:
                parts.append("m-1 0h2")
            length = 0
            continue
        x, y = point
        parts.append(f"{'L' if length else 'M'}{_text(x)} {_text(y)}")
        length += 1
    return "".join(parts)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _text(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
