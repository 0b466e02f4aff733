"""Every bound of the system in one place: below each, what it protects and why this number, with asserts of how they relate."""

from .units import NS_PER_MINUTE, NS_PER_MS, NS_PER_S

# Bounds of data from targets.
BODY_BYTES = 64 * 1024
"""The body of an answer unless the target says otherwise: a status page fits, and 2,000 attempts at once hold 128 MiB at most."""
BODY_BYTES_MAX = 4 * 1024 * 1024
"""The largest `body_bytes_max`: a body of this size, parsed as JSON, holds the one loop for about 0.1 s."""
HEADER_BYTES_MAX = 64 * 1024
"""Ends an answer whose header goes on and on; servers send a few KiB, and libcurl itself gives up at 300 KB only."""
DETAIL_CHARACTERS_MAX = 300
"""The text of a failure: two lines of a terminal, kept with each bad sample and shown in notices."""
FAILED_CONDITIONS_KEPT = 8
"""Failed conditions that a sample names: the first ones say what is wrong, and a target has rarely more than five."""
MEASUREMENTS_MAX = 32
"""Named figures of one sample: more than monitoring plugins print, and at most 4 KiB a sample by the length of their names."""
INTEGER_MAX = 2**63 - 1
"""The largest integer that SQLite stores; as nanoseconds it is 292 years."""
ADDRESS_CHARACTERS_MAX = 256
"""The text of an address: the longest, an IPv6 address with a zone, stays far below it."""
assert BODY_BYTES <= BODY_BYTES_MAX

# Bounds of a configuration.
TARGETS_MAX = 200_000
"""Twice the 100,000 targets that are benchmarked: about 600 MB at 2.8 KB for each idle one."""
RULES_PER_TARGET_MAX = 16
"""Each rule is evaluated for every sample: five cost 8 microseconds, so this many stay below 30."""
FORMER_NAMES_MAX = 16
"""Each former name is looked up when a target begins; a target is renamed a few times in its life."""
CONDITIONS_PER_TARGET_MAX = 32
"""Each condition is evaluated for every answer, and all of them stand in one entry of the target."""
TOKENS_MAX = 256
"""Tokens of the web door: every request compares its token with each of them, 0.3 microseconds one."""
LOGIN_LINK_VALID_NS = 10 * NS_PER_MINUTE
"""A login link is opened by the person for whom it was printed, in the same minutes."""
LOGIN_LINKS_MAX = 64
"""Login links that wait to be used; one more takes the place of the oldest."""
TRUSTED_PROXIES_MAX = 64
"""Networks of proxies that are believed: each request looks through them."""
PUBLIC_PAGES_MAX = 32
"""Public pages of one runtime: one for each group of readers; each is made anew for its readers once a second at most."""
ANNOUNCEMENTS_MAX = 64
"""Announcements that stand at once, on all public pages together: a reader takes in a few."""
ANNOUNCEMENT_TITLE_MAX = 200
"""The title of an announcement: one line of a page."""
ANNOUNCEMENT_CHARACTERS_MAX = 4_000
"""The text of an announcement: a page of a book."""
CHANNELS_MAX = 256
"""Each channel has an actor and, where it calls a function, four threads: about 1,000 in all."""
NAME_CHARACTERS_MAX = 128
"""An id stands in every sample, notice and line about its target, and must leave room for the rest of the line."""
GROUP_CHARACTERS_MAX = 256
"""The path of a group: a few levels of the length of an id."""
LABELS_MAX = 32
"""Labels of one target: each incident and notice carries them, at most 12 KB with the lengths of their names and texts."""
LABEL_CHARACTERS_MAX = 256
"""The text of a label: a team, a region, a version; longer ones are descriptions."""
DESCRIPTION_CHARACTERS_MAX = 1_024
"""The description of a target: a paragraph, which each of its incidents carries."""
LINK_CHARACTERS_MAX = 2_048
"""A link that people follow: what browsers and chat programs take; a URL that is requested may be longer."""
EVERY_NS_MIN = 10 * NS_PER_MS
"""The shortest cadence, 100 checks a second of one target: ticks stay five times as far apart as most wake-ups are late (2 ms)."""
EVERY_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest cadence, which heartbeats of yearly jobs need: a leap year."""
TIMEOUT_NS_MIN = NS_PER_MS
"""The shortest timeout: the usual lateness of a wake-up, below which every answer would be late."""
TIMEOUT_NS_MAX = 3_600 * NS_PER_S
"""The longest timeout: an attempt that hangs keeps one of the places of IN_FLIGHT_MAX for so long."""
CONSECUTIVE_MAX = 1_000
"""The most samples in a row that a rule may ask for; the counts stop there, so that they do not grow in the checkpoint."""
WINDOW_SAMPLES_MAX = 100_000
"""The most samples of a window, as benchmarked: some 10 MB for a target, and 9 microseconds for five rules."""
WINDOW_BLOCK_VALUES_MAX = 1_024
"""A block of sorted values is split beyond it; moving half of one takes 0.1 microseconds."""
assert TIMEOUT_NS_MIN < EVERY_NS_MIN

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
OWN_CHANNEL_PATIENCE_NS = 5 * 60 * NS_PER_S
"""The same of a channel: a receiver that is deployed anew refuses for minutes, and its notices are retried."""
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

# The record.
COMMIT_SAMPLES_NS = 250 * NS_PER_MS
"""A sample is durable within this time; a crash loses no more, and a sync of the disk serves all samples of it."""
BATCH_RECORDS_MAX = 5_000
"""Samples of one commit: about 10 ms of writing at 500,000 a second; twice as many wait while the store cannot be written."""
SAMPLES_HELD_MAX = 512
"""The largest number of samples in one message to the sink: with short texts they take 150 KB of a message's 256."""
UNWRITTEN_STEPS_SAID = 50
"""How many unrecorded transitions are listed by name when a runtime stops."""
SINK_MAILBOX_MAX = 1_000
"""Messages that wait for the disk; beyond it the oldest samples are dropped and counted, never a transition."""
OWNER_MAILBOX_MAX = 50_000
"""Samples that wait to be judged: 25 s of the rated load, after which the oldest are dropped and counted."""
RECORDER_MAILBOX_MAX = TARGETS_MAX + 50_000
"""The recorder receives a message per target at the start; the bound leaves room so that no first sample is dropped."""
SUPERVISOR_MAILBOX_MAX = TARGETS_MAX + 50_000
"""A reload may track every target again; only waiting heartbeats and commanded checks are dropped, the oldest first."""
assert SINK_MAILBOX_MAX * SAMPLES_HELD_MAX >= BATCH_RECORDS_MAX

# The invariant auditor in debug mode.
AUDITED_LIVES_MAX = 10_000
"""Beyond this number of audited incidents, those that have ended are removed."""
AUDITED_BREACHES_KEPT = 100
"""Broken invariants kept as text; the log and the counter have all of them, and the first ones show the cause."""
AUDITED_CLAIMS_MAX = 64
"""Notices in flight on a channel of unknown bound: the largest `in_flight_max` that a channel may have."""

# Durations as text.
DURATION_NS_MAX = 100 * 366 * 86_400 * NS_PER_S
"""The longest duration, 100 leap years: longer than any other bound, and a third of what 64 bits hold."""
DURATION_CHARACTERS_MAX = 64
"""The text of a duration: all eight units with six digits each fit."""
DURATIONS_KEPT = 1_024
"""Texts whose length is remembered: 100,000 targets repeat the same few a million times."""
assert DURATION_NS_MAX > EVERY_NS_MAX

# Conditions: limits of the written text, of the values shown in a failure, and of the JSON body that is parsed.
CONDITION_CHARACTERS_MAX = 512
"""The text of one condition: a pattern or a list of options fits, a misplaced document does not."""
CONDITION_OPTIONS_MAX = 64
"""Options of `any(...)`: each is compared with the answer."""
CONDITION_VALUE_CHARACTERS_MAX = 100
"""A value found in an answer, as a failed condition shows it: enough to recognise an error page."""
CONDITION_MATCHED_CHARACTERS_MAX = 25
"""A value that a pattern was held against, as a failed condition shows it: the length that Gatus cuts it to."""
CONDITION_SHOWN_CHARACTERS_MAX = 1_024
"""A failed condition with the values it found: its text, and two values beside it."""
JSON_DEPTH_MAX = 100
"""Levels of a JSON body: a tenth of the depth at which Python stops a recursion, so that a hostile body only fails a condition."""
JSON_STEPS_MAX = 32
"""Steps of a JSON path: no document that people query is nested so deep."""
NUMBER_CHARACTERS_MAX = 128
"""Characters of a number: converting one takes time that grows with the square of its length."""
CONDITION_NUMBER_TRIED_MAX = 10**15
"""A constant up to which a condition is tried for having but one result: up to there a float tells halves apart."""
assert CONDITION_SHOWN_CHARACTERS_MAX > CONDITION_CHARACTERS_MAX + 2 * CONDITION_VALUE_CHARACTERS_MAX
assert JSON_STEPS_MAX < JSON_DEPTH_MAX

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

# A configuration file.
CONFIGURATION_BYTES_MAX = 64 * 1024 * 1024
"""The size of a file: 200,000 targets of 300 bytes fit."""
CONFIGURATION_NODES_MAX = 10_000_000
"""Values of a file: 50 for each of 200,000 targets."""
CONFIGURATION_DEPTH_MAX = 32
"""Levels of a file: its own shape has fewer than ten, and the reader recurses once for each."""
CONFIGURATION_DIGITS_MAX = 100
"""Digits of a number: converting one takes time that grows with the square of its length."""
CONFIGURATION_WORDS_KEPT = 10_000
"""Plain words whose type is remembered while a file is read: files of many targets repeat them."""
PROBLEMS_MAX = 1_000
"""Problems that are listed; how many more there are is said in one line."""
NAMES_SHOWN_MAX = 10
"""Names that one line of a log or a terminal lists; a stop in an outage may leave thousands of notices."""
PROBLEM_WORD_CHARACTERS_MAX = 60
"""A word that a problem quotes: a line of a terminal has room for it and for what is wrong with it."""
ENVIRONMENT_VALUE_CHARACTERS_MAX = 64 * 1024
"""The value of a variable that a file refers to: certificates and keys fit, and each reference copies it."""
SECRET_CHARACTERS_MIN = 6
"""The shortest secret that is masked in foreign text: a shorter one is part of many an innocent word and number."""
URL_CHARACTERS_MAX = 8_192
"""The text of a URL: common servers refuse longer request lines."""
KEEP_FIRING_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest clock of a rule (`for`, `keep_firing_for`, `after`, a window): as long as the longest cadence."""
GRACE_NS_MAX = 3_600 * NS_PER_S
"""The longest drain of a stop: no attempt and no notice takes longer than its timeout, which has the same bound."""
RETENTION_NS_MIN = 60 * NS_PER_S
"""The shortest retention: housekeeping runs once a minute, so less could not be kept to."""
RETENTION_NS_MAX = 100 * 365 * 86_400 * NS_PER_S
"""The longest retention: 100 years stand for ever."""
GIVE_UP_NS_MIN = NS_PER_S
"""The shortest patience with a channel: the first wait between two tries."""
GIVE_UP_NS_MAX = 30 * 86_400 * NS_PER_S
"""The longest patience with a channel: a receiver keeps the ids of notices for as long, to know a repeat."""
assert RETENTION_NS_MAX <= DURATION_NS_MAX
assert GRACE_NS_MAX >= TIMEOUT_NS_MIN
assert GIVE_UP_NS_MAX <= DURATION_NS_MAX

# The host's callables and commands.
CALL_THREADS_MAX = 16
"""Checked functions that block at the same time: they share one interpreter lock, and a thread costs some 100 KB."""
CALL_QUEUE_MAX = 1_024
"""Calls that wait for a thread; beyond it a call is UNKNOWN at once, as most of those before it will be at their deadline."""
ABANDONED_CALLS_MAX = 16
"""Calls that run on after their deadline: each keeps its thread, and as many as there are useful ones may be lost."""
ABANDONED_CALLS_PER_NAME_MAX = 1
"""The same for one function: a second call waits for the first to return, so that one that hangs takes one thread."""
CHANNEL_THREADS_MAX = 4
"""Deliveries of a `call` channel at the same time: as many as its `in_flight_max` unless configured otherwise."""
COMMAND_START_THREADS_MAX = 4
"""Programs that are being started at the same time: starting one blocks for milliseconds, on the system's side mostly."""
COMMANDS_MAX = 256
"""Programs that run at the same time: each has up to three descriptors here, and a process in the system."""
COMMANDS_KEPT_MAX = 10_000
"""Reports of the host that wait while a runtime restarts; one more is refused with an error."""
COMMAND_ERROR_BYTES_MAX = 4 * 1024
"""Standard error of a program: its first lines explain a failure; the rest is read, counted and dropped."""
READ_BYTES_MAX = 64 * 1024
"""One read of a program's output: what a pipe of Linux holds."""
READS_AFTER_EXIT_MAX = 64
"""Reads after a program has ended: a child in another session may hold the pipe and write for ever; 4 MiB, as the largest output."""
LEFTOVER_ROUNDS_MAX = 5
"""Searches for processes that a program left in other sessions: each finds what was forked during the one before."""
LEFTOVERS_SEARCHED_MAX = 2_048
"""Process numbers that are looked at one by one; where more were given since the program began, all processes are."""
CALLED_IN_TESTS_S = 10.0
"""Real time of an async function in virtual time: one that awaits something of the test's own event loop would never end."""
CLOSE_NS = 2 * NS_PER_S
"""The wait at a stop for threads and killed programs; beyond it they are left and named."""
SETTLED_NS = 2 * NS_PER_S
"""The time for a command to become durable, and for a check to end, before its request is answered without that."""
SERVED_AGAIN_NS = NS_PER_S
"""After how long a door is served again that the machine lacked a descriptor for; asyncio waits as long before it accepts again."""
PERFORMANCE_LABEL_CHARACTERS_MAX = 128
"""The name of a figure: longer than plugins print."""
assert ABANDONED_CALLS_PER_NAME_MAX <= ABANDONED_CALLS_MAX
assert COMMANDS_KEPT_MAX <= SUPERVISOR_MAILBOX_MAX
assert BODY_BYTES_MAX <= READ_BYTES_MAX * READS_AFTER_EXIT_MAX

# The network: bounds of what is kept between requests, and of one request.
READ_PLAIN_BYTES = 16 * 1024
"""One read of a socket: a whole record of TLS, and most answers."""
HANDLES_IDLE_MAX = 2_048
"""Prepared handles of libcurl that are kept idle: as many as attempts run at once by default."""
SHELVES_MAX = 8_192
"""Shapes of requests whose idle handles are found again; targets with the same headers and options share one."""
PLANS_MAX = TARGETS_MAX
"""Prepared requests: one for each target, as every target comes again."""
CONNECTIONS_KEPT_MAX = 4_096
"""Connections that libcurl keeps open for targets with `connection: reuse`: each is a descriptor."""
CONNECTION_USES_MAX = 10
"""Requests of a kept connection before a fresh one: each tenth check sees DNS, the listener and the certificate anew."""
EVENTS_PER_BATCH_MAX = 512
"""Ready sockets taken from the system at once; the rest is taken on the loop's next round."""
DNS_FRESH_NS = 30 * NS_PER_S
"""How long a resolved name is used: at the usual cadence of 30 s a changed record is seen by the next check or the one after."""
DNS_ENTRIES_MAX = 10_000
"""Names that a resolver keeps; beyond it the least recently used is asked again."""
NEXT_ADDRESS_NS = 250 * NS_PER_MS
"""The head start of one address before the next is tried beside it: the delay that RFC 8305 recommends."""
RESOLVER_QUEUE_MAX = 4_096
"""Names that are looked up at the same time; every attempt in flight may wait for one."""
NAME_TRY_NS = 500 * NS_PER_MS
"""The wait for the first answer of a name server before it is asked again: c-ares shortens it after quick answers, and doubles it each time."""
NAME_TRIES = 5
"""Questions to each name server before a name is given up: at a doubled wait each time, 8 s after quick answers and 13 s at first."""
NAME_PUTS_MAX = 3
"""Times that one question is put anew to a name service that lives again: a slow one, which seems to, is not flooded."""
NAME_LOOK_NS = 100 * NS_PER_MS
"""How often questions without an answer are looked at: what is overdue is repeated that much later at most."""
NAME_SILENT_NS = 300 * NS_PER_MS
"""The silence of a name service after which it is asked whether it lives: longer than a usual answer, shorter than a usual timeout."""
NAME_HEARD_NS = 2 * NS_PER_S
"""The age of an answer that shows that a name service lives, for attempts whose own timeout is shorter."""
NAMES_REFUSED = 3
"""Names for which a name service failed, with no real answer between, before the fault is looked for in the service itself."""
COMPRESSED_PARTS_MAX = 16
"""Parts of one compressed body: a server sends one or a few, and each further one copies the rest of the body."""
WIRE_BYTES_SLACK = 512 * 1024
"""Bytes of headers, framing and TLS that an answer may bring beside twice its body: ends a flood that no parser counts."""
WIRE_EVENTS_BEFORE_LOOKING = 3
"""Events of a socket before its bytes are counted, which takes two system calls each time: a usual answer is over by then."""
CERTIFICATE_TEXTS_MAX = 8_192
"""Expiry dates that are read once: thousands of targets have their own certificate, and its date stays the same."""
CERTIFICATES_KEPT = 1_024
"""Certificates whose date is known, by their bytes: reading one takes 10 microseconds in each handshake."""
TLS_CONTEXTS_KEPT = 64
"""Contexts of rustls, one for each file of authorities and its state: each holds all authorities of its file."""
HANDSHAKE_DOUBTS_MAX = 11
"""Doublings of the time for which libcurl does a target's handshakes after rustls failed: 2 ** 11 times half a minute, 17 hours."""
ANSWER_PAUSE_NS = 100 * NS_PER_MS
"""A TCP answer of which no text is expected ends with a pause of this length, longer than between the packets of one answer."""
TCP_TEXT_CHARACTERS_MAX = 16 * 1024
"""The texts that a tcp probe sends and expects: in UTF-8 they fit in a body."""
NOTICE_ANSWER_BYTES_MAX = 4 * 1024
"""The answer of a receiver: only the reason of a refusal is read from it."""
NOTICE_LATE_NS = 60 * NS_PER_S
"""A transition older than that is marked as late: a first retry or two are usual, an outage is not."""
RETRIED_PER_SUCCESS = 2
"""How many notices in backoff are retried at once after one delivery succeeds, so that a recovered channel catches up soon."""
RETRY_AFTER_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest wait that is read from a receiver's `Retry-After`; the retry policy of the channel shortens it further."""
assert RESOLVER_QUEUE_MAX >= IN_FLIGHT_MAX
assert NAME_LOOK_NS < NAME_SILENT_NS < NAME_TRY_NS < NAME_HEARD_NS
assert 4 * TCP_TEXT_CHARACTERS_MAX <= BODY_BYTES  # UTF-8 takes up to four bytes a character
assert WIRE_BYTES_SLACK > HEADER_BYTES_MAX

# Silences.
SILENCE_LOOK_NS = 500 * NS_PER_MS
"""The longest delay in noticing the end of a silence after the wall clock is set."""
MATCHERS_MAX = 16
"""Matchers of one silence: each is held against every due notice, 4 microseconds for a pattern."""
MATCHER_CHARACTERS_MAX = 512
"""The text of one matcher: a list of a dozen ids fits."""
PATTERN_BYTES_MAX = 1024 * 1024
"""The memory of one compiled pattern, which its length alone does not bound: `.{1000}` takes a tenth of it."""
assert SILENCE_LOOK_NS < NS_PER_S
assert MATCHER_CHARACTERS_MAX > LABEL_CHARACTERS_MAX + NAME_CHARACTERS_MAX

# Days, as pages show them.
BLIPS_OF_A_DAY_MAX = 2
"""Bad samples that leave a day calm where no incident opened: one fewer than the default rule needs."""
LOST_SHARE_OF_A_DAY_MIN = 0.01
"""The bad share from which samples alone make a day degraded: a quarter of an hour."""
BLIND_DAY_NS_MIN = 5 * 60 * NS_PER_S
"""The blind time from which a day is shown as not seen: a stall of seconds costs no more than a sample."""
FLEET_DAYS_KEPT = 92
"""Finished days of all targets that are kept for pages: 90 are shown, and each takes 9 bytes a target."""
FLEET_HOURS_KEPT = 24 * 4
"""Finished hours of all targets that are kept for pages: a day of latency, and the days that are not summed up yet."""
FLEET_FRESH_NS = 10 * NS_PER_S
"""How old the days of all targets on a page may be, but for the samples of the present hour ..."""
FLEET_HOUR_FRESH_NS = 60 * NS_PER_S
"""... which are read again once a minute: those of 5,000 targets take 0.1 s."""
FLEET_HOUR_SETTLE_NS = 5 * 60 * NS_PER_S
"""The time after which an hour has all its samples: the longest timeouts but few have passed."""
READ_SLICE_NS = 1 * NS_PER_MS
"""How long a reading for pages works at a stretch ..."""
READ_PAUSE_NS = NS_PER_MS // 2
"""... and its pause after that, in which checks have the lock of the interpreter to themselves."""
PAGE_FRESH_NS = 1 * NS_PER_S
"""How old a finished page may be that several readers get."""
PAGES_KEPT_MAX = 32
"""Finished pages of a site: of each role, theme and filter that is read in the same second."""
PAGE_PARTS_KEPT_MAX = 20_000
"""Finished rows of pages, of 0.6 kB each: those of 5,000 targets for 30 and for 90 days are 10,000."""
READ_SPANS_MAX = 50_000
"""Spans of incidents of one reading, the newest: about 15 MB."""

# The store.
LOCK_TRIES_MAX = 1_000
"""Tries for the lock of a store, a second in all: other processes that ask for its holder have it for microseconds only."""
LOCK_TRY_EVERY_NS = NS_PER_MS
"""The pause between two of these tries: longer than such a question takes."""
STORE_BUSY_NS = 2 * NS_PER_S
"""The wait for another program that has locked the database; judging goes on, and mailboxes hold the samples meanwhile."""
STORE_ANSWER_NS = 5 * NS_PER_S
"""A call to the store without an answer for so long is a problem of the health: nothing is recorded and no new notice leaves."""
TENURE_LEASE_NS = 3 * NS_PER_S
"""An owner that shows no sign of life for so long is frozen: another process may claim the store."""
TENURE_BEAT_NS = NS_PER_S
"""The time between two signs of life of an owner that commits nothing: at least two fall into each lease."""
TENURE_LOOK_NS = 250 * NS_PER_MS
"""The time between two looks of a process that waits for a store."""
TENURE_WATCH_GAP_NS = NS_PER_S
"""A longer pause between two looks begins the lease again: the machine was suspended, or the watching process was frozen itself."""
TENURE_TRY_NS_MAX = 15 * NS_PER_S
"""The longest pause between two take-overs of a free store that fail: each opens and verifies it."""
STORE_WAL_PAGES_MAX = 1_000
"""Pages of the write-ahead log before it is folded into the database: 4 MiB, SQLite's own default."""
STORE_PAGES_COPIED = 1_000
"""Pages that one slice of a backup copies: between two of them a signal is heard, and 4 MiB take some milliseconds."""
STORE_WAL_PAGES_UNFOLDED = 8_000
"""Pages that a reader keeps from being folded before it is called a problem: a log of 32 MiB."""
STORE_BYTES_CHECKED_WHOLE = 64 * 1024 * 1024
"""The largest file of which every page is checked when it is opened: a quarter of a second."""
STORE_WAL_BYTES_KEPT = 8 * 1024 * 1024
"""The size to which the file of the write-ahead log is cut after it has grown: twice what folding leaves."""
CHAIN_VERIFIED_WHOLE = 100_000
"""Links up to which the whole chain is verified when a store is opened; in a longer one, those since the last anchor ..."""
CHAIN_ANCHOR_EVERY = 50_000
"""... and an anchor is a multiple of this number: at most half as many links as in the longest chain that is read whole."""
DAY_TABLES_MAX = 64
"""Tables of raw samples, one a day: a clock that jumps about makes no more of them."""
RAW_SAMPLES_NS_MAX = 60 * 86_400 * NS_PER_S
"""Raw samples use one table per day; a day for which no table is left is not recorded. Besides the days that are kept, three
tables are in use: the day being deleted, today, and tomorrow for a clock that is ahead."""
SAMPLE_WALL_NS_MIN = 946_684_800 * NS_PER_S
"""2000-01-01: a sample from before it comes from a clock that was never set."""
SAMPLE_WALL_NS_MAX = 7_258_118_400 * NS_PER_S
"""2200-01-01: a sample from after it comes from a clock that is broken; nanoseconds fit in 64 bits until 2262."""
EXPLANATION_CHARACTERS_MAX = 1_000
"""The explanation of a bad sample in the store, which keeps it for months: three failed conditions with their values."""
HOUSE_EVERY_NS = 60 * NS_PER_S
"""The time between two rounds of housekeeping; a round does slices until no work is left."""
HOUSE_PAUSE_NS = 100 * NS_PER_MS
"""The pause between two slices of a round: a slice takes 5 to 10 ms, and at 2,000 samples a second sealing needs two a second."""
HOUSE_SETTLE_NS = 600 * NS_PER_S
"""How long the clocks must agree before something is sealed or dropped: time servers correct a clock within minutes of a start."""
HOUSE_STEP_NS = 60 * NS_PER_S
"""The divergence of the clocks between two rounds of housekeeping that starts that time anew; a slewed clock stays below."""
HOUSE_ROWS_MAX = 5_000
"""Rows of one slice of housekeeping, during which no transition is committed: about 10 ms."""
SEAL_AFTER_NS = 600 * NS_PER_S
"""How long after its end an hour is sealed: late samples and small steps of the clock are in it by then."""
SEAL_ROWS_HELD_MAX = 500_000
"""Rows of an hour that are held at once while it is sealed, 16 bytes each: 8 MB; more takes another pass over the hour."""
READ_INCIDENTS_MAX = 10_000
"""Incidents of one reading from the store: about 10 MB."""
CLIENT_ANSWER_BYTES_MAX = 32 * 1024 * 1024
"""An answer that a client reads: 1,000 targets with long texts stay below it, and a peer that sends for ever is left."""
READ_EVIDENCE_MAX = 1_000
"""Evidence of one reading from the store, the newest: about 1 MB."""
TRIES_KEPT_PER_NOTICE = 100
"""Tries of one notice in the store, the first and the newest: at the usual waits a day, and a receiver that is gone for weeks fills nothing."""
READ_TRIES_MAX = 10_000
"""Tries of one reading from the store, the newest: about 4 MB, and more than the notices of one incident ever have."""
assert STORE_BUSY_NS < STORE_ANSWER_NS
assert 2 * TENURE_BEAT_NS < TENURE_LEASE_NS
assert TENURE_LOOK_NS < TENURE_WATCH_GAP_NS < TENURE_LEASE_NS < TENURE_TRY_NS_MAX
assert STORE_WAL_PAGES_MAX < STORE_WAL_PAGES_UNFOLDED
assert CHAIN_ANCHOR_EVERY <= CHAIN_VERIFIED_WHOLE
assert RAW_SAMPLES_NS_MAX // (86_400 * NS_PER_S) + 3 <= DAY_TABLES_MAX
assert HOUSE_ROWS_MAX <= SEAL_ROWS_HELD_MAX
assert 1 < TRIES_KEPT_PER_NOTICE <= READ_TRIES_MAX
