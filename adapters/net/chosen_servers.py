"""Name servers that a configuration chooses: asked alone, by UDP or TCP, without the file of hosts and search domains.

One that fails is a fault of what the configuration asks for, not of this machine.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pycares

from ...domain.specification.probe import AddressFamily
from ..clock import MomentClock
from .addresses import is_public
from .name_service import (
    ANSWERS,
    FAILED,
    NOT_ASKED,
    CaresChannel,
    CaresNameService,
    NameService,
    OnAnswer,
    OnLookedUp,
)
from .names import FAMILIES, LookedUp, ResolvedAddress, not_found, refused

SILENT, NO_DATA = pycares.errno.ARES_ETIMEOUT, pycares.errno.ARES_ENODATA
FAMILY_OF = {pycares.QUERY_TYPE_A: socket.AF_INET, pycares.QUERY_TYPE_AAAA: socket.AF_INET6}
KINDS: dict[int, tuple[int, ...]] = {family: (kind,) for kind, family in FAMILY_OF.items()}
_ALONE = pycares.ARES_FLAG_EDNS | pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_NOALIASES


class QuestionChannel(CaresChannel):
    """A channel of c-ares that asks for records of a name as it is written, not by the files and words of this system.

    A channel may be told so by its option `lookups`, too, but pycares frees that text before c-ares reads it.
    """

    def ask(self, host: str, family: AddressFamily, answered: OnAnswer) -> None:
        kinds = KINDS.get(FAMILIES[family], (pycares.QUERY_TYPE_A, pycares.QUERY_TYPE_AAAA))
        answers = _Answers(set(kinds), partial(self._whole, answered))
        self.pending += 1
        for kind in kinds:
            take = partial(answers.take, kind)
            try:
                self.cares.query(host, kind, callback=take)
            except pycares.AresError as error:
                # Of a failure that is known at once, which c-ares has told already or not.
                take(None, error.args[0])
        self.deliver()

    def _whole(self, answered: OnAnswer, addresses: list[ResolvedAddress], status: int | None) -> None:
        self.take(answered, addresses or None, None if addresses else status)


class _Answers(msgspec.Struct, eq=False):
    """The answers to the questions for one name, until there are all."""

    missing: set[int]
    done: Callable[[list[ResolvedAddress], int | None], None]
    addresses: list[ResolvedAddress] = msgspec.field(default_factory=list)
    status: int | None = None

    def take(self, kind: int, result: Any, status: int | None) -> None:
        if kind not in self.missing:
            return
        self.missing.discard(kind)
        if status is None:
            self.addresses += _addresses_in(result)
        elif self.status in {None, NO_DATA}:
            # That a name has no address of one family says less than any failure of the other question.
            self.status = status
        if not self.missing:
            self.done(self.addresses, NO_DATA if self.status is None else self.status)


def _addresses_in(result: Any) -> Iterator[ResolvedAddress]:
    """The addresses in an answer, also of the name that the one that was asked for stands for."""
    for record in result.answer:
        family = FAMILY_OF.get(record.type)
        if family is not None:
            yield ResolvedAddress(family, record.data.addr)


class ChosenNameService(CaresNameService):
    """Asks one server, such as `udp://192.0.2.53:53`."""

    _channel_type = QuestionChannel

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: MomentClock, server: str) -> None:
        scheme, _, place = server.partition("://")
        flags = _ALONE | (pycares.ARES_FLAG_USEVC if scheme == "tcp" else 0)
        super().__init__(loop, clock, servers=(place,), flags=flags)
        self._server = server

    @staticmethod
    def _addresses_of(result: Any) -> Iterable[ResolvedAddress]:
        addresses: list[ResolvedAddress] = result
        return addresses

    def answered_since(self, since_ns: int) -> bool:
        """Its silence says nothing about this machine."""
        return True

    def _without_address(self, host: str, family: AddressFamily, asked_ns: int, status: int) -> LookedUp:
        if status == SILENT:
            return not_found(host, f"{self._server} does not answer")
        if NOT_ASKED.get(status) == errno.ECONNREFUSED:
            return not_found(host, f"{self._server} takes no question")
        if status in FAILED:
            # Not blindness, though it may fail for every name.
            return not_found(host, ANSWERS[status])
        return super()._without_address(host, family, asked_ns, status)


class DeniedNameService:
    """Stands in the place of a server whose address is denied."""

    def __init__(self, server: str, address: str) -> None:
        outcome, reason, detail = refused(address)
        self._answer = LookedUp(verdict=(outcome, reason, f"the name server {detail}"))
        self._server = server

    def ask(self, host: str, family: AddressFamily, answered: OnLookedUp) -> None:
        answered(self._answer)

    def answered_since(self, since_ns: int) -> bool:
        return True

    def close(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"DeniedNameService({self._server!r})"


def service_of(
    loop: asyncio.AbstractEventLoop, clock: MomentClock, server: str, *, deny_private: bool
) -> NameService:
    """The name service of one chosen server."""
    address = urlsplit(server).hostname or ""
    if deny_private and not is_public(address):
        return DeniedNameService(server, address)
    return ChosenNameService(loop, clock, server)
