"""The subjects of NATS between owners and agents: each names its location, so that an account can be held to one.

watchkeeper.probe.LOCATION            asks; the agents of a location share them as one queue group
watchkeeper.agent.LOCATION.AGENT      asks of one agent, with the specifications that it lacks
watchkeeper.answer.OWNER.LOCATION.N   answers; N is the message of asks, or `a`
"""

import re
from typing import NamedTuple

ROOT = "watchkeeper"
_PLAIN = re.compile(r"[^A-Za-z0-9_-]")
_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_ANSWER = re.compile(
    rf"{ROOT}\.answer\.(?P<owner>[A-Za-z0-9]{{1,64}})\.(?P<token>[A-Za-z0-9_=-]+)\.(?P<batch>[a-z0-9]{{1,20}})"
)
GATHERED = "a"
"""In place of the number of a message of asks: answers to several of them."""


def token_of(location: str) -> str:
    """Returns the name of a location as one word of a subject: `eu.fra` is `eu=2Efra`."""
    return _PLAIN.sub(lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), location)


def asks_subject(location: str) -> str:
    """Returns where the asks for a location go."""
    return f"{ROOT}.probe.{token_of(location)}"


def agent_subject(location: str, agent: str) -> str:
    """Returns where the asks for one agent go."""
    return f"{ROOT}.agent.{token_of(location)}.{agent}"


def answer_subject(owner: str, location: str, batch: int | str) -> str:
    """Returns where an agent answers an owner."""
    return f"{ROOT}.answer.{owner}.{token_of(location)}.{batch}"


def answers_of(owner: str) -> str:
    """Returns the pattern of all answers to an owner."""
    return f"{ROOT}.answer.{owner}.>"


def is_id(text: str) -> bool:
    """Whether a text may stand in a subject as the id of an owner or an agent."""
    return _ID.fullmatch(text) is not None


class AnswerPlace(NamedTuple):
    """The facts in the subject of an answer: the part that a peer cannot forge where its account is held to its location."""

    owner: str
    token: str
    """The location as one word; see `token_of`."""
    batch: str


def read_answer_subject(subject: str) -> AnswerPlace | None:
    """Returns what the subject of an answer says; None for any other subject."""
    found = _ANSWER.fullmatch(subject)
    return None if found is None else AnswerPlace(found["owner"], found["token"], found["batch"])
