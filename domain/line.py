"""Foreign text made fit for one line: bounded, and with nothing in it that a terminal or a log would obey."""

from .limits import DETAIL_CHARACTERS_MAX

ELLIPSIS = "…"


def escaped(text: str) -> str:
    """The text with everything unprintable written as an escape: `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def one_line(text: str, characters_max: int = DETAIL_CHARACTERS_MAX) -> str:
    """All of the text on one line, escaped and cut with an ellipsis at `characters_max`."""
    # Cut before escaping: a hostile megabyte costs no more than the line that is kept.
    line = escaped(text[: characters_max + 1])
    return line if len(line) <= characters_max else line[: characters_max - 1] + ELLIPSIS


def first_line(text: str, characters_max: int = DETAIL_CHARACTERS_MAX) -> str:
    """The first line that is not blank, without blanks around it, escaped and cut."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return one_line(line.strip(), characters_max)
