"""The specifications that an agent knows, compiled once."""

from collections import OrderedDict
from typing import NamedTuple

from ...domain import limits
from ...domain.conditions.condition import compile_condition
from ...domain.conditions.judgement import Expectation
from ...domain.errors import MessageError, WatchkeeperError
from ...domain.line import first_line
from ...domain.policy import CachePolicy
from ...domain.specification.probe import Call, Composite, Exec, Heartbeat
from ...domain.specification.probes.plugin import Plugin
from .wire import RemoteCheck, decode_check, hash_of

POLICY = CachePolicy(
    name="specifications of an agent",
    key="the hash of their bytes",
    owner="the agent",
    fresh_for_ns=0,
    entries_max=limits.REMOTE_CHECKS_KEPT,
    invalidation="never stale: the same hash always means the same; the least recently asked for goes first, also by its bytes",
)
ONLY_AT_HOME = (Exec, Call, Plugin, Heartbeat, Composite)
"""Probes that run what only their owner's machine has."""


class KnownCheck(NamedTuple):
    """A specification that is ready to run."""

    check: RemoteCheck | None
    """None where it cannot be run here."""
    expectation: Expectation
    fault: str = ""
    """Why it cannot be run here."""


class KnownChecks:
    """A bounded store of specifications; an owner is asked again for one that it has forgotten."""

    policy = POLICY

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[KnownCheck, int]] = OrderedDict()
        self._bytes = 0

    def find(self, name: bytes) -> KnownCheck | None:
        """Returns the specification of a hash; None where it is not known."""
        found = self._known.get(name)
        if found is None:
            return None
        self._known.move_to_end(name)
        return found[0]

    def learn(self, data: bytes) -> None:
        """Keeps a specification. One that cannot be run here is kept with the reason, which is then the answer."""
        name = hash_of(data)
        if name in self._known:
            return
        self._known[name] = _compiled(data), len(data)
        self._bytes += len(data)
        while len(self._known) > limits.REMOTE_CHECKS_KEPT or self._bytes > limits.REMOTE_CHECKS_BYTES_KEPT:
            _, (_, size) = self._known.popitem(last=False)
            self._bytes -= size

    def __len__(self) -> int:
        return len(self._known)


def _compiled(data: bytes) -> KnownCheck:
    try:
        check = decode_check(data)
        if isinstance(check.probe, ONLY_AT_HOME):
            kind = str(check.probe.__struct_config__.tag)
            return KnownCheck(None, Expectation(()), f"an agent runs no {kind} probe of its owner")
        texts = (check.expect, check.warn)
        return KnownCheck(check, Expectation(*([compile_condition(text) for text in each] for each in texts)))
    except (MessageError, WatchkeeperError, ValueError) as error:
        # The text of a specification may hold its secrets: only the type of an error that quotes it is told.
        said = "" if isinstance(error, MessageError) else f" ({first_line(type(error).__name__)})"
        return KnownCheck(
            None,
            Expectation(()),
            f"the agent cannot read the specification{said}: run the same version of watchkeeper on both sides",
        )
