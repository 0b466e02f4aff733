"""Bounds of the record and of what is read from it."""

from ..units import NS_PER_MS, NS_PER_S
from .configuration import TARGETS_MAX

# The record.
COMMIT_SAMPLES_NS = 250 * NS_PER_MS
"""A sample is durable within this time; a crash loses no more, and a sync of the disk serves all samples of it."""
DATABASE_COMMIT_SAMPLES_NS = NS_PER_S
"""The same for a record in a database, whose server does a part of the work for each commit of each shard."""
DATABASE_COMMIT_GRID_NS = 250 * NS_PER_MS
"""The shards of a process commit at the same moments: a commit after another one costs two thirds of one alone, as caches are warm. A
shorter grid has fewer of them at once; with a longer one samples are committed earlier than they need be."""
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
POSTGRES_CONNECT_NS = 2 * NS_PER_S
"""The wait for each host of a database to take a connection; the client library knows whole seconds alone, and at least two."""
POSTGRES_ANSWER_NS = 4 * NS_PER_S
"""The wait for the answer of a database to one statement of the owner; then the connection is ended, and the store has failed."""
POSTGRES_READ_NS = 30 * NS_PER_S
"""The same for a reader, which may ask for months of samples."""
POSTGRES_COPY_NS = 600 * NS_PER_S
"""The same for a copy of a whole store, whose last statement may write all of it to the disk."""
POSTGRES_LOCK_NS = NS_PER_S
"""The wait for the row of an owner that another connection has locked in the middle of a commit."""
COMMITS_READ_FIRST = 64
"""The newest commits of each shard in which the newest samples of targets are looked for first, those of a minute; for the rest in eight times
as many, and then in all of the hour."""
RECORD_FOLLOWED_NS = 300 * NS_PER_S
"""After a longer pause between two readings of what is new in the record, all of it is read: samples may have been sealed meanwhile."""
BLOCKS_READ_AT_ONCE = 500
"""Blocks of samples that are fetched in one piece: half a megabyte."""
SHARDS = 16
"""The shards of a new store in PostgreSQL: an engine, a connection and a thread each, and as many processes may share the work."""
SHARDS_MAX = 256
"""The most shards: each is one connection of the server, whose usual bound is 100."""
NODE_CLAIMS_MAX = 4
"""Shards that a node starts or stops at a time: each opens a connection and verifies its record."""
NODE_UNABLE_NS = 30 * NS_PER_S
"""How long a node that could not start a shard leaves all shards to the others that can."""
NODE_UNABLE_NS_MAX = 600 * NS_PER_S
"""The longest such time: it doubles with each shard that does not start, and is as long at once where a newer version has written the store."""
NODE_TRY_NS = NS_PER_S
"""A shard that did not start is tried again after this time, and then after ever longer ones."""
NODE_SKEW_NS_MAX = NS_PER_S
"""A wall clock that differs by more from that of the store is a problem: times in the record come from all nodes."""
NODE_OUTDATED_NS = 5 * NS_PER_S
"""How long a node leaves a shard of a newer configuration to nodes that have it, too."""
NODE_MOVED_WITHIN_NS = 30 * NS_PER_S
"""How long a shard waits for one that has an open incident for it and is run by an older configuration: longer than most drains."""
LEFT_INCIDENTS_AT_ONCE = 1_000
"""Open incidents that wait for another shard and that one look of a node learns of; a shard takes all that are its own."""
NODE_TAKEN_AGAIN_NS = 60 * NS_PER_S
"""A shard that begins anew to take an open incident of a target that has moved, and does not get it, does so again after this time."""
OTHER_SHARDS_READ_NS = NS_PER_S
"""The wait for what the store has of other nodes' shards: where it hangs, the status says so and has this node's own shards."""
NODE_UNSERVED_NS = 10 * NS_PER_S
"""How long a shard without a living owner is left unnamed: a take-over takes half of that."""
NODE_TOLD_NS = 3 * NS_PER_S
"""How long what is wrong with nodes is seen before it is an event: after a time in which the store was away, every row is old for a look."""
NODE_KEPT_NS = 3_600 * NS_PER_S
"""How long a silent node is shown before it is forgotten."""
NODE_PROBLEMS_EVERY_NS = 5 * NS_PER_S
"""The time between two looks of a node at the own problems of its shards and of the other nodes: they are told after a minute at the earliest."""
NODE_PROBLEMS_MAX = 32
"""Own problems of one node that others hear of, those that began first."""
NODE_PROBLEM_CHARACTERS_MAX = 300
"""The text of such a problem."""
NODE_PROBLEMS_BYTES_MAX = 16 * 1024
"""All of them in the store; in plain text the two bounds above come to less."""
COMMAND_KEPT_NS = 60 * NS_PER_S
"""How long a command waits for the owner of its shard, and its answer for the one who asked."""
COMMAND_PASSED_NS = 7 * NS_PER_S
"""The wait for the node that is to obey a command, with all that is read and sent before it: a take-over takes five seconds, and
the one who gave the command has an answer within ten."""
COMMAND_READ_NS = 2 * NS_PER_S
"""The wait for what the store has, by which a command is judged before it is sent."""
COMMANDS_AT_ONCE = 100
"""Commands that one look of a node takes."""
TENURE_LEASE_NS = 3 * NS_PER_S
"""An owner that shows no sign of life for so long is frozen: another process may claim the store."""
TENURE_BEAT_NS = 1_250 * NS_PER_MS
"""The time between two signs of life of an owner that commits nothing: at least two fall into each lease, and none between two commits
of samples that follow each other."""
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
assert POSTGRES_LOCK_NS < POSTGRES_ANSWER_NS < STORE_ANSWER_NS
assert DATABASE_COMMIT_GRID_NS < DATABASE_COMMIT_SAMPLES_NS < TENURE_BEAT_NS
assert 2 * TENURE_BEAT_NS < TENURE_LEASE_NS
assert TENURE_LOOK_NS < TENURE_WATCH_GAP_NS < TENURE_LEASE_NS < TENURE_TRY_NS_MAX
assert STORE_WAL_PAGES_MAX < STORE_WAL_PAGES_UNFOLDED
assert RECORD_FOLLOWED_NS < SEAL_AFTER_NS
assert CHAIN_ANCHOR_EVERY <= CHAIN_VERIFIED_WHOLE
assert RAW_SAMPLES_NS_MAX // (86_400 * NS_PER_S) + 3 <= DAY_TABLES_MAX
assert HOUSE_ROWS_MAX <= SEAL_ROWS_HELD_MAX
assert 1 < TRIES_KEPT_PER_NOTICE <= READ_TRIES_MAX
assert NODE_PROBLEMS_MAX * NODE_PROBLEM_CHARACTERS_MAX < NODE_PROBLEMS_BYTES_MAX
assert OTHER_SHARDS_READ_NS < COMMAND_READ_NS < POSTGRES_ANSWER_NS < COMMAND_PASSED_NS < COMMAND_KEPT_NS
assert NODE_TRY_NS < TENURE_TRY_NS_MAX < NODE_UNABLE_NS < NODE_UNABLE_NS_MAX
