"""A record asked as a newcomer guesses: each refusal says what to write, and a name that is none is no empty answer."""

from datetime import UTC, date, datetime

import pytest
from watchkeeper import Heartbeat, Record, Runtime, Target, UnknownName, UsageError

JOB = Target(id="job", every="1h", heartbeat=Heartbeat())


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    path = tmp_path_factory.mktemp("record") / "watch.db"
    with Runtime(targets=[JOB], store=path) as runtime:
        runtime.heartbeat("job", ok=False)
        runtime.status()
    return Record(path)


GUESSES = [
    (lambda it: it.incidents(limit=-1), UsageError, "limit is a number of incidents, not -1"),
    (lambda it: it.incidents(limit="5"), TypeError, "limit is a number of incidents, not '5'"),
    (lambda it: it.told("inc_none"), UnknownName, "no incident has the id 'inc_none'"),
    (lambda it: it.deliveries(incident="inc_none"), UnknownName, "no incident has the id 'inc_none'"),
    (lambda it: it.transitions(JOB), TypeError, "named by its id, which is a text, not by Target"),
    (lambda it: it.samples("job", datetime(2026, 1, 1)), UsageError, r"write datetime\.now\(UTC\)"),  # noqa: DTZ001
    (lambda it: it.samples("job", date(2026, 1, 1)), UsageError, "or a moment like 2026-"),
    (lambda it: it.samples("job", "2026-01-31"), UsageError, "names no UTC offset: write it like 2026-"),
    (lambda it: it.samples("job", "yesterday"), UsageError, "'yesterday' is no duration: write it like"),
]


@pytest.mark.parametrize(("ask", "error", "says"), GUESSES)
def test_a_wrong_question_is_refused_with_what_to_write(record, ask, error, says):
    with pytest.raises(error, match=says):
        ask(record)


def test_an_incident_that_told_nobody_has_no_deliveries(record):
    incident = record.incidents()[0].id
    assert (record.told(incident), record.deliveries(incident=incident)) == ((), ())
    assert record.deliveries(key="msg_none") == ()


def test_a_moment_is_read_with_a_blank_as_well(record):
    assert record.samples("job", "2026-01-31 12:30:00Z") == record.samples(
        "job", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    )


def test_a_path_of_another_type_is_refused(tmp_path):
    path = tmp_path / "watch.db"
    assert repr(Record(bytes(path))) == f"<Record {path}>"
    with pytest.raises(TypeError, match="not Runtime"):
        Record(Runtime())
