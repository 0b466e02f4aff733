"""The answers of a runtime as values, and its refusals as errors."""

from datetime import datetime
from typing import TypeVar

import msgspec

from ..domain.errors import (
    ConfigurationError,
    NotAllowed,
    StoreError,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from ..domain.line import first_line, one_line
from ..domain.public_value import PublicValue
from ..domain.read_model.status import status_line
from ..domain.specification.problem import suggestion
from ..web.public.value import PublicView
from ..web.shapes.announcement_rows import AnnouncementRow
from ..web.shapes.answers import (
    AttemptRow,
    Done,
    EvidenceRow,
    IncidentRow,
    Listed,
    PreviewAnswer,
    SampleRow,
    SilenceRow,
    TargetRow,
)
from ..web.shapes.check_answer import CheckAnswer
from ..web.shapes.delivery_rows import ChannelTestRow, IncidentNoticeRow, ToldRow, TryRow, WaitRow
from ..web.shapes.drill_answers import DrillAnswer, DrillChannel
from ..web.shapes.location_rows import LocationRow
from ..web.shapes.notice_rows import NoticeRow
from ..web.shapes.runtime_rows import NodeRow, ProblemRow, StatusAnswer
from ..web.shapes.token_answers import MadeToken, TokenRow
from .exchange import Answered

__all__ = [
    "AnnouncementRow",
    "AttemptRow",
    "ChannelTestRow",
    "CheckAnswer",
    "Done",
    "DrillAnswer",
    "DrillChannel",
    "EvidenceRow",
    "IncidentNoticeRow",
    "IncidentRow",
    "Listed",
    "LocationRow",
    "MadeToken",
    "NodeRow",
    "NoticeRow",
    "PreviewAnswer",
    "ProblemRow",
    "PublicView",
    "RemoteStatus",
    "SampleRow",
    "SilenceRow",
    "StatusAnswer",
    "TargetRow",
    "TokenRow",
    "ToldRow",
    "TryRow",
    "WaitRow",
    "error_of",
    "value_of",
]
T = TypeVar("T")


class RemoteStatus(PublicValue, frozen=True, kw_only=True):
    """The status of a runtime in another process; its attributes have the names of those of RuntimeStatus."""

    at: datetime
    """The moment as of which the runtime said so."""
    healthy: bool
    """Whether no part of the runtime has a problem; independent of the state of the targets."""
    targets: tuple[TargetRow, ...]
    incidents: tuple[IncidentRow, ...]
    """The open incidents, the newest first; none where the store does not answer, which `problems` then say."""
    silences: tuple[SilenceRow, ...]
    problems: tuple[ProblemRow, ...]
    nodes: tuple[NodeRow, ...] = ()
    """The processes that share the shards of the store; empty where one process has all of it."""

    def __getitem__(self, target: str) -> TargetRow:
        """Returns one target. Raises: UnknownName for a target that is not watched."""
        for row in self.targets:
            if row.id == target:
                return row
        raise UnknownName(
            f"no target {target!r} is watched{suggestion(str(target), (row.id for row in self.targets))}"
        )

    def __contains__(self, target: object) -> bool:
        return any(row.id == target for row in self.targets)

    def __repr__(self) -> str:
        return status_line(self)


class _Fault(msgspec.Struct, frozen=True):
    pointer: str = ""
    detail: str = ""


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    errors: tuple[_Fault, ...] = ()
    cause: str = ""


def value_of(answered: Answered, kind: type[T], name: str) -> T:
    """Returns an answer as a value of this type. Raises: WatchkeeperError, or a subclass, for a refusal."""
    if not 200 <= answered.status < 300:
        raise error_of(answered, name)
    if not answered.is_json:
        raise _no_api(answered, name)
    try:
        return msgspec.json.decode(answered.body, type=kind)
    except msgspec.MsgspecError as error:
        raise WatchkeeperError(
            f"{name} answers otherwise than this version of watchkeeper: {first_line(str(error))}"
        ) from None


def _no_api(answered: Answered, name: str) -> WatchkeeperError:
    return WatchkeeperError(f"{name} answers with status {answered.status}: it is no API of watchkeeper")


def error_of(answered: Answered, name: str) -> Exception:
    """Returns a refusal as the error that the runtime's own method raises, with the sentence of the API."""
    try:
        problem = msgspec.json.decode(answered.body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    if not answered.is_json or not problem.detail:
        return _no_api(answered, name)
    faults = [f"{fault.pointer}: {fault.detail}".removeprefix(": ") for fault in problem.errors]
    # Foreign text: the peer may be anything.
    says = "; ".join(one_line(text, 1_000) for text in (problem.detail, *faults))
    match answered.status:
        case 401 | 403:
            return NotAllowed(says)
        case 404:
            return UnknownName(says)
        case 409 if faults and all(not fault.pointer for fault in problem.errors):
            return ConfigurationError(*faults)
        case 400 | 409 | 413 | 415:
            return UsageError(says)
        case 503 if problem.cause == "store":
            return StoreError(says)
        case 429 | 503:
            return TimeoutError(says)
        case _:
            return WatchkeeperError(says)
