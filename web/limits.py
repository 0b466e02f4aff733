"""Bounds of the web: requests, connections, lists and streams."""

BODY_BYTES_MAX = 64 * 1024
"""The body of a request, counted while it is read; the largest documented one has a few hundred bytes."""
HEADER_BYTES_MAX = 16 * 1024
"""The header of a request with its path and parameters: browsers send 1 to 4 KiB."""
RECEIVED_AT_ONCE = 4 * 1024
"""Bytes of a connection that are looked at in one go: so much more than its bound a header may have."""
PARAMETERS_MAX = 64
"""Parameters of a request; a preview of a silence with every matcher has some dozens."""
PING_BODY_BYTES_MAX = 10 * 1024
"""The body of a ping that is kept, as healthchecks keeps it; the rest is read and dropped."""
PINGS_KEPT_MAX = 1_000
"""Pings that are kept for a look, of all targets together: 10 MB at most."""
CONNECTIONS_MAX = 1_024
"""Connections of one door; one more is closed at once. Each is a descriptor, of which probes need some, too."""
ACCEPTED_AT_ONCE = 64
"""Connections that are accepted in one round of the loop."""
CONNECTIONS_PER_ADDRESS_MAX = 128
"""Connections of one address off this machine: a browser has six, a proxy some dozens."""
HEADER_WITHIN_S = 5.0
"""The time for a whole header, from the connection or from the answer before."""
BODY_WITHIN_S = 8.0
"""The time for header and body of a request."""
WRITE_WITHIN_S = 8.0
"""The time in which a client must read something, while the system's buffers are full."""
LIST_DEFAULT = 100
LIST_MAX = 1_000
"""Entries of one answer; the rest is asked for with `after`."""
SLICE_S = 0.001
"""How long the thread of the pages works at a stretch on a long answer ..."""
SLICE_PAUSE_S = 0.001
"""... and the pause after it, in which checks have the lock of the interpreter to themselves."""
PACKED_BYTES_MIN = 1_024
"""Pages from which on are packed for a browser ..."""
PACKED_APART_BYTES_MIN = 256 * 1024
"""... and those for which a thread is made."""
ROWS_UNASKED_MAX = 300
"""With more targets than that the overview shows one line for each group, until its reader asks for the rows."""
INCIDENTS_LISTED_MAX = 50
"""Open incidents on the overview; the page of incidents has the others."""
INCIDENTS_PART_MAX = 50
"""Incidents on one page of their list."""
TOLD_LISTED_MAX = 20
"""Those of them whose deliveries are read from the store, the gravest first."""
SCRAPE_PAUSE_S = 0.002
"""The pause after a slice of the metrics, in which checks run: the making takes a fifth of a core at most ..."""
SCRAPE_PAUSES_S = 3.0
"""... as long as all pauses of one text are not longer than this: those of more than 37,000 targets are shorter."""
SCRAPE_FRESH_NS = 1_000_000_000
"""How long a text of the metrics is shared: as many scrapers and readers as there may be cost one making a second."""
SCRAPE_WITHIN_S = 9.0
"""The time for the text of the metrics: a little less than that after which Prometheus gives up."""
SLICE_LINES = 200
"""Lines of metrics that are made at a stretch, 0.4 ms, for the same reason as SLICE_S."""
STREAMS_MAX = 500
"""Streams of one site."""
STREAMS_PER_ADDRESS_MAX = 20
"""Streams of one address off this machine."""
STREAM_QUEUE_MAX = 50
"""Frames that wait for one client; a slower one loses its connection, and resumes by `Last-Event-ID`."""
RING_FRAMES_MAX = 1_000
"""Frames that are kept for clients that come back: a hundred seconds at the highest rate."""
FRAME_EVERY_S = 0.1
"""The shortest time between two frames: what changes in between is sent as one."""
EVENTS_EVERY_S = 0.02
"""The shortest time between two looks at the events of the runtime: a look takes all that have come."""
COMPARED_EVERY_S = 1.0
"""How often the whole status is compared while anybody listens, for what no event tells: pauses, silences, staleness."""
BEAT_EVERY_S = 10.0
"""How often an idle stream shows that it is alive."""
RETRY_MS = 2_000
"""After how long a browser opens a lost stream again."""
RATE_PER_S = 20
"""Requests a second of one token or address, on average ..."""
BURST_MAX = 40
"""... and at once."""
FAILED_LOGINS_MAX = 5
"""Unknown tokens of one address ..."""
FAILED_LOGINS_WITHIN_S = 60.0
"""... within this time; further ones are not even compared."""
FAULT_LINES_EVERY_S = 60.0
"""How often a fault of the host's `actor` is a line of the log."""
CLIENTS_KEPT_MAX = 4_096
"""Clients whose rate is known; beyond it the one that was seen longest ago is forgotten."""
HOURS_READ_MAX = 10_000
"""Hours that one question reads, 50 ms of work; the rest of a longer span is asked for with `after`."""
LOGINS_MAX = 5
"""Tries to sign in from one address, and sessions that one token opens ..."""
LOGINS_WITHIN_S = 60.0
"""... within this time."""
FORM_BYTES_MAX = 10 * 1024
"""The body of a form, counted while it is read; a silence with a dozen long matchers has a few KiB."""
ANNOUNCEMENT_BYTES_MAX = 56 * 1024
"""The same of an announcement: a character may take twelve bytes there, and it has 4,000."""
FORM_FIELDS_MAX = 64
"""Fields of a form; a silence with sixteen matchers has 57."""
LEADS_TO_CHARACTERS_MAX = 4_096
"""The address to which a form leads back: each of the 256 characters of a group may take twelve there."""
FLASH_WITHIN_S = 60
"""How long the message of a form waits for the page that shows it."""
SILENCES_SHOWN_MAX = 200
"""Silences in force on their page; the API lists all."""
PLANNED_SHOWN_MAX = 50
"""Planned maintenance on that page: what is in force, and what comes next."""
ENDED_SHOWN_MAX = 50
"""Ended silences on their page; the newest."""
HELD_BACK_SHOWN_MAX = 20
"""Incidents that are named as held back by one silence; the rest is counted."""
INCIDENTS_LOOKED_AT_MAX = 1_000
"""The newest incidents among which those that a silence held back are looked for: 10 ms of work."""
MATCHER_ROWS_MIN = 3
"""Rows for matchers in a form; one more than are filled, where that is more."""
PROBLEMS_SHOWN_MAX = 50
"""Parts in trouble on the page of the runtime itself: each poller may be one."""
DEAD_SHOWN_MAX = 50
"""Notices that were given up on the page of the runtime itself; the newest."""
BLIND_SHOWN_MAX = 50
"""Blind intervals on that page; the newest."""
SUGGESTED_MAX = 200
"""Targets that a field suggests: a longer list makes the page heavy, and no reader scrolls through it."""
SESSION_WITHIN_S = 12 * 3_600.0
"""The life of a session: a shift. It ends earlier with its token."""
SESSIONS_MAX = 1_000
"""Sessions of one site; one more takes the place of the oldest."""
SESSIONS_PER_AUTHOR_MAX = 20
"""Sessions of one token: a person has a few browsers."""
PUBLIC_PAST_DAYS = 30
"""Days of past incidents and announcements on a public page: what a reader may have noticed."""
PUBLIC_PAST_MAX = 100
"""Past incidents, and past announcements, of one public page and its feed."""
BADGE_NAME_MAX = 60
"""Characters of the name of a badge in its address, and of its file: 240 bytes at most, where file systems take 255."""
PUBLIC_CACHED_S = 5
"""How long a browser or a proxy may give the same public page without asking."""
assert SESSIONS_PER_AUTHOR_MAX < SESSIONS_MAX
assert EVENTS_EVERY_S < FRAME_EVERY_S
assert HEADER_WITHIN_S < BODY_WITHIN_S < 10
assert WRITE_WITHIN_S < 10
