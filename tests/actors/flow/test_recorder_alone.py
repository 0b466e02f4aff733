"""The read model of a recorder that is alone with its publisher: each message and the status after it."""

import msgspec
import pytest
from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.actors.dispatch.run.simulated import SimulatedDispatcher
from watchkeeper.actors.dispatch.spawning import address_for, spawn
from watchkeeper.actors.recorder import Recorder
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import BlindInterval, Silence
from watchkeeper.domain.limits import (
    ATTEMPTS_KEPT_PER_TARGET,
    BLIND_INTERVALS_KEPT,
    ENDED_INCIDENTS_KEPT,
    PROBLEM_TEXTS_MAX,
    PROBLEM_TEXTS_NS,
)
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.read_model.event import (
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    SampleSeen,
    WentBlind,
)
from watchkeeper.domain.read_model.status import no_sample_since
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.protocol.recorder import (
    Abandoned,
    BlindnessSeen,
    Committed,
    CounterIncreased,
    GetAbandoned,
    GetAttempts,
    GetIncidents,
    GetStatus,
    HealthReported,
    IncidentsResumed,
    NoticeSettled,
    SampleJudged,
    SilencesChanged,
    TargetTracked,
    TargetUntracked,
)
from watchkeeper.testing.clock import ManualClock

from tests.actors.flow.alone import Told
from tests.actors.flow.test_owner_alone import record_of

S = 1_000_000_000
OPENED = opened()
RESOLVED = then(OPENED, TransitionKind.RESOLVED)
TRACKED = TargetTracked("shop", "tcp", False, 60 * S)


class RecorderAlone:
    """One recorder; its publisher keeps the events."""

    def __init__(self):
        self.clock = ManualClock(monotonic_ns=NOON.monotonic_ns, wall_ns=NOON.wall_ns)
        self.dispatcher = SimulatedDispatcher(self.clock)
        self.events = []
        self.losses = {}
        self.owner = Told("owner", lambda: self.clock.read().monotonic_ns)
        self.recorder = address_for(Recorder, "recorder")
        spawn(
            Recorder,
            self.clock,
            self,
            lambda: self.losses,
            self.owner,
            dispatcher=self.dispatcher,
            address=self.recorder,
            on_exit=lambda *_: None,
        )

    def publish(self, event):
        self.events.append(event)

    def show_silences(self, silences):
        self.silences = silences

    def show_announcements(self, announcements):
        self.announcements = announcements

    def resume(self, incidents):
        self.resumed = incidents

    def tell(self, *messages):
        for message in messages:
            self.recorder.tell(message)
        self.dispatcher.run_until_idle()

    def take_events(self):
        taken, self.events = self.events, []
        return taken

    def ask(self, question):
        return self.recorder.ask(question, 60.0)

    @property
    def status(self):
        return self.ask(GetStatus())

    @property
    def target(self):
        (target,) = self.status.targets
        return target


def judged(number, raw=Status.UP, confirmed=Status.UP, target="shop", **fields):
    sample = sample_at(number, target=target, outcome=fields.pop("outcome", Outcome.UP))
    record = msgspec.structs.replace(record_of(sample), **fields)
    return SampleJudged(sample, record, raw, confirmed)


def test_figures_that_a_sample_lost_are_counted(watching):
    for number, dropped in enumerate((0, 5, 2), 1):
        message = judged(number)
        if dropped:
            lossy = msgspec.structs.replace(message.sample, figures_dropped=dropped)
            message = msgspec.structs.replace(message, sample=lossy)
        watching.tell(message)
    assert dict(watching.status.counters)["figures_dropped"] == 7


@pytest.fixture
def alone():
    return RecorderAlone()


@pytest.fixture
def watching(alone):
    """A recorder that has heard of one target."""
    alone.tell(TRACKED)
    return alone


def test_a_target_is_unknown_until_its_first_sample(watching):
    target = watching.target
    assert (target.id, target.kind, target.status, target.raw) == (
        "shop",
        "tcp",
        Status.UNKNOWN,
        Status.UNKNOWN,
    )
    assert (target.sample, target.attempt, target.samples, target.missed, target.explanation) == (
        None,
        None,
        0,
        0,
        "",
    )
    assert watching.events == []


def test_a_sample_is_shown_published_and_counted(watching):
    first, second = judged(1, missed=2, lateness_ns=5), judged(2, Status.DOWN, Status.DEGRADED, missed=1)
    watching.tell(first, second)
    target = watching.target
    assert (target.status, target.raw, target.paused) == (Status.DEGRADED, Status.DOWN, False)
    assert (target.sample, target.attempt, target.samples, target.missed) == (
        second.sample,
        second.record,
        2,
        3,
    )
    assert watching.take_events() == [
        SampleSeen(first.sample, Status.UP),
        SampleSeen(second.sample, Status.DEGRADED),
    ]
    assert watching.status.counters == (("samples", 2),)
    assert watching.ask(GetAttempts("shop")) == (first.record, second.record)


def test_the_newest_attempts_of_a_target_are_kept(watching):
    assert (watching.ask(GetAttempts("shop")), watching.ask(GetAttempts("mail"))) == ((), ())
    watching.tell(*(judged(number) for number in range(1, ATTEMPTS_KEPT_PER_TARGET + 2)))
    kept = [record.attempt.number for record in watching.ask(GetAttempts("shop"))]
    assert kept == list(range(2, ATTEMPTS_KEPT_PER_TARGET + 2))


def test_a_sample_without_a_target_is_counted_and_shown_nowhere(alone):
    alone.tell(judged(1))
    assert (alone.status.counters, alone.status.targets, alone.events) == (
        (("samples_without_target", 1),),
        (),
        [],
    )


@pytest.mark.parametrize(
    ("fields", "counts"),
    [({}, True), ({"started": None}, False), ({"outcome": Outcome.CANCELLED}, False)],
    ids=["answered", "never started", "cancelled"],
)
def test_the_lateness_of_an_attempt_that_ran_to_its_end_is_kept(watching, fields, counts):
    watching.tell(judged(1, lateness_ns=8 * S, **fields))
    assert (watching.status.lateness.count == 1) is counts


def test_a_report_counts_in_no_lateness(alone):
    alone.tell(TargetTracked("shop", "heartbeat", False, 60 * S), judged(1))
    assert (alone.target.samples, alone.status.lateness.count) == (1, 0)


def test_a_target_under_a_new_specification_keeps_its_samples(watching):
    watching.tell(judged(1), TargetTracked("shop", "http", True, 60 * S))
    target = watching.target
    assert (target.kind, target.paused, target.status, target.samples) == ("http", True, Status.PAUSED, 1)


def test_a_target_that_is_untracked_is_gone(watching):
    watching.tell(TargetUntracked("shop"), TargetUntracked("shop"))
    assert watching.status.targets == ()


# Staleness.


@pytest.mark.parametrize(("after_ns", "stale"), [(60 * S, False), (60 * S + 1, True)])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_sample_that_is_too_old_says_nothing_about_a_target(watching, after_ns, stale, is_open):
    watching.tell(judged(0))
    if is_open:
        watching.tell(Committed((OPENED, opened("inc_2", target="mail"))))
    watching.clock.advance(after_ns)
    target = watching.target
    if stale:
        confirmed = Status.DOWN if is_open else Status.UNKNOWN
        assert (target.status, target.raw) == (confirmed, Status.UNKNOWN)
        assert target.explanation == no_sample_since(NOON.wall_ns)
    else:
        assert (target.status, target.raw, target.explanation) == (Status.UP, Status.UP, "")


def blind(seconds, cause="suspended"):
    return BlindnessSeen(BlindInterval(NOON.wall_ns, NOON.wall_ns + seconds * S, cause))


@pytest.mark.parametrize(
    ("interval", "stale"),
    [(blind(61), True), (blind(60), False), (blind(61, "stalled"), False), (blind(-61), False)],
)
def test_only_the_time_of_a_suspend_makes_samples_older(watching, interval, stale):
    watching.tell(blind(100), judged(0), interval)
    assert (watching.target.raw is Status.UNKNOWN) is stale
    assert watching.take_events()[-1] == WentBlind(interval.interval)


def test_two_suspends_add_up(watching):
    watching.tell(judged(0), blind(30), blind(31))
    assert watching.target.raw is Status.UNKNOWN


def test_the_newest_blind_intervals_are_shown(alone):
    alone.tell(*(blind(seconds) for seconds in range(1, BLIND_INTERVALS_KEPT + 2)))
    assert list(alone.status.blind) == [
        blind(seconds).interval for seconds in range(2, BLIND_INTERVALS_KEPT + 2)
    ]


# Incidents.


def test_an_incident_is_open_until_its_end_and_then_kept_among_the_ended(alone):
    alone.tell(Committed((OPENED,)))
    assert alone.status.incidents == (OPENED.incident,)
    alone.tell(Committed((RESOLVED,)))
    assert alone.status.incidents == ()
    assert (alone.ask(GetIncidents(True)), alone.ask(GetIncidents(False))) == ((), (RESOLVED.incident,))
    assert alone.take_events() == [IncidentChanged(OPENED.incident), IncidentChanged(RESOLVED.incident)]
    assert alone.status.counters == (("incidents_opened", 1), ("incidents_resolved", 1))


def test_open_incidents_are_listed_before_the_newest_that_ended(alone):
    ended = [
        then(opened(f"inc_{number}"), TransitionKind.RESOLVED) for number in range(ENDED_INCIDENTS_KEPT + 1)
    ]
    alone.tell(Committed((*ended, opened("inc_open"))))
    listed = [incident.id for incident in alone.ask(GetIncidents(False))]
    assert listed == ["inc_open", *(step.id for step in ended[1:])]
    assert [incident.id for incident in alone.ask(GetIncidents(True))] == ["inc_open"]


def test_a_resume_replaces_incidents_and_silences(alone):
    silence = Silence(id="s", until_ns=NOON.wall_ns + S)
    alone.tell(Committed((OPENED,)), IncidentsResumed((opened("inc_2").incident,), (silence,)))
    assert [incident.id for incident in alone.status.incidents] == ["inc_2"]
    assert alone.status.silences == (silence,)


def test_a_silence_is_shown_until_its_end(alone):
    alone.tell(SilencesChanged((Silence(id="s", until_ns=NOON.wall_ns + S),)))
    alone.clock.advance(S - 1)
    assert [silence.id for silence in alone.status.silences] == ["s"]
    alone.clock.advance(1)
    assert alone.status.silences == ()


# Health.


def test_a_problem_is_shown_until_it_ends_and_each_change_of_it_published(alone):
    alone.tell(
        HealthReported("store", ""),
        HealthReported("store", "full"),
        HealthReported("store", "full"),
        HealthReported("poller/shop", "crashed"),
    )
    assert alone.status.problems == (("poller/shop", "crashed"), ("store", "full"))
    alone.tell(HealthReported("store", ""), HealthReported("store", ""))
    assert alone.status.problems == (("poller/shop", "crashed"),)
    assert alone.take_events() == [
        HealthChanged("store", "full"),
        HealthChanged("poller/shop", "crashed"),
        HealthChanged("store", ""),
    ]


def test_a_problem_whose_text_changes_all_the_time_is_published_a_few_times_a_minute(alone):
    for number in range(1_000):
        alone.tell(HealthReported("channel ops", f"HTTP {number}"))
        assert alone.status.problems == (("channel ops", f"HTTP {number}"),)
    said = [f"HTTP {number}" for number in range(PROBLEM_TEXTS_MAX + 1)]
    assert alone.take_events() == [HealthChanged("channel ops", text) for text in said]
    alone.clock.advance(PROBLEM_TEXTS_NS)
    alone.tell(HealthReported("channel ops", "HTTP 500"))
    alone.tell(HealthReported("channel ops", ""))
    assert alone.take_events() == [HealthChanged("channel ops", text) for text in ("HTTP 500", "")]


def test_a_dead_letter_is_the_problem_of_its_channel_until_a_notice_is_delivered(alone):
    notice = notice_of(OPENED)
    dead = delivery_of(notice, DeliveryState.DEAD, detail="busy")
    delivered = delivery_of(notice, DeliveryState.DELIVERED)
    alone.tell(NoticeSettled(notice, dead))
    assert alone.status.problems == (("channel ops", f"dead letter {notice.key}: busy"),)
    alone.tell(NoticeSettled(notice, delivered))
    assert alone.status.problems == ()
    events = [event for event in alone.take_events() if isinstance(event, NoticeEnded)]
    assert events == [NoticeEnded(notice, dead), NoticeEnded(notice, delivered)]
    assert alone.status.counters == (("notices_dead", 1), ("notices_delivered", 1))


def test_counters_are_sums_and_stand_beside_the_losses(alone):
    alone.tell(CounterIncreased("started", 2), CounterIncreased("started", 3), CounterIncreased("a", 1))
    alone.losses = {"dead_letters": 4}
    assert alone.status.counters == (("a", 1), ("dead_letters", 4), ("started", 5))


def test_abandoned_work_is_listed_in_the_order_of_its_reports(alone):
    assert alone.ask(GetAbandoned()) == ()
    alone.tell(Abandoned("one", ("a",)), Abandoned("two", ()))
    assert alone.ask(GetAbandoned()) == (Abandoned("one", ("a",)), Abandoned("two", ()))
