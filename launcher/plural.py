"""Counts with their nouns in singular or plural."""


def count_of(count: int, noun: str) -> str:
    """Returns `1 target` or `2 targets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
