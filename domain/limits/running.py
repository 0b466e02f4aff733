"""Bounds of a running system: cadence, attempts, messages, mailboxes and turns."""

from ..units import NS_PER_MS, NS_PER_S
from .answers import BODY_BYTES

# Messages at a boundary.
MESSAGE_BYTES_MAX = 256 * 1024
"""A message at a boundary, judged before it is read: four times a body, so that no sample or notice comes near it."""
IN_PROCESS_BYTES_MAX = 256 * 1024 * 1024
"""Used in debug mode only: the state that a sink sends to a new owner grows with the number of open incidents."""
MESSAGE_DEPTH_MAX = 16
"""Levels of a message: more than its own types need, and each level costs a pass of the check."""
MESSAGE_ITEMS_MAX = 65_536
"""Items of one list or map: an item of one byte takes seventy in memory, 4.5 MiB for all."""
assert BODY_BYTES < MESSAGE_BYTES_MAX < IN_PROCESS_BYTES_MAX

# Cadence.
SHARED_TICK_NS = NS_PER_S // 64
"""Phases are multiples of it (15.625 ms): targets share a wake-up, as one per target doubles a check's cost.
A longer tick saves more CPU and delays the last target of a shared wake-up; one second is a multiple of it."""
FIRST_LOOK_WITHIN_NS = 60 * NS_PER_S
"""A target with a longer cadence is checked once before its first tick, within this time of being tracked ..."""
FIRST_LOOKS_PER_S = 1_000
"""... or, where that exceeds this many first checks per second, within the time that this rate needs: half of the rated load."""

# Attempts.
IN_FLIGHT_MAX = 2_000
"""Attempts that run at once unless configured otherwise: each holds a descriptor, and 2,000 checks a second is the rated load."""
ATTEMPTS_KEPT_PER_TARGET = 8
"""The last attempts that `attempts(target)` shows: half a KB each, 4 KB for a target."""
ENDED_INCIDENTS_KEPT = 1_000
"""Ended incidents that `incidents()` shows from memory: about 1 MB."""
EVIDENCE_KEPT = 10
"""Attempts that an incident names as its evidence, the first ones: enough to look them up, few enough for a notice."""
EVIDENCE_BODY_BYTES_MAX = 512
"""Bytes of a bad answer's body that are kept: an error page says what is wrong in its first lines."""
EVIDENCE_PER_HOUR_MAX = 12
"""Bad samples of one target in an hour of which more than the explanation is kept: what a flapping target costs is bounded."""
LAST_REPORTS_KEPT = 4
"""Reports of a heartbeat that changed its state, kept for a record that loses their judgement: 2 KB of a target at most."""
EVIDENCE_HELD_MAX = 16
"""Evidence in one message to the sink: 4 KB each at most, a quarter of a message."""
EVIDENCE_GATHERED_MAX = 1_000
"""Evidence that waits for a store that cannot be written, the newest: 4 MB at most."""
SUBSCRIPTION_EVENTS_MAX = 10_000
"""Events that wait for one slow subscriber; beyond it the oldest is dropped and counted, and nothing waits for the reader."""
EXPECTATIONS_KEPT = 10_000
"""Compiled condition lists: compiling one condition takes 20 microseconds, and most targets share a few lists."""
SHARED_RESULTS_KEPT = 1_000
"""Results that `max_age` lets equal probes share; beyond it the least recently asked for is probed again."""
SHARED_RESULTS_NS_MAX = 3_600 * NS_PER_S
"""The longest `max_age`: an older result says nothing about the state of a target now."""
SCRAPE_ANSWER_NS = 5 * NS_PER_S
"""How long a scrape of metrics waits for the figures of the runtime: half of the ten seconds after which Prometheus gives up."""
SNAPSHOT_NS_MAX = 60 * NS_PER_S
"""The longest that a status snapshot is shared, whatever `status(max_age)` asks for."""
NOTEBOOK_ROWS_MAX = 200
"""Rows of a table that a notebook shows of one value: some screens, and a browser takes thousands only slowly."""
REPR_CHARACTERS_MAX = 200
"""The length of the `repr` of a value that a host receives: one line of a log or a terminal."""
PROBLEM_TEXTS_MAX = 5
"""Changes of one problem's text that are published in one span of `PROBLEM_TEXTS_NS`; `status()` has the newest ..."""
PROBLEM_TEXTS_NS = 60 * NS_PER_S
"""... so that an outage with 1,000 waiting notices fills no log with a line for each failed attempt."""
OWN_PROBLEM_PATIENCE_NS = 60 * NS_PER_S
"""How long a problem of the runtime itself lasts before it is told: a part that is restarted is well again within seconds."""
OWN_PROBLEMS_EVERY_NS = 60 * NS_PER_S
"""The time between two looks at such problems: as long as the shortest time after which one is told."""
OWN_CHANNEL_PATIENCE_NS = 5 * 60 * NS_PER_S
"""The same of a channel: a receiver that is deployed anew refuses for minutes, and its notices are retried."""
OWN_SILENCE_PATIENCE_NS = 5 * 60 * NS_PER_S
"""The same of a node that is silent: others have its shards, and a machine that starts again takes minutes."""
OWN_NODE_PATIENCE_NS = 3_600 * NS_PER_S
"""The same of what keeps a node from running shards while others run them: nodes are upgraded and reloaded one by one within the hour."""
OWN_PROBLEM_GONE_NS = 2 * 60 * NS_PER_S
"""How long such a problem is gone before its end is told: a new process has found by then what lasts, as a network that is away."""
NETWORK_PROVEN_NS = 60 * NS_PER_S
"""How long an answer shows that this machine has a network while only failures of its own are heard from others."""
METRIC_GROUPS_MAX = 200
"""Pairs of group and kind of probe whose durations are counted apart: 84 lines of metrics each; further ones share one group."""
LAG_WINDOWS_KEPT = 12
"""Spans of 5 s whose greatest lag of the loop the metrics tell: a minute, so that a scrape each minute misses none."""
BLIND_INTERVALS_KEPT = 100
"""Blind intervals that `status()` lists, newest kept; the store has all of them."""

# Blindness: how far the two clocks may diverge, and how late a wake-up may be, before samples are no evidence.
CLOCK_STEP_NS = 2 * NS_PER_S
"""A smaller step is the work of a clock being slewed or a leap second, and harms no time that people read."""
CLOCK_DRIFT_NS = 100 * NS_PER_MS
"""How far the two clocks may drift apart before what waits for a wall time is timed anew: an hour of a clock that is a bit fast."""
SUSPEND_NS = 5 * NS_PER_S
"""A shorter suspension is seen as lateness alone: an attempt with the usual timeout of 5 s outlasts it."""
STALL_NS = 5 * NS_PER_S
"""A shorter stall delays a wake-up, which is counted as lateness, and leaves the samples of that time valid."""
LAG_SHARE_OF_TIMEOUT = 0.25
"""A timeout is no evidence where a late loop or a wait for admission took more than this share of it: it may have decided."""
LAGS_KEPT_NS = 60 * NS_PER_S
"""How long the lateness of a wake-up is remembered, to judge measured times by it: far longer than usual timeouts."""
LAG_NOTED_NS = 25 * NS_PER_MS
"""A shorter lateness of a wake-up is the rated one, and makes no measured time doubtful."""
LAG_LOOK_NS = 50 * NS_PER_MS
"""The longest time between two wake-ups while an attempt runs: a block of the loop is measured with this error."""
SILENT_AFTER_NS_MIN = 600 * NS_PER_S
"""The default rule `silent` waits this long at least: a shorter span without evidence mostly ends by itself."""
OUTAGE_TOLERANCE_NS = 3_600 * NS_PER_S
"""The longest stop that counts as silence of a target that reports by itself; Prometheus' outage tolerance of `for`."""
DEADLINE_SLACK_NS = 250 * NS_PER_MS
"""How long after a deadline the result that reports the timeout may still arrive."""

# The invariant auditor in debug mode.
AUDITED_LIVES_MAX = 10_000
"""Beyond this number of audited incidents, those that have ended are removed."""
AUDITED_BREACHES_KEPT = 100
"""Broken invariants kept as text; the log and the counter have all of them, and the first ones show the cause."""
AUDITED_CLAIMS_MAX = 64
"""Notices in flight on a channel of unknown bound: the largest `in_flight_max` that a channel may have."""

# Dispatch: mailboxes, turns and the logging of dead letters.
MAILBOX_MESSAGES_MAX = 1_000
"""The capacity of a mailbox that sets none: an actor that far behind does not catch up by waiting."""
MAILBOX_LIGHT_MESSAGES_MAX = 128
"""Up to this capacity a mailbox is a list: 56 bytes empty instead of 760, and short enough to take from its front."""
MAILBOX_SEARCHED_MAX = 32
"""Places at either end that a sender searches for a message to drop: a few microseconds at most."""
TURN_MESSAGES_MAX = 32
"""Messages of one turn, after which another actor runs: it shares the cost of a turn without keeping others waiting."""
TURN_NS_MAX = 2 * NS_PER_MS
"""The time of one turn: a wake-up behind it stays within the rated lateness of 25 ms."""
BATCH_TURNS_MAX = 256
"""Turns of one batch, between which no socket is looked at: a quarter of a millisecond with turns of one microsecond."""
BATCH_NS_MAX = 2 * NS_PER_MS
"""The time of one batch: with the turn that runs at its end, sockets wait at most twice as long."""
SIMULATED_STEPS_MAX = 50_000_000
"""Turns at one instant of virtual time, about a minute: actors that do not become idle until then send to each other for ever."""
DEAD_LETTERS_LOGGED_FIRST = 10
"""Dead letters that are logged one by one; all of them are counted ..."""
DEAD_LETTERS_LOGGED_EVERY_NS = 300 * NS_PER_S
"""... and after those, one in this time is logged, so that a loop of dead letters fills no disk."""
LOOP_CLOSING_S = 5.0
"""The wait for cancelled tasks when the runtime's own loop is closed; a task that ignores its cancellation is left."""
START_WITHIN_S = 60.0
"""The longest wait for a start: opening and verifying a large store takes long."""
ANSWER_WITHIN_NS = 10 * NS_PER_S
"""The longest wait for an answer of the recorder, in use and during a stop."""
GENERATIONS_PER_RUN = 65_536
"""How often the owner may resume within one opening of the store: its generations are numbered below those of the next."""
assert TURN_NS_MAX <= BATCH_NS_MAX
assert MAILBOX_LIGHT_MESSAGES_MAX <= MAILBOX_MESSAGES_MAX
assert TURN_MESSAGES_MAX <= MAILBOX_LIGHT_MESSAGES_MAX
