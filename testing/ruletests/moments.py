"""Moments of a rule test: a length of time since its beginning, or a moment of the calendar."""

from ...domain.limits import RULE_TEST_NS_MAX
from ...domain.time.duration import format_duration, parse_duration
from ...domain.time.moment import names_moment, wall_ns_of, wall_text


def offset_ns(text: str, start_ns: int) -> int:
    """Returns the nanoseconds from the beginning of a test to a moment.

    Raises: ValueError for a text that means none, and for a moment before the beginning or too far behind it.
    """
    at_ns = wall_ns_of(text) - start_ns if names_moment(text) else parse_duration(text)
    if at_ns < 0:
        raise ValueError(f"{text} is before the beginning of the test, {wall_text(start_ns)}")
    if at_ns > RULE_TEST_NS_MAX:
        most = format_duration(RULE_TEST_NS_MAX)
        raise ValueError(f"{text} is more than {most} after the beginning: a test takes at most that long")
    return at_ns
