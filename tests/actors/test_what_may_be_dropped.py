"""What a full mailbox may drop: samples and what repeats itself, never a step, a command or an answer."""

from typing import get_args

import pytest
from watchkeeper.actors.courier import Courier
from watchkeeper.actors.owner import AggregateOwner
from watchkeeper.actors.recorder import Recorder
from watchkeeper.actors.sink import IncidentSink
from watchkeeper.actors.supervisor import Supervisor
from watchkeeper.domain.policy import OverflowPolicy
from watchkeeper.domain.record import Checkpoint
from watchkeeper.protocol.courier import CourierMessage
from watchkeeper.protocol.owner import OwnerMessage, SampleTaken
from watchkeeper.protocol.recorder import RecorderMessage, SampleJudged
from watchkeeper.protocol.sink import Record, SinkMessage
from watchkeeper.protocol.supervisor import SupervisorMessage
from watchkeeper.testing.records import opened, sample_at

KEPT = OverflowPolicy.NEVER_DROP
SHEDDABLE = {SampleTaken, SampleJudged, Record}
LISTENERS = [
    (Supervisor, SupervisorMessage),
    (AggregateOwner, OwnerMessage),
    (IncidentSink, SinkMessage),
    (Courier, CourierMessage),
    (Recorder, RecorderMessage),
]
KINDS = [(actor, kind) for actor, union in LISTENERS for kind in get_args(union) if kind not in SHEDDABLE]


@pytest.mark.parametrize(("actor", "kind"), KINDS)
def test_a_message_of_this_kind_is_never_dropped(actor, kind):
    message = kind(**dict.fromkeys(kind.__struct_fields__))
    assert actor.mailbox_policy(message).overflow is KEPT


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (Record(1, (), (opened(),), ()), True),
        (Record(1, (), (), (Checkpoint("shop", b"x", 1),)), True),
        (Record(1, (sample_at(1),), (opened(),), ()), True),
        (Record(1, (sample_at(1),), (), ()), False),
    ],
)
def test_of_what_is_recorded_samples_alone_are_shed(record, kept):
    assert (IncidentSink.mailbox_policy(record).overflow is KEPT) is kept
