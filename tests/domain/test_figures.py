"""The figures of incidents: each real one counts, a drill and a draft do not."""

import msgspec
import pytest
from records import opened
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.read_model.figures import Figures

REAL = opened().incident


@pytest.mark.parametrize(
    ("fields", "count"),
    [({}, 1), ({"drill": Drill(route="shop", until_ns=1)}, 0), ({"draft": True}, 0)],
    ids=["real", "drill", "draft"],
)
def test_an_incident_counts_where_something_has_caused_it(fields, count):
    incident = msgspec.structs.replace(REAL, **fields)
    figures = Figures()
    figures.moved(incident)
    metrics = figures.read(0, (), [incident], ())
    assert sum(open_ for _, open_ in metrics.open_incidents) == count
    assert sum(steps for *_, steps in metrics.transitions) == count
