"""What every message is: a frozen value of domain values, with a stable name for its bytes."""

import msgspec


class Message(msgspec.Struct, frozen=True):
    """The root of all messages. Commands are imperative, events past, questions begin with Get."""
