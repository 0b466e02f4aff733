"""Attempts that connect and then go on by callbacks: a coroutine costs a wake-up and 30 microseconds more."""

import asyncio
import socket
from collections.abc import Callable

from ....domain import limits
from ....domain.line import one_line
from ....domain.observation.attempt import CancelOutcome, ProbeRequest
from ....domain.observation.observation import Observation, OnObserved, Phases
from ....domain.observation.outcome import Outcome, Reason
from ....domain.specification.probe import AddressFamily
from ....domain.units import NS_PER_S
from ...activity import Activity, tell
from ...clock import MonotonicClock
from ...net.certificates import NO_FACTS, CertificateFacts
from ...net.conversation.peer_talk import PeerTalk
from ...net.names import PREFERRED, LookedUp, ResolvedAddress, literal_address, public_only
from ...net.race import Race, dial
from ...net.resolver import Resolver
from ...net.secure_contexts import UnusableFileError
from ...net.sockets import Sockets
from ...net.system_errors import UP, SystemErrorMeaning


class ConnectingProber:
    """The means that attempts share on one loop; all its methods are called on the loop's thread. The resolver is its maker's to close."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MonotonicClock,
        resolver: Resolver,
        *,
        deny_private_addresses: bool = False,
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.deny_private_addresses = deny_private_addresses
        self.sockets = Sockets(loop)
        self.resolver = resolver
        self.under_way: set[ConnectingAttempt] = set()
        self.closed = False
        self._ended_at_once: list[tuple[ConnectingAttempt, Observation]] = []

    def tell_soon(self, attempt: "ConnectingAttempt", seen: Observation) -> None:
        """Have an attempt that ended while it was begun tell so in the next round of the loop, all such in one call."""
        if not self._ended_at_once:
            self.loop.call_soon(self._tell_now)
        self._ended_at_once.append((attempt, seen))

    def _tell_now(self) -> None:
        ended, self._ended_at_once = self._ended_at_once, []
        for attempt, seen in ended:
            tell(self.loop, attempt.tell, seen)

    def close(self) -> None:
        """Cancel what is under way and release every descriptor."""
        if self.closed:
            return
        self.closed = True
        for attempt in list(self.under_way):
            attempt.cancel()
        self.sockets.close_all()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(under_way={len(self.under_way)})"


class ConnectingAttempt(Activity):
    """One attempt under way: look-up, connection, conversation, inside one deadline."""

    _prober: ConnectingProber
    _host: str
    _port: int
    _family: AddressFamily
    _request: ProbeRequest
    _done: OnObserved
    _begun_ns: int
    _ended: CancelOutcome | None = None
    _beginning: bool = True
    _released: bool = False
    _named_ns: int | None = None
    _connected_ns: int | None = None
    _first_byte_ns: int | None = None
    _last_byte_ns: int | None = None
    _ip: str | None = None
    _timer: asyncio.TimerHandle | None = None
    _pause: asyncio.TimerHandle | None = None
    _connection: socket.SocketType | None = None
    _talk: PeerTalk | None = None
    _race: Race | None = None

    def begin(self) -> None:
        """Arm the deadline and look for an address; whatever fails at once is told after this has returned."""
        remaining_ns = self._request.deadline.monotonic_ns - self._begun_ns
        if remaining_ns <= 0 or self._prober.closed:
            self._end((Outcome.TIMED_OUT, Reason.TIMED_OUT, "nothing was left of the deadline"))
        else:
            try:
                self._prepare()
                self._find_address()
            except UnusableFileError as error:
                self._end((Outcome.UNKNOWN, Reason.PROBE_CRASHED, str(error)))
            except Exception as error:  # noqa: BLE001  # a fault of a probe costs its own attempt
                self._crash(error)
        self._beginning = False
        if not self._released:
            # On this machine most end before this: a timer that is armed and cancelled costs 3 microseconds.
            self._timer = self._prober.loop.call_later(remaining_ns / NS_PER_S, self._expire)

    def _prepare(self) -> None:
        """As a subclass has it: all that can fail before a connection is made. Raises: UnusableFileError."""

    def _converse(self, connection: socket.SocketType) -> PeerTalk | None:
        """As a subclass has it: what is said on the connection; None where it need only stand."""
        return None

    def _find_address(self) -> None:
        literal = literal_address(self._host)
        if literal is not None:
            self._connect((literal,))
            return
        known = self._prober.resolver.look_up(self._host, self._family, self._named)
        if known is not None:
            self._named(known)

    def _named(self, answer: LookedUp) -> None:
        if self._released:
            return
        self._named_ns = self._prober.clock.monotonic_ns()
        found = public_only(answer) if self._prober.deny_private_addresses else answer
        if found.addresses:
            self._connect(found.addresses)
        else:
            self._end(found.verdict)

    def _connect(self, addresses: tuple[ResolvedAddress, ...]) -> None:
        """Dial the first; a race is begun only where that does not stand at once."""
        prober, port = self._prober, self._port
        first = dial(addresses[0], port, deny_private=prober.deny_private_addresses)
        if first.stands and first.connection is not None:
            self._connected(first.connection, first.address)
            return
        self._race = Race(
            prober.loop,
            prober.sockets,
            port,
            self._connected,
            self._end,
            deny_private_addresses=prober.deny_private_addresses,
            prefers_first=self._family in PREFERRED,
        )
        self._race.begin(first, addresses[1:])

    def _connected(self, connection: socket.SocketType, address: ResolvedAddress) -> None:
        self._connected_ns = now_ns = self._prober.clock.monotonic_ns()
        self._connection = connection
        self._ip = address.host
        try:
            self._talk = talk = self._converse(connection)
        except Exception as error:  # noqa: BLE001  # as above
            self._crash(error)
            return
        if talk is None:
            self._end(UP, now_ns)
        else:
            self._go_on(talk, talk.begin)

    def _on_ready(self, _mask: int) -> None:
        if self._talk is not None:
            self._go_on(self._talk, self._talk.advance)

    def _go_on(self, talk: PeerTalk, work: Callable[[], SystemErrorMeaning | None]) -> None:
        """Go on with the conversation as far as it gets."""
        known = len(talk.received)
        try:
            verdict = work()
        except Exception as error:  # noqa: BLE001  # as above
            self._crash(error)
            return
        if len(talk.received) > known:
            self._last_byte_ns = self._prober.clock.monotonic_ns()
            self._first_byte_ns = self._first_byte_ns or self._last_byte_ns
        if verdict is not None:
            self._end(verdict)
            return
        if self._connection is not None:
            self._prober.sockets.listen(self._connection, talk.mask, self._on_ready)
        # A pause in which nothing was found is over: the next bytes begin another.
        if talk.pauses and work != talk.paused:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        """Take what has come for the answer unless more comes soon."""
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._prober.loop.call_later(limits.ANSWER_PAUSE_NS / NS_PER_S, self._paused)

    def _paused(self) -> None:
        talk = self._talk
        if talk is not None and talk.ends_with_pause:
            self._end(UP, self._last_byte_ns)
        elif talk is not None:
            self._go_on(talk, talk.paused)

    def _expire(self) -> None:
        talk = self._talk
        if talk is not None:
            verdict = talk.late()
            self._end(verdict, self._last_byte_ns if verdict is UP else None)
            return
        if self._race is None:
            self._end(self._prober.resolver.overdue(self._begun_ns))
            return
        where = f"while connecting to {self._race.connecting_to}"
        self._end((Outcome.TIMED_OUT, Reason.CONNECT_TIMED_OUT, f"the deadline passed {where}"))

    def _crash(self, error: Exception) -> None:
        """End with a fault of this program, which says nothing of the target."""
        self._end((Outcome.UNKNOWN, Reason.PROBE_CRASHED, one_line(f"{type(error).__name__}: {error}")))

    def _end(self, verdict: SystemErrorMeaning, now_ns: int | None = None) -> None:
        seen = self._observation(verdict, now_ns or self._prober.clock.monotonic_ns())
        self._release()
        if self._beginning:
            self._prober.tell_soon(self, seen)
        else:
            self.tell(seen)

    def tell(self, seen: Observation) -> None:
        """Say what was seen, unless it was cancelled meanwhile."""
        if self._ended is None:
            self._ended = CancelOutcome.COMPLETED_ANYWAY
            self._done(seen)

    def _release(self) -> None:
        self._released = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._race is not None:
            self._race.stop()
            # It holds this attempt's methods: without the cycle nothing waits for the garbage collector.
            self._race = None
        if self._connection is not None:
            self._prober.sockets.close(self._connection)
            self._connection = None
        self._prober.under_way.discard(self)

    def cancel(self) -> CancelOutcome:
        """Close the socket now, or say that the answer has been given."""
        if self._ended is None:
            self._ended = CancelOutcome.WITHOUT_EFFECT
            self._release()
        return self._ended

    def _body(self, talk: PeerTalk) -> bytes | None:
        """As a subclass has it: the body that conditions read."""
        return bytes(talk.received)

    def _certificates(self) -> CertificateFacts:
        shown = None if self._talk is None else self._talk.certificate
        return NO_FACTS if shown is None else shown.facts(self._request.started.wall_ns)

    def _observation(self, verdict: SystemErrorMeaning, now_ns: int) -> Observation:
        return Observation(
            connected=self._connected_ns is not None,
            body=self._body(self._talk) if self._talk is not None else None,
            response_time_ns=now_ns - self._begun_ns,
            ip=self._ip,
            outcome=verdict[0],
            reason=verdict[1],
            detail=verdict[2],
            phases=self._phases(now_ns),
            **self._certificates(),
        )

    def _phases(self, now_ns: int) -> Phases:
        named_ns, connected_ns, first_byte_ns = self._named_ns, self._connected_ns, self._first_byte_ns
        dialling_ns = self._begun_ns if named_ns is None else named_ns
        tls_ns = None if self._talk is None else self._talk.tls_ns
        # The handshake comes before the first byte, unless a step began it.
        before_ns = 0 if self._talk is None or self._talk.begins_in_clear else tls_ns or 0
        return Phases(
            dns_ns=None if named_ns is None else named_ns - self._begun_ns,
            connect_ns=None if connected_ns is None else connected_ns - dialling_ns,
            tls_ns=tls_ns,
            first_byte_ns=None
            if first_byte_ns is None or connected_ns is None
            else first_byte_ns - connected_ns - before_ns,
            transfer_ns=None if first_byte_ns is None else now_ns - first_byte_ns,
        )
