"""The outbox: room is never lost nor made, the oldest goes first, and late answers are refused."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from records import notice_of, opened
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.outbox import STAGE_MOVES, Outbox, OutboxStage
from watchkeeper.domain.specification.channel import Channel, Log

ROOM = {"ops": 2, "calm": 1}
CHANNELS = [Channel(id=name, log=Log(), in_flight_max=room) for name, room in ROOM.items()]


class OutboxAgainstModel(RuleBasedStateMachine):
    """The model: per notice its stage and attempts, per channel the order in which the ready ones wait."""

    def __init__(self):
        super().__init__()
        self.outbox = Outbox(CHANNELS)
        self.stages, self.attempts, self.channels = {}, {}, {}
        self.ready = {name: [] for name in ROOM}
        self.added = 0

    def in_stage(self, stage):
        return [key for key, at in self.stages.items() if at is stage]

    @rule(channel=st.sampled_from(list(ROOM)), attempts=st.integers(0, 3))
    def add(self, channel, attempts):
        self.added += 1
        notice = notice_of(opened(f"inc_{self.added}"), channel)
        self.outbox.add(notice, attempts)
        self.stages[notice.key], self.attempts[notice.key] = OutboxStage.READY, attempts
        self.channels[notice.key] = channel
        self.ready[channel].append(notice.key)

    @rule()
    def hand_out(self):
        expected = []
        for channel, room in ROOM.items():
            taken = sum(self.channels[key] == channel for key in self.in_stage(OutboxStage.HANDED_OUT))
            expected += self.ready[channel][: room - taken]
            self.ready[channel] = self.ready[channel][room - taken :]
        handed = self.outbox.hand_out(7)
        assert [entry.notice.key for entry, _ in handed] == expected
        for key, (_, delivery) in zip(expected, handed, strict=True):
            self.stages[key] = OutboxStage.HANDED_OUT
            self.attempts[key] += 1
            assert (delivery.key, delivery.state) == (key, DeliveryState.PENDING)
            assert (delivery.attempts, delivery.at_ns) == (self.attempts[key], 7)

    @precondition(lambda self: self.stages)
    @rule(data=st.data(), late=st.booleans())
    def fail(self, data, late):
        key = data.draw(st.sampled_from(list(self.stages)))
        meant = self.stages[key] is OutboxStage.HANDED_OUT and not late
        assert (self.outbox.failed(key, self.attempts[key] - late) is not None) is meant
        if meant:
            self.stages[key] = OutboxStage.BACKING_OFF

    @precondition(lambda self: self.stages)
    @rule(data=st.data())
    def try_again(self, data):
        key = data.draw(st.sampled_from(list(self.stages)))
        waiting = self.stages[key] is OutboxStage.BACKING_OFF
        assert self.outbox.ready_again(key) is waiting
        if waiting:
            self.stages[key] = OutboxStage.READY
            self.ready[self.channels[key]].append(key)

    @precondition(lambda self: self.stages)
    @rule(data=st.data(), late=st.booleans(), whichever=st.booleans())
    def settle(self, data, late, whichever):
        key = data.draw(st.sampled_from(list(self.stages)))
        settled = self.outbox.settle(key, None if whichever else self.attempts[key] - late)
        given_up = whichever and self.stages[key] is OutboxStage.BACKING_OFF
        assert (settled is not None) is (given_up if whichever else not late)
        if settled is None:
            return
        if self.stages.pop(key) is OutboxStage.READY:
            self.ready[self.channels[key]].remove(key)

    @rule(channel=st.sampled_from(list(ROOM)))
    def restart_courier(self, channel):
        lost = [key for key in self.in_stage(OutboxStage.HANDED_OUT) if self.channels[key] == channel]
        assert self.outbox.courier_restarted(channel) == len(lost)
        for key in lost:
            self.stages[key] = OutboxStage.READY
        self.ready[channel] = lost + self.ready[channel]

    @invariant()
    def the_counts_agree(self):
        assert self.outbox.in_hand() == len(self.in_stage(OutboxStage.HANDED_OUT))
        assert sorted(self.outbox.keys()) == sorted(self.stages)
        assert len(self.outbox) == len(self.stages)


TestOutboxAgainstModel = OutboxAgainstModel.TestCase
TestOutboxAgainstModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_the_table_lists_every_stage():
    assert set(STAGE_MOVES) == set(OutboxStage)


@pytest.mark.parametrize("answer", ["failed", "settle"])
def test_an_answer_for_a_notice_that_has_left_is_refused(answer):
    outbox = Outbox(CHANNELS)
    notice = notice_of(opened())
    outbox.add(notice)
    outbox.hand_out(0)
    assert outbox.settle(notice.key, 1) is not None
    assert getattr(outbox, answer)(notice.key, 1) is None
    assert notice.key not in outbox


def test_a_redriven_notice_on_its_way_is_not_abandoned():
    outbox = Outbox(CHANNELS)
    notice = notice_of(opened())
    outbox.add(notice)
    outbox.hand_out(0)
    outbox.failed(notice.key, 1)
    outbox.all_ready_again()
    assert outbox.settle(notice.key) is None
    assert notice.key in outbox


def test_a_dead_letter_says_the_last_answer_of_its_receiver():
    outbox, notice = Outbox(CHANNELS), notice_of(opened())
    outbox.add(notice)
    bare = "given up: the retry policy is exhausted"
    assert outbox.why_given_up("msg_unknown") == outbox.why_given_up(notice.key) == bare
    for attempt, refusal in ((1, "HTTP 500"), (2, "HTTP 503")):
        outbox.hand_out(0)
        outbox.failed(notice.key, attempt, refusal)
        assert outbox.why_given_up(notice.key) == f"{bare}; the last answer: {refusal}"
        outbox.ready_again(notice.key)


def test_the_last_answer_stays_in_sight_while_a_notice_is_tried_again():
    outbox, notice = Outbox(CHANNELS), notice_of(opened())
    outbox.add(notice)
    assert outbox.hand_out(1)[0][1].detail == "attempting"
    outbox.failed(notice.key, 1, "HTTP 503")
    outbox.ready_again(notice.key)
    assert outbox.hand_out(2)[0][1].detail == "attempting; the last answer: HTTP 503"
