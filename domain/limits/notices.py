"""Bounds of notices, and of what holds them back."""

from ..units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from .configuration import DURATION_NS_MAX, LABEL_CHARACTERS_MAX, NAME_CHARACTERS_MAX

# Notices: what is sent, and what is read of the answer.
NOTICE_ANSWER_BYTES_MAX = 4 * 1024
"""The answer of a receiver: only the reason of a refusal is read from it."""
NOTICE_LATE_NS = 60 * NS_PER_S
"""A transition older than that is marked as late: a first retry or two are usual, an outage is not."""
RETRIED_PER_SUCCESS = 2
"""How many notices in backoff are retried at once after one delivery succeeds, so that a recovered channel catches up soon."""
RETRY_AFTER_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest wait that is read from a receiver's `Retry-After`; the retry policy of the channel shortens it further."""
MAIL_RECIPIENTS_MAX = 50
"""Addresses of one `email` channel: every server takes a hundred at once (RFC 5321, 4.5.3.1.8), and more belong on a list."""
APPRISE_URLS_MAX = 16
"""Services of one `apprise` channel: they share one process and its deadline."""
PARTLY_TAKEN_KEPT = 1_000
"""Notices that some receivers of a channel have taken and others have not: the next try leaves those out that have."""
DRILLS_MAX = 16
"""Drills under way at once: each tells people who then look."""
DRILL_NS = 600 * NS_PER_S
"""How long a drill lasts that nobody ends: longer than most channels and groups wait."""
DRILL_NS_MAX = 86_400 * NS_PER_S
"""The longest drill: escalation steps come within a day."""
PING_EVERY_NS_MIN = 10 * NS_PER_S
"""The shortest time between two dead-man's pings: their receivers count in minutes, and a ping may take as long."""
PING_TIMEOUT_NS = 10 * NS_PER_S
"""How long one dead-man's ping may take: the next one says the same."""
GIVE_UP_NS_MIN = NS_PER_S
"""The shortest patience with a channel: the first wait between two tries."""
GIVE_UP_NS_MAX = 30 * 86_400 * NS_PER_S
"""The longest patience with a channel: a receiver keeps the ids of notices for as long, to know a repeat."""
assert GIVE_UP_NS_MAX <= DURATION_NS_MAX

# Digests.
DIGEST_MEMBERS_MAX = 5_000
"""Incidents of one digest, some 200 bytes each in the record; those beyond it are told by the next one."""
DIGEST_MEMBERS_AT_ONCE = 1_000
"""Incidents that the digests of one commit tell together, in 30 milliseconds; a larger digest has a commit of its own."""
DIGEST_SHOWN = 50
"""Members of a digest that a body names, the worst ones: a reader of more needs the page, and the rest is counted."""
NOTICES_REVIEWED_AT_ONCE = 200
"""Incidents of one slice of a review, some 20 microseconds each: a storm keeps no commit waiting."""
DIGESTS_KEPT_NS = 31 * 86_400 * NS_PER_S
"""How long the record knows when a group had its last digest: far longer than the intervals of groups."""
OPENINGS_RESTORED_NS = 86_400 * NS_PER_S
"""How far back a restart knows the openings of incidents, by which flapping is judged: the longest window of it."""
OPENINGS_RESTORED_MAX = 5_000
"""The newest incidents of which a restart knows so: 20 milliseconds of reading."""

# Silences.
MATCHERS_MAX = 16
"""Matchers of one silence: each is held against every due notice, 4 microseconds for a pattern."""
MATCHER_CHARACTERS_MAX = 512
"""The text of one matcher: a list of a dozen ids fits."""
PATTERN_BYTES_MAX = 1024 * 1024
"""The memory of one compiled pattern, which its length alone does not bound: `.{1000}` takes a tenth of it."""
assert MATCHER_CHARACTERS_MAX > LABEL_CHARACTERS_MAX + NAME_CHARACTERS_MAX

# Flapping and dependencies: how long a notice waits for them.
FLAPPING_WINDOW_NS = 3_600 * NS_PER_S
"""The time within which openings of an incident count as flapping unless a target says otherwise."""
FLAPPING_WINDOW_NS_MAX = 86_400 * NS_PER_S
"""The longest such time: an incident that opens thrice in a longer one is news each time."""
OPENINGS_COUNTED_MAX = 1_000
"""Openings of one rule on one target that are counted within that time: 8 KB, and ten times what a target may allow."""
PARENT_DOUBT_NS_MAX = 300 * NS_PER_S
"""The longest wait for a parent's sample before an incident of its child is told: a slow parent hides no outage for longer."""
CHILD_RECHECK_NS_MAX = 3_600 * NS_PER_S
"""The longest wait for a new bad sample of a child after its parents' recovery."""
assert FLAPPING_WINDOW_NS <= FLAPPING_WINDOW_NS_MAX
assert PARENT_DOUBT_NS_MAX < CHILD_RECHECK_NS_MAX

# Routes: how long a notice waits, and how often it comes again.
GROUP_WAIT_NS_MAX = NS_PER_HOUR
"""The longest wait for others of a group: a first notice that comes an hour late is a report."""
GROUP_INTERVAL_NS_MIN = NS_PER_S
"""The shortest time between two digests of a group: at most one message a second to a channel, which chats take."""
GROUP_INTERVAL_NS_MAX = NS_PER_DAY
"""The longest: the news of a group comes once a day at least."""
REMIND_NS_MIN = NS_PER_MINUTE
"""The shortest time between two reminders: a channel is no siren."""
REMIND_NS_MAX = 30 * NS_PER_DAY
"""The longest: a month."""
DELAY_NS_MAX = 30 * NS_PER_DAY
"""The longest time after the opening at which a channel is told: incidents that last for months are told once at least."""
WINDOW_NS_MIN = NS_PER_MINUTE
"""The shortest window: schedules are written in minutes."""
WINDOW_NS_MAX = 366 * NS_PER_DAY
"""The longest window, and the longest planned maintenance: a leap year."""
FLAPPING_WINDOW_NS_MIN = NS_PER_MINUTE
"""The shortest time within which openings of an incident count as flapping."""
RATE_NS_MIN = NS_PER_S
"""The shortest time for which a channel is given a rate."""
RATE_NS_MAX = NS_PER_DAY
"""The longest: a rate by the month would leave people without a word for weeks."""
assert GROUP_INTERVAL_NS_MIN <= REMIND_NS_MIN
assert REMIND_NS_MAX <= DURATION_NS_MAX
assert DELAY_NS_MAX <= DURATION_NS_MAX
