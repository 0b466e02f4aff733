"""A full mailbox may drop samples, heartbeats and repeated messages; never a transition, a command or an answer."""

from typing import get_args

import pytest
from records import NOON, opened, sample_at
from watchkeeper.actors.courier import Courier
from watchkeeper.actors.dispatch.actor import DispatchedActor
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.actors.owner import AggregateOwner
from watchkeeper.actors.recorder import Recorder
from watchkeeper.actors.sink import IncidentSink
from watchkeeper.actors.supervisor.supervisor import Supervisor
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Checkpoint
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.policy import OverflowPolicy
from watchkeeper.protocol.courier import CourierMessage
from watchkeeper.protocol.owner import OwnerMessage, SampleTaken
from watchkeeper.protocol.recorder import RecorderMessage, SampleJudged
from watchkeeper.protocol.sink import RecordSamples, SinkMessage
from watchkeeper.protocol.supervisor import Beat, CheckNow, Pause, Resume, SupervisorMessage
from watchkeeper.testing.clock import ManualClock

BEAT = Beat("shop", Outcome.UP, "", NOON)
KEPT = OverflowPolicy.NEVER_DROP
SHEDDABLE = {SampleTaken, SampleJudged, RecordSamples, Beat, CheckNow}
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
    assert actor.mailbox_policy(message) is KEPT


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        (RecordSamples(1, (), (opened(),), ()), True),
        (RecordSamples(1, (), (), (Checkpoint("shop", b"x", 1),)), True),
        (RecordSamples(1, (sample_at(1),), (opened(),), ()), True),
        (RecordSamples(1, (sample_at(1),), (), ()), False),
    ],
)
def test_of_what_is_recorded_samples_alone_are_shed(record, kept):
    assert (IncidentSink.mailbox_policy(record) is KEPT) is kept


class Hears(DispatchedActor):
    def __init__(self, heard):
        super().__init__()
        self.heard = heard

    def on_receive(self, message):
        self.heard.append(message)


def test_a_flood_of_heartbeats_is_dropped_and_no_other_message_to_the_supervisor():
    supervisor = address_for(Supervisor, "supervisor")
    supervisor.tell(Pause("shop"))
    for _ in range(limits.SUPERVISOR_MAILBOX_MAX + 10):
        supervisor.tell(BEAT)
    supervisor.tell(Resume("shop"))
    assert supervisor.dropped == 11
    assert len(supervisor) == limits.SUPERVISOR_MAILBOX_MAX + 1
    heard, dispatcher = [], SimulatedDispatcher(ManualClock())
    spawn(Hears, heard, dispatcher=dispatcher, address=supervisor)
    dispatcher.run_until_idle()
    assert [message for message in heard if message is not BEAT] == [Pause("shop"), Resume("shop")]
