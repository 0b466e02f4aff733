"""The effect of each key of the way of an HTTP request, and of the logins at its end."""

import socket
from pathlib import Path
from typing import Any

from hostile.records import RecordServer, record, reply
from hostile.server import HostileServer
from login_servers import DigestServer, TokenServer
from of_probes import refused_or
from ports import free_port
from proxy_server import ProxyServer
from servers import Authority
from watched import Real, one_target

LOGIN = ("watch", "open-sesame")
CLIENT = ("watchkeeper", "open-sesame")


# Proxies.


def proxied(folder: Path, login: Any = None, scheme: str = "http", **fields: Any) -> Any:
    """The fate of a request through a proxy, and the requests that the proxy got."""
    with HostileServer() as server, ProxyServer(login=login) as proxy:
        there = {"url": proxy.url(scheme), **fields}
        found = refused_or(lambda: one_target(folder, {"http": {"url": server.url(), "proxy": there}})[1])
        return found, [asked.way for asked in proxy.asked]


def without_proxy(folder: Path, value: bool) -> int:
    with HostileServer() as server, ProxyServer() as proxy:
        there = {"proxy": {"url": proxy.url()}} if value else {}
        one_target(folder, {"http": {"url": server.url(), **there}})
        return len(proxy.asked)


def proxy_login(key: str) -> Any:
    def see(folder: Path, value: str) -> str:
        given = {"user": LOGIN[0], "password": LOGIN[1], key: value}
        return str(proxied(folder, login=LOGIN, **given)[0])

    return see


def proxy_headers(folder: Path, value: dict[str, str]) -> Any:
    with ProxyServer(refusal="403 Forbidden") as proxy:
        there = {"url": proxy.url(), "headers": value}
        one_target(folder, {"http": {"url": "https://127.0.0.1:9/", "proxy": there}})
        return proxy.asked[0].header("x-zone")


def proxy_authorities(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    with HostileServer() as server, ProxyServer(tls=authority.context()) as proxy:
        there = {"url": proxy.url("https"), **({"ca_file": "ca.pem"} if trusted else {})}
        return one_target(folder, {"http": {"url": server.url(), "proxy": there}})[1]


PROXIES = {
    "Http.proxy": Real(without_proxy, (True, False), (1, 0)),
    "Proxy.url": Real(lambda folder, value: proxied(folder, scheme=value)[1], ("http", "socks5"), (["plain"], ["socks5"])),
    "Proxy.user": Real(proxy_login("user"), (LOGIN[0], "eve"), ("ok", "proxy_refused")),
    "Proxy.password": Real(proxy_login("password"), (LOGIN[1], "barley"), ("ok", "proxy_refused")),
    "Proxy.headers": Real(proxy_headers, ({}, {"X-Zone": "blue"}), (None, "blue")),
    "Proxy.except": Real(lambda folder, value: proxied(folder, **{"except": value})[1], ([], ["127.0.0.0/8"]), (["plain"], [])),
    "Proxy.ca_file": Real(proxy_authorities, (True, False), ("ok", "proxy_failed")),
}  # fmt: skip


# Names.


def resolved(folder: Path, chosen: bool) -> str:
    def here(question: bytes) -> bytes:
        asked = question[: question.index(b"\0", 12) + 5]  # without the record of EDNS
        return reply(asked, [record(1, socket.inet_aton("127.0.0.1"))] if asked[-3] == 1 else [])

    with RecordServer(here) as names, HostileServer() as server:
        resolver = f"udp://127.0.0.1:{names.port if chosen else free_port()}"
        probe = {"url": f"http://shop.test:{server.port}/healthy", "resolver": resolver}
        return one_target(folder, {"http": probe})[1]


# Logins.


def digest(folder: Path, **login: str) -> Any:
    """The outcome at a door that opens to one password."""
    with DigestServer(*LOGIN) as server:
        fields = {"digest_auth": {"user": LOGIN[0], "password": LOGIN[1], **login}} if login else {}
        return one_target(folder, {"http": {"url": server.url("/door"), **fields}})[0]


def token(folder: Path, **fields: Any) -> Any:
    """The fate at a shop that wants a token, and the last request for one."""
    with TokenServer(*CLIENT) as server:
        if fields.get("token_url") is not None:
            fields["token_url"] = server.url(fields["token_url"])
        there = {"token_url": server.token_url, "client_id": CLIENT[0], "client_secret": CLIENT[1], **fields}
        oauth2 = {"oauth2": there} if fields else {}
        found = one_target(folder, {"http": {"url": server.url("/shop"), **oauth2}})
        return found, (server.fields or [{}])[-1]


def token_field(key: str, name: str) -> Any:
    return lambda folder, value: token(folder, **{key: value})[1].get(name)


def token_fate(key: str) -> Any:
    return lambda folder, value: token(folder, **{key: value})[0][1]


def token_tls(folder: Path, trusted: bool) -> str:
    authority = Authority(folder)
    with TokenServer(*CLIENT) as shop, authority.web() as secure:
        secure.answers["token"] = shop.answers["token"]
        there = {"token_url": secure.url("/token"), "client_id": CLIENT[0], "client_secret": CLIENT[1]}
        tls = {"tls": {"ca_file": "ca.pem"}} if trusted else {}
        return one_target(folder, {"http": {"url": shop.url("/shop"), "oauth2": {**there, **tls}}})[1]


LOGINS = {
    "Http.resolver": Real(resolved, (True, False), ("ok", "dns_failed")),
    "Http.digest_auth": Real(lambda folder, value: digest(folder, **value), ({}, {"user": LOGIN[0]}), ("down", "up")),
    "DigestAuth.user": Real(lambda folder, value: digest(folder, user=value), (LOGIN[0], "eve"), ("up", "down")),
    "DigestAuth.password": Real(lambda folder, value: digest(folder, password=value), (LOGIN[1], "barley"), ("up", "down")),
    "Http.oauth2": Real(lambda folder, value: token(folder, **value)[0][0], ({}, {"client_id": CLIENT[0]}), ("down", "up")),
    "OAuth2.token_url": Real(token_fate("token_url"), ("/token", "/healthy"), ("ok", "token_failed")),
    "OAuth2.client_id": Real(token_fate("client_id"), (CLIENT[0], "eve"), ("ok", "token_failed")),
    "OAuth2.client_secret": Real(token_fate("client_secret"), (CLIENT[1], "barley"), ("ok", "token_failed")),
    "OAuth2.scopes": Real(token_field("scopes", "scope"), ([], ["read", "list"]), (None, "read list")),
    "OAuth2.parameters": Real(token_field("parameters", "audience"), ({}, {"audience": "shop"}), (None, "shop")),
    "OAuth2.authentication": Real(token_field("authentication", "client_id"), ("basic", "body"), (None, CLIENT[0])),
    "OAuth2.tls": Real(token_tls, (True, False), ("ok", "token_failed")),
}  # fmt: skip

HTTP_ACCESS: dict[str, Real] = PROXIES | LOGINS
