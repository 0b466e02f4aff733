"""Evidence of bad samples in the store: kept beside the samples, and read back for a target and a span."""

import pytest
from histories import ALL
from msgspec.structs import replace
from records import NOON, sample_at
from watchkeeper.adapters.stores.opening import make_reader, make_store
from watchkeeper.domain import limits
from watchkeeper.domain.incidents.record import Batch
from watchkeeper.domain.observation.evidence import Evidence
from watchkeeper.domain.observation.observation import Phases
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.time.moment import NS_PER_S


@pytest.fixture
def path(place):
    return place


@pytest.fixture
def store(path):
    store = make_store(path)
    store.open(NOON)
    yield store
    store.close()


def test_evidence_is_read_back_for_a_target_and_a_span(store, path, monkeypatch):
    monkeypatch.setattr(limits, "READ_EVIDENCE_MAX", 2)
    phases = Phases(dns_ns=1, connect_ns=2)
    first = Evidence(
        target="shop", at_ns=NOON.wall_ns, ip="192.0.2.1", phases=phases, failed=("a", "b"), body="é\n<p>"
    )
    later = [replace(first, at_ns=NOON.wall_ns + number * NS_PER_S) for number in (1, 2)]
    other, left_out = replace(first, target="door"), replace(first, at_ns=0)
    known = tuple(sample_at(0, name, Outcome.DOWN) for name in ("shop", "door"))
    store.commit(Batch(samples=known, evidence=(first, other, left_out)))
    store.commit(Batch(evidence=(*later, first)))
    reader = make_reader(path)
    assert reader.evidence("shop", 0, NOON.wall_ns + 1) == (first,)
    assert reader.evidence("shop", *ALL) == tuple(later), "the newest two"
    assert reader.evidence("door", *ALL) == (other,)
    assert reader.evidence("unheard of", *ALL) == ()
