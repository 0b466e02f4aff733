"""What every message is: a frozen value of domain values, with a stable name for its bytes."""

from typing import ClassVar

import msgspec


# Values that nobody can change cannot form a cycle, so the garbage collector need not look at them.
class Message(msgspec.Struct, frozen=True, gc=False):
    """The root of all messages. Commands are imperative, events past, questions begin with Get."""

    wire_name: ClassVar[str] = ""
    """The name in its bytes, where that is not the name of the class: bytes keep the name they were released with."""
