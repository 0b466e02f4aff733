"""Bounds of channels: the words that they send, and what they keep."""

from ..units import NS_PER_MINUTE, NS_PER_S
from .answers import BODY_BYTES_MAX, DETAIL_CHARACTERS_MAX

# Words.
NOTICE_TITLE_CHARACTERS_MAX = 200
"""The subject of a notice, after its mark: a phone shows two lines of a title, and PagerDuty takes 1,024 characters."""
NOTICE_LINE_CHARACTERS_MAX = 500
"""One line of a notice: an explanation with what stands around it; title, lines and link fit into the 2,000 of Discord."""
NOTICE_RUNBOOK_CHARACTERS_MAX = 200
"""A runbook in the lines of a notice: a longer one would be cut, and a cut link leads nowhere."""
TEMPLATE_CHARACTERS_MAX = 16 * 1024
"""The template of a body: a card of a chat program takes a few KiB."""
PLACEHOLDER_CHARACTERS_MAX = 4_096
"""The value of a placeholder: a link to the page fits, and the explanation of a host's function is cut here."""

CHANNEL_NAME_CHARACTERS_MAX = 100
"""The name of a channel in Slack, which itself takes 80 characters."""
STATUSES_MAX = 16
"""Statuses by which a webhook accepts: classes such as `2xx` stand for many."""
ALERT_NS_MIN = 5 * NS_PER_MINUTE
"""The shortest life of an alert that nothing renews: a retry or two must not end it."""
ALERT_NS_MAX = 366 * 86_400 * NS_PER_S
"""The longest life of an alert that nothing renews: an Alertmanager forgets its alerts with its next start."""
ALERTS_OF_A_POST = 250
"""Alerts of one post to an Alertmanager, 2 milliseconds of writing: those of a large digest go out one post after the other."""
assert ALERT_NS_MIN < ALERT_NS_MAX

LIMITED_SAID_MAX = 50
"""Notices of a channel, the next ones, of which the record says that they wait for its rate: a screen of them."""

# Memory.
CHANNEL_MEMORY_CHARACTERS_MAX = 1_024
"""The memory of a channel for an incident, with each last delivered notice: ids of messages take 40 characters."""
CHANNEL_ANSWER_BYTES_MAX = 1024 * 1024
"""The answer of a chat program that is read: it may repeat the message, or list the hundred that came last."""
CHANNEL_PAGES_MAX = 10
"""Pages of 100 channels in which the name of one is looked up, each a request: a larger workspace is configured by id."""
assert NOTICE_RUNBOOK_CHARACTERS_MAX < NOTICE_LINE_CHARACTERS_MAX
assert DETAIL_CHARACTERS_MAX < NOTICE_LINE_CHARACTERS_MAX
assert NOTICE_TITLE_CHARACTERS_MAX + 3 * NOTICE_LINE_CHARACTERS_MAX < 2_000
assert CHANNEL_ANSWER_BYTES_MAX < BODY_BYTES_MAX
