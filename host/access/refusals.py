"""Commands that a target of some kind does not take, as every way to give them refuses them."""

from ...domain.errors import UsageError
from ...domain.specification.target import Target


def refusal_of_check(target: Target) -> str:
    """Returns why no attempt of a target can be started by command; empty where one can."""
    if target.heartbeat is not None:
        return f"target {target.id!r} is a heartbeat: its job reports, and there is nothing to start"
    return f"target {target.id!r} is paused: resume it before it is checked" if target.paused else ""


def require_checkable(target: Target) -> None:
    """Raises: UsageError where no attempt of a target can be started by command."""
    if refusal := refusal_of_check(target):
        raise UsageError(refusal)


def require_heartbeats(target: Target) -> None:
    """Raises: UsageError for a target that no job reports to."""
    if target.kind != "heartbeat":
        raise UsageError(f"target {target.id!r} takes no heartbeats: it is of kind {target.kind}")
