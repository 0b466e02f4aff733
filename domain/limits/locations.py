"""Bounds of checks at other locations, and of the messages between an owner and its agents."""

from ..units import NS_PER_HOUR, NS_PER_MS, NS_PER_S
from .running import DEADLINE_SLACK_NS, MESSAGE_BYTES_MAX

REMOTE_SLICE_NS = 10 * NS_PER_MS
"""How long an ask or an answer waits for others of the same message: little beside the way to another continent."""
REMOTE_BYTES_MAX = MESSAGE_BYTES_MAX
"""One message between an owner and an agent: a quarter of what a NATS server takes unless configured otherwise."""
REMOTE_ITEMS_MAX = 4_096
"""Asks or answers of one message: 18 to 60 bytes each, and an agent that begins them all at once has its hands full."""
REMOTE_CHECK_BYTES_MAX = 192 * 1024
"""One specification on the wire: a request with a body of its own fits, and a message holds it with asks beside it."""
REMOTE_CHECKS_KEPT = 65_536
"""Specifications that an agent keeps: the share of one location of a million targets, over several agents."""
REMOTE_CHECKS_BYTES_KEPT = 64 * 1024 * 1024
"""Bytes of them: 128,000 of the usual size."""
REMOTE_ASKS_WAITING_MAX = 10_000
"""Asks that wait at an agent for a place: beyond it one is refused at once, as it would wait until its deadline."""
REMOTE_OWNERS_MAX = 1_024
"""Owners whose answers one agent gathers at the same time: more than processes of one fleet."""
TRAVEL_NS_MAX = 500 * NS_PER_MS
"""How much earlier than its owner's deadline a probe at an agent ends at most: the way there and back, and both slices."""
TRAVEL_SHARE = 0.25
"""The same as a share of the time that is left, for short timeouts."""
LOCATION_WINDOW_NS = 30 * NS_PER_S
"""The time over which the silence of a location is counted: an agent that is restarted is back within it."""
LOCATION_FORGOTTEN_NS = NS_PER_HOUR
"""How long after its last ask the problem of a location lasts: its targets were removed or paused, or are due less often."""
LOCATION_SILENT_SHARE = 0.1
"""The share of asks without an answer from which a location has a problem: a single message that is lost makes none."""
NATS_RETRY_NS = 100 * NS_PER_MS
"""The wait before NATS is connected to again after the first failure; it doubles with each further one ..."""
NATS_RETRY_NS_MAX = 5 * NS_PER_S
"""... up to this: a server that is back is found within one period of most targets."""
NATS_CONNECT_S = 5
"""One step of connecting to NATS: TCP, greeting, TLS, login."""
NATS_PING_S = 5
"""The time between two pings of the connection; after two without an answer it is given up, as that to a frozen server."""
NATS_PENDING_BYTES_MAX = 1024 * 1024
"""Bytes that wait for a NATS server that reads too slowly: beyond it an ask is a silent location at once, not a late one."""
NATS_UNREAD_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of messages that were received and not handled; the library drops what comes beyond it, which is counted."""
AGENT_UNASKED_NS = 60 * NS_PER_S
"""After how long without any ask an agent says so: its location may be written otherwise in the owner's configuration."""
assert REMOTE_CHECK_BYTES_MAX < REMOTE_BYTES_MAX
assert REMOTE_SLICE_NS * 2 < DEADLINE_SLACK_NS <= TRAVEL_NS_MAX
assert LOCATION_WINDOW_NS < LOCATION_FORGOTTEN_NS
assert NATS_RETRY_NS < NATS_RETRY_NS_MAX
assert REMOTE_BYTES_MAX < NATS_PENDING_BYTES_MAX < NATS_UNREAD_BYTES_MAX
