"""Probers of the kinds that no target has: they cost nothing."""

from watchkeeper.adapters.probes.table import HTTP_PROBERS, NETWORK_PROBERS, network_probers
from watchkeeper.adapters.probes.web.http import HttpProber
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.probes.udp import Udp

REFUSED = Udp(host="127.0.0.1", port=1, send="ping")


def probers_of(bench):
    return network_probers(bench.around(), HttpProber(bench.transport))


def test_a_kind_costs_one_descriptor_at_most_from_its_first_attempt_to_its_end(bench, descriptors):
    before = descriptors()
    probers = probers_of(bench)
    assert (probers.keys(), descriptors()) == ((NETWORK_PROBERS | HTTP_PROBERS).keys(), before)

    assert bench.run(probers[Udp], REFUSED).seen.outcome is Outcome.DOWN
    # A system without epoll listens by the loop's own descriptor.
    assert descriptors() <= before + 1

    for prober in probers.values():
        prober.close()
    assert descriptors() == before


def test_a_prober_that_was_closed_before_its_first_attempt_makes_none(bench, descriptors):
    before = descriptors()
    prober = probers_of(bench)[Udp]
    prober.close()

    assert bench.run(prober, REFUSED).seen.outcome is Outcome.TIMED_OUT
    assert descriptors() == before
