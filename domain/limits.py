"""Every bound of the system in one place, with asserts of how they relate."""

from .units import NS_PER_MS, NS_PER_S

# Bounds of data from targets.
BODY_BYTES = 64 * 1024
BODY_BYTES_MAX = 4 * 1024 * 1024
HEADER_BYTES_MAX = 64 * 1024
DETAIL_CHARACTERS_MAX = 300
FAILED_CONDITIONS_KEPT = 8
MEASUREMENTS_MAX = 32
INTEGER_MAX = 2**63 - 1
ADDRESS_CHARACTERS_MAX = 256
assert BODY_BYTES <= BODY_BYTES_MAX

# Bounds of a configuration.
TARGETS_MAX = 200_000
RULES_PER_TARGET_MAX = 16
CONDITIONS_PER_TARGET_MAX = 32
CHANNELS_MAX = 256
EVERY_NS_MIN = 10 * NS_PER_MS
EVERY_NS_MAX = 366 * 86_400 * NS_PER_S
TIMEOUT_NS_MIN = NS_PER_MS
TIMEOUT_NS_MAX = 3_600 * NS_PER_S
CONSECUTIVE_MAX = 1_000
WINDOW_SAMPLES_MAX = 100_000
WINDOW_BLOCK_VALUES_MAX = (
    1_024  # a block of sorted values is split beyond; moving half of one takes 0.1 microseconds
)
assert TIMEOUT_NS_MIN < EVERY_NS_MIN

# Messages at a boundary.
MESSAGE_BYTES_MAX = 256 * 1024
IN_PROCESS_BYTES_MAX = 256 * 1024 * 1024
"""Used in debug mode only: the state that a sink sends to a new owner grows with the number of open incidents."""
MESSAGE_DEPTH_MAX = 16
MESSAGE_ITEMS_MAX = 65_536
assert BODY_BYTES < MESSAGE_BYTES_MAX < IN_PROCESS_BYTES_MAX

# Cadence.
SHARED_TICK_NS = NS_PER_S // 64
"""Phases are multiples of it (15.625 ms): targets share a wake-up, as one per target doubles a check's cost.
A longer tick saves more CPU and delays the last target of a shared wake-up; one second is a multiple of it."""
FIRST_LOOK_WITHIN_NS = 60 * NS_PER_S
"""A target with a longer cadence is checked once before its first tick, within this time of being tracked ..."""
FIRST_LOOKS_PER_S = 1_000
"""... or, where that exceeds this many first checks per second, within the time that this rate needs."""

# Attempts.
IN_FLIGHT_MAX = 2_000
ATTEMPTS_KEPT_PER_TARGET = 8
ENDED_INCIDENTS_KEPT = 1_000
SUBSCRIPTION_EVENTS_MAX = 10_000
EXPECTATIONS_KEPT = 10_000
SHARED_RESULTS_KEPT = 1_000
SHARED_RESULTS_NS_MAX = 3_600 * NS_PER_S
SNAPSHOT_NS_MAX = 60 * NS_PER_S
BLIND_INTERVALS_KEPT = 100

# Blindness: how far the two clocks may diverge, and how late a wake-up may be, before samples are no evidence.
CLOCK_STEP_NS = 2 * NS_PER_S
SUSPEND_NS = 5 * NS_PER_S
STALL_NS = 5 * NS_PER_S
LAG_SHARE_OF_TIMEOUT = 0.25
SILENT_AFTER_NS_MIN = 600 * NS_PER_S
"""The shortest silence that the default rule `silent` calls an incident."""
OUTAGE_TOLERANCE_NS = 3_600 * NS_PER_S
"""The longest stop that counts as silence of a target that reports by itself; Prometheus' outage tolerance of `for`."""
DEADLINE_SLACK_NS = 250 * NS_PER_MS
"""How long after a deadline the result that reports the timeout may still arrive."""

# The record.
COMMIT_SAMPLES_NS = 250 * NS_PER_MS
BATCH_RECORDS_MAX = 5_000
SAMPLES_HELD_MAX = 512
"""The largest number of samples in one message to the sink."""
UNWRITTEN_STEPS_SAID = 50
"""How many unrecorded transitions are listed by name when a runtime stops."""
SINK_MAILBOX_MAX = 1_000
OWNER_MAILBOX_MAX = 50_000
RECORDER_MAILBOX_MAX = TARGETS_MAX + 50_000
"""The recorder receives a message per target at the start; the bound leaves room so that no first sample is dropped."""
SUPERVISOR_MAILBOX_MAX = TARGETS_MAX + 50_000
"""A reload may track every target again; only waiting heartbeats are dropped, the oldest first."""
assert SINK_MAILBOX_MAX * SAMPLES_HELD_MAX >= BATCH_RECORDS_MAX

# The invariant auditor in debug mode.
AUDITED_LIVES_MAX = 10_000
"""Beyond this number of audited incidents, those that have ended are removed."""
AUDITED_BREACHES_KEPT = 100
AUDITED_CLAIMS_MAX = 64

# Durations as text.
DURATION_NS_MAX = 100 * 366 * 86_400 * NS_PER_S
DURATION_CHARACTERS_MAX = 64
DURATIONS_KEPT = 1_024
assert DURATION_NS_MAX > EVERY_NS_MAX

# Conditions: limits of the written text, of the values shown in a failure, and of the JSON body that is parsed.
CONDITION_CHARACTERS_MAX = 512
CONDITION_OPTIONS_MAX = 64
CONDITION_VALUE_CHARACTERS_MAX = 100
CONDITION_MATCHED_CHARACTERS_MAX = 25
CONDITION_SHOWN_CHARACTERS_MAX = 1_024
JSON_DEPTH_MAX = 100
JSON_STEPS_MAX = 32
NUMBER_CHARACTERS_MAX = 128
assert CONDITION_SHOWN_CHARACTERS_MAX > CONDITION_CHARACTERS_MAX + 2 * CONDITION_VALUE_CHARACTERS_MAX
assert JSON_STEPS_MAX < JSON_DEPTH_MAX

# Dispatch: mailboxes, turns and the logging of dead letters.
MAILBOX_MESSAGES_MAX = 1_000
MAILBOX_LIGHT_MESSAGES_MAX = 128
MAILBOX_SEARCHED_MAX = 32
TURN_MESSAGES_MAX = 32
TURN_NS_MAX = 2 * NS_PER_MS
BATCH_TURNS_MAX = 256
BATCH_NS_MAX = 2 * NS_PER_MS
SIMULATED_STEPS_MAX = 50_000_000
DEAD_LETTERS_LOGGED_FIRST = 10
DEAD_LETTERS_LOGGED_EVERY_NS = 300 * NS_PER_S
LOOP_CLOSING_S = 5.0
assert TURN_NS_MAX <= BATCH_NS_MAX
assert MAILBOX_LIGHT_MESSAGES_MAX <= MAILBOX_MESSAGES_MAX
assert TURN_MESSAGES_MAX <= MAILBOX_LIGHT_MESSAGES_MAX

# A configuration file.
CONFIGURATION_BYTES_MAX = 64 * 1024 * 1024
CONFIGURATION_NODES_MAX = 10_000_000
CONFIGURATION_DEPTH_MAX = 32
CONFIGURATION_DIGITS_MAX = 100
CONFIGURATION_WORDS_KEPT = 10_000
PROBLEMS_MAX = 1_000
PROBLEM_WORD_CHARACTERS_MAX = 60
ENVIRONMENT_VALUE_CHARACTERS_MAX = 64 * 1024
URL_CHARACTERS_MAX = 8_192
KEEP_FIRING_NS_MAX = 366 * 86_400 * NS_PER_S
GRACE_NS_MAX = 3_600 * NS_PER_S
RETENTION_NS_MIN = 60 * NS_PER_S
RETENTION_NS_MAX = 100 * 365 * 86_400 * NS_PER_S
GIVE_UP_NS_MIN = NS_PER_S
GIVE_UP_NS_MAX = 30 * 86_400 * NS_PER_S
assert RETENTION_NS_MAX <= DURATION_NS_MAX
assert GRACE_NS_MAX >= TIMEOUT_NS_MIN

# The host's callables and commands.
CALL_THREADS_MAX = 16
CALL_QUEUE_MAX = 1_024
ABANDONED_CALLS_MAX = 16
ABANDONED_CALLS_PER_NAME_MAX = 1
CHANNEL_THREADS_MAX = 4
COMMAND_START_THREADS_MAX = 4
COMMANDS_MAX = 256
COMMANDS_KEPT_MAX = 10_000  # reports of the host that wait while a runtime restarts
COMMAND_ERROR_BYTES_MAX = 4 * 1024
READ_BYTES_MAX = 64 * 1024
READS_AFTER_EXIT_MAX = 64
CLOSE_NS = 2 * NS_PER_S
PERFORMANCE_LABEL_CHARACTERS_MAX = 128
assert ABANDONED_CALLS_PER_NAME_MAX <= ABANDONED_CALLS_MAX
assert COMMANDS_KEPT_MAX <= SUPERVISOR_MAILBOX_MAX
assert BODY_BYTES_MAX <= READ_BYTES_MAX * READS_AFTER_EXIT_MAX

# The network: bounds of what is kept between requests, and of one request.
READ_PLAIN_BYTES = 16 * 1024
HANDLES_IDLE_MAX = 2_048
SHELVES_MAX = 8_192
PLANS_MAX = TARGETS_MAX
CONNECTIONS_KEPT_MAX = 4_096
CONNECTION_USES_MAX = 10
EVENTS_PER_BATCH_MAX = 512
DNS_FRESH_NS = 30 * NS_PER_S
DNS_ENTRIES_CURL_MAX = 29_999
DNS_ENTRIES_MAX = 10_000
NEXT_ADDRESS_NS = 250 * NS_PER_MS
RESOLVER_THREADS_MAX = 8
RESOLVER_QUEUE_MAX = 4_096
WIRE_BYTES_SLACK = 512 * 1024
WIRE_EVENTS_BEFORE_LOOKING = 3
CERTIFICATE_TEXTS_MAX = 8_192
CERTIFICATES_KEPT = 1_024
TLS_CONTEXTS_KEPT = 64
HANDSHAKE_DOUBTS_MAX = 11  # 2 ** 11 times half a minute: 17 hours
TCP_TEXT_CHARACTERS_MAX = 16 * 1024
NOTICE_ANSWER_BYTES_MAX = 4 * 1024
NOTICE_LATE_NS = 60 * NS_PER_S  # a transition older than that is marked as late
RETRIED_PER_SUCCESS = 2
"""How many notices in backoff are retried at once after one delivery succeeds, so that a recovered channel catches up soon."""
RETRY_AFTER_NS_MAX = 366 * 86_400 * NS_PER_S
assert RESOLVER_QUEUE_MAX >= IN_FLIGHT_MAX
assert 4 * TCP_TEXT_CHARACTERS_MAX <= BODY_BYTES  # UTF-8 takes up to four bytes a character
assert WIRE_BYTES_SLACK > HEADER_BYTES_MAX

# Silences.
SILENCE_LOOK_NS = 500 * NS_PER_MS
"""The longest delay in noticing the end of a silence after the wall clock is set."""
assert SILENCE_LOOK_NS < NS_PER_S

# The store.
LOCK_TRIES_MAX = 1_000
LOCK_TRY_EVERY_NS = NS_PER_MS
STORE_BUSY_NS = 2 * NS_PER_S
STORE_WAL_PAGES_MAX = 1_000
STORE_BYTES_CHECKED_WHOLE = 64 * 1024 * 1024
STORE_WAL_BYTES_KEPT = 8 * 1024 * 1024
CHAIN_VERIFIED_WHOLE = 100_000
CHAIN_ANCHOR_EVERY = 50_000
DAY_TABLES_MAX = 64
RAW_SAMPLES_NS_MAX = 60 * 86_400 * NS_PER_S
"""Raw samples use one table per day; a day for which no table is left is not recorded. Besides the days that are kept, three
tables are in use: the day being deleted, today, and tomorrow for a clock that is ahead."""
SAMPLE_WALL_NS_MIN = 946_684_800 * NS_PER_S  # 2000-01-01
SAMPLE_WALL_NS_MAX = 7_258_118_400 * NS_PER_S  # 2200-01-01
EXPLANATION_CHARACTERS_MAX = 1_000
HOUSE_SETTLE_NS = 600 * NS_PER_S
HOUSE_STEP_NS = 60 * NS_PER_S
HOUSE_ROWS_MAX = 5_000
SEAL_AFTER_NS = 600 * NS_PER_S
SEAL_ROWS_HELD_MAX = 500_000
READ_INCIDENTS_MAX = 10_000
assert CHAIN_ANCHOR_EVERY <= CHAIN_VERIFIED_WHOLE
assert RAW_SAMPLES_NS_MAX // (86_400 * NS_PER_S) + 3 <= DAY_TABLES_MAX
assert HOUSE_ROWS_MAX <= SEAL_ROWS_HELD_MAX
