"""`POST /targets/{target}/check`: one attempt at once."""

from ...host.access.refusals import refusal_of_check
from ..problems import Refusal
from ..shapes.check_answer import CheckAnswer
from ..shapes.documents import attempt_row
from ..table import Accepted, ApiCall
from .reading import target_as_it_is


async def check(call: ApiCall) -> CheckAnswer | Accepted:
    """Starts one attempt. Raises: UnknownName; Refusal of a heartbeat and of a paused target."""
    target = call.operations.target(call.path["target"])
    if refusal := refusal_of_check(target):
        raise Refusal(409, refusal)
    record = await call.operations.check_now(target.id)
    row = await target_as_it_is(call, (await call.operations.settled()).status)
    if record is None:
        return Accepted(CheckAnswer(attempt=None, target=row))
    return CheckAnswer(attempt=attempt_row(record), target=row)
