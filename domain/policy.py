"""Named policies: the words for what is done when something cannot simply go on."""

from enum import Enum


class OverflowPolicy(Enum):
    """What becomes of a message for which its mailbox has no room."""

    REJECT = "reject"
    """The new message is dropped."""
    DROP_OLDEST = "drop_oldest"
    """The oldest waiting message of this policy is dropped to make room."""
    COALESCE_LATEST = "coalesce_latest"
    """At most one message per key waits; a newer one takes its place and its value."""
    NEVER_DROP = "never_drop"
    """It is taken in beyond the bound: for control and for transitions."""
