"""The output of a Nagios plugin: exit status, first line and performance data, by the plugin development guidelines."""

import math
import re
from collections.abc import Iterator

import msgspec

from ..limits import MEASUREMENTS_MAX, PERFORMANCE_LABEL_CHARACTERS_MAX
from ..line import escaped, first_line
from .observation import Measurement
from .outcome import Outcome, Reason

EXIT_STATUSES: dict[int, tuple[Outcome, Reason]] = {
    0: (Outcome.UP, Reason.OK),
    1: (Outcome.DEGRADED, Reason.EXIT_STATUS),
    2: (Outcome.DOWN, Reason.EXIT_STATUS),
    3: (Outcome.UNKNOWN, Reason.EXIT_STATUS),
}
"""The meaning of each exit status of the protocol. 3 is the plugin's own UNKNOWN, not an internal fault."""

OUTSIDE_PROTOCOL = (Outcome.DOWN, Reason.EXIT_STATUS)
"""The meaning of every other exit status, such as 126 and 127 of a shell."""


class PluginOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The parsed output of a plugin."""

    line: str
    """The first line without its performance data, bounded and escaped."""
    figures: tuple[Measurement, ...]
    """Of `'label'=value[UOM];[warn];[crit];[min];[max]`; the thresholds are the plugin's own business."""
    refused: int
    """The number of performance items that were no finite figure or repeated a label."""
    surplus: int
    """The number of figures beyond MEASUREMENTS_MAX, which are dropped."""


# Bounded and possessive, with nothing optional in front: the expression never backtracks over a hostile output.
_QUOTED = rf"'(?P<quoted>(?:[^']|''){{0,{PERFORMANCE_LABEL_CHARACTERS_MAX}}}+)'"
_PLAIN = r"(?P<plain>[^\s='][^\s=]*+)"
_ITEM = re.compile(rf"(?:{_QUOTED}|{_PLAIN})=(?P<figure>\S*+)|(?P<junk>\S++)")
_FIGURE = re.compile(
    r"(?P<value>[-+]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?)(?P<unit>[^0-9\s;'\"=.,+-][^0-9\s;'\"=]{0,15})?"
)
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}")
"""May be thousands or a decimal comma: no figure, for a wrong guess is wrong by 1000. Any other comma is decimal."""
_UNDETERMINED = "U"
"""The guidelines' word for a value that could not be determined: no figure, and no error."""


def parse_plugin_output(output: str) -> PluginOutput:
    """Parses a plugin's output; unreadable performance items are counted, never guessed."""
    first, performance = _parted(output)
    figures: dict[str, Measurement] = {}
    refused = surplus = 0
    for label, text in _items(performance):
        if text.partition(";")[0] == _UNDETERMINED:
            continue
        figure = _figure(label, text)
        if figure is None or figure.name in figures:
            refused += 1
        elif len(figures) >= MEASUREMENTS_MAX:
            surplus += 1
        else:
            figures[figure.name] = figure
    return PluginOutput(
        line=first_line(first), figures=tuple(figures.values()), refused=refused, surplus=surplus
    )


def _parted(output: str) -> tuple[str, str]:
    """The first line's text, and the performance data of all lines joined.

    The data follows the first line's bar, and again the next bar up to the end of the output.
    """
    first, _, rest = output.strip("\r\n").partition("\n")
    text, _, performance = first.partition("|")
    _, _, more = rest.partition("|")
    return text, f"{performance} {more}"


def _items(performance: str) -> Iterator[tuple[str, str]]:
    for item in _ITEM.finditer(performance):
        quoted, plain, figure = item.group("quoted", "plain", "figure")
        label = plain if quoted is None else quoted.replace("''", "'")
        yield (label or "", figure or "")


def _figure(label: str, text: str) -> Measurement | None:
    shown, *limits = text.split(";")
    match = _FIGURE.fullmatch(shown)
    if match is None or not 0 < len(label) <= PERFORMANCE_LABEL_CHARACTERS_MAX or len(limits) > 4:
        return None
    if _THOUSANDS.fullmatch(match["value"]):
        return None
    value = float(match["value"].replace(",", "."))
    if not math.isfinite(value):
        return None
    return Measurement(escaped(label), value, match["unit"] or "")
