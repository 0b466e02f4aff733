"""docs/semantics.md says what the code says."""

import runpy
from pathlib import Path

from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.outbox import OutboxStage
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.rules.aggregate import Status

from docs.semantics import ATTEMPTS, NOTICES, SHOWN

DOCS = Path(__file__).parents[2] / "docs"


def test_the_document_is_what_the_tables_render():
    rendered = runpy.run_path(str(DOCS / "generate.py"))["render"]()

    assert (DOCS / "semantics.md").read_text(encoding="utf-8") == rendered


def test_every_state_of_an_action_has_its_row():
    assert list(ATTEMPTS) == list(AttemptState)
    assert list(NOTICES) == [*OutboxStage, *DeliveryState]
    assert list(SHOWN) == list(Status)
