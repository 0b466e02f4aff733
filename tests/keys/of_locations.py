"""The effect of each key of agents and locations: what a quorum tells in virtual time, and what a check refuses.

The messages to an agent, and the login at the servers, are seen at the agents themselves.
"""

from pathlib import Path
from typing import Any

from cases import Case, T, scripted, shop
from seeing import words, written
from watchkeeper import ConfigurationError
from watchkeeper.adapters.configuration import load

SCRIPT = "ok 5m, down from fra iad 5m, ok"
DOWN = ["shop/down opened", "shop/down resolved"]
AGENTS = {"nats": "nats://h", "locations": ["fra", "iad", "syd", "ams", "lon"]}


def located(**agents: Any) -> dict[str, Any]:
    rule = {"id": "down", "kind": "consecutive", "after": 2, "recover": 1}
    return shop(rule, locations=["fra", "iad", "syd"]) | {"agents": AGENTS | agents}


def refused(folder: Path, document: dict[str, Any]) -> str:
    """Returns the first problem of a document; empty for one without."""
    try:
        load(written(folder, document), {})
    except ConfigurationError as error:
        return str(error).splitlines()[0].split(": ", 1)[1].partition(":")[0]
    return ""


SEEN = scripted(words, script=SCRIPT)
A = ("agents",)

LOCATED: dict[str, Case] = {
    "Target.locations": Case(
        located(), (*T, "locations"), ["fra", "iad", "syd", "ams", "lon"], SEEN, DOWN, []
    ),
    "Target.quorum": Case(located(), (*T, "quorum"), 3, SEEN, DOWN, []),
    "Configuration.agents": Case(located(), A, ..., refused, "", "targets[0].locations"),
    "Agents.locations": Case(
        located(), (*A, "locations"), ["fra", "iad"], refused, "", "targets[0].locations[2]"
    ),
    "Agents.nats": Case(located(), (*A, "nats"), "http://h", refused, "", "agents.nats"),
    "Agents.credentials": Case(
        located(credentials="seed"), (*A, "credentials"), " ", refused, "", "agents.credentials"
    ),
    "Agents.tls": Case(
        located(nats="tls://h"), (*A, "tls"), {"ca_file": "gone"}, refused, "", "agents.tls.ca_file"
    ),
    "RuntimeOptions.location": Case(
        located(), ("runtime", "location"), "fra", refused, "", "agents.locations[0]"
    ),
}
