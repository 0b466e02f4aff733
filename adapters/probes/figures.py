"""The figure that an answer is: the measure `value` of probes that ask a server for one."""

import math

from ...domain.limits import NUMBER_CHARACTERS_MAX
from ...domain.observation.observation import Measurement


def figure_of(answer: object) -> tuple[Measurement, ...]:
    """Returns the measure `value` of an answer that is a number, or the text of one; otherwise nothing."""
    if isinstance(answer, str):
        # Python alone reads `1_000` as a number.
        if len(answer) > NUMBER_CHARACTERS_MAX or "_" in answer:
            return ()
    elif not isinstance(answer, int | float):
        return ()
    try:
        value = float(answer)
    except (ValueError, OverflowError):
        return ()
    return (Measurement("value", value),) if math.isfinite(value) else ()
