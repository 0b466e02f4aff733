"""The answer to a check by command: apart from its route, so that a client has it without the web libraries."""

from ...domain.public_value import PublicValue
from .answers import AttemptRow, TargetRow


class CheckAnswer(PublicValue, frozen=True, kw_only=True):
    """An attempt that was commanded, and its target after it."""

    attempt: AttemptRow | None
    """Null while it runs: `GET /targets/{target}/attempts` has it once it has ended."""
    target: TargetRow
