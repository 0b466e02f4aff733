"""The peers whose configurations are brought over."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from .blackbox.keys import LEFT as LEFT_OF_BLACKBOX
from .blackbox.keys import MAPPED as MAPPED_OF_BLACKBOX
from .blackbox.modules import from_blackbox
from .gatus.endpoints import from_gatus
from .gatus.keys import LEFT as LEFT_OF_GATUS
from .gatus.keys import MAPPED as MAPPED_OF_GATUS
from .healthchecks import LEFT as LEFT_OF_HEALTHCHECKS
from .healthchecks import MAPPED as MAPPED_OF_HEALTHCHECKS
from .healthchecks import from_healthchecks
from .imported import Imported
from .kuma.keys import LEFT as LEFT_OF_KUMA
from .kuma.keys import MAPPED as MAPPED_OF_KUMA
from .kuma.monitors import from_uptime_kuma
from .prometheus_rules import LEFT as LEFT_OF_PROMETHEUS
from .prometheus_rules import MAPPED as MAPPED_OF_PROMETHEUS
from .prometheus_rules import from_prometheus_rules
from .proving import proven
from .source import Note, PeerFile


class Peer(NamedTuple):
    """One peer, with what is said of each key of its reference."""

    title: str
    convert: Callable[[PeerFile], Imported]
    mapped: Mapping[str, str]
    """Keys that are read, and what they come to."""
    left: Mapping[str, str]
    """Keys that are not, and why; each stands for all below it."""


PEERS = {
    "gatus": Peer("Gatus", from_gatus, MAPPED_OF_GATUS, LEFT_OF_GATUS),
    "blackbox": Peer("blackbox_exporter", from_blackbox, MAPPED_OF_BLACKBOX, LEFT_OF_BLACKBOX),
    "uptime-kuma": Peer("Uptime Kuma", from_uptime_kuma, MAPPED_OF_KUMA, LEFT_OF_KUMA),
    "healthchecks": Peer("healthchecks", from_healthchecks, MAPPED_OF_HEALTHCHECKS, LEFT_OF_HEALTHCHECKS),
    "prometheus-rules": Peer(
        "Prometheus rules", from_prometheus_rules, MAPPED_OF_PROMETHEUS, LEFT_OF_PROMETHEUS
    ),
}
"""By the word of the command line."""


class BroughtOver(NamedTuple):
    """The result of an importer."""

    text: str
    """A configuration that passes `check`."""
    notes: tuple[Note, ...]
    """The parts of the source that are not in it."""
    targets: int
    channels: int
    templates: int


def bring_over(peer: Peer, text: str, name: str, folder: Path) -> BroughtOver:
    """Returns a peer's configuration as one of ours, whose relative file names are found from `folder`.

    Raises: ConfigurationError for a text that is neither YAML nor JSON, or that is not of this peer.
    """
    file = PeerFile(text, name, peer.left, peer.mapped)
    made = peer.convert(file)
    made.write_reminders()
    written = proven(made, file, folder, f"From {name}, a configuration of {peer.title}.")
    notes = tuple(sorted([*file.notes, *made.lost], key=lambda note: note.line))
    counts = (len(made.sections[each]) for each in ("targets", "channels", "templates"))
    return BroughtOver(written, notes, *counts)
