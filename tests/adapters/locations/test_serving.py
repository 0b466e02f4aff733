import pytest
from fleet import NS_PER_MS, NS_PER_S, Fleet
from watchkeeper.adapters.locations.known_checks import KnownChecks
from watchkeeper.adapters.locations.subjects import answer_subject, asks_subject
from watchkeeper.adapters.locations.wire import (
    WIRE_VERSION,
    AskBatch,
    ProbeAsk,
    RemoteCheck,
    decode_answers,
    encode_batch,
    encode_check,
    hash_of,
)
from watchkeeper.domain import limits
from watchkeeper.domain.observation.outcome import Outcome, Reason
from watchkeeper.domain.specification.probe import Call, Composite, Exec, Heartbeat, Tcp
from watchkeeper.domain.specification.probes.plugin import Plugin

SHOP = encode_check(RemoteCheck(Tcp(host="shop.example", port=80)))


def ask(fleet, count, data=SHOP, within_ms=5_000, first=1):
    asks = tuple(ProbeAsk(number, hash_of(data), within_ms) for number in range(first, first + count))
    message = encode_batch(AskBatch(WIRE_VERSION, asks, (data,)))
    fleet.agents["fra"].heard(asks_subject("fra"), answer_subject("owner", "fra", 1), message, False)


def answers(fleet):
    """The answers that the agent has sent: by number the outcome, the reason and the explanation."""
    return {
        each.number: (each.outcome, each.reason, each.explanation)
        for subject, data, _ in fleet.broker.sent
        if subject == answer_subject("owner", "fra", "a")
        for each in decode_answers(data).found
    }


def test_an_agent_runs_no_more_at_once_than_it_may_and_the_others_wait_their_turn():
    fleet = Fleet("fra", in_flight_max=2)
    ask(fleet, 5)
    assert fleet.agents["fra"].statistics().running == 2
    fleet.pass_time(NS_PER_S)
    assert [outcome for outcome, _, _ in answers(fleet).values()] == [Outcome.UP] * 5


def test_an_ask_that_waited_until_its_deadline_is_answered_as_overload():
    fleet = Fleet("fra", in_flight_max=1)
    fleet.agents["fra"].here.after_ns = 300 * NS_PER_MS
    ask(fleet, 2, within_ms=200)
    fleet.pass_time(NS_PER_S)
    assert answers(fleet)[2][:2] == (Outcome.UNKNOWN, Reason.OVERLOADED)


def test_beyond_its_queue_an_agent_refuses_at_once(monkeypatch):
    monkeypatch.setattr(limits, "REMOTE_ASKS_WAITING_MAX", 1)
    fleet = Fleet("fra", in_flight_max=1)
    ask(fleet, 3)
    fleet.pass_time(15 * NS_PER_MS)
    assert answers(fleet) == {
        3: (Outcome.UNKNOWN, Reason.OVERLOADED, "the agent runs as many checks as it may")
    }


@pytest.mark.parametrize(
    "probe",
    [
        Exec(argv=("/bin/true",)),
        Call(name="f"),
        Heartbeat(),
        Composite(worst_of=("a",)),
        Plugin(name="x"),
    ],
    ids=lambda probe: type(probe).__name__,
)
def test_an_agent_runs_nothing_of_its_owners_machine(probe):
    fleet = Fleet("fra")
    ask(fleet, 1, encode_check(RemoteCheck(probe)))
    fleet.pass_time(NS_PER_S)
    outcome, reason, why = answers(fleet)[1]
    assert (outcome, reason) == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert why.startswith("an agent runs no ")
    assert not fleet.agents["fra"].here.requests


@pytest.mark.parametrize(
    "data", [b"nonsense", encode_check(RemoteCheck(Tcp(host="x", port=1), expect=("[NONSENSE] ==",)))]
)
def test_a_specification_that_means_nothing_is_answered_so_and_costs_nothing_else(data):
    fleet = Fleet("fra")
    ask(fleet, 1, data)
    ask(fleet, 1, first=2)
    fleet.pass_time(NS_PER_S)
    assert answers(fleet)[1][:2] == (Outcome.UNKNOWN, Reason.PROBE_CRASHED)
    assert answers(fleet)[2][0] is Outcome.UP


def test_a_driver_that_cannot_start_costs_its_own_answer():
    fleet = Fleet("fra")
    fleet.agents["fra"].here.fault = RuntimeError("a defect")
    ask(fleet, 1)
    fleet.pass_time(NS_PER_S)
    assert answers(fleet)[1] == (
        Outcome.UNKNOWN,
        Reason.PROBE_CRASHED,
        "probe_crashed: RuntimeError: a defect",
    )


def test_the_specifications_that_are_kept_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr(limits, "REMOTE_CHECKS_BYTES_KEPT", 1_000)
    known = KnownChecks()
    checks = [encode_check(RemoteCheck(Tcp(host=f"shop-{each}.example", port=80))) for each in range(50)]
    for check in checks:
        known.learn(check)
    assert len(known) == 1_000 // len(checks[-1])
    assert known.find(hash_of(checks[0])) is None
    assert known.find(hash_of(checks[-1])) is not None


def test_an_answer_that_cannot_be_sent_is_dropped_and_counted():
    fleet = Fleet("fra")
    ask(fleet, 2)
    fleet.broker.stop()
    fleet.pass_time(NS_PER_S)
    assert fleet.agents["fra"].statistics().dropped == 2


def test_an_agent_that_closes_cancels_what_runs():
    fleet = Fleet("fra")
    ask(fleet, 2)
    fleet.agents["fra"].close()
    assert fleet.agents["fra"].here.cancelled == 2
    fleet.pass_time(NS_PER_S)
    assert not answers(fleet)


def test_answers_to_more_owners_than_are_gathered_for_go_out_sooner(monkeypatch):
    monkeypatch.setattr(limits, "REMOTE_OWNERS_MAX", 1)
    fleet = Fleet("fra")
    agent = fleet.agents["fra"]
    message = encode_batch(AskBatch(WIRE_VERSION, (ProbeAsk(1, hash_of(SHOP), 5_000),), (SHOP,)))
    for owner in ("a", "b"):
        agent.heard(asks_subject("fra"), answer_subject(owner, "fra", 1), message, False)
    fleet.pass_time(NS_PER_S)
    assert {subject for subject, _, _ in fleet.broker.sent} == {
        answer_subject("a", "fra", "a"),
        answer_subject("b", "fra", "a"),
    }
