"""Numbers of things, as people say them."""


def count_of(count: int, noun: str) -> str:
    """`1 target`, `2 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
