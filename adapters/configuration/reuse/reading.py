"""Texts of configuration files, read under a cap; a problem says where in the file it is."""

from pathlib import Path as FilePath

from ....domain import limits
from ....domain.errors import ConfigurationError
from ..document import end_of


class ReadingFault(Exception):
    """Why a file cannot be read, with the line and the column."""

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        """A fault of the file as a whole is one of its first character."""
        super().__init__(text)
        self.line = line
        self.column = column


def text_in(file: FilePath, spent: int = 0) -> str:
    """Returns the text of a file, beside `spent` bytes of others. Raises: ReadingFault."""
    try:
        with file.open("rb") as stream:
            content = stream.read(limits.CONFIGURATION_BYTES_MAX - spent + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ReadingFault(f"the file cannot be read: {reason}") from None
    return decoded(content, spent)


def read_text(file: FilePath, name: str) -> str:
    """Returns the text of a file. Raises: ConfigurationError where it cannot be read."""
    try:
        return text_in(file)
    except ReadingFault as fault:
        raise ConfigurationError(f"{name}:{fault.line}:{fault.column}: {fault}") from None


def decoded(content: bytes, spent: int = 0) -> str:
    """Returns the text of a file's content. Raises: ReadingFault where it is too long, or no UTF-8."""
    if len(content) + spent > limits.CONFIGURATION_BYTES_MAX:
        most = f"{limits.CONFIGURATION_BYTES_MAX // (1024 * 1024)} MiB"
        subject = "the files together have" if spent else "the file has"
        raise ReadingFault(f"{subject} more than the {most} that are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = end_of(content[: error.start].decode(errors="replace"))
        raise ReadingFault("this is not UTF-8: save the file as UTF-8", line, column) from None
