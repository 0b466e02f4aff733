"""The base class of all messages."""

import msgspec


# Frozen values cannot form a cycle, so the garbage collector need not track them.
class Message(msgspec.Struct, frozen=True, gc=False):
    """A frozen value made of domain values. Commands are imperative, events past tense, questions begin with Get."""
