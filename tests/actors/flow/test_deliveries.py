"""Deliveries: none before the commit, each retry under the same key, abandoned visibly, redriven by hand."""

from collections import defaultdict
from itertools import pairwise

import pytest
from watchkeeper import ALL, UnknownName
from watchkeeper.domain.incidents.notice import Answer, DeliveryState, NoticeReason
from watchkeeper.domain.specification.channel import Channel, Log
from watchkeeper.domain.specification.rule import Consecutive, Severity
from watchkeeper.testing.script import Script
from watchkeeper.testing.world import World

S = 1_000_000_000
QUICK = (Consecutive(id="down", after=1, recover=1),)
BOTH = ["shop/down opened", "shop/down resolved"]


def ops(**fields):
    return Channel(id="ops", log=Log(), **fields)


def posts(world):
    return world.messengers["ops"].posts


class Jealous:
    """Passes durable notices on to a messenger, and asserts that there are no others."""

    def __init__(self, inner, store):
        self.inner = inner
        self.store = store
        self.sent = 0

    def send(self, notice, attempt, deadline, done, memory=""):
        assert (notice.key, attempt) in self.store.attempted, "sent before it was committed"
        self.sent += 1
        return self.inner.send(notice, attempt, deadline, done)

    def close(self):
        self.inner.close()


def test_nothing_leaves_before_its_attempt_is_in_the_record(watched, shop):
    world = watched(shop(rules=QUICK))
    jealous = Jealous(world.messengers["ops"], world.store)
    world.messengers = {"ops": jealous}
    world.crash()
    world.script("shop", "ok 1m, down 1m, ok 1m, down 1m, ok")
    jealous.inner.script(Script.parse("ok 70s, status 503 3m, hang 1m, ok"))
    world.run("30m")
    assert jealous.sent >= 4
    told = defaultdict(list)
    for notice in jealous.inner.accepted.values():
        told[notice.incident.id].append(notice.change.value)
    assert list(told.values()) == [["opened", "resolved"]] * 2


def test_one_incident_is_one_opened_and_one_resolved(shop):
    world = World([shop()])
    world.script("shop", "ok 1m, down 5m, ok")
    world.run("30m")
    assert world.delivered("ops") == BOTH
    opened, resolved = world.notices("ops")
    assert (opened.sequence, resolved.sequence) == (1, 2)
    assert opened.incident.id == resolved.incident.id
    assert resolved.incident.opened_at_ns == opened.incident.opened_at_ns < opened.created_at_ns
    assert [post.attempt for post in posts(world)] == [1, 1]


def test_a_channel_that_is_back_is_caught_up_with_at_once(shop):
    """However long the others would back off: the first that gets through brings two along, and each of those two more."""
    names = [f"shop-{number}" for number in range(12)]
    world = World([shop(name, rules=QUICK) for name in names])
    for number, name in enumerate(names):
        world.script(name, f"ok {number + 1}m, down")
    world.script_channel("ops", "status 503 40m, ok")
    world.run("60m")
    taken = [post for post in posts(world) if post.accepted]
    assert sorted(post.notice.incident.target for post in taken) == sorted(names)
    assert taken[-1].at.since(taken[0].at) < 2 * S


def test_a_busy_channel_is_tried_again_with_the_same_key_and_growing_waits(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503 10m, ok")
    world.run("30m")
    seen = posts(world)
    assert len({post.notice.key for post in seen}) == 1
    assert [post.attempt for post in seen] == list(range(1, len(seen) + 1))
    gaps_s = [(later.at.monotonic_ns - earlier.at.monotonic_ns) / S for earlier, later in pairwise(seen)]
    for number, gap_s in enumerate(gaps_s):
        expected = min(2.0**number, 300)
        assert 0.8 * expected - 0.1 <= gap_s <= expected + 0.1
    assert [post.accepted for post in seen] == [False] * (len(seen) - 1) + [True]
    assert world.delivered("ops") == ["shop/down opened"]
    assert world.status().healthy


def test_an_outage_of_the_channel_around_an_incident_loses_neither_end(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 5m, ok")
    world.script_channel("ops", "status 503 30m, ok")
    world.run("50m")
    assert world.delivered("ops") == BOTH
    opened, resolved = world.notices("ops")
    assert opened.incident.is_open
    assert (opened.reason, resolved.reason) == (NoticeReason.TRANSITION, NoticeReason.CATCH_UP)


def test_a_channel_that_hangs_may_have_taken_it_and_is_asked_again_under_the_same_key(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "hang 80s, ok")
    world.run("30m")
    seen = posts(world)
    assert len(seen) >= 2
    assert all(post.accepted for post in seen)
    assert len({post.notice.key for post in seen}) == 1
    assert world.delivered("ops") == ["shop/down opened"]


def test_an_answer_that_retrying_cannot_change_is_a_dead_letter_at_once(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 410 5m, ok")
    world.run("1h")
    assert [post.attempt for post in posts(world)] == [1]
    ((part, problem),) = world.status().problems
    assert part == "channel ops"
    assert posts(world)[0].notice.key in problem
    assert dict(world.status().counters)["notices_dead"] == 1


def test_a_notice_is_abandoned_when_its_retry_budget_is_used_up(shop):
    world = World([shop(rules=QUICK)], [ops(give_up_after="1m")])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503 1h, ok")
    world.run("30m")
    seen = posts(world)
    assert seen[-1].at.since(seen[0].at) < 60 * S
    assert len(seen) >= 5
    assert [outgoing.delivery.state for outgoing in world.store.outbox()] == [DeliveryState.DEAD]


def test_a_channel_that_refused_the_start_gets_the_end(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 5m, ok")
    world.script_channel("ops", "status 410 3m, ok")
    world.run("1h")
    assert world.delivered("ops") == ["shop/down resolved"]
    assert len(posts(world)) == 2


def dead(world, shop_script="ok 1m, down"):
    world.script("shop", shop_script)
    world.script_channel("ops", "status 410 5m, ok")
    world.run("10m")
    return posts(world)[0].notice.key


def test_a_dead_letter_is_sent_again_under_its_own_key_when_asked(shop):
    world = World([shop(rules=QUICK)])
    key = dead(world)
    assert world.redrive(key) is True
    world.run("1m")
    assert [post.notice.key for post in posts(world)] == [key, key]
    assert world.delivered("ops") == ["shop/down opened"]
    assert world.status().healthy
    assert world.redrive(key) is False
    assert world.redrive("msg_unheard_of") is False


@pytest.mark.parametrize("death", ["crash", "restart"])
def test_a_dead_letter_stays_dead_over_a_restart_until_it_is_redriven(shop, death):
    world = World([shop(rules=QUICK)])
    key = dead(world)
    getattr(world, death)()
    world.run("1h")
    assert world.delivered("ops") == []
    assert world.redrive(key) is True
    world.run("1m")
    assert world.delivered("ops") == ["shop/down opened"]


def test_an_abandoned_notice_shows_why_and_has_its_full_budget_after_a_redrive(shop):
    world = World([shop(rules=QUICK)], [ops(give_up_after="1m")])
    world.script("shop", "ok 1m, down")
    world.script_channel("ops", "status 503 10m, ok")
    world.run("570s")
    assert world.delivered("ops") == []
    assert "HTTP 503" in dict(world.status().problems)["channel ops"]
    (key,) = {post.notice.key for post in posts(world)}
    assert world.redrive(key) is True
    world.run("5m")
    assert world.delivered("ops") == ["shop/down opened"]
    assert len(posts(world)) > 5 + 3


def test_after_a_redrive_the_channel_is_notified_of_the_end(shop):
    world = World([shop(rules=QUICK)])
    key = dead(world, "ok 1m, down 30m, ok")
    assert world.redrive(key)
    world.run("1h")
    assert world.delivered("ops") == BOTH


class Patient:
    """A channel whose answer sets `retry_after`, once."""

    def __init__(self, dispatcher_of, retry_after_ns):
        self.dispatcher_of = dispatcher_of
        self.retry_after_ns = retry_after_ns
        self.sent_ns = []

    def send(self, notice, attempt, deadline, done, memory=""):
        world = self.dispatcher_of()
        now_ns = world.clock.read().monotonic_ns
        self.sent_ns.append(now_ns)
        accepted = len(self.sent_ns) > 1
        answer = Answer(accepted=accepted, retry_after_ns=None if accepted else self.retry_after_ns)
        world.dispatcher.call_at(now_ns + 1_000_000, lambda: done(answer))
        return self

    def cancel(self):
        """Nothing that could be stopped."""

    def close(self):
        """Holds nothing."""


@pytest.mark.parametrize(("asked_s", "waited_s"), [(30, 30), (7_200, 3_600), (-9, 1)])
def test_a_notice_waits_as_retry_after_says_up_to_the_cap(shop, asked_s, waited_s):
    world = World([shop(rules=QUICK)])
    patient = Patient(lambda: world, asked_s * S)
    world.messengers = {"ops": patient}
    world.crash()
    world.script("shop", "ok 1m, down")
    world.run("70m")
    first_ns, second_ns = patient.sent_ns
    assert 0.8 * waited_s <= (second_ns - first_ns) / S <= waited_s + 0.1


class Unable:
    """A messenger that cannot even begin."""

    def __init__(self):
        self.asked = 0

    def send(self, notice, attempt, deadline, done, memory=""):
        self.asked += 1
        raise RuntimeError("cannot render")

    def close(self):
        """Holds nothing."""


def test_a_notice_that_cannot_be_rendered_is_a_dead_letter_not_a_dead_courier(shop):
    world = World([shop(rules=QUICK)])
    unable = world.messengers["ops"] = Unable()
    world.crash()
    world.script("shop", "ok 1m, down")
    world.run("1h")
    assert unable.asked == 1
    assert world.system.couriers["ops"].epoch == 1
    assert "cannot render" in dict(world.status().problems)["channel ops"]


class Mute:
    """A messenger that never answers and cannot be stopped."""

    def __init__(self):
        self.dones = []

    def send(self, notice, attempt, deadline, done, memory=""):
        self.dones.append(done)
        return self

    def cancel(self):
        """It goes on."""

    def close(self):
        """Holds nothing."""


def test_a_messenger_that_says_nothing_is_abandoned_and_its_late_answer_refused(shop):
    world = World([shop(rules=QUICK)])
    mute = world.messengers["ops"] = Mute()
    world.crash()
    world.script("shop", "ok 1m, down")
    world.run("90s")
    assert len(mute.dones) >= 2
    mute.dones[0](Answer(accepted=True))
    world.run("1ms")
    assert dict(world.status().counters).get("notices_delivered", 0) == 0
    mute.dones[-1](Answer(accepted=True))
    world.run("1s")
    assert dict(world.status().counters)["notices_delivered"] == 1
    before = len(mute.dones)
    world.run("1h")
    assert len(mute.dones) == before


def test_a_channel_has_at_most_its_number_of_notices_in_hand(shop):
    world = World([shop(f"t{number}", rules=QUICK) for number in range(20)], [ops(in_flight_max=3)])
    mute = world.messengers["ops"] = Mute()
    world.crash()
    for number in range(20):
        world.script(f"t{number}", "down")
    world.run("10s")
    assert len(mute.dones) == 3


def test_one_dead_channel_delays_no_other(shop):
    world = World([shop(rules=QUICK, notify=("ops", "calm"))])
    world.script("shop", "ok 1m, down 1m, ok")
    world.script_channel("ops", "hang")
    world.run("10m")
    assert world.delivered("calm") == BOTH


def test_a_channel_is_notified_from_its_least_severity_on(shop):
    mild = (Consecutive(id="down", after=1, recover=1, severity=Severity.WARNING),)
    channels = [ops(min_severity=Severity.CRITICAL), Channel(id="all", log=Log())]
    world = World([shop(rules=mild, notify=("ops", "all"))], channels)
    world.script("shop", "ok 1m, down 1m, ok")
    world.run("10m")
    assert (world.delivered("ops"), world.delivered("all")) == ([], BOTH)


# Commands of an operator.


MAINTENANCE = [
    pytest.param("ok 5m, down 10m, ok", "8m", "30m", BOTH, id="down, muted, recovers within: one recovery"),
    pytest.param("ok 5m, down 90m, ok", "8m", "30m", BOTH, id="down, muted, still down after: no second"),
    pytest.param("ok 10m, down 5m, ok", "8m", "30m", [], id="down and up within: nothing"),
    pytest.param("ok 10m, down 2h, ok", "8m", "30m", BOTH[:1], id="down within and after: one, then"),
]


@pytest.mark.parametrize(("script", "before", "length", "told"), MAINTENANCE)
@pytest.mark.parametrize("death", [None, "crash", "restart"])
def test_a_silence_mutes_notices_and_nothing_else(shop, script, before, length, told, death):
    world = World([shop(rules=QUICK)])
    world.script("shop", script)
    world.run(before)
    muted_before = world.delivered("ops")
    world.silence("shop", length)
    world.run("15m")
    if death is not None:
        getattr(world, death)()
    world.run("14m")
    assert world.delivered("ops") == muted_before
    assert world.prober.started > 170, "probing goes on"
    world.run("30m")
    assert world.delivered("ops") == (told if "90m" not in script else BOTH[:1])


def test_an_acknowledgement_and_the_end_are_notified(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 10m, ok")
    world.run("3m")
    (incident,) = world.incidents()
    world.acknowledge(incident.id, "ann")
    world.acknowledge(incident.id, "bob")
    world.run("20m")
    assert world.delivered("ops") == [BOTH[0], "shop/down acknowledged", BOTH[1]]
    assert world.notices("ops")[1].incident.acknowledged_by == "ann"


def test_the_acknowledgement_of_no_open_incident_is_refused_with_those_that_are(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 10m, ok")
    world.run("3m")
    (incident,) = world.incidents()
    world.restart()
    with pytest.raises(UnknownName, match=rf"no open incident is inc_9; open: {incident.id} \(shop/down\)$"):
        world.acknowledge("inc_9")
    world.run("20m")
    with pytest.raises(UnknownName, match=rf"no open incident is {incident.id}; open: none$"):
        world.acknowledge(incident.id)


def test_an_incident_acknowledged_before_its_first_notice_is_notified_to_no_channel(shop):
    world = World([shop(rules=QUICK)])
    world.script("shop", "ok 1m, down 10m, ok")
    world.silence(ALL, "5m")
    world.run("3m")
    world.acknowledge(world.incidents()[0].id)
    world.run("30m")
    assert world.delivered("ops") == []
    assert world.incidents()[0].acknowledged_by == "operator"
