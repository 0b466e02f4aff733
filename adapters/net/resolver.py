"""Names to addresses, without blocking the loop and without its default threads.

A handful of dead names fills asyncio's own pool with sleeping look-ups and then stops everybody's; these threads are
few, dedicated and counted, and beyond their queue a look-up fails at once.
"""

import asyncio
import contextlib
import errno
import queue
import socket
import threading
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

import msgspec

from ...domain.limits import CLOSE_NS, DNS_ENTRIES_MAX, DNS_FRESH_NS, RESOLVER_QUEUE_MAX, RESOLVER_THREADS_MAX
from ...domain.policy import CachePolicy
from ...domain.specification.probe import AddressFamily
from ...domain.units import NS_PER_S
from ..cache import Recent
from ..clock import MomentClock

FAMILIES: dict[AddressFamily, socket.AddressFamily] = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}

DNS_CACHE = CachePolicy(
    name="names of tcp targets and of plain http ones",
    key="host and address family",
    owner="the resolver that each of the two has",
    fresh_for_ns=DNS_FRESH_NS,
    entries_max=DNS_ENTRIES_MAX,
)


class ResolvedAddress(msgspec.Struct, frozen=True):
    """One numeric address, as a socket wants it but for the port."""

    family: socket.AddressFamily
    host: str
    scope: int = 0

    def with_port(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        if self.family == socket.AF_INET:
            return (self.host, port)
        return (self.host, port, 0, self.scope)


class LookedUp(msgspec.Struct, frozen=True):
    """The result of a look-up: addresses, or the system's error text."""

    addresses: tuple[ResolvedAddress, ...] = ()
    error_number: int = 0
    """An errno where the system failed rather than the name; 0 otherwise."""
    message: str = ""


OnResolved = Callable[[LookedUp], None]
Ask = Callable[[str, AddressFamily], LookedUp]
Question = tuple[str, AddressFamily]


class Resolver:
    """Looks names up once however many ask, and keeps the answers as its cache policy says. Used on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: MomentClock,
        *,
        ask: Ask | None = None,
        policy: CachePolicy = DNS_CACHE,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._ask_system = ask_system if ask is None else ask
        self.kept: Recent[Question, LookedUp] = Recent(policy)
        self._waiting: dict[Question, list[OnResolved]] = {}
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def look_up(self, host: str, family: AddressFamily, done: OnResolved) -> LookedUp | None:
        """The addresses if they are known; else None, and `done` is called with them on the loop's thread later."""
        question = (host, family)
        known = self.kept.fresh(question, self._clock.read())
        if known is not None:
            return known
        waiting = self._waiting.get(question)
        if waiting is not None:
            waiting.append(done)
            return None
        if len(self._waiting) >= RESOLVER_QUEUE_MAX or self._closed:
            return LookedUp(error_number=errno.ENOBUFS, message="too many names wait to be looked up")
        self._waiting[question] = [done]
        self._ask(question)
        return None

    def _ask(self, question: Question) -> None:
        if len(self._threads) < min(RESOLVER_THREADS_MAX, len(self._waiting)):
            thread = threading.Thread(target=self._work, name="watchkeeper resolver", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._questions.put(question)

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            asked_ns = self._clock.read().monotonic_ns
            answer = self._ask_system(*question)
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                self._loop.call_soon_threadsafe(self._answered, question, asked_ns, answer)

    def _answered(self, question: Question, asked_ns: int, answer: LookedUp) -> None:
        if answer.addresses:
            self.kept.keep(question, answer, asked_ns)
        for done in self._waiting.pop(question, ()):
            done(answer)

    def __repr__(self) -> str:
        waiting, threads = len(self._waiting), len(self._threads)
        return f"Resolver(kept={len(self.kept)}, under_way={waiting}, threads={threads})"

    def close(self) -> None:
        """End the threads; one that is stuck in a look-up ends with it and holds nobody back."""
        self._closed = True
        self._waiting.clear()
        for _ in self._threads:
            self._questions.put(None)
        for thread in self._threads:
            thread.join(CLOSE_NS / NS_PER_S / RESOLVER_THREADS_MAX)
        self._threads = [thread for thread in self._threads if thread.is_alive()]


@lru_cache(maxsize=DNS_ENTRIES_MAX)
def literal_address(host: str) -> ResolvedAddress | None:
    """The address that a host already is; None for a name, and for a scoped address, whose scope must be looked up."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    if "%" in host:
        return None
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    return ResolvedAddress(family, str(address))


def ask_system(host: str, family: AddressFamily) -> LookedUp:
    """The system's answer, in the order it prefers; blocks."""
    try:
        found = socket.getaddrinfo(host, None, family=FAMILIES[family], type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return LookedUp(message=str(error.strerror))
    except OSError as error:
        return LookedUp(error_number=error.errno or 0, message=str(error.strerror))
    except UnicodeError:
        return LookedUp(message="the host is no valid name")
    addresses = [
        ResolvedAddress(socket.AddressFamily(kind), str(place[0]), int(place[3]) if len(place) > 3 else 0)
        for kind, _, _, _, place in found
    ]
    return LookedUp(tuple(dict.fromkeys(addresses)))
