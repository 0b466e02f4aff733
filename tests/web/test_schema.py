"""The document of the API, and requests that are drawn from it: two thousand for each role."""

import json

import pytest
import schemathesis
from asking import TOKENS, Asking
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import CHECKS
from watchkeeper.web import limits
from watchkeeper.web.resources.routes import ROUTES

CASES = 2_000
OPERATIONS = len(ROUTES) - 1
EXAMPLES = 80
"""Of one operation; one without parameters has a single case."""


def test_the_document_is_of_openapi_and_names_every_route(viewer):
    document = viewer.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert "/ping/{key}/{signal}" in document["paths"]
    assert document["paths"]["/api/v1/reload"]["post"]["description"] == "Role: admin."
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


def test_the_document_holds_no_reference_that_leads_nowhere(viewer):
    text = viewer.get("/openapi.json").body.decode()
    document = json.loads(text)
    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named - document["components"]["schemas"].keys() == set()


@pytest.fixture
def unlimited(monkeypatch):
    """No rates, which are tested elsewhere; bounds are read when a door opens."""
    for name in ("BURST_MAX", "FAILED_LOGINS_MAX"):
        monkeypatch.setattr(limits, name, 10**9)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["anonymous", *TOKENS])
def test_no_request_that_the_document_allows_is_answered_otherwise_than_it_says(
    unlimited, hasty, runtime, incident, role
):
    url = runtime.serve("127.0.0.1:0", anonymous="none")
    headers = {"Authorization": f"Bearer {TOKENS[role]}"} if role in TOKENS else {}
    document = Asking(url, TOKENS["admin"]).get("/openapi.json").json
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    drawn = [each.ok() for each in schema.get_all_operations()]
    # A stream has no end.
    operations = [each for each in drawn if not each.path.endswith("/events")]
    assert len(operations) == OPERATIONS
    count = 0
    for operation in operations:

        @seed(1)
        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case):
            nonlocal count
            count += 1
            case.call_and_validate(headers=headers)

        ask()
    assert count >= CASES
    assert len(CHECKS.get_all()) > 5
    assert runtime.status().healthy
