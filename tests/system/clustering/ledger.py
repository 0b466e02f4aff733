"""The receiver of a run: it keeps when which notice of which incident arrived, and how often each key did."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from tests.system.outside import Receiver


class Told(NamedTuple):
    """A notice at its first arrival; times are seconds since 1970."""

    key: str
    target: str
    incident: str
    change: str
    """`opened`, `resolved` ..."""
    sequence: int
    opened_at: float
    said_at: float
    """When the turn was found that it tells of."""
    arrived_at: float
    port: int
    """The port of the sender."""
    to: int
    """The port of the receiver."""
    cause: str = ""


class Ledger(Receiver):
    """A receiver that knows the times, and calls `first` with each notice that it has not seen before."""

    def __init__(self, first: Callable[[Told], None]) -> None:
        self._first = first
        self.told: dict[str, Told] = {}
        self.arrivals: Counter[str] = Counter()
        """How often each key arrived."""
        super().__init__()

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> int | None:
        now, status = time.time(), super()._take(request, body)
        document = json.loads(body)
        incident = document["incident"]
        told = Told(
            document["id"],
            incident["target"],
            incident["id"],
            document["type"].removeprefix("incident."),
            document["sequence"],
            datetime.fromisoformat(incident["opened_at"]).timestamp(),
            datetime.fromisoformat(document["timestamp"]).timestamp(),
            now,
            request.client_address[1],
            request.server.server_address[1],
            str(incident["cause"]),
        )
        with self._changed:
            is_first = self.told.setdefault(told.key, told) is told
            self.arrivals[told.key] += 1
        if is_first:
            self._first(told)
        return status

    def all(self) -> list[Told]:
        """Returns every notice, in the order of the first arrivals."""
        with self._changed:
            return list(self.told.values())
