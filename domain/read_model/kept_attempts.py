"""The packed form in which the read model keeps attempts: there may be 100,000 targets, each with several."""

from typing import TypeAlias

import msgspec

from ..observation.attempt import AttemptId, AttemptRecord, AttemptState
from ..time.moment import Moment

_Hands: TypeAlias = tuple[int, int]
_Packed: TypeAlias = tuple[int, int, AttemptState, _Hands, _Hands | None, _Hands | None, int, int, str]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Packed)


def packed(record: AttemptRecord) -> bytes:
    """Returns an attempt without its target, which the holder knows."""
    parts: _Packed = (
        record.attempt.epoch,
        record.attempt.number,
        record.state,
        (record.due.monotonic_ns, record.due.wall_ns),
        _hands(record.started),
        _hands(record.ended),
        record.lateness_ns,
        record.missed,
        record.outcome,
    )
    return _ENCODER.encode(parts)


def unpacked(target: str, kept: bytes) -> AttemptRecord:
    """Returns the attempt of a target that was packed."""
    epoch, number, state, due, started, ended, lateness_ns, missed, outcome = _DECODER.decode(kept)
    return AttemptRecord(
        attempt=AttemptId(target, epoch, number),
        state=state,
        due=Moment(*due),
        started=started and Moment(*started),
        ended=ended and Moment(*ended),
        lateness_ns=lateness_ns,
        missed=missed,
        outcome=outcome,
    )


def _hands(moment: Moment | None) -> _Hands | None:
    return None if moment is None else (moment.monotonic_ns, moment.wall_ns)
