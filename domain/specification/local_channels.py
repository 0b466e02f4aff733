"""Channels that run a program of this machine, as written in a configuration or in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from ..limits import APPRISE_URLS_MAX
from ..time.duration import Duration
from .chat_channels import Repeats
from .construction import Specification
from .text import DurationText, Pairs, as_pairs

FACTS_PREFIX = "NOTICE_"
"""Begins the names of the variables in which a program finds the facts of a notice."""


class ExecChannel(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program run without a shell for each notice, with the notice as JSON on its standard input.

    Exit status 0 takes the notice, 65 refuses it for good, and any other, 75 (try again) among them, is tried again.
    """

    repeats: ClassVar[Repeats] = "harmless"
    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]
    """The program and its arguments; no shell reads them."""
    environment: Pairs = ()
    """The whole environment besides PATH, LANG and LC_ALL, as for an `exec` target, and the facts of the notice: NOTICE_KEY, NOTICE_TITLE ..."""
    directory: str | None = None
    """The folder that it runs in; default: the one of the runtime's process."""
    timeout: DurationText = "10s"
    """How long it may run; then it is killed with all that it started."""

    def __init__(
        self,
        *,
        argv: Sequence[str],
        environment: Pairs = ...,
        directory: str | None = ...,
        timeout: Duration = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "environment", as_pairs(self.environment))

    def __repr__(self) -> str:
        return f"ExecChannel({self.argv[0]!r}, {len(self.argv) - 1} arguments)"


class Apprise(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the hundred services of Apprise, in a process of its own for each notice; needs the extra `channels`."""

    repeats: ClassVar[Repeats] = "possible"
    urls: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=APPRISE_URLS_MAX)]
    """The services in Apprise's own notation, such as `json://host/path`; they are secrets."""
    timeout: DurationText = "30s"
    """How long one try to deliver a notice may take; then the process is killed."""

    def __init__(self, *, urls: Sequence[str], timeout: Duration = ...) -> None: ...

    def __repr__(self) -> str:
        return f"Apprise({len(self.urls)} URLs)"
