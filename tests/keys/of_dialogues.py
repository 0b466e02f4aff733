"""The effect of each key of the dialogues of tcp probes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.server import HostileServer
from hostile.starttls import changing_over
from of_probes import tcp
from servers import Authority
from watched import Real, one_target


def steps(*written: dict[str, Any]) -> list[dict[str, Any]]:
    """The dialogue with a server that answers `PONG`."""
    return [{"send": "PING\r\n"}, *written]


def talk(see: Callable[[Any], list[dict[str, Any]]], at: int) -> Callable[[Path, Any], Any]:
    """The fate of a dialogue, or the first words that the server heard in it."""
    return lambda folder, value: tcp(folder, dialogue=see(value))[at]


def starttls(folder: Path, value: bool) -> str:
    """The fate of a change over: without it the greeting behind the handshake is a riddle of bytes."""
    authority = Authority(folder)
    with HostileServer(greeting=changing_over("pop3", authority.context())) as server:
        step = {"send": "STLS\r\n", "expect": r"^\+OK begin", "starttls": value}
        probe = {
            "host": server.host,
            "port": server.port,
            "dialogue": [step],
            "tls": {"ca_file": authority.file},
        }
        return one_target(folder, {"tcp": probe})[0]


def tls(folder: Path, value: dict[str, Any]) -> str:
    authority = Authority(folder)
    with HostileServer(tls=authority.context()) as server:
        return one_target(folder, {"tcp": {"host": server.host, "port": server.port, "tls": value}})[0]


DIALOGUES = {
    "Tcp.dialogue": Real(talk(lambda value: value, 0), (steps({"expect": "PONG"}), steps({"expect": "NOPE"})), ("up", "down")),
    "Tcp.tls": Real(tls, ({}, {"verify": False}), ("down", "up")),
    "DialogueStep.send": Real(talk(lambda value: [{"send": value, "expect": "PONG"}], 1), ("PING\r\n", "HELLO\r\n"),
                              ([b"PING\r\n"], [b"HELLO\r\n"])),
    "DialogueStep.expect": Real(talk(lambda value: steps({"expect": value}), 0), ("^.PO", "^PO"), ("up", "down")),
    "DialogueStep.starttls": Real(starttls, (True, False), ("up", "down")),
}  # fmt: skip
