"""The effect of each key by which an HTTP request says what it takes, and what its answer must be."""

import ssl
from pathlib import Path
from typing import Any

from of_probes import http
from servers import Authority
from watched import Real, one_target


def fate(folder: Path, **fields: Any) -> str:
    """The fate of a request in clear, which is answered in HTTP/1.1 with `Content-Length: 2`."""
    return http(folder, **fields)[1][0]


def ruled(folder: Path, **fields: Any) -> str:
    return fate(folder, header_rules=[{"header": "Content-Length", **fields}])


def sent(folder: Path, name: str, **fields: Any) -> str | None:
    return http(folder, **fields)[0].header(name)


def oldest(folder: Path, value: str) -> str:
    """The fate of a request to a server that speaks nothing newer than TLS 1.2."""
    authority = Authority(folder)
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with authority.web_by(context) as server:
        tls = {"ca_file": authority.file, "minimum_version": value}
        return one_target(folder, {"http": {"url": server.url(), "tls": tls}})[0]


DEMANDS: dict[str, Real] = {
    "Http.versions": Real(lambda folder, value: fate(folder, versions=value), (["1.1"], ["1.0"]), ("up", "down")),
    "Http.encryption": Real(lambda folder, value: fate(folder, encryption=value), ("any", "required"), ("up", "down")),
    "Http.header_rules": Real(lambda folder, value: fate(folder, header_rules=value),
                              ([], [{"header": "X-None", "matches": "."}]), ("up", "down")),
    "HeaderRule.header": Real(lambda folder, value: ruled(folder, header=value, matches="2"), ("Content-Length", "X-None"), ("up", "down")),
    "HeaderRule.matches": Real(lambda folder, value: ruled(folder, matches=value), ("^2$", "^3$"), ("up", "down")),
    "HeaderRule.not_matches": Real(lambda folder, value: ruled(folder, not_matches=value), ("^3$", "^2$"), ("up", "down")),
    "HeaderRule.may_be_missing": Real(lambda folder, value: ruled(folder, header="X-None", matches=".", may_be_missing=value),
                                      (True, False), ("up", "down")),
    "Http.compression": Real(lambda folder, value: sent(folder, "accept-encoding", compression=value), ("none", "gzip"), ("identity", "gzip")),
    "Http.cookies": Real(lambda folder, value: sent(folder, "cookie", cookies=value), ({}, {"session": "7"}), (None, "session=7")),
    "Tls.minimum_version": Real(oldest, ("1.2", "1.3"), ("up", "down")),
}  # fmt: skip
