"""Brings a text over, and reads the result as `run` would."""

from pathlib import Path

from watchkeeper.adapters.configuration.loading import examine
from watchkeeper.adapters.importing.peers import PEERS, bring_over


def brought(peer, text):
    """The result, and the configuration that it is."""
    folder = Path("/")
    made = bring_over(PEERS[peer], text, "source", folder)
    examined = examine(made.text, None, folder=folder, looks_at_files=False)
    assert not examined.faults
    return made, examined.configuration


def target_of(peer, text):
    """The only target of a text of which everything is brought over."""
    made, whole = brought(peer, text)
    assert not made.notes
    (target,) = whole.targets
    return target
