"""docs/internal/proofs.md maps every claim of the brief to a test or to a paragraph that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROOFS = (ROOT / "docs" / "internal" / "proofs.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([BDVQ]-\d\d) \| (.+?) \| (.+?) \|$", re.MULTILINE)
CLAIMS = [
    *(f"B-{number:02}" for number in range(1, 22)),
    *(f"D-{number:02}" for number in range(1, 20)),
    *(f"V-{number:02}" for number in range(1, 13)),
    *(f"Q-{number:02}" for number in range(1, 18)),
]


def test_every_claim_has_exactly_one_row_in_order():
    assert [row[0] for row in ROW.findall(PROOFS)] == CLAIMS


def test_every_claim_names_a_test_or_a_paragraph():
    for claim, _, proof in ROW.findall(PROOFS):
        named = re.search(r"`tests/[\w/]+\.py::test_\w+`", proof)
        assert named or f"ownership.md#{claim.lower()}" in proof, claim


def test_every_question_has_its_paragraph():
    ownership = (ROOT / "docs" / "internal" / "ownership.md").read_text(encoding="utf-8")
    for claim in CLAIMS:
        if claim.startswith("Q-"):
            assert f"## {claim} " in ownership, claim
