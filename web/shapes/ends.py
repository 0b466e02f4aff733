"""The end of a silence or an acknowledgement, as a request gives it."""

from datetime import datetime

from ...domain.limits import INTEGER_MAX
from ...domain.time.moment import NS_PER_S
from ..problems import Fault, Refusal, length_ns_of
from .documents import ns_of


def end_ns(what: str, length: str | None, until: datetime | None, now_ns: int) -> int:
    """Returns the wall time of an end that is given as a length from now or as a moment.

    Raises: Refusal unless exactly one of the two is given, and of an end that has passed or cannot be recorded.
    """
    if until is not None and length is None:
        until_ns = ns_of(until)
    elif length is not None and until is None:
        until_ns = now_ns + length_ns_of(length, "/length")
    else:
        raise Refusal(400, f"{what} has a length or an end: give one of the two")
    if not now_ns + NS_PER_S <= until_ns <= INTEGER_MAX:
        place = "/until" if length is None else "/length"
        fault = Fault(place, "it must end a second or more after now and before the year 2262")
        raise Refusal(409, f"this {what.rsplit(maxsplit=1)[-1]} has no possible end", [fault])
    return until_ns
