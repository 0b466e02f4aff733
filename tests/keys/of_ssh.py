"""The effect of each key of the probe of SSH."""

from pathlib import Path
from typing import Any

from hostile.keys import KeyServer
from of_network_probes import ELSEWHERE
from of_probes import probe_kind, refused_or
from ports import free_port
from watched import Real, one_target


def ssh(folder: Path, at: dict[str, Any] | None = None, **fields: Any) -> str:
    """The fate of a key exchange with a good server."""
    with KeyServer() as server:
        if fields.get("fingerprints") == ["own"]:
            fields["fingerprints"] = [server.fingerprint]
        probe = {"host": server.host, "port": server.port, **(at or {}), **fields}
        return refused_or(lambda: one_target(folder, {"ssh": probe})[0])


def ssh_port(folder: Path, right: bool) -> str:
    return ssh(folder, at={} if right else {"port": free_port()})


SSH: dict[str, Real] = {
    "Target.ssh": Real(probe_kind, (ELSEWHERE, {"ssh": {"host": "127.0.0.1", "port": 9}}), ("http", "ssh")),
    "Ssh.host": Real(lambda folder, value: ssh(folder, at={"host": value}), ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Ssh.port": Real(ssh_port, (True, False), ("up", "down")),
    "Ssh.fingerprints": Real(lambda folder, value: ssh(folder, fingerprints=value), (["own"], ["SHA256:" + "a" * 43]), ("up", "down")),
    "Ssh.address_family": Real(lambda folder, value: ssh(folder, address_family=value), ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip
