"""What a retry does and what a cancel leaves behind, and what a status says, for every state: the tables behind the docs."""

import msgspec
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.outbox import OutboxStage
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.rules.aggregate import Status


class Semantics(msgspec.Struct, frozen=True):
    """What is so of an action in one state."""

    means: str
    on_cancel: str
    """What cancelling it now leaves behind."""
    on_retry: str
    """Whether, and how, it is tried again."""
    on_crash: str
    """What is so of it after the process died and came back."""


_OVER = "nothing: it has ended"
_NEXT_TICK = (
    "the next tick of the grid is a new attempt with a new number; an attempt itself is never repeated"
)
_FORGOTTEN = "forgotten: an attempt has no durable effect before its sample is committed; the grid goes on"
_SAMPLE_STANDS = "its sample stands if it was committed (within 250 ms), else it is forgotten"

ATTEMPTS: dict[AttemptState, Semantics] = {
    AttemptState.QUEUED: Semantics(
        "due, and waiting for admission inside its deadline",
        "`cancelled_before_start`; the probe was never called",
        _NEXT_TICK,
        _FORGOTTEN,
    ),
    AttemptState.RUNNING: Semantics(
        "the probe was called and has not answered",
        "`cancelled_without_effect` when the driver stopped it, `completed_anyway` when its answer was there first, "
        "`cancel_unknown` when it runs on a thread, which cannot be killed",
        "never while it runs: a tick that finds it running is counted as missed",
        _FORGOTTEN,
    ),
    AttemptState.FINISHED: Semantics("the probe answered in time", _OVER, _NEXT_TICK, _SAMPLE_STANDS),
    AttemptState.TIMED_OUT: Semantics(
        "its deadline passed while it ran; a later answer is refused and counted",
        _OVER,
        _NEXT_TICK,
        _SAMPLE_STANDS,
    ),
    AttemptState.EXPIRED: Semantics(
        "its deadline passed before it was admitted: UNKNOWN, since that is our own trouble",
        _OVER,
        _NEXT_TICK,
        _SAMPLE_STANDS,
    ),
    AttemptState.CANCELLED_BEFORE_START: Semantics(
        "cancelled while it waited; the probe was never called",
        _OVER,
        "when the target is resumed, at its next tick",
        _SAMPLE_STANDS,
    ),
    AttemptState.CANCELLED_WITHOUT_EFFECT: Semantics(
        "stopped by its driver; nothing of it goes on",
        _OVER,
        "when the target is resumed, at its next tick",
        _SAMPLE_STANDS,
    ),
    AttemptState.COMPLETED_ANYWAY: Semantics(
        "the cancel came after the answer",
        _OVER,
        "when the target is resumed, at its next tick",
        _SAMPLE_STANDS,
    ),
    AttemptState.CANCEL_UNKNOWN: Semantics(
        "asked to stop, and may go on: the thread it runs on is accounted as abandoned",
        _OVER,
        "when the target is resumed, at its next tick, on another thread",
        _SAMPLE_STANDS,
    ),
    AttemptState.LOST: Semantics(
        "its poller crashed: UNKNOWN; what it may still say is of an old epoch and refused",
        _OVER,
        "at the next tick after the poller is back",
        _SAMPLE_STANDS,
    ),
}

NOTICES: dict[OutboxStage | DeliveryState, Semantics] = {
    OutboxStage.READY: Semantics(
        "committed to the outbox, waiting for a place with its courier",
        "it stays in the outbox and is delivered after the next start",
        "it has not been tried yet",
        "it is there, with the same key",
    ),
    OutboxStage.HANDED_OUT: Semantics(
        "the attempt is recorded, the courier has it",
        "the outcome is unknown; it stays in the outbox and is sent again under the same key after the next start",
        "when it fails or its deadline passes, by the channel's retry policy, with the same key and the same bytes",
        "the outcome is unknown; sent again under the same key, which a receiver that keeps keys applies once",
    ),
    OutboxStage.BACKING_OFF: Semantics(
        "an attempt failed in a way that may pass; the supervisor holds the time of the next",
        "it stays in the outbox and is delivered after the next start",
        "when its time has come, or given up when the policy's budget is spent",
        "it is there, with the same key, and is tried at once",
    ),
    DeliveryState.PENDING: Semantics(
        "in the record: neither delivered nor given up",
        "it stays so",
        "as its stage above says",
        "handed out again under the same key",
    ),
    DeliveryState.DELIVERED: Semantics(
        "the channel accepted it, and that is recorded: it is what the channel was last told",
        "nothing can be taken back; a cancel is no undo",
        "never",
        "never sent again",
    ),
    DeliveryState.DEAD: Semantics(
        "given up aloud: visible in `status`, `notices` and the runtime's health",
        _OVER,
        "only when an operator re-drives it, under its own key, and only if the channel has heard nothing later",
        "it stays a dead letter",
    ),
}

SHOWN: dict[Status, str] = {
    Status.UNKNOWN: "there is no evidence; or it is stale, which says `no sample since ...`: the newest sample is older than "
    "two and a half periods, the timeout and a heartbeat's grace, or than a no_data rule allows; time asleep counts",
    Status.UP: "the newest sample is good, or bad and no rule has confirmed it; never a stale one",
    Status.DEGRADED: "an incident is open, and none of them critical; or the newest sample says so itself",
    Status.DOWN: "a critical incident is open, however old the newest sample is",
    Status.PAUSED: "nobody looks at it",
}
"""Drafts count for none of them."""

JUDGED: dict[str, str] = {
    "an answer, right or wrong (a failed condition, a status of 500, a plugin's CRITICAL)": "counts, for every measure",
    "no answer, or none that was whole": "neither opens nor resolves nor enters the window, for `response_time`, `first_byte` and "
    "`transfer`: a refusal after a fifth of a millisecond is no fast answer",
    "no answer in time": "for the same three: took at least as long as it was waited for, which counts where this alone is `>` or "
    "`>=` the value, and not at all otherwise; it never ends a breach",
    "`dns`, `connect` and `tls` that ended before the failure": "count: they were measured",
    "`status`, and what a host or a plugin reports by name": "count wherever the sample has them",
    "`certificate_expiration`": "is that of the certificate last seen, and goes on running down while nothing answers",
}
"""What a sample is to a threshold rule."""
