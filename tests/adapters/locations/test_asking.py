import msgspec
import pytest
from fleet import DOWN, NS_PER_MS, NS_PER_S, UP, Fleet
from watchkeeper import Http, Target, Tcp
from watchkeeper.adapters.locations.link import NatsSubject
from watchkeeper.adapters.locations.subjects import agent_subject, answer_subject, asks_subject
from watchkeeper.adapters.locations.wire import (
    WIRE_VERSION,
    AnswerBatch,
    ProbeFound,
    decode_asks,
    encode_batch,
)
from watchkeeper.domain.limits import (
    LOCATION_FORGOTTEN_NS,
    LOCATION_WINDOW_NS,
    REMOTE_CHECK_BYTES_MAX,
    TRAVEL_NS_MAX,
)
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.observation.observation import Observation
from watchkeeper.domain.observation.outcome import Outcome, Reason


def shop(*locations, **fields):
    return Target(id="shop", tcp=Tcp(host="shop.example", port=80), locations=locations, **fields)


def test_every_location_is_asked_and_the_quorum_of_their_answers_counts():
    fleet = Fleet("fra", "iad")
    fleet.agents["fra"].here.seen = DOWN
    seen, found = fleet.see(shop("home", "fra", "iad"))
    assert seen.outcome is Outcome.UP
    assert {place: each.outcome.value for place, each in found.items()} == {
        "home": "up",
        "fra": "down",
        "iad": "up",
    }
    assert found["fra"].reason is Reason.CONNECTION_REFUSED
    assert found["fra"].explanation == "connection_refused: refused"
    assert found["iad"].latency_ns == 7 * NS_PER_MS
    fleet.agents["iad"].here.seen = DOWN
    assert fleet.see(shop("home", "fra", "iad"))[0].outcome is Outcome.DOWN


def test_one_location_that_lies_of_three_decides_nothing():
    fleet = Fleet("fra", "iad", "syd")
    fleet.agents["syd"].here.seen = DOWN
    assert {fleet.see(shop("fra", "iad", "syd"))[0].outcome for _ in range(5)} == {Outcome.UP}


def test_two_silent_locations_of_three_are_no_evidence():
    fleet = Fleet("fra", "iad", "syd")
    for location in ("iad", "syd"):
        fleet.agents[location].here.seen = None
    fleet.agents["fra"].here.seen = DOWN
    seen, found = fleet.see(shop("fra", "iad", "syd"))
    assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.LOCATION_SILENT)
    assert found["iad"].explanation == "no answer"
    assert len(fleet.client) == 0


def test_an_attempt_ends_at_its_deadline_whatever_an_agent_does():
    fleet = Fleet("fra")
    fleet.agents["fra"].here.seen = None
    seen, _ = fleet.begin(shop("fra"), timeout_ns=NS_PER_S)
    fleet.pass_time(995 * NS_PER_MS)
    assert not seen
    fleet.pass_time(5 * NS_PER_MS)
    assert seen[0].reason is Reason.LOCATION_SILENT


def test_a_location_without_an_agent_is_silent_at_once():
    fleet = Fleet()
    seen, _ = fleet.begin(shop("fra"))
    fleet.pass_time(20 * NS_PER_MS)
    assert seen[0].locations[0].explanation == "no agent listens there"


def test_without_nats_its_locations_are_silent_at_once_and_home_is_asked_all_the_same():
    fleet = Fleet("fra")
    fleet.broker.stop()
    seen, found = fleet.see(shop("home", "fra", quorum=1))
    assert seen.outcome is Outcome.UNKNOWN
    assert found["home"].outcome is Outcome.UP
    assert found["fra"].explanation == "no connection to NATS: the server is gone"
    seen, _ = fleet.begin(shop("fra"))
    fleet.pass_time(5 * NS_PER_MS)
    assert seen


def test_a_connection_that_takes_no_more_makes_its_locations_silent_before_the_deadline():
    fleet = Fleet("fra")
    fleet.client.link.is_full = True
    seen, _ = fleet.begin(shop("fra"))
    fleet.pass_time(20 * NS_PER_MS)
    assert seen[0].locations[0].explanation == "no connection to NATS: it takes no more at this moment"


def test_a_specification_travels_once_and_to_the_agent_that_lacks_it_alone():
    fleet = Fleet("fra", "iad")
    secret = "a-password-of-redis"  # noqa: S105  # of no server
    target = Target(id="cache", redis={"host": "cache.example", "password": secret}, locations=("fra",))
    for _ in range(3):
        fleet.see(target)
    holding = [subject for subject, data, _ in fleet.broker.sent if secret.encode() in data]
    assert holding == [agent_subject("fra", fleet.agents["fra"].id)]
    assert fleet.agents["fra"].statistics().checks_known == 1
    assert fleet.agents["iad"].statistics().checks_known == 0


def test_an_agent_that_was_restarted_is_told_the_specification_again():
    fleet = Fleet("fra")
    assert fleet.see(shop("fra"))[0].outcome is Outcome.UP
    fleet.broker.links.remove(fleet.agents["fra"].link)
    fleet.agents["fra"] = fleet.agent("fra")
    assert fleet.see(shop("fra"))[0].outcome is Outcome.UP


def test_an_agent_that_says_again_and_again_that_it_lacks_the_specification_is_silent():
    fleet = Fleet()

    def forget(subject, reply, data, is_unheard):
        numbers = tuple(each.number for each in decode_asks(data).asks)
        forgetful.publish(reply, encode_batch(AnswerBatch(WIRE_VERSION, "forgetful", (), numbers)))

    subjects = (NatsSubject(asks_subject("fra"), "agents"), NatsSubject(agent_subject("fra", "forgetful")))
    forgetful = fleet.broker.link(subjects, forget)
    _, found = fleet.see(shop("fra"), for_ns=100 * NS_PER_MS)
    assert found["fra"].explanation == "its agent does not take the specification"
    assert len(fleet.broker.sent) == 4


def test_asks_of_a_short_slice_travel_in_one_message_and_so_do_their_answers():
    fleet = Fleet("fra")
    targets = [
        Target(id=f"shop-{number}", tcp=Tcp(host="shop.example", port=80), locations=("fra",))
        for number in range(50)
    ]
    for target in targets:
        fleet.see(target)
    fleet.broker.sent.clear()
    seen = [fleet.begin(target)[0] for target in targets]
    fleet.pass_time(NS_PER_S)
    assert all(each[0].outcome is Outcome.UP for each in seen)
    assert len(fleet.broker.sent) == 2
    size = sum(len(data) + len(subject) + len(reply) for subject, data, reply in fleet.broker.sent)
    assert size / 50 < 100


def test_the_agents_of_a_location_share_its_asks():
    fleet = Fleet("fra")
    other = fleet.agent("fra")
    for _ in range(10):
        fleet.see(shop("fra"), for_ns=100 * NS_PER_MS)
    assert fleet.agents["fra"].statistics().answers == other.statistics().answers == 5


def test_conditions_are_judged_at_the_agent_so_that_no_body_crosses_the_network():
    fleet = Fleet("fra")
    body = b"out of order" * 1_000
    fleet.agents["fra"].here.seen = Observation(connected=True, status=200, body=body)
    target = Target(
        id="shop", http=Http(url="http://shop.example/"), expect=("[BODY] == fine",), locations=("fra",)
    )
    seen, found = fleet.see(target)
    assert (seen.outcome, found["fra"].reason) == (Outcome.DOWN, Reason.CONDITION_FAILED)
    assert "[BODY]" in found["fra"].explanation
    assert max(len(data) for _, data, _ in fleet.broker.sent) < 1_000


def test_warnings_and_targets_that_must_fail_are_judged_at_the_agent_and_at_home():
    fleet = Fleet("fra")
    fleet.agents["fra"].here.seen = fleet.here.seen = DOWN
    _, found = fleet.see(shop("home", "fra", upside_down=True))
    assert {each.outcome for each in found.values()} == {Outcome.UP}
    fleet.agents["fra"].here.seen = fleet.here.seen = UP
    _, found = fleet.see(shop("home", "fra", warn=("[RESPONSE_TIME] < 1",)))
    assert {each.outcome for each in found.values()} == {Outcome.DEGRADED}


def test_an_owner_that_refuses_private_addresses_has_its_agents_refuse_them():
    fleet = Fleet("fra", deny=True)
    fleet.see(shop("fra"))
    assert not fleet.agents["fra"].drivers[False].requests
    assert fleet.agents["fra"].drivers[True].requests


def test_the_time_that_an_agent_has_ends_before_its_owners_deadline():
    fleet = Fleet("fra")
    fleet.see(shop("fra"))
    fleet.begin(shop("fra"), timeout_ns=5 * NS_PER_S)
    fleet.pass_time(20 * NS_PER_MS)
    request = fleet.agents["fra"].here.requests[-1]
    left_ns = request.deadline.monotonic_ns - request.started.monotonic_ns
    assert 4_400 * NS_PER_MS < left_ns <= 5 * NS_PER_S - TRAVEL_NS_MAX


def test_a_cancelled_attempt_hears_nothing_more_and_its_late_answer_is_counted():
    fleet = Fleet("fra")
    seen, attempt = fleet.begin(shop("home", "fra"))
    fleet.pass_time(15 * NS_PER_MS)
    assert attempt.cancel() is CancelOutcome.UNKNOWN
    assert fleet.here.cancelled == 1
    fleet.pass_time(2 * NS_PER_S)
    assert not seen
    assert attempt.cancel() is CancelOutcome.COMPLETED_ANYWAY
    assert fleet.health.counters["location_answers_late"] == 1


def test_a_fault_of_the_driver_at_home_costs_home_alone():
    fleet = Fleet("fra", "iad")
    fleet.here.fault = RuntimeError("a defect")
    seen, found = fleet.see(shop("home", "fra", "iad"))
    assert seen.outcome is Outcome.UP
    assert found["home"].reason is Reason.PROBE_CRASHED


def test_a_specification_that_is_too_large_to_travel_makes_its_locations_silent_and_says_so():
    fleet = Fleet("fra")
    target = Target(
        id="shop",
        http={"url": "http://shop.example/", "method": "POST", "body": "x" * REMOTE_CHECK_BYTES_MAX},
        locations=("fra",),
    )
    _, found = fleet.see(target)
    assert found["fra"].explanation.startswith("its specification takes 196,")
    assert not fleet.broker.sent


# Health.


def test_a_location_that_is_silent_for_a_while_is_a_problem_until_it_answers():
    fleet = Fleet()
    for _ in range(LOCATION_WINDOW_NS // NS_PER_S + 2):
        fleet.see(shop("fra"), for_ns=NS_PER_S)
    assert fleet.health.problems == {"location fra": "no agent answers: no agent listens there"}
    fleet.agent("fra")
    for _ in range(2 * LOCATION_WINDOW_NS // NS_PER_S + 2):
        fleet.see(shop("fra"), for_ns=NS_PER_S)
    assert fleet.health.problems == {"location fra": ""}


@pytest.mark.parametrize("others", [(), ("iad",)], ids=["nothing is asked", "another location is asked"])
def test_the_problem_of_a_location_that_nothing_asks_any_more_ends_after_an_hour(others):
    fleet = Fleet("iad")
    for _ in range(LOCATION_WINDOW_NS // NS_PER_S + 2):
        fleet.see(shop("fra"), for_ns=NS_PER_S)
    asked_ns = fleet.clock.now.monotonic_ns
    for _ in range(2 * LOCATION_FORGOTTEN_NS // (10 * NS_PER_S)):
        if not fleet.health.problems["location fra"]:
            break
        for _ in others:
            fleet.begin(shop("iad"), timeout_ns=NS_PER_S)
        fleet.timers.advance(10 * NS_PER_S)
    after_ns = fleet.clock.now.monotonic_ns - asked_ns
    assert abs(after_ns - LOCATION_FORGOTTEN_NS) <= 2 * LOCATION_WINDOW_NS
    fleet.see(shop("fra"), for_ns=NS_PER_S)
    fleet.timers.advance(LOCATION_WINDOW_NS)
    fleet.pass_time(2 * NS_PER_S)
    assert fleet.health.problems["location fra"], "it is asked again"


def test_a_connection_that_was_gone_for_a_while_is_named_and_no_agent_is_blamed_for_it():
    fleet = Fleet("fra")
    for second in range(LOCATION_WINDOW_NS // NS_PER_S + 2):
        if second == 20:
            fleet.broker.stop()
        fleet.see(shop("fra"), for_ns=NS_PER_S)
    said = fleet.health.problems["location fra"]
    assert said.endswith("had no answer in time: no connection to NATS: the server is gone")


def test_one_frozen_agent_of_two_is_a_problem_that_says_how_much_is_lost():
    fleet = Fleet("fra")
    fleet.agent("fra").link.is_frozen = True
    for _ in range(LOCATION_WINDOW_NS // NS_PER_S + 8):
        fleet.begin(shop("fra"), timeout_ns=500 * NS_PER_MS)
        fleet.pass_time(NS_PER_S)
    said = fleet.health.problems["location fra"]
    assert said.endswith("had no answer in time: an agent is frozen, overloaded or far away")


def test_asks_answers_and_silence_are_counted():
    fleet = Fleet("fra")
    for _ in range(3):
        fleet.see(shop("fra", "iad"))
    fleet.pass_time(2 * NS_PER_S)
    assert fleet.health.counters == {"location_asks": 6, "location_answers": 3, "location_silences": 3}


# Peers that lie.


def answer(fleet, location, found, owner=None):
    batch = AnswerBatch(WIRE_VERSION, "evil", tuple(found))
    subject = answer_subject(owner or fleet.client.id, location, "a")
    fleet.client.heard(subject, "", encode_batch(batch), False)


def test_an_agent_cannot_answer_for_another_location():
    fleet = Fleet("fra", "iad")
    seen, _ = fleet.begin(shop("fra", "iad", quorum=1))
    fleet.pass_time(15 * NS_PER_MS)
    lies = [ProbeFound(number, Outcome.DOWN, Reason.TIMED_OUT) for number in (1, 2)]
    answer(fleet, "iad", lies)
    fleet.pass_time(NS_PER_S)
    found = {each.location: each.outcome for each in seen[0].locations}
    assert found == {"fra": Outcome.UP, "iad": Outcome.DOWN}


def test_an_agent_cannot_have_another_location_called_silent():
    """A message without data and with the status of NATS for a subject that has no listener may come from an agent, too."""
    fleet = Fleet("fra", "iad")
    seen, _ = fleet.begin(shop("fra", "iad"))
    fleet.pass_time(15 * NS_PER_MS)
    for batch in range(1, 5):
        fleet.client.heard(answer_subject(fleet.client.id, "iad", batch), "", b"", True)
    fleet.pass_time(NS_PER_S)
    found = {each.location: each.explanation for each in seen[0].locations}
    assert found == {"fra": "", "iad": "no agent listens there"}


def test_an_answer_counts_once():
    fleet = Fleet("fra", "iad")
    seen, _ = fleet.begin(shop("fra", "iad", "syd"))
    fleet.pass_time(15 * NS_PER_MS)
    for _ in range(3):
        answer(fleet, "fra", [ProbeFound(1, Outcome.DOWN, Reason.TIMED_OUT)])
    assert not seen


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x93" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xff" * 300_000,
        msgspec.msgpack.encode([2, "x", [], []]),
        msgspec.msgpack.encode([1, "x", [[1, "up", "ok", -5, ""]], []]),
        msgspec.msgpack.encode([1, "x", [[1, "happy", "ok", 5, ""]], []]),
        msgspec.msgpack.encode([1, "x", [[1, "up", "ok", 5, "x" * 10_000]], []]),
        msgspec.msgpack.encode({"version": 1}),
    ],
    ids=range(10),
)
def test_messages_that_cannot_be_read_are_counted_and_dropped_on_both_sides(data):
    fleet = Fleet("fra")
    seen, _ = fleet.begin(shop("fra"))
    fleet.client.heard(answer_subject(fleet.client.id, "fra", "a"), "", data, False)
    reply = answer_subject(fleet.client.id, "fra", 1)
    fleet.agents["fra"].heard(asks_subject("fra"), reply, data, False)
    fleet.pass_time(2 * NS_PER_S)
    assert seen[0].outcome is Outcome.UP
    assert fleet.health.counters["location_messages_dropped"] == 1
    assert fleet.agents["fra"].statistics().dropped == 1


@pytest.mark.parametrize(
    "subject", ["", "watchkeeper.answer", "other.answer.x.fra.1", "watchkeeper.answer.x.fra.1"]
)
def test_an_answer_at_another_place_is_dropped(subject):
    fleet = Fleet("fra")
    fleet.client.heard(subject, "", b"", True)
    fleet.pass_time(2 * NS_PER_S)
    assert fleet.health.counters == {"location_messages_dropped": 1}


@pytest.mark.parametrize("reply", ["", "_INBOX.x", "watchkeeper.probe.fra", "watchkeeper.answer.x.iad.1"])
def test_an_agent_answers_at_no_other_place_than_that_of_its_location(reply):
    fleet = Fleet("fra")
    fleet.see(shop("fra"))
    asks = next(data for subject, data, _ in fleet.broker.sent if subject == asks_subject("fra"))
    assert decode_asks(asks).asks
    before = len(fleet.broker.sent)
    fleet.agents["fra"].heard(asks_subject("fra"), reply, asks, False)
    fleet.pass_time(NS_PER_S)
    assert len(fleet.broker.sent) == before
    assert fleet.agents["fra"].statistics().dropped == 1


def test_the_text_of_an_agent_is_one_bounded_line_without_control_characters():
    fleet = Fleet("fra")
    seen, _ = fleet.begin(shop("fra"))
    fleet.pass_time(15 * NS_PER_MS)
    answer(fleet, "fra", [ProbeFound(1, Outcome.DOWN, Reason.TIMED_OUT, None, "\x1b[31m\n" * 10)])
    assert seen[0].locations[0].explanation.isprintable()
