"""Bounds of what targets answer, and of how it is judged."""

# Bounds of data from targets.
BODY_BYTES = 64 * 1024
"""The body of an answer unless the target says otherwise: a status page fits, and 2,000 attempts at once hold 128 MiB at most."""
BODY_BYTES_MAX = 4 * 1024 * 1024
"""The largest `body_bytes_max`: a body of this size, parsed as JSON, holds the one loop for about 0.1 s."""
HEADER_BYTES_MAX = 64 * 1024
"""Ends an answer whose header goes on and on; servers send a few KiB, and libcurl itself gives up at 300 KB only."""
CERTIFICATE_NAMES_MAX = 1_000
"""Host names of one certificate that conditions read: public authorities allow no more than 1,000."""
CERTIFICATE_NAME_CHARACTERS_MAX = 1_024
"""The name of a certificate's issuer, and each host name of it: a DNS name has 253 characters at most."""
HEADER_LINES_MAX = 64
"""Lines of one header that conditions read: each may be compared with each line of another, and cookies are a few."""
HEADER_RULES_MAX = 16
"""Rules for the header of an answer: a page of security headers has ten."""
HEADER_VALUE_CHARACTERS_MAX = 100
"""A value of a header, as the detail of a broken rule shows it: enough to recognise a policy, within a detail."""
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

# Conditions: limits of the written text, of the values shown in a failure, and of the JSON body that is parsed.
CONDITION_CHARACTERS_MAX = 512
"""The text of one condition: a pattern or a list of options fits, a misplaced document does not."""
CONDITION_OPTIONS_MAX = 64
"""Options of `any(...)`: each is compared with the answer."""
CONDITION_PATTERN_STEPS_MAX = 512
"""Instructions of a compiled `matches()`, each of which a hostile text may make cost 5 ns a character: 0.15 s for 64 KiB."""
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
