"""The base class of all messages."""

from typing import ClassVar

import msgspec


# Frozen values cannot form a cycle, so the garbage collector need not track them.
class Message(msgspec.Struct, frozen=True, gc=False):
    """A frozen value made of domain values. Commands are imperative, events past tense, questions begin with Get."""

    wire_name: ClassVar[str] = ""
    """The name on the wire where it is not the class name: the wire keeps the name that was released first."""
