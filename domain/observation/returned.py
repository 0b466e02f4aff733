"""Reads the value that a host's callable returned as an observation."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from inspect import isawaitable, iscoroutine
from numbers import Real
from types import MappingProxyType
from typing import Any

import msgspec

from ..limits import MEASUREMENTS_MAX, PERFORMANCE_LABEL_CHARACTERS_MAX
from ..line import escaped, first_line
from .observation import Measurement, Observation
from .outcome import Outcome, Reason

BYTES = (bytes, bytearray)
VALUE = "value"
"""The name of the measurement that a callable reports by returning a bare number."""


class Refused(Exception):
    """The returned value is no report; the message states the reason."""


def observation_of(returned: object) -> Observation:
    """Returns the observation for a returned value.

    None and True are UP, False is DOWN, a number is the measurement `value`, a mapping of names to numbers is that many
    measurements, a text is UP with a detail, an Outcome means itself, an Observation is used as it is. Anything else, and
    any figure that is not finite, is UNKNOWN: a defect of the check is no evidence about the target.
    """
    try:
        return _read(returned)
    except Refused as refused:
        return Observation(
            outcome=Outcome.UNKNOWN, reason=Reason.INVALID_MEASUREMENT, detail=first_line(str(refused))
        )


def _read(returned: object) -> Observation:
    match returned:
        case None | True:
            return Observation()
        case False:
            return Observation(outcome=Outcome.DOWN, reason=Reason.REPORTED, detail="it returned False")
        case Outcome():
            return _checked(Observation(outcome=returned))
        case str() if not isinstance(returned, Enum):
            return Observation(detail=first_line(returned))
        case Observation():
            return _checked(returned)
        case Mapping():
            figures = [(name, value, "") for name, value in returned.items()]
            return Observation(measurements=_measurements(figures))
        case Real() | Decimal():
            return Observation(measurements=(Measurement(VALUE, _finite(VALUE, returned)),))
        case _:
            raise Refused(_unreadable(returned))


def _unreadable(returned: object) -> str:
    if isawaitable(returned):
        if iscoroutine(returned):
            returned.close()
        return "it returned an awaitable: declare the check with `async def`"
    return (
        f"it returned {type(returned).__name__}: return None, a bool, a number, a mapping of numbers, a text, "
        "an Outcome or an Observation"
    )


def _measurements(figures: Sequence[tuple[object, object, str]]) -> tuple[Measurement, ...]:
    """The measurements of names, values and units."""
    if len(figures) > MEASUREMENTS_MAX:
        raise Refused(f"it returned {len(figures)} measurements: at most {MEASUREMENTS_MAX} are kept")
    return tuple(
        Measurement(_name(name), _finite(name, value), escaped(unit)) for name, value, unit in figures
    )


def _name(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= PERFORMANCE_LABEL_CHARACTERS_MAX:
        raise Refused(
            f"a measurement is named {name!r:.40}: a name is 1 to {PERFORMANCE_LABEL_CHARACTERS_MAX} characters"
        )
    return escaped(name)


def _finite(name: object, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise Refused(f"measurement {name!r:.40} is {type(value).__name__}, not a number")
    try:
        figure = float(value)
    except (OverflowError, ValueError) as error:
        raise Refused(f"measurement {name!r:.40} does not fit a float: {error}") from error
    if not math.isfinite(figure):
        raise Refused(f"measurement {name!r:.40} is {figure}: figures are finite")
    return figure


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is no plain data")


def _checked(observation: Observation) -> Observation:
    """Returns the observation with bounded texts and every field in its declared type: `"down"` is no Outcome yet."""
    try:
        plain = msgspec.to_builtins(observation, builtin_types=BYTES, enc_hook=_plain)
        observation = msgspec.convert(plain, Observation, builtin_types=BYTES)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
        raise Refused(f"its Observation is not valid: {error}") from error
    unsaid = observation.reason is Reason.OK and observation.outcome is not Outcome.UP
    return msgspec.structs.replace(
        observation,
        reason=Reason.REPORTED if unsaid else observation.reason,
        detail=first_line(observation.detail),
        shared_age_ns=msgspec.UNSET,
        figures_dropped=msgspec.UNSET,
        slow_by_ns=msgspec.UNSET,
        locations=msgspec.UNSET,
        ip=None if observation.ip is None else escaped(observation.ip),
        measurements=_measurements([msgspec.structs.astuple(figure) for figure in observation.measurements]),
    )
