"""Checks of the metadata of a target beyond its types."""

from collections.abc import Iterator

from msgspec import UNSET

from ..specification.problem import Problem
from ..specification.target import Target
from ..specification.text import as_pairs
from .network import url_fault

RESERVED_LABELS = {
    "target": "the id says it",
    "group": "write it as the target's own `group`",
    "severity": "a rule says it",
    "rule": "a rule's id says it",
}
"""Names that a choice of incidents already has for other things."""


def metadata_problems(target: Target) -> Iterator[Problem]:
    """Links that a page cannot offer, and labels that would be confused with other words; paths begin at the target."""
    for key in ("link", "runbook"):
        url = getattr(target, key)
        fault = "" if url is UNSET else url_fault(url)
        if fault:
            yield Problem((key,), fault)
    labels = () if target.labels is UNSET else as_pairs(target.labels)
    for name, _ in labels:
        if name in RESERVED_LABELS:
            yield Problem(("labels", name), f"is no label: {RESERVED_LABELS[name]}", at_key=True)
