"""The words between two processes of one store: a command or question is a message, and its answer a value or an error."""

from typing import Any

import msgspec

from ...domain import errors
from ...domain.errors import ConfigurationError, MessageError, WatchkeeperError
from ...domain.incidents.delivery_try import DeliveryTry
from ...domain.incidents.incident import Incident
from ...domain.line import first_line
from ...domain.observation.attempt import AttemptRecord
from ...domain.read_model.metrics import RuntimeMetrics
from ...domain.read_model.status import RuntimeStatus
from ...domain.time.moment import Moment
from ...protocol.message import Message
from ...protocol.recorder import GetAttempts, GetIncidents, GetMetrics, GetStatus
from ...protocol.sink import Redrive, SendTest
from ...protocol.supervisor import Beat

PEER_PATH = "/peer/v1"
"""The path on the control socket; it is on no door over TCP, and no part of the API."""
ANSWERS: dict[type[Message], Any] = {
    GetStatus: RuntimeStatus,
    GetIncidents: tuple[Incident, ...],
    GetMetrics: RuntimeMetrics,
    GetAttempts: tuple[AttemptRecord, ...],
    Redrive: bool,
    SendTest: DeliveryTry,
}
"""The type of the answer to each question; a command has none."""
_ERRORS: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, WatchkeeperError)
} | {"TimeoutError": TimeoutError, "ValueError": ValueError}


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer on its way."""

    error: str = ""
    """The class of the error; empty for an answer."""
    says: tuple[str, ...] = ()
    answer: msgspec.Raw = msgspec.Raw(b"")


def without_monotonic(message: Message) -> Message:
    """Returns a message as it may leave the process: no monotonic time means anything in another one."""
    return (
        msgspec.structs.replace(message, at=Moment(0, message.at.wall_ns))
        if isinstance(message, Beat)
        else message
    )


def answer_bytes(answer: Any) -> bytes:
    """Returns the reply with an answer."""
    return msgspec.msgpack.encode(Reply(answer=msgspec.Raw(msgspec.msgpack.encode(answer))))


def error_bytes(error: Exception) -> bytes:
    """Returns the reply with an error."""
    name = next(
        (each.__name__ for each in type(error).__mro__ if each.__name__ in _ERRORS), "WatchkeeperError"
    )
    says = error.problems if isinstance(error, ConfigurationError) else (first_line(str(error)) or name,)
    return msgspec.msgpack.encode(Reply(error=name, says=says))


def read_reply(message: Message, data: bytes) -> Any:
    """Returns the answer to a message.

    Raises: the error that the active process raised; MessageError where its version of watchkeeper answers otherwise.
    """
    try:
        reply = msgspec.msgpack.decode(data, type=Reply)
        kind = ANSWERS.get(type(message))
        answer = None if reply.error or kind is None else msgspec.msgpack.decode(reply.answer, type=kind)
    except msgspec.MsgspecError as error:
        raise MessageError(
            f"the active process answers otherwise than this version of watchkeeper: {first_line(str(error))}"
        ) from None
    if reply.error:
        raise _ERRORS.get(reply.error, WatchkeeperError)(*reply.says)
    return answer
