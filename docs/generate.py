"""Writes docs/semantics.md from the tables in the code: `python docs/generate.py` (a test compares the two)."""

from pathlib import Path
from typing import Any

from watchkeeper.domain.incidents.incident import INCIDENT_TRANSITIONS
from watchkeeper.domain.incidents.notice import DELIVERY_TRANSITIONS
from watchkeeper.domain.incidents.outbox import STAGE_MOVES
from watchkeeper.domain.observation.attempt import ATTEMPT_TRANSITIONS
from watchkeeper.domain.observation.outcome import WITHOUT_ANSWER, Reason
from watchkeeper.domain.rules.aggregate import Status
from watchkeeper.domain.rules.phase import PHASE_TRANSITIONS
from watchkeeper.domain.specification.rule import RULE_TRANSITIONS

from docs.semantics import ATTEMPTS, JUDGED, NOTICES, SHOWN, Semantics

HEAD = """# What happens when an action is retried or cancelled

Written by `python docs/generate.py` from the tables in `domain/`; a test fails when the two differ. Each table lists
every state. Attempts live in `domain/observation/attempt.py`, notices in `domain/incidents/outbox.py` and `domain/incidents/notice.py`, the sentences
in `docs/semantics.py`.

The rule behind all of it: an **attempt** has no durable effect of its own, so it is never repeated, only followed by the
next one. A **notice** has one, so it is committed before it is sent, and it is retried under a key that is derived from
what it says. Cancelling is a move in these tables, never an exception, and never an undo.

Two limits. Order holds within an incident and channel: after a long outage of the store a receiver may hear of a new
incident of a rule before it hears the end of the one before. And what was judged while the sink had crashed *and* its
store could not be opened again is forgotten: when the store is back, judging goes on from what the record says, so an
incident that both began and ended in that time is never told (its samples are kept).
"""


def table(rows: dict[Any, Semantics], moves: dict[Any, tuple[Any, ...]]) -> str:
    lines = [
        "| state | means | a cancel leaves | a retry | after a crash | may become |",
        "|---|---|---|---|---|---|",
    ]
    for state, said in rows.items():
        after = ", ".join(f"`{move.value}`" for move in moves.get(state, ())) or "nothing"
        lines.append(
            f"| `{state.value}` | {said.means} | {said.on_cancel} | {said.on_retry} | {said.on_crash} | {after} |"
        )
    return "\n".join(lines)


def machine(moves: dict[Any, tuple[Any, ...]]) -> str:
    lines = ["| state | may become |", "|---|---|"]
    for state, after in moves.items():
        name = "(none yet)" if state is None else f"`{state.value}`"
        lines.append(f"| {name} | {', '.join(f'`{move.value}`' for move in after) or 'nothing'} |")
    return "\n".join(lines)


def statuses(shown: dict[Status, str]) -> str:
    lines = ["| status | shown when |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{status.value}` | {when} |" for status, when in shown.items())])


def judged(said: dict[str, str]) -> str:
    reasons = ", ".join(f"`{reason.value}`" for reason in Reason if reason in WITHOUT_ANSWER)
    rows = [f"| {sample} | {counts} |" for sample, counts in said.items()]
    return "\n".join(
        [
            "| a sample with | counts |",
            "|---|---|",
            *rows,
            "",
            f"No whole answer came where the reason is {reasons}.",
            "",
            "The history keeps to the same: the latency of an hour or a day, and the `latency_ms` that `status` prints, is that of",
            "answers that came in time. A refusal, a time-out and a sample that is no evidence count in the uptime's figures alone.",
        ]
    )


def render() -> str:
    return "\n".join(
        [
            HEAD,
            "## Attempts\n",
            table(ATTEMPTS, ATTEMPT_TRANSITIONS),
            "\n## Notices\n",
            table(NOTICES, {**STAGE_MOVES, **DELIVERY_TRANSITIONS}),
            "\n## What is shown of a target\n",
            statuses(SHOWN),
            "\n## What a threshold rule is judged by\n",
            judged(JUDGED),
            "\n## The other state machines\n",
            "Incidents (`domain/incidents/incident.py`):\n",
            machine(INCIDENT_TRANSITIONS),
            "\nRules on a target (`domain/rules/phase.py`), as in Prometheus:\n",
            machine(PHASE_TRANSITIONS),
            "\nThe lifecycle of a rule (`domain/specification/rule.py`):\n",
            machine(RULE_TRANSITIONS),
            "",
        ]
    )


if __name__ == "__main__":
    Path(__file__).with_name("semantics.md").write_text(render(), encoding="utf-8")
