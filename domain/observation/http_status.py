"""The default judgement of an HTTP status, for targets without conditions."""

from .outcome import Outcome, Reason

FAILED_FROM = 400
"""Statuses from this one on are failures by HTTP's own classes; a redirect that was not followed is an answer."""


def default_outcome(status: int) -> tuple[Outcome, Reason, str]:
    """Returns the outcome, reason and detail of an HTTP answer to a target without conditions."""
    if status < FAILED_FROM:
        return Outcome.UP, Reason.OK, ""
    return Outcome.DOWN, Reason.UNEXPECTED_ANSWER, f"HTTP {status}"
