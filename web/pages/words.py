"""Figures in the words of pages: lengths, ages, latencies, shares and counts."""

from datetime import date

from ...domain.time.moment import utc
from ...domain.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, NS_PER_US

WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
DASH = "\N{EN DASH}"
"""Stands where there is no figure."""


def duration(length_ns: int) -> str:
    """Returns a length as a person says it: `12 s`, `38 min`, `2 h 10`, `9 d`."""
    if length_ns < 0:
        return "0 s"
    if length_ns < NS_PER_MINUTE:
        return f"{length_ns // NS_PER_S} s"
    if length_ns < 100 * NS_PER_MINUTE:
        return f"{length_ns // NS_PER_MINUTE} min"
    if length_ns < NS_PER_DAY:
        return f"{length_ns // NS_PER_HOUR} h {length_ns % NS_PER_HOUR // NS_PER_MINUTE:02}"
    if length_ns < 2 * NS_PER_DAY:
        return f"{length_ns // NS_PER_HOUR} h"
    return f"{length_ns // NS_PER_DAY} d"


def latency(length_ns: int | None) -> str:
    """Returns a latency with its unit: `32 µs`, `0.4 ms`, `18 ms`, `1.2 s`."""
    if length_ns is None:
        return DASH
    if 0 < length_ns < NS_PER_MS // 10:
        return f"{max(1, length_ns // NS_PER_US)} \N{MICRO SIGN}s"
    if length_ns < 10 * NS_PER_MS:
        return f"{length_ns / NS_PER_MS:.1f} ms"
    if length_ns < NS_PER_S:
        return f"{length_ns // NS_PER_MS} ms"
    return f"{length_ns / NS_PER_S:.1f} s"


def percent(share: float | None) -> str:
    """Returns a share in percent, cut and not rounded: a target that was down for a moment never shows 100.00 %."""
    if share is None:
        return DASH
    hundredths = int(share * 10_000 + 1e-6)
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def number(count: int) -> str:
    """Returns a count as a word where a sentence reads better with one: `three`, `27`, `5,000`."""
    return WORDS[count] if 0 <= count < len(WORDS) else f"{count:,}"


def capital(text: str) -> str:
    """Returns the text with a capital at its beginning, as a sentence has."""
    return f"{text[:1].upper()}{text[1:]}"


def sentence(text: str) -> str:
    """Returns the text as a sentence, with a capital and a full stop."""
    return capital(text) if text.endswith((".", "!", "?")) else f"{capital(text)}."


def day_of_month(day: date) -> str:
    """Returns a day as people write it: `2 Nov 2026`."""
    return f"{day.day} {day:%b %Y}"


def instant(wall_ns: int) -> str:
    """Returns a wall time as addresses of pages have it: to the microsecond, in UTC."""
    return utc(wall_ns).isoformat(timespec="microseconds").replace("+00:00", "Z")


FILTERS = {
    "duration": duration,
    "latency": latency,
    "percent": percent,
    "number": number,
    "sentence": sentence,
    "begin": capital,
    "day": day_of_month,
    "instant": instant,
}
"""The filters that templates have beside those of Jinja."""
