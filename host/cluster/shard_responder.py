"""Carries out the commands and questions that other nodes have sent for the shards of this one, and stores the answers."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

from msgspec.structs import replace
from pykka import ActorDeadError, Timeout

from ...actors.dispatch.run.future import blocking, run_blocking
from ...actors.engine import Engine
from ...actors.ports import Clock
from ...actors.supervisor.supervisor import RECORDER
from ...actors.system import SINK
from ...domain.errors import MessageError, NotRunning, StoreError, WatchkeeperError
from ...domain.limits import ANSWER_WITHIN_NS, COMMANDS_AT_ONCE
from ...domain.time.moment import Deadline
from ...protocol.codec import decode
from ...protocol.message import Message
from ...protocol.owner import Acknowledge, BeginDrill, EndDrill, Unacknowledge
from ...protocol.recorder import GetAttempts, GetIncidents
from ...protocol.sink import Announce, EndAnnouncement, Mute, Redrive, Unmute
from ...protocol.supervisor import Beat, CheckNow, Pause, Resume
from ..access.refusals import require_checkable
from ..configured import ConfiguredTargets
from ..sharing.peer_wire import answer_bytes, error_bytes

OBEYED = (
    Pause,
    Resume,
    CheckNow,
    Beat,
    Acknowledge,
    Unacknowledge,
    BeginDrill,
    EndDrill,
    Mute,
    Unmute,
    Announce,
    EndAnnouncement,
)
OfTarget: TypeAlias = Beat | CheckNow | Pause | Resume
OF_TARGETS = (Beat, CheckNow, Pause, Resume)
RESPONDER_THREADS = 4
logger = logging.getLogger(__name__)


class ReceivedCommand(Protocol):
    """A command on its way; see `Membership.take`."""

    @property
    def id(self) -> int: ...

    @property
    def shard(self) -> int: ...

    @property
    def message(self) -> bytes: ...


class ShardResponder:
    """Obeys and answers what arrives for the shards of this node; a command that several looks bring is obeyed once."""

    def __init__(
        self,
        configured: ConfiguredTargets,
        clock: Clock,
        require_open: Callable[[str], None],
        answer: Callable[[int, bytes], None],
        route: Callable[[OfTarget, int], Engine | None],
    ) -> None:
        """`require_open` raises UnknownName for an incident that is not open; `answer` stores an answer: several threads call it.

        `route` returns the engine of the shard on which the target of a command lies by now; None where another node has obeyed.
        """
        self._configured, self._clock = configured, clock
        self._require_open, self._answer, self._route = require_open, answer, route
        self._workers = ThreadPoolExecutor(RESPONDER_THREADS, "watchkeeper-responder")
        self._guard = threading.Lock()
        self._under_way: set[int] = set()
        self._answered_last: deque[int] = deque(maxlen=COMMANDS_AT_ONCE)
        """Commands that were answered while the look that brings them again may have been on its way."""

    def close(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    def take(self, command: ReceivedCommand, engine: Engine) -> None:
        """Begins to obey a command, unless it is under way. Never blocks."""
        with self._guard:
            if command.id in self._under_way or command.id in self._answered_last:
                return
            self._under_way.add(command.id)
        try:
            self._workers.submit(self._obey, command, engine)
        except RuntimeError:  # the node ends; the next owner of the shard obeys
            self._done(command)

    def _done(self, command: ReceivedCommand, *, is_answered: bool = False) -> None:
        with self._guard:
            self._under_way.discard(command.id)
            if is_answered:
                self._answered_last.append(command.id)

    def _obey(self, command: ReceivedCommand, engine: Engine) -> None:
        is_answered = False
        try:
            answer = self._reply(command, engine)
            if answer is not None:
                self._answer(command.id, answer)
                is_answered = True
        except StoreError as error:
            logger.warning("The answer to a command of another node was not stored: %s", error)
        finally:
            self._done(command, is_answered=is_answered)

    def _reply(self, command: ReceivedCommand, engine: Engine) -> bytes | None:
        """Returns the reply to the bytes of a message; None where this engine ends, and the next owner is to reply."""
        try:
            message = decode(command.message)
            if isinstance(message, OF_TARGETS):
                found = self._route(message, command.shard)
                if found is None:
                    return answer_bytes(None)
                engine = found
            return answer_bytes(self._answered(message, engine))
        except NotRunning:
            return None
        except (ActorDeadError, Timeout):
            return None
        except (WatchkeeperError, ValueError, TimeoutError) as error:
            return error_bytes(error)
        except Exception as error:
            # Without an answer it would be obeyed again at each look, until its sender has given up long since.
            logger.exception("A command of another node met an internal fault")
            return error_bytes(error)

    def _answered(self, message: Message, engine: Engine) -> Any:
        if isinstance(message, GetAttempts):
            return self._asked(engine, RECORDER, message)
        if isinstance(message, Redrive):
            return self._asked(engine, SINK, message)
        if not isinstance(message, OBEYED):
            raise MessageError(f"{type(message).__name__} is nothing that another node may send")
        if isinstance(message, Beat):
            # The clock of the other node is not that of this one.
            message = replace(message, at=self._clock.read())
        if isinstance(message, Acknowledge | Unacknowledge | EndDrill):
            self._require_open(message.incident)
        with self._configured.guard:
            if isinstance(message, Pause | Resume):
                by = message.by if isinstance(message, Pause) else ""
                self._configured.pause(message.target, paused=isinstance(message, Pause), by=by)
            elif isinstance(message, CheckNow):
                require_checkable(self._configured.known(message.target))
            engine.tell(message)
        # The answer is the word that nothing of it is lost by the end of this process: it is durable by then.
        self._asked(engine, RECORDER, GetIncidents(open_only=True))
        return None

    def _asked(self, engine: Engine, listener: str, question: Message) -> Any:
        until = Deadline.after(self._clock.read(), ANSWER_WITHIN_NS)
        return run_blocking(engine.ask(listener, question, until.monotonic_ns, blocking))
