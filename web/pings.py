"""Pings: reports of jobs over HTTP, by the key of their heartbeat, in the words of healthchecks."""

import hmac
from collections import deque
from collections.abc import Mapping
from hashlib import blake2b
from secrets import token_bytes
from typing import Literal, NamedTuple, TypeAlias

from ..domain.specification.target import Target
from ..host.access.operations import Operations
from .limits import PINGS_KEPT_MAX

PingKind: TypeAlias = Literal["success", "start", "fail", "log"]


class Ping(NamedTuple):
    """One report of a job."""

    number: int
    target: str
    at_ns: int
    kind: PingKind
    exit_status: int | None
    run: str | None
    duration_ns: int | None
    body: str


class Pings:
    """Knows the heartbeats by their keys, reports for them, and keeps the newest pings for a look."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._salt = token_bytes(32)
        self._of: Mapping[str, Target] | None = None
        self._by_digest: dict[bytes, tuple[str, str]] = {}
        self._taken = 0
        self._kept: deque[Ping] = deque(maxlen=PINGS_KEPT_MAX)

    def target_of(self, key: str) -> str | None:
        """Returns the heartbeat that this key reports for.

        Keys are found by a digest with a secret salt, so that no time tells how much of a key was right.
        """
        targets = self._operations.targets()
        if self._of is None or self._of.keys() != targets.keys() or self._of != targets:
            self._of = targets
            self._by_digest = {
                self._digest(target.heartbeat.key): (target.id, target.heartbeat.key)
                for target in targets.values()
                if target.heartbeat and target.heartbeat.key
            }
        name, known = self._by_digest.get(self._digest(key), ("", ""))
        return name if hmac.compare_digest(known.encode(), key.encode("utf-8", "replace")) and name else None

    def _digest(self, key: str) -> bytes:
        return blake2b(key.encode("utf-8", "replace"), key=self._salt, digest_size=32).digest()

    async def take(
        self, target: str, kind: PingKind, exit_status: int | None, run: str | None, body: str
    ) -> None:
        """Reports for a heartbeat and keeps the ping; a `start` and a `log` change no status, and a `log` is kept alone.

        Raises: UnknownName for a target that was removed meanwhile; UsageError while the runtime is stopped.
        """
        now_ns = self._operations.now_ns()
        is_end = kind in {"success", "fail"}
        if kind != "log":
            await self._operations.obeyed(
                lambda: self._operations.verbs.heartbeat(
                    target,
                    ok=kind != "fail",
                    detail=body,
                    start=kind == "start",
                    run=run or "",
                    exit_status=exit_status,
                )
            )
        duration_ns = self._since_start(target, run, now_ns) if is_end else None
        self._taken += 1
        self._kept.append(Ping(self._taken, target, now_ns, kind, exit_status, run, duration_ns, body))

    def _since_start(self, target: str, run: str | None, now_ns: int) -> int | None:
        """Returns how long ago the run began; None where no start was sent since the end of the run before."""
        for ping in reversed(self._kept):
            if ping.target == target and ping.run == run and ping.kind != "log":
                return now_ns - ping.at_ns if ping.kind == "start" else None
        return None

    def of(self, target: str) -> list[Ping]:
        """Returns the kept pings of a target, the newest first."""
        return [ping for ping in reversed(self._kept) if ping.target == target]
