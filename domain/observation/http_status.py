"""What a status line means when nobody said what to expect."""

from .outcome import Outcome, Reason

FAILED_FROM = 400
"""Statuses from here on are failures by HTTP's own classes; a redirect that was not followed is an answer."""


def default_outcome(status: int) -> tuple[Outcome, Reason, str]:
    """The outcome, reason and detail of an HTTP answer to a target without conditions."""
    if status < FAILED_FROM:
        return Outcome.UP, Reason.OK, ""
    return Outcome.DOWN, Reason.UNEXPECTED_ANSWER, f"HTTP {status}"
