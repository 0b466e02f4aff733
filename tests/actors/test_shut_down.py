"""The order of a shutdown, the share of the time that each of its steps has, and the names of those that did not end."""

from itertools import pairwise

import pytest
from watchkeeper.actors.system import shut_down
from watchkeeper.domain.limits import TENURE_BEAT_NS, TENURE_LEASE_NS
from watchkeeper.domain.time.moment import NS_PER_S, Moment
from watchkeeper.protocol.sink import DrainSink, EndSink, RenewTenure

BEGUN = Moment(monotonic_ns=1_000, wall_ns=0)
ORDER = ["drain supervisor", "stop owner", "end sink", "stop courier/ops", "stop courier/calm"]


class Part:
    """An actor by name; notes its messages where the system notes its calls."""

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def tell(self, message):
        self.calls.append(message)


class Slow:
    """A system in which the named actors never end."""

    def __init__(self, *late):
        self.calls, self.late = [], late
        self.ended = {}
        self.owner, self.sink = Part("owner", self.calls), Part("sink", self.calls)
        self.couriers = {name: Part(f"courier/{name}", self.calls) for name in ("ops", "calm")}

    def finish(self, name):
        if name not in self.late:
            self.ended[name] = None

    def drain_supervisor(self, within_ns):
        self.calls.append(("drain supervisor", within_ns))
        self.finish("supervisor")

    def stop(self, part):
        self.calls.append(f"stop {part.name}")
        self.finish(part.name)

    def end(self, part, ask):
        self.calls.append(f"end {part.name}")
        ask()
        self.finish(part.name)


def shut(system, within_ns):
    """Shuts the system down. Returns the late names, and the deadline of each wait, since the begin."""
    deadlines = []

    def wait(done, until_ns):
        deadlines.append(until_ns - BEGUN.monotonic_ns)
        return done()

    return shut_down(system, wait, BEGUN, within_ns), deadlines


def test_actors_end_one_after_another_each_with_its_share_of_the_time():
    system = Slow()
    within_ns = 10 * NS_PER_S
    late, deadlines = shut(system, within_ns)
    assert late == ()
    assert system.calls == [
        ("drain supervisor", within_ns // 2),
        "stop owner",
        "end sink",
        DrainSink(),
        "stop courier/ops",
        "stop courier/calm",
    ]
    shares = [within_ns * share // 100 for share in (75, 80, 100, 100)]
    assert deadlines == [*shares[:2], TENURE_BEAT_NS, *shares[2:]]


def test_a_sink_that_waits_for_its_couriers_is_asked_to_leave_them():
    system = Slow("sink")
    late, deadlines = shut(system, 10 * NS_PER_S)
    assert late == ("sink",)
    left_alone_ns = 9 * NS_PER_S
    renewals = -(-left_alone_ns // TENURE_BEAT_NS)
    assert system.calls[3 : renewals + 5] == [DrainSink(), *[RenewTenure()] * renewals, EndSink()]
    waits = [min(number * TENURE_BEAT_NS, left_alone_ns) for number in range(1, renewals + 1)]
    whole_ns = 10 * NS_PER_S
    assert deadlines == [whole_ns * 3 // 4, whole_ns * 4 // 5, *waits, whole_ns, whole_ns, whole_ns]


def test_a_sink_that_waits_for_its_couriers_keeps_its_lease():
    system = Slow("sink")
    deadlines = shut(system, 10 * NS_PER_S)[1]
    assert max(later - earlier for earlier, later in pairwise(deadlines[2:-3])) < TENURE_LEASE_NS // 2


@pytest.mark.parametrize("name", ["supervisor", "owner", "sink", "courier/ops", "courier/calm"])
def test_an_actor_that_does_not_end_is_named_and_keeps_no_other_from_ending(name):
    system = Slow(name)
    assert shut(system, 10 * NS_PER_S)[0] == (name,)
    assert set(system.ended) == {"supervisor", "owner", "sink", "courier/ops", "courier/calm"} - {name}


def test_couriers_have_a_second_however_short_the_time_is():
    system = Slow()
    _, deadlines = shut(system, 1)
    assert system.calls[0] == ("drain supervisor", 1)
    assert deadlines == [1, 1, 1, NS_PER_S, NS_PER_S]
