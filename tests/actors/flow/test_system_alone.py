"""A system between drivers under the test's hand: its starts, the exits of its actors, and the restarts of its supervisor."""

import pytest
from logged import messages, records
from watchkeeper.actors.behaviour import Behaviour, through_bytes
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import spawn
from watchkeeper.actors.system import System, SystemDependencies
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.incidents.record import Restored, Silence
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.configuration import Configuration, RuntimeOptions
from watchkeeper.domain.specification.probes.kinds import KINDS
from watchkeeper.domain.time.moment import NS_PER_MS
from watchkeeper.protocol.recorder import GetStatus
from watchkeeper.protocol.sink import Mute
from watchkeeper.protocol.supervisor import ChildExited, Drain, Pause
from watchkeeper.testing.clock import ManualClock
from watchkeeper.testing.expectations import ScriptedExpectations

from tests.actors.flow.driver import Driver
from tests.actors.flow.sink_alone import Shelf

S = 1_000_000_000


class Quiet:
    """A publisher and a messenger that do nothing."""

    def publish(self, event):
        pass

    def show_silences(self, silences):
        self.silences = silences

    def show_announcements(self, announcements):
        self.announcements = announcements

    def resume(self, incidents):
        pass

    def send(self, notice, attempt, deadline, done, memory=""):
        return self

    def cancel(self):
        pass


class SystemAlone:
    """One system; its dice are always the same."""

    def __init__(self, *targets, channels=("ops", "calm"), debug=False, asked=None, refusal=None):
        self.clock = ManualClock()
        self.dispatcher = SimulatedDispatcher(self.clock)
        self.store = Shelf(Restored())
        if refusal is not None:
            self.store.failing = {"open"}
        self.exits = 0
        parts = SystemDependencies(
            clock=self.clock,
            dispatcher=self.dispatcher,
            sink_dispatcher=self.dispatcher,
            probers=dict.fromkeys(KINDS.values(), Driver()),
            messengers={channel: Quiet() for channel in channels},
            store=self.store,
            publisher=Quiet(),
            expectation_of=ScriptedExpectations(),
            dice=lambda: 0.5,
            changed=self.changed,
            asked=asked,
        )
        self.system = System(
            parts,
            Configuration(
                runtime=RuntimeOptions(debug=debug),
                channels=tuple(Channel(id=channel, log=Log()) for channel in channels),
                targets=targets,
            ),
        )
        self.system.start()
        self.dispatcher.run_until_idle()

    def changed(self):
        self.exits += 1

    def run(self, for_ns):
        self.dispatcher.run_until(self.clock.read().monotonic_ns + for_ns)

    def tell(self, address, message):
        address.tell(message)
        self.dispatcher.run_until_idle()

    @property
    def status(self):
        return self.system.recorder.ask(GetStatus(), 60.0)

    @property
    def targets(self):
        return {target.id: target.kind for target in self.status.targets}


def test_a_start_brings_every_actor_to_life_once(shop):
    alone = SystemAlone(shop(), shop("mail"))
    names = ["supervisor", "owner", "sink", "recorder", "courier/ops", "courier/calm"]
    assert [address.name for address in alone.system.addresses()] == names
    assert {address.epoch for address in alone.system.addresses() if address.alive} == {1}
    assert alone.targets == {"shop": "tcp", "mail": "tcp"}
    assert (alone.status.counters, alone.exits, alone.system.ended) == ((), 0, {})
    assert [call for call in alone.store.calls if call == "open"] == ["open"]


def test_a_store_that_cannot_be_opened_ends_the_sink_for_good_and_is_said_once(shop, caplog):
    alone = SystemAlone(shop(), refusal="open failed")
    alone.run(60 * S)
    assert isinstance(alone.system.ended["sink"], StoreError)
    assert (alone.system.sink.closed, alone.system.sink.epoch) == (True, 1)
    before = alone.system.dead_letters.total
    alone.tell(alone.system.sink, Pause("shop"))
    assert alone.system.dead_letters.total == before + 1
    assert messages(caplog) == ["IncidentSink ended with an error: open failed"]


def test_a_store_that_cannot_be_opened_again_is_tried_until_it_can(shop):
    alone = SystemAlone(shop())
    alone.store.failing = {"open"}
    alone.tell(alone.system.sink, object())
    alone.run(2 * S)
    assert (alone.system.ended, alone.system.sink.closed) == ({}, False)
    assert alone.system.sink.epoch > 2
    alone.store.failing = set()
    alone.run(60 * S)
    assert alone.system.sink.alive


def test_a_last_commit_that_fails_after_the_supervisor_has_ended_is_no_dead_letter_in_the_log(shop, caplog):
    alone = SystemAlone(shop())
    alone.store.failing = {"commit"}
    alone.system.drain_supervisor(1)
    alone.run(S)
    assert alone.system.supervisor.closed
    alone.tell(alone.system.sink, Mute(Silence(id="night", target="shop", until_ns=2**62)))
    alone.run(S)
    assert "commit" in alone.store.calls
    assert messages(caplog) == []


# The supervisor.


def test_a_supervisor_that_crashed_is_restarted_after_waits_that_grow(shop):
    alone = SystemAlone(shop())
    for wait_ns in (90 * NS_PER_MS, 180 * NS_PER_MS):
        alone.tell(alone.system.supervisor, object())
        assert dict(alone.status.problems)["supervisor"].startswith("AssertionError(")
        alone.run(wait_ns - 1)
        assert not alone.system.supervisor.alive
        alone.run(1)
        assert alone.system.supervisor.alive
        assert alone.status.problems == ()
    assert (alone.system.supervisor.epoch, alone.exits) == (3, 2)


def test_a_supervisor_that_is_restarted_is_given_the_commands_that_a_crash_may_have_lost(shop):
    wanted = [shop(every="20s"), shop("new")]
    alone = SystemAlone(shop(), shop("gone"), asked=lambda answer: answer(wanted))
    assert alone.targets.keys() == {"shop", "gone"}
    alone.tell(alone.system.supervisor, object())
    alone.run(S)
    assert alone.targets.keys() == {"shop", "new"}
    assert alone.status.problems == ()


def test_a_target_that_is_watched_as_it_is_wanted_is_not_told_again(shop):
    told = []
    alone = SystemAlone(
        shop(), asked=lambda answer: told.append(len(alone.system.supervisor)) or answer([shop()])
    )
    alone.tell(alone.system.supervisor, object())
    alone.dispatcher.run_until(alone.dispatcher.next_alarm_ns() - 1)
    before = len(alone.system.supervisor)
    alone.system.supervisor.tell(Pause("shop"))
    alone.run(1)
    assert (told, before) == ([1], 0)
    assert alone.status.targets[0].paused


def test_a_supervisor_that_waits_for_its_restart_is_not_started_during_a_drain(shop, caplog):
    alone = SystemAlone(shop())
    alone.tell(alone.system.supervisor, object())
    caplog.clear()
    alone.system.drain_supervisor(10 * S)
    assert alone.system.ended == {"supervisor": None}
    assert alone.system.supervisor.closed
    alone.run(60 * S)
    assert (alone.system.supervisor.epoch, records(caplog)) == (1, [])


def test_a_supervisor_that_crashes_during_its_drain_has_ended(shop):
    alone = SystemAlone(shop())
    alone.system.supervisor.tell(object())
    alone.system.drain_supervisor(10 * S)
    alone.run(S)
    assert isinstance(alone.system.ended["supervisor"], AssertionError)
    assert alone.system.supervisor.epoch == 1


def test_a_drain_reaches_the_supervisor_with_its_time(shop):
    alone = SystemAlone(shop())
    alone.system.drain_supervisor(10 * S)
    alone.dispatcher.run_until_idle()
    assert (alone.system.ended, alone.exits) == ({"supervisor": None}, 1)


@pytest.mark.parametrize("name", ["owner", "sink"])
def test_an_actor_that_crashes_during_the_drain_is_not_restarted(shop, name):
    alone = SystemAlone(shop(every="1m", timeout="50s"))
    alone.dispatcher.run_until(alone.dispatcher.next_alarm_ns())
    alone.system.drain_supervisor(10 * S)
    actor = getattr(alone.system, name)
    alone.tell(actor, object())
    assert isinstance(alone.system.ended[name], AssertionError)
    assert actor.closed


def test_an_exit_without_a_supervisor_is_told_to_none(shop):
    alone = SystemAlone(shop())
    alone.system.drain_supervisor(10 * S)
    alone.dispatcher.run_until_idle()
    letters = alone.system.dead_letters.total
    alone.tell(alone.system.couriers["ops"], object())
    assert alone.system.dead_letters.total == letters
    assert alone.exits == 2
    assert "courier/ops" not in alone.system.ended


def test_a_stopped_actor_has_ended_and_is_not_restarted(shop):
    alone = SystemAlone(shop())
    for _ in range(2):
        alone.system.stop(alone.system.couriers["ops"])
        alone.run(S)
        assert alone.system.ended == {"courier/ops": None}
    assert alone.system.couriers["ops"].closed
    assert alone.status.problems == ()


def test_a_restarted_listener_is_resumed_by_the_sink(shop):
    alone = SystemAlone(shop())
    for actor in (alone.system.recorder, alone.system.owner):
        alone.tell(actor, object())
        alone.run(S)
        assert (actor.alive, actor.epoch) == (True, 2)
    assert alone.targets == {"shop": "tcp"}


# Losses.


def test_messages_that_were_lost_are_counted_by_the_name_of_their_actor(shop):
    alone = SystemAlone(shop())
    supervisor, courier = alone.system.supervisor, alone.system.couriers["ops"]
    courier.close()
    for message in (Drain(1), Pause("shop")):
        courier.tell(message)
    assert dict(alone.status.counters)["dead_letters"] == 2
    assert not any(name.startswith("dropped_by") for name, _ in alone.status.counters)
    assert supervisor.dropped == 0


def test_timing_without_a_supervisor_is_not_logged_as_lost(shop, caplog):
    alone = SystemAlone(shop())
    alone.system.supervisor.close()
    alone.tell(alone.system.supervisor, ChildExited("owner", 1, "normal", ""))
    assert messages(caplog) == ["Dead letter: a ChildExited for supervisor, which is closed"]


# Debug mode.


class Listening(Behaviour):
    """An actor that records its messages."""

    heard: list

    def handle(self, message, now):
        self.heard.append((message, now))


@pytest.mark.parametrize("debug", [False, True])
def test_messages_pass_through_their_bytes_in_debug_mode_alone(debug):
    clock, message = ManualClock(), Pause("shop")
    Listening.heard = []
    dispatcher = SimulatedDispatcher(clock)
    address = spawn(through_bytes(Listening) if debug else Listening, clock, dispatcher=dispatcher)
    assert address.name == "Listening"
    address.tell(message)
    dispatcher.run_until_idle()
    ((heard, now),) = Listening.heard
    assert (heard, now, heard is message) == (message, clock.read(), not debug)


@pytest.mark.parametrize("debug", [True, False])
def test_a_system_encodes_its_messages_in_debug_mode_alone(shop, debug):
    alone = SystemAlone(shop(), debug=debug)
    alone.tell(alone.system.supervisor, object())
    assert ("AssertionError" in dict(alone.status.problems)["supervisor"]) is not debug
    alone.run(S)
    assert alone.status.problems == ()


def test_a_behaviour_that_handles_nothing_says_so():
    clock, ends = ManualClock(), []
    dispatcher = SimulatedDispatcher(clock)
    address = spawn(Behaviour, clock, dispatcher=dispatcher, on_exit=lambda *exit_: ends.append(exit_))
    address.tell(Pause("shop"))
    dispatcher.run_until_idle()
    assert str(ends[0][3]) == "Behaviour handles no Pause"
