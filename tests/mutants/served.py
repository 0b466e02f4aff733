"""A process that has imported the tests already, and forks for each mutant: the child changes the function and runs its tests.

Reads one `Asked` a line of JSON from its standard input and answers with one `Answer` a line on its standard output. Only a
mutant within a function can be put in so (its code object is replaced); the answer says so of any other.
"""

import gc
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from select import select
from types import CodeType, FunctionType

import msgspec
import pytest

FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
OPTIONS = (
    "--all",
    "-q",
    "--no-header",
    "--tb=no",
    "-rfE",
    "--hypothesis-seed=0",
    "-x",
    "-p",
    "unshrunk",
    "-p",
    "chosen",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",  # of what was imported before the fork
)
PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Asked(msgspec.Struct, frozen=True):
    """A mutant, and the tests to put it to."""

    file: str
    before: str
    """The file as it was imported."""
    source: str
    """The file with the mutant in it."""
    tests: str
    """The file that names the tests, one a line, in the order to run them."""
    seconds: float
    """The time that they have."""


class Answer(msgspec.Struct, frozen=True):
    """The outcome: the first test that failed or why there is no verdict; or that the mutant cannot be put in so."""

    caught_by: str = ""
    is_unfit: bool = False


class Unfit(Exception):
    """The mutant changes something that is no function of the module."""


def functions_in(code: CodeType) -> Iterator[CodeType]:
    """The code of a module's functions and methods, with those within: a decorator may have made its function at import."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from functions_in(inner)


def put_in(path: str, before: str, source: str) -> None:
    """Replace the code of all functions that differ. Raises Unfit."""
    old, new = (
        list(functions_in(compile(text, path, "exec", dont_inherit=True))) for text in (before, source)
    )
    if [each.co_qualname for each in old] != [each.co_qualname for each in new]:
        raise Unfit
    changed = {
        (was.co_qualname, was.co_firstlineno): becomes
        for was, becomes in zip(old, new, strict=True)
        if was != becomes
    }
    if not changed:
        return
    live = [
        each
        for each in gc.get_objects()
        if type(each) is FunctionType  # isinstance() asks objects that load themselves at the first question
        and each.__code__.co_filename == path
        and (each.__code__.co_qualname, each.__code__.co_firstlineno) in changed
    ]
    if not live:
        raise Unfit
    for each in live:
        code = changed[each.__code__.co_qualname, each.__code__.co_firstlineno]
        if code.co_freevars != each.__code__.co_freevars:
            raise Unfit
        each.__code__ = code


def verdict(root: Path, asked: Asked) -> Answer:
    """Fork, and wait for what the child makes of it."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            run_tests(root, asked, said.fileno())
        ended = ended_within(child, asked.seconds)
        said.seek(0)
        lines = said.read().decode(errors="replace")
    if ended is None:
        return Answer(f"pytest did not end within {asked.seconds:g} s")
    if ended == UNFIT:
        return Answer(is_unfit=True)
    if ended in PASSED:
        return Answer()
    return Answer((FAILED.findall(lines) or [f"pytest ended with {ended}: {lines[-2000:]}"])[0])


UNFIT = 77
"""The exit status of a child that could not put the mutant in."""


def run_tests(root: Path, asked: Asked, said: int) -> None:
    """In the child: never returns."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ["MUTANTS_TESTS"] = asked.tests
    try:
        put_in(str(root / asked.file), asked.before, asked.source)
        from chosen import files_of

        files = files_of(Path(asked.tests).read_text().split("\n"))
        ended = int(pytest.main([*OPTIONS, *files]))
    except Unfit:
        ended = UNFIT
    except BaseException as error:  # noqa: BLE001  # a mutant may raise anything; the child ends in any case
        sys.stdout.write(f"{error!r}\n")
        ended = 1
    sys.stdout.flush()
    os._exit(ended)


def ended_within(child: int, seconds: float) -> int | None:
    """The exit status of a child; None when it had to be killed, with all that it has started."""
    handle = os.pidfd_open(child)
    try:
        in_time = select([handle], [], [], seconds)[0]
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # with the processes that it started
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(handle)
    return ended if in_time else None


def main(suites: list[str]) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    pytest.main(["--collect-only", *OPTIONS, *suites])
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        answer = verdict(Path.cwd(), msgspec.json.decode(line, type=Asked))
        answers.write(msgspec.json.encode(answer).decode() + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
