"""`agent`: probes from one location until a signal, and says in plain lines how it is connected."""

import logging
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from ...adapters.clock import SystemClock
from ...adapters.configuration.files import file_fault
from ...adapters.configuration.key_files import KeyFault, key_fault_of
from ...domain.errors import ConfigurationError
from ...domain.limits import CREDENTIALS_CHARACTERS_MAX
from ...domain.line import MASK, count_of
from ...domain.specification.probe import Tls
from ...domain.specification.remote.agents import shown_servers
from ...domain.time.duration import Duration
from ...host.agents.agent import Agent
from ..output import ExitStatus
from .outputs import JsonOutput, LogStyle, PlainOutput, take_logging
from .signals import Word, next_word, signals_heard

_KEY_WORDS = {
    KeyFault.NO_KEY_BESIDE: "holds no private key that can be read: name the file of the key by --key",
    KeyFault.FOREIGN_KEY_BESIDE: "holds the key of another certificate: name the file of its own by --key",
    KeyFault.LOCKED: "the key is encrypted, and an agent takes no pass phrase: name one that is not",
}
"""The words for faults of a key, where those of a configuration name keys that an agent does not have."""


class AgentCommand(NamedTuple):
    """The options of the verb."""

    location: str
    nats: str
    credentials: Path | None
    ca: Path | None
    certificate: Path | None
    key: Path | None
    in_flight_max: int
    deny_private_addresses: bool
    grace: Duration
    log: LogStyle


def serve_until_stopped(command: AgentCommand) -> ExitStatus:
    """Runs an agent until a signal, or until NATS refuses it before it has ever served. Blocks. Raises: ConfigurationError."""
    return _Serving(command).run()


class _Serving:
    """One run of the verb."""

    def __init__(self, command: AgentCommand) -> None:
        self._command = command
        self._words: SimpleQueue[Word] = SimpleQueue()
        self._refused = False
        self._agent = self._made()
        clock = SystemClock()
        self._output = JsonOutput(clock) if command.log == "json" else PlainOutput(clock)

    def _made(self) -> Agent:
        """Returns the agent of the command line. Raises: ConfigurationError, which names options."""
        command = self._command
        try:
            return Agent(
                location=command.location,
                nats=command.nats,
                credentials=_credentials(command.credentials),
                tls=_tls(command),
                in_flight_max=command.in_flight_max,
                deny_private_addresses=command.deny_private_addresses,
                told=self._told,
            )
        except ConfigurationError as error:
            raise ConfigurationError(
                *(line for problem in error.problems for line in _by_options(problem, command))
            ) from None

    def _told(self, line: str, is_final: bool) -> None:
        is_trouble = line.startswith("no ")
        self._output.say(line, logging.WARNING if is_trouble else logging.INFO, "agent")
        if is_final and not self._agent.has_connected:
            self._refused = True
            self._words.put(Word.ENDED)

    def run(self) -> ExitStatus:
        """Serves until the end."""
        command, agent, output = self._command, self._agent, self._output
        take_logging(output.handler)
        try:
            with signals_heard(self._words, output.line):
                servers = shown_servers(command.nats)
                output.say(f"location {command.location}: connecting to {servers}", word="agent")
                agent.start()
                # There is nothing to read again; a signal to do so ends nothing.
                while (heard := next_word(self._words)) in {None, Word.RELOAD}:
                    if heard is not None:
                        output.say("an agent has no configuration to reload", word="agent")
                agent.stop(command.grace)
            done = agent.statistics()
            answered = f"{count_of(done.asks, 'ask')}, {count_of(done.answers, 'answer')}"
            output.say(f"stopped: {answered}, {done.refused} refused, {done.dropped} dropped", word="agent")
        finally:
            output.close()
        return ExitStatus.FAILED if self._refused else ExitStatus.FINE


def _by_options(problem: str, command: AgentCommand) -> Iterator[str]:
    """Yields a problem of an argument of an agent under the options that state it."""
    argument, colon, says = problem.partition(": ")
    if argument == "tls":
        for option in ("ca", "certificate", "key"):
            if getattr(command, option) is not None:
                yield f"--{option}: {says}"
    elif colon and argument in AgentCommand._fields:
        yield f"--{argument}: {says}"
    else:
        yield problem


def _tls(command: AgentCommand) -> Tls | None:
    """Returns how the servers are judged; None where the command line says nothing of it. Raises: ConfigurationError for files of no use."""
    problems = [*_tls_problems(command)]
    if problems:
        raise ConfigurationError(*problems)
    ca, certificate, key = (
        None if path is None else str(path) for path in (command.ca, command.certificate, command.key)
    )
    tls = Tls(ca_file=ca, certificate_file=certificate, key_file=key)
    return None if tls == Tls() else tls


def _tls_problems(command: AgentCommand) -> Iterator[str]:
    certificate, key = command.certificate, command.key
    named = (
        ("--ca", command.ca, "ca_file"),
        ("--certificate", certificate, "certificate_file"),
        ("--key", key, "key_file"),
    )
    faults = [
        f"{option}: {fault}"
        for option, path, kind in named
        if path is not None and (fault := file_fault(path, kind))
    ]
    yield from faults
    if certificate is None:
        if key is not None:
            yield f"--key {key}: has no effect without --certificate: name the certificate that it belongs to"
    elif not faults:
        key_fault = key_fault_of(str(certificate), None if key is None else str(key), None)
        if key_fault is not None:
            place = (
                f"--certificate {certificate}"
                if key is None or key_fault.is_of_certificate
                else f"--key {key}"
            )
            yield f"{place}: {_KEY_WORDS.get(key_fault, key_fault.value)}"


def _credentials(path: Path | None) -> str | None:
    """Returns the text of a credentials file. Raises: ConfigurationError where it cannot be read, or holds something else."""
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(CREDENTIALS_CHARACTERS_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(
            f"--credentials {_shown(path)}: {why}: name the credentials file of the agent's account, which may hold USER:PASSWORD"
        ) from error
    if not text.strip() or len(text) > CREDENTIALS_CHARACTERS_MAX:
        raise ConfigurationError(
            f"--credentials {path}: it is {'empty' if not text.strip() else 'too long'}: name a credentials file of NATS"
        )
    return text


def _shown(path: Path) -> str:
    """Returns the name of a file that is not there; what looks like a login, which Python takes in its place, without its password."""
    user, colon, _ = str(path).partition(":")
    return f"{user}:{MASK}" if colon else str(path)
