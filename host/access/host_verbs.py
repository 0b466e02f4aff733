"""The parts of a runtime that its web doors use: its verbs, and what it knows of the other processes of its store."""

from collections.abc import Iterable
from typing import Any, Protocol

from ...actors.policies import ActorPolicy
from ...domain.incidents.announcement import AnnouncementKind
from ...domain.incidents.record import AllTargets
from ...domain.policy import CachePolicy
from ...domain.specification.rule import SeverityLike
from ...domain.specification.target import Target
from ...domain.time.duration import Duration
from ...protocol.message import Message
from ..awaitable import AsyncSurface
from ..sharing.standby import PassedAnswer, PassedRequest
from ..silencing import MatcherTexts
from ..subscriptions import Subscription
from .announcing import KindLike


class HostVerbs(Protocol):
    """The public methods of Runtime that the web uses."""

    aio: AsyncSurface

    def track(self, target: Target) -> None: ...

    def untrack(self, target: str) -> None: ...

    def pause(self, target: str, *, by: str = "") -> None: ...

    def resume(self, target: str) -> None: ...

    def check_now(self, target: str) -> None: ...

    def heartbeat(
        self,
        target: str,
        *,
        ok: bool = True,
        detail: str = "",
        start: bool = False,
        run: str = "",
        exit_status: int | None = None,
    ) -> None: ...

    def acknowledge(
        self,
        incident: str,
        by: str,
        note: str = "",
        *,
        until: Duration = "",
        until_worse: bool | None = None,
    ) -> None: ...

    def unacknowledge(self, incident: str, by: str) -> None: ...

    def drill(
        self,
        route: str,
        *,
        by: str = "",
        length: Duration = "",
        severity: SeverityLike = ...,
        despite_holds: bool = False,
    ) -> str: ...

    def end_drill(self, incident: str, *, by: str = "") -> None: ...

    def silence(
        self,
        target: str | AllTargets,
        length: Duration = "",
        *,
        until: str = "",
        by: str = "",
        reason: str = "",
        id: str | None = None,  # noqa: A002  # as the method has it
        match: MatcherTexts = (),
    ) -> str: ...

    def unsilence(self, id: str, *, by: str = "") -> None: ...  # noqa: A002  # as the method has it

    def announce(
        self,
        title: str,
        text: str = "",
        *,
        kind: KindLike = AnnouncementKind.NOTICE,
        pages: str | Iterable[str] = (),
        start: str = "",
        until: Duration = "",
        by: str = "",
        id: str | None = None,  # noqa: A002  # as the method has it
    ) -> str: ...

    def end_announcement(self, id: str, *, by: str = "") -> None: ...  # noqa: A002  # as the method has it

    def subscribe(self, *, samples: bool = False) -> Subscription: ...

    def policies(self) -> tuple[ActorPolicy | CachePolicy, ...]: ...


class Sharing(Protocol):
    """The part of a lifecycle that knows of the other processes of its store."""

    @property
    def stands_by(self) -> bool: ...

    @property
    def active_process(self) -> str: ...

    @property
    def has_nodes(self) -> bool: ...

    async def ask_async(self, listener: str, question: Message) -> Any: ...

    def request(self, request: PassedRequest, *, waits: bool) -> PassedAnswer | None: ...
