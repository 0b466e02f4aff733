"""Probes of endpoints by their URL: the request, the connection or the question that each comes to."""

import json
import re
from typing import Any

from ..addresses import host_and_port, http_address, proxy_address
from ..imported import Placed, literal, placed
from ..source import PeerPart
from .texts import body_of, filled, placed_text, text_of

_FAMILIES = {"ip4": "ipv4", "ip6": "ipv6"}
_NAME_SERVER = re.compile(r"(udp|tcp)://(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(:[0-9]{1,5})?")
_SSH_PORT = 22
NO_LOGIN = "no probe logs in by SSH: the kind `ssh` reads the banner and the host key"


class NoProbeError(Exception):
    """An endpoint that no probe can watch; the text says why."""


def probe_of(endpoint: PeerPart, client: PeerPart | None, url: str) -> tuple[str, dict[str, Any]]:
    """Returns the kind of probe with its keys. Raises: NoProbeError where there is none."""
    if (dns := endpoint.part("dns")) is not None:
        return "dns", _dns(dns, url, client)
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    if scheme == "ssh" or endpoint.value.get("ssh") is not None:
        return "ssh", _ssh(endpoint, client, url)
    if scheme in {"grpc", "grpcs"} or endpoint.value.get("grpc") is not None:
        return "grpc", _grpc(endpoint, client, url, is_encrypted=scheme != "grpc")
    host, port = host_and_port(url)
    match scheme:
        case "http" | "https" | "":
            if not url:
                raise NoProbeError("it has no url")
            return "http", http_of(endpoint, client, url)
        case "ws" | "wss":
            return "websocket", _websocket(endpoint, client, url)
        case "tcp":
            return "tcp", {"host": host, "port": port, "send": body_of(endpoint), **_family(client)}
        case "tls" | "starttls":
            return _tls_probe(endpoint, client, url, scheme)
        case "icmp":
            return "icmp", {"host": host, **_family(client)}
        case "udp" if endpoint.value.get("body"):
            return "udp", {"host": host, "port": port, "send": body_of(endpoint), **_family(client)}
        case "udp":
            text = "a datagram without a body shows nothing: give a text to send, and one to expect"
            raise NoProbeError(text)
        case _:
            raise NoProbeError(f"there is no probe for {scheme}://")


def http_of(endpoint: PeerPart, client: PeerPart | None, url: str) -> dict[str, Any]:
    """Returns the request of an endpoint."""
    body, headers = body_of(endpoint), {key: filled(text) for key, text in endpoint.pairs("headers").items()}
    if endpoint.flag("graphql"):
        body = literal(json.dumps({"query": body or ""}, ensure_ascii=False))
        headers = {"Content-Type": "application/json", **headers}
    return {
        **http_address(url),
        "method": placed_text(endpoint, "method"),
        "headers": Placed(headers, endpoint.line_of("headers")) if headers else None,
        "body": placed(endpoint, "body", body),
        "follow_redirects": placed(client, "ignore-redirect", False)
        if client and client.flag("ignore-redirect")
        else None,
        **({} if client is None else _way(client)),
        **_family(client),
        "tls": _tls(client),
    }


def _way(client: PeerPart) -> dict[str, Any]:
    """Returns how a request gets to its server: by which proxy and name server, and with which token."""
    found: dict[str, Any] = {}
    if (url := text_of(client, "proxy-url")) is not None:
        found["proxy"] = proxy_address(client, "proxy-url", url)
    server = text_of(client, "dns-resolver")
    if server is not None and (_NAME_SERVER.fullmatch(server) or "${" in server):
        found["resolver"] = placed(client, "dns-resolver", server)
    elif server is not None:
        client.leave("dns-resolver", "a name server is named by its address, such as tcp://192.0.2.53:53")
    if (oauth := client.part("oauth2")) is not None:
        found["oauth2"] = {
            "token_url": placed_text(oauth, "token-url"),
            "client_id": placed_text(oauth, "client-id"),
            "client_secret": placed_text(oauth, "client-secret"),
            "scopes": placed(oauth, "scopes", [*map(filled, oauth.texts("scopes"))]),
        }
    return found


def _websocket(endpoint: PeerPart, client: PeerPart | None, url: str) -> dict[str, Any]:
    headers = {key: filled(text) for key, text in endpoint.pairs("headers").items()}
    return {
        "url": placed(endpoint, "url", url.partition("#")[0]),
        "headers": Placed(headers, endpoint.line_of("headers")) if headers else None,
        "send": placed(endpoint, "body", body_of(endpoint)),
        **_family(client),
        "tls": _tls(client),
    }


def _tls_probe(
    endpoint: PeerPart, client: PeerPart | None, url: str, scheme: str
) -> tuple[str, dict[str, Any]]:
    host, port = host_and_port(url)
    place = {"host": host, "port": port}
    if scheme == "tls" and endpoint.value.get("body"):
        # Without a key of its own the mapping would not be written.
        tls = _tls(client) or {"verify": True}
        return "tcp", {**place, "send": body_of(endpoint), "tls": tls, **_family(client)}
    # Gatus speaks SMTP where it asks for TLS.
    words = "smtp" if scheme == "starttls" else None
    return "tls", {**place, "starttls": words, "tls": _tls(client), **_family(client)}


def _ssh(endpoint: PeerPart, client: PeerPart | None, url: str) -> dict[str, Any]:
    host, port = host_and_port(url)
    login = endpoint.part("ssh")
    stated = [] if login is None else [key for key in login.value if login.text(key)]
    if login is not None and stated:
        login.leave_whole(NO_LOGIN)
        endpoint.raw("body")
    return {"host": host, "port": None if port == _SSH_PORT else port, **_family(client)}


def _grpc(endpoint: PeerPart, client: PeerPart | None, url: str, *, is_encrypted: bool) -> dict[str, Any]:
    host, port = host_and_port(url)
    called = endpoint.part("grpc")
    service = None
    if called is not None:
        name = (called.text("service") or "").rpartition(".")[2]
        if name not in {"", "Health"}:
            raise NoProbeError(f"no probe calls {name}: the kind `grpc` asks grpc.health.v1.Health/Check")
        called.raw("method")
        service = _service_in(called.text("body"))
    headers = {key: filled(text) for key, text in endpoint.pairs("headers").items()}
    return {
        "host": host,
        "port": port,
        "service": service,
        "metadata": headers,
        "tls": (_tls(client) or {"verify": True}) if is_encrypted else {},
        **_family(client),
    }


def _service_in(body: str | None) -> str | None:
    """Returns the service that a question to the health service names."""
    try:
        asked = json.loads(body or "{}")
    except ValueError:
        return None
    service = asked.get("service") if isinstance(asked, dict) else None
    return filled(service) if isinstance(service, str) and service else None


def _dns(dns: PeerPart, url: str, client: PeerPart | None) -> dict[str, Any]:
    server, port = host_and_port(url)
    name = text_of(dns, "query-name")
    return {
        "name": placed(dns, "query-name", name),
        "type": placed(dns, "query-type", (text_of(dns, "query-type") or "A").upper()),
        "server": server,
        "port": port,
        **_family(client),
    }


def _family(client: PeerPart | None) -> dict[str, Any]:
    if client is None or (network := text_of(client, "network")) is None:
        return {}
    return {"address_family": placed(client, "network", _FAMILIES.get(network))}


def _tls(client: PeerPart | None) -> dict[str, Any]:
    if client is None:
        return {}
    found: dict[str, Any] = {"verify": placed(client, "insecure", False)} if client.flag("insecure") else {}
    if (shown := client.part("tls")) is not None:
        found["certificate_file"] = placed_text(shown, "certificate-file")
        found["key_file"] = placed_text(shown, "private-key-file")
    return found
