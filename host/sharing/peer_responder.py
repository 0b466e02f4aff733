"""Carries out and answers, in the active process of a store, what its stand-bys pass on."""

from typing import Any

from msgspec import UNSET
from pykka import ActorDeadError, Timeout

from ...actors.dispatch.run.future import awaiting
from ...domain.errors import MessageError, NotRunning, WatchkeeperError
from ...domain.observation.outcome import Outcome
from ...protocol.codec import decode
from ...protocol.message import Message
from ...protocol.owner import Acknowledge, BeginDrill, EndDrill, Unacknowledge
from ...protocol.recorder import GetAttempts, GetIncidents, GetMetrics, GetStatus
from ...protocol.sink import Announce, EndAnnouncement, Mute, Redrive, SendTest, Unmute
from ...protocol.supervisor import Beat, CheckNow, Pause, Resume, Track, Untrack
from ..access.announcing import require_pages
from ..access.drilling import route_of
from ..access.host_verbs import HostVerbs
from ..configured import ConfiguredTargets
from ..lifecycle import Lifecycle
from ..silencing import names_one
from .peer_wire import answer_bytes, error_bytes

_RECORDER = "recorder"


class PeerResponder:
    """Obeys and answers messages of other processes of the same user, on the loop of the web doors."""

    def __init__(self, verbs: HostVerbs, configured: ConfiguredTargets, lifecycle: Lifecycle) -> None:
        self._verbs = verbs
        self._configured = configured
        self._lifecycle = lifecycle

    async def reply(self, data: bytes) -> bytes:
        """Returns the reply to the bytes of a message: its answer, or the error that the verb raised."""
        try:
            if self._lifecycle.role != "active":
                # The other one asks again: a process that stands by passes nothing on for another.
                raise NotRunning("this process does not run the store")
            message = decode(data)
            return answer_bytes(await self._answer(message))
        except (WatchkeeperError, ValueError, TimeoutError) as error:
            return error_bytes(error)
        except ActorDeadError:
            # It is about to end: the other one asks again, here or at the next active process.
            return error_bytes(NotRunning("this process ends"))
        except Timeout:
            return error_bytes(TimeoutError("the active process has not answered in time"))

    async def _answer(self, message: Message) -> Any:
        aio = self._verbs.aio
        match message:
            case GetStatus():
                return await aio.status()
            case GetIncidents(open_only):
                return await aio.incidents(open_only=open_only)
            case GetMetrics():
                return await self._lifecycle.answer(_RECORDER, message, awaiting)
            case GetAttempts(target):
                return await aio.attempts(target)
            case Redrive(key):
                return await aio.redrive(key)
            case SendTest(channel, by):
                return await aio.test_channel(channel, by=by)
            case _:
                self._obey(message)
                # The answer is the word that nothing of it is lost by the end of this process: it is durable by then.
                await self._lifecycle.answer(_RECORDER, GetIncidents(open_only=True), awaiting)
                return None

    def _obey(self, message: Message) -> None:
        match message:
            case Track(target):
                self._verbs.track(target)
            case Untrack(target):
                self._verbs.untrack(target)
            case Pause(target, by):
                self._verbs.pause(target, by=by)
            case Resume(target):
                self._verbs.resume(target)
            case CheckNow(target):
                self._verbs.check_now(target)
            case Beat():
                self._verbs.heartbeat(
                    message.target,
                    ok=message.outcome is Outcome.UP,
                    detail=message.detail,
                    start=message.is_start is True,
                    run=message.run or "",
                    exit_status=None if message.exit_status is UNSET else message.exit_status,
                )
            case Acknowledge() | Unacknowledge():
                self._lifecycle.acknowledge(message)
            case BeginDrill():
                route_of(message.drill.route, self._configured.given.routes)
                self._lifecycle.drill(message)
            case EndDrill():
                self._lifecycle.drill(message)
            case Mute():
                muted = message.silence.target
                if muted is not None and names_one(muted):
                    self._configured.known(muted)
                self._lifecycle.silence(message)
            case Unmute():
                self._lifecycle.unsilence(message)
            case Announce():
                require_pages(self._configured.given.web, message.announcement.pages)
                self._lifecycle.announce(message)
            case EndAnnouncement():
                self._lifecycle.end_announcement(message)
            case _:
                raise MessageError(f"{type(message).__name__} is nothing that a stand-by may pass on")
