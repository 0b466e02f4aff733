"""Badges: the status of one service as a small picture for other pages."""

from markupsafe import Markup

from ...domain.line import cut, escaped
from ...domain.rules.aggregate import Status
from ..pages.charts.svg import element
from .value import PublicComponent
from .words import STATUS_WORDS

MEDIA_TYPE = "image/svg+xml"
CHARACTERS_MAX = 60
_SIGN_WIDTH = 6.6
"""Of 11 px sans; the text is fitted to it, whatever its signs are."""
_PAD, _HEIGHT = 8.0, 20.0
_COLOURS = {
    Status.UP: "#1f7a6d",
    Status.DEGRADED: "#a15c00",
    Status.DOWN: "#b3202e",
    Status.UNKNOWN: "#68727d",
    Status.PAUSED: "#6a5f96",
}
"""Those of the page on light paper: white text on each has a contrast of 4.7 or more."""


def badge_of(component: PublicComponent) -> bytes:
    """Returns the picture: the name on the left, the status as a word on the right."""
    name, word = cut(escaped(component.name), CHARACTERS_MAX), STATUS_WORDS[component.status]
    left, right = _width(name), _width(word)
    said = {"fill": "#fff", "font-family": "Verdana, DejaVu Sans, sans-serif", "font-size": "11"}
    children = (
        element("title", f"{name}: {word}"),
        element("rect", width=left, height=_HEIGHT, fill="#17212b"),
        element("rect", x=left, width=right, height=_HEIGHT, fill=_COLOURS[component.status]),
        element("g", _label(name, 0.0, left), _label(word, left, right), **said),
    )
    return element(
        "svg",
        Markup().join(children),
        xmlns="http://www.w3.org/2000/svg",
        width=left + right,
        height=_HEIGHT,
        role="img",
        aria_label=f"{name}: {word}",
    ).encode("utf-8", "replace")


def _width(text: str) -> float:
    return len(text) * _SIGN_WIDTH + 2 * _PAD


def _label(text: str, x: float, width: float) -> Markup:
    fitted = width - 2 * _PAD
    return element("text", text, x=x + _PAD, y=14.0, textLength=fitted, lengthAdjust="spacingAndGlyphs")
