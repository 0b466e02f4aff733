"""Situations that a batch must reach at least once: a simulator that never reaches one proves nothing about it."""

from collections.abc import Mapping

from .cases.faults import Fault

ALWAYS_WANTED = (
    "nothing to opened",
    "opened to resolved",
    "verdict: ok",
    "verdict: timed_out",
    "verdict: connection_refused",
    "verdict: unexpected_answer",
    "verdict: reported",
    "verdict: no_descriptors",
    "verdict: heartbeat_missed",
    "compared with the reference",
    "stale when the faults stopped",
    "stopped in good order",
)
WANTED: dict[Fault, tuple[str, ...]] = {
    Fault.PROBE_LATENCY: ("probe_latency",),
    Fault.PROBE_HANG: ("probe_hang",),
    Fault.PROBE_RAISES: ("probe_raises", "verdict: probe_crashed", "polled beside a poisoned one"),
    Fault.PROBE_LATE: ("probe_late", "second answer"),
    Fault.PROBE_UNSTOPPABLE: ("probe_unstoppable", "answer after a cancel"),
    Fault.STALE_ANSWER: ("stale answer",),
    Fault.DELAY: ("delayed message",),
    Fault.DUPLICATE: ("duplicate message",),
    Fault.TIGHT_MAILBOX: (
        "dropped RecordSamples",
        "dropped SampleTaken",
        "dropped SampleJudged",
        "dropped Beat",
    ),
    Fault.CRASH: (
        "crash of supervisor",
        "crash of owner",
        "crash of sink",
        "crash of courier",
        "crash of poller",
        "crash of recorder",
        "stale record refused",
        "store opened by a new sink",
    ),
    Fault.DEATH: (
        "death at kill",
        "death at tell",
        "death at told",
        "death at handle",
        "death at handled",
        "death at port",
        "death at clock",
        "death with a notice in flight",
        "restart while an incident is open",
        "restart with a rule's clock running",
    ),
    Fault.RESTART: ("restart",),
    Fault.REBOOT: (
        "death at reboot",
        "reboot while an incident is open",
        "reboot with a rule's clock running",
        "reboot with a notice in the outbox",
    ),
    Fault.STORE_FULL: ("store full", "fill disk"),
    Fault.STORE_IN_DOUBT: ("commit in doubt",),
    Fault.STORE_UNOPENABLE: ("store not openable",),
    Fault.DISK_FULL: ("disk fault at a commit",),
    Fault.DISK_WRITE_FAILED: ("disk fault at a commit",),
    Fault.DISK_SHORT_WRITE: ("disk fault at a commit",),
    Fault.DISK_SYNC_FAILED: ("doubt resolved: complete", "doubt resolved: absent"),
    Fault.DISK_DEATH: ("death at disk", "power cut"),
    Fault.DISK_TORN: ("death at disk", "power cut"),
    Fault.BIT_FLIP: ("flipped bit detected", "flipped bit harmless"),
    Fault.WALL_STEP: ("step wall", "blind: clock_stepped", "clock back while an incident is open"),
    Fault.SUSPEND: ("suspend", "blind: suspended"),
    Fault.STALL: ("stall", "blind: stalled", "verdict: blind", "verdict: overloaded"),
    Fault.CHANNEL_DOWN: ("key sent again", "repeated key absorbed", "resolved while its opening waits"),
    Fault.CHANNEL_SLOW: ("repeated key absorbed",),
    Fault.CHANNEL_BUSY: ("key sent again",),
    Fault.CHANNEL_REFUSES: ("dead letter", "dead letter re-driven in peace"),
    Fault.CHANNEL_RAISES: ("channel_raises", "dead letter"),
    Fault.CHANNEL_LATE: ("second answer",),
    Fault.RECONFIGURE: (
        "track",
        "untrack",
        "pause",
        "resume",
        "reload with an attempt in flight",
        "made a heartbeat with an attempt in flight",
        "made a paused heartbeat with an attempt in flight",
        "heartbeat paused",
        "ended by decree: removed",
        "ended by decree: retired",
        "opened to changed",
    ),
    Fault.SILENCE: (
        "silence",
        "transition under a silence",
        "catch-up notice",
        "silence over while down",
        "end of a silence noticed",
    ),
    Fault.ACKNOWLEDGE: (
        "acknowledge until worse",
        "opened to acknowledged",
        "acknowledged to resolved",
        "acknowledged to acknowledged",
        "acknowledgement ended",
        "acknowledgement withdrawn",
    ),
    Fault.REDRIVE: ("dead letter re-driven",),
    Fault.CHECK_NOW: ("check now", "checked with an attempt in flight"),
    Fault.ROUTES: (
        "digest",
        "digest of several incidents",
        "digest with ends and openings",
        "reminder",
        "told after a while",
        "escalated",
        "held by quiet",
    ),
    Fault.MAINTENANCE: ("held by maintenance",),
    Fault.DEPENDENCIES: ("held by dependency", "untold for dependency"),
    Fault.FLAPPING: ("held by flapping", "told after flapping"),
}
ENOUGH_SEEDS = 300
"""With fewer seeds chance may leave something out, and nothing is concluded."""


def never_happened(counts: Mapping[str, int], allowed: tuple[Fault, ...]) -> list[str]:
    """The situations that a batch with these faults should have met and did not."""
    wanted = [*ALWAYS_WANTED, *(name for fault in allowed for name in WANTED[fault])]
    return [name for name in dict.fromkeys(wanted) if not counts.get(name)]
