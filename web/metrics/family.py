"""One family of metrics, and the figures of one scrape that its series are read from."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from ...domain.read_model.metrics import TargetMetrics
from ...host.access.metrics import ScrapedFigures
from ..shapes.documents import text_of

LabelTexts: TypeAlias = tuple[str, ...]
Series: TypeAlias = tuple[str, LabelTexts, float]
"""The end of its name, such as `_total`, the texts of its labels, and its value."""
LINES_OF_TARGET = 8
"""The series of one target, as a rule."""
LE = "le"
"""The label of a bucket: the bound that its durations are not above."""


class Scrape(NamedTuple):
    """The figures of one scrape, and its targets with the labels that all their series have."""

    figures: ScrapedFigures
    targets: list[tuple[LabelTexts, TargetMetrics]]

    @classmethod
    def of(cls, figures: ScrapedFigures) -> "Scrape":
        """Returns the scrape of some figures; those of a runtime that does not watch have no targets."""
        targets = () if figures.runtime is None else figures.runtime.targets
        return cls(figures, [((clean(each.id), clean(each.group)), each) for each in targets])


class Family(NamedTuple):
    """One family of series."""

    name: str
    """Without `_total`."""
    kind: str
    """`gauge`, `counter`, `histogram` or `summary`."""
    help: str
    labels: LabelTexts
    series: Callable[[Scrape], Iterable[Series]]


def clean(text: str) -> str:
    """Returns the text with lone surrogates replaced, which UTF-8 cannot hold."""
    return text if text.isascii() else text_of(text)
