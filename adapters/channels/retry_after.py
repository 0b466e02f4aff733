"""When a receiver says that it may be asked again."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from ...domain.limits import RETRY_AFTER_NS_MAX
from ...domain.units import NS_PER_S

HEADER = re.compile(rb"^retry-after:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
SECONDS = re.compile(r"[0-9]{1,12}")


def retry_after_ns(header: bytes, now_wall_ns: int) -> int | None:
    """How long the answer asks to wait: never negative, at most a year; None when it asks nothing that can be read."""
    found = HEADER.search(header)
    if found is None:
        return None
    text = found[1].decode("latin-1").strip()
    wait_ns = int(text) * NS_PER_S if SECONDS.fullmatch(text) else _until_ns(text, now_wall_ns)
    return None if wait_ns is None else min(max(wait_ns, 0), RETRY_AFTER_NS_MAX)


def _until_ns(text: str, now_wall_ns: int) -> int | None:
    try:
        date = parsedate_to_datetime(text)
        moment = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return int(moment.timestamp()) * NS_PER_S - now_wall_ns
    except (ValueError, OverflowError, TypeError):
        return None
