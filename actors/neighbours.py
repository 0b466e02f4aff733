"""Whom an actor tells, where these are many."""

from collections.abc import Mapping
from typing import NamedTuple

from ..protocol.courier import CourierMessage
from ..protocol.owner import OwnerMessage
from ..protocol.recorder import RecorderMessage
from ..protocol.sink import SinkMessage
from ..protocol.supervisor import SupervisorMessage
from .behaviour import Listener


class SupervisorNeighbours(NamedTuple):
    """Whom the supervisor tells."""

    owner: Listener[OwnerMessage]
    sink: Listener[SinkMessage]
    recorder: Listener[RecorderMessage]
    couriers: Mapping[str, Listener[CourierMessage]]


class SinkNeighbours(NamedTuple):
    """Whom the sink tells."""

    owner: Listener[OwnerMessage]
    supervisor: Listener[SupervisorMessage]
    recorder: Listener[RecorderMessage]
    couriers: Mapping[str, Listener[CourierMessage]]
