"""The effect of each key of the probe of mail servers."""

from pathlib import Path
from typing import Any

from mail_server import LOGIN, MailServer
from of_network_probes import ELSEWHERE
from of_probes import probe_kind, refused_or
from ports import free_port
from servers import Authority
from watched import Real, one_target

USER, PASSWORD = LOGIN


def smtp(folder: Path, at: dict[str, Any] | None = None, **fields: Any) -> str:
    """The fate of a greeting in clear."""
    with MailServer() as server:
        place = {"host": "127.0.0.1", "port": server.port, "encryption": "none", **(at or {})}
        return refused_or(lambda: one_target(folder, {"smtp": {**place, **fields}})[0])


def smtp_port(folder: Path, right: bool) -> str:
    return smtp(folder, at={} if right else {"port": free_port()})


def smtp_login(key: str) -> Any:
    def see(folder: Path, value: str) -> str:
        authority = Authority(folder)
        with MailServer(starttls=authority.context(), has_login=True) as server:
            place = {"host": "127.0.0.1", "port": server.port, "tls": {"ca_file": authority.file}}
            return one_target(folder, {"smtp": {**place, "user": USER, "password": PASSWORD, key: value}})[0]

    return see


def smtp_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    with MailServer(starttls=authority.context()) as server:
        tls = {"ca_file": authority.file} if trusted else {}
        return one_target(folder, {"smtp": {"host": "127.0.0.1", "port": server.port, "tls": tls}})[0]


SMTP: dict[str, Real] = {
    "Target.smtp": Real(probe_kind, (ELSEWHERE, {"smtp": {"host": "127.0.0.1", "port": 9}}), ("http", "smtp")),
    "Smtp.host": Real(lambda folder, value: smtp(folder, at={"host": value}), ("127.0.0.1", "127.0.0.2"), ("up", "down")),
    "Smtp.port": Real(smtp_port, (True, False), ("up", "down")),
    "Smtp.encryption": Real(lambda folder, value: smtp(folder, encryption=value), ("none", "starttls"), ("up", "down")),
    "Smtp.user": Real(smtp_login("user"), (USER, "eve"), ("up", "down")),
    "Smtp.password": Real(smtp_login("password"), (PASSWORD, "barley"), ("up", "down")),
    "Smtp.tls": Real(smtp_tls, (True, False), ("up", "down")),
    "Smtp.address_family": Real(lambda folder, value: smtp(folder, address_family=value), ("ipv4", "ipv6"), ("up", "refused")),
}  # fmt: skip
