"""Tables of meanings for every state of an attempt, a notice and a target; docs/semantics.md is made from them."""

import msgspec
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.outbox import OutboxStage
from watchkeeper.domain.observation.attempt import AttemptState
from watchkeeper.domain.rules.aggregate import Status


class Semantics(msgspec.Struct, frozen=True):
    """The meaning of one state of an action."""

    means: str
    on_cancel: str
    """The effect of a cancel in this state."""
    on_retry: str
    """Whether and how the action is retried."""
    on_crash: str
    """The state after a crash and a restart of the process."""


_OVER = "nothing: it has ended"
_NEXT_TICK = (
    "the next tick of the grid is a new attempt with a new number; an attempt itself is never repeated"
)
_FORGOTTEN = "dropped: an attempt has no durable effect before its sample is committed; the grid goes on"
_SAMPLE_STANDS = "its sample is kept if it was committed (within 250 ms), else it is lost"

ATTEMPTS: dict[AttemptState, Semantics] = {
    AttemptState.QUEUED: Semantics(
        "due, and waits for admission within its deadline",
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
        "its deadline passed before it was admitted: UNKNOWN, because that is an internal fault",
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
        "its driver stopped it; nothing of it continues",
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
        "asked to stop, and may run on: its thread is counted as abandoned",
        _OVER,
        "when the target is resumed, at its next tick, on another thread",
        _SAMPLE_STANDS,
    ),
    AttemptState.LOST: Semantics(
        "its poller crashed: UNKNOWN; a late answer has an old epoch and is refused",
        _OVER,
        "at the next tick after the poller is back",
        _SAMPLE_STANDS,
    ),
}

NOTICES: dict[OutboxStage | DeliveryState, Semantics] = {
    OutboxStage.READY: Semantics(
        "committed to the outbox, waits until its channel may send one more",
        "it stays in the outbox and is delivered after the next start",
        "it has not been tried yet",
        "it is there, with the same key",
    ),
    OutboxStage.HANDED_OUT: Semantics(
        "the attempt is recorded, and the courier has the notice",
        "the outcome is unknown; it stays in the outbox and is sent again under the same key after the next start",
        "when it fails or its deadline passes, by the channel's retry policy, with the same key and the same bytes",
        "the outcome is unknown; sent again under the same key, which a receiver applies once",
    ),
    OutboxStage.BACKING_OFF: Semantics(
        "an attempt failed with a retryable error; the supervisor owns the time of the next",
        "it stays in the outbox and is delivered after the next start",
        "when its backoff ends; given up when the retry policy is exhausted",
        "it is there, with the same key, and is tried at once",
    ),
    DeliveryState.PENDING: Semantics(
        "in the record: neither delivered nor given up",
        "it stays pending",
        "as its stage above says",
        "handed out again under the same key",
    ),
    DeliveryState.DELIVERED: Semantics(
        "the channel accepted it, and that is recorded: it is the channel's last delivered notice",
        "nothing: a delivered notice cannot be recalled",
        "never",
        "never sent again",
    ),
    DeliveryState.DEAD: Semantics(
        "given up: visible in `status`, `notices` and the runtime's health",
        _OVER,
        "only when an operator re-drives it, under its own key, and only if the channel has received no later notice",
        "it stays a dead letter",
    ),
}

SHOWN: dict[Status, str] = {
    Status.UNKNOWN: "there is no evidence; or it is stale (`no sample since ...`): the newest sample is older than "
    "two and a half periods, the timeout and a heartbeat's grace, or than a no_data rule allows; suspension counts",
    Status.UP: "the newest sample is good, or bad and no rule has confirmed it; never a stale one",
    Status.DEGRADED: "an incident is open, and none of them is critical; or the newest sample itself is degraded",
    Status.DOWN: "a critical incident is open, however old the newest sample is",
    Status.PAUSED: "it is not probed",
}
"""Incidents of draft rules count for none of them."""

JUDGED: dict[str, str] = {
    "an answer, right or wrong (a failed condition, a status of 500, a plugin's CRITICAL)": "counts, for every measure",
    "no answer, or an incomplete one": "neither opens nor resolves nor enters the window, for `response_time`, "
    "`first_byte` and `transfer`: a refusal after a fifth of a millisecond is no fast answer",
    "no answer in time": "for the same three: it took at least the time waited, which counts where this alone "
    "is `>` or `>=` the value, and not at all otherwise; it never ends a breach",
    "`dns`, `connect` and `tls` that ended before the failure": "count: they were measured",
    "`status`, and what a host or a plugin reports by name": "count wherever the sample has them",
    "`certificate_expiration`": "is that of the last seen certificate, and goes on running down while nothing answers",
}
"""How a threshold rule counts each kind of sample."""
