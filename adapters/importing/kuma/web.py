"""Monitors that are carried by HTTP: requests, their login and their proxy, the handshake of a WebSocket, calls of gRPC."""

import json
from typing import Any

from ..addresses import host_and_port, http_address
from ..conditions import status_condition
from ..imported import literal, placed
from ..source import PeerPart
from .answers import Probed, json_query_of, keyword_of

_BODIES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "text/xml; charset=utf-8",
}
_PROXIES = {"http": "http", "https": "https", "socks": "socks5", "socks5": "socks5", "socks5h": "socks5h"}
_OF_PROXIES = frozenset(
    {
        "host",
        "port",
        "auth",
        "username",
        "password",
        "userId",
        "active",
        "default",
        "createdDate",
        "applyExisting",
    }
)
"""The fields of a proxy: those that a login needs say nothing without one."""
_HEALTH = "grpc.health.v1.Health"
_ALARMS = "api/health/checks/alarms/"
"""The path that the monitors of RabbitMQ ask for."""


class Proxies:
    """The proxies of a backup, which monitors name by their ids."""

    def __init__(self, stated: list[PeerPart]) -> None:
        self._known = {each.text("id") or "": each for each in stated}
        self._named: set[str] = set()
        for each in stated:
            for key in each.unread:
                if key in _OF_PROXIES:
                    each.raw(key)

    def leave_unnamed(self) -> None:
        """Lists the proxies that no monitor names."""
        for key, stated in self._known.items():
            if key not in self._named:
                stated.leave_whole("no monitor that is brought over names it")

    def of(self, monitor: PeerPart) -> dict[str, Any]:
        """Returns the proxy of a monitor; nothing where it has none, or one that cannot be used, which is listed."""
        key = monitor.text("proxyId")
        stated = self._known.get(key or "")
        if key is None:
            return {}
        self._named.add(key)
        scheme = _PROXIES.get((stated.text("protocol") or "") if stated else "")
        if stated is None or scheme is None:
            said = f"speaks {stated.text('protocol')}" if stated else "is not in the backup"
            monitor.leave(
                "proxyId", f"the proxy {said}: name one of http, https or socks5 under `http.proxy`"
            )
            return {}
        host, port = stated.text("host") or "", stated.text("port") or ""
        login = {}
        if stated.flag("auth"):
            login = {
                "user": placed(stated, "username", literal(stated.text("username") or "")),
                "password": placed(stated, "password", literal(stated.text("password") or "")),
            }
        return {"url": placed(stated, "host", literal(f"{scheme}://{host}:{port}")), **login}


def http_of(part: PeerPart) -> Probed:
    """Returns a request and the condition on its status."""
    statuses = part.texts("accepted_statuscodes")
    expect = [placed(part, "accepted_statuscodes", status_condition(statuses) or "[STATUS] == 2xx")]
    address = http_address(literal(part.text("url") or ""))
    method, body = part.text("method"), part.text("body")
    kind = _BODIES.get(part.text("httpBodyEncoding") or "json")
    redirects, family = part.whole("maxredirects"), part.text("ipFamily")
    address["url"] = placed(part, "url", address["url"])
    probe = {
        **address,
        **_login(part),
        "method": placed(part, "method", method) if method != "GET" else None,
        "headers": {**({"Content-Type": kind} if body and kind else {}), **_headers(part)},
        "body": placed(part, "body", body and literal(body)),
        "follow_redirects": False if redirects == 0 else None,
        # Ten are the default of both.
        "redirects_max": placed(part, "maxredirects", redirects if redirects not in {0, 10} else None),
        "address_family": placed(part, "ipFamily", family if family in {"ipv4", "ipv6"} else None),
        "tls": {"verify": False} if part.flag("ignoreTls") else {},
    }
    return probe, expect


def _login(part: PeerPart) -> dict[str, Any]:
    user, password = part.text("basic_auth_user"), part.text("basic_auth_pass")
    token = _oauth2(part)
    match part.text("authMethod"):
        case "oauth2-cc":
            return {"oauth2": token}
        case "ntlm":
            part.leave("authMethod", "there is no login by NTLM")
        case "mtls":
            # The certificate itself is listed: it stands in the backup, and no file has it.
            pass
        case None | "basic" | "null":
            if user or password:
                shown = placed(part, "basic_auth_pass", literal(password or ""))
                return {"basic_auth": {"user": literal(user or ""), "password": shown}}
        case other:
            part.leave("authMethod", f"there is no login by {other}")
    return {}


def _oauth2(part: PeerPart) -> dict[str, Any]:
    def text(key: str) -> Any:
        value = part.text(key)
        return placed(part, key, value and literal(value))

    audience = text("oauth_audience")
    is_basic = part.text("oauth_auth_method") != "client_secret_post"
    return {
        "token_url": text("oauth_token_url"),
        "client_id": text("oauth_client_id"),
        "client_secret": text("oauth_client_secret"),
        "scopes": placed(part, "oauth_scopes", [*map(literal, (part.text("oauth_scopes") or "").split())]),
        "parameters": {"audience": audience} if audience else {},
        "authentication": None if is_basic else placed(part, "oauth_auth_method", "body"),
    }


def _headers(part: PeerPart) -> dict[str, Any]:
    found = _document(part, "headers")
    return {name: literal(str(text)) for name, text in found.items()}


def _document(part: PeerPart, key: str) -> dict[str, Any]:
    """Returns a mapping that stands as a text of JSON; nothing for another text, which is listed."""
    stated = part.text(key)
    if stated is None:
        return {}
    try:
        found = json.loads(stated)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    part.leave(key, "JSON with a text for each name is expected here")
    return {}


def keyword_monitor(part: PeerPart) -> Probed:
    """Returns a request, and a condition on a word of its answer."""
    probe, expect = http_of(part)
    return probe, [*expect, *keyword_of(part)]


def json_query_monitor(part: PeerPart) -> Probed:
    """Returns a request, and a condition on a path of its answer."""
    probe, expect = http_of(part)
    return probe, [*expect, *json_query_of(part)]


def websocket_of(part: PeerPart) -> Probed:
    """Returns the handshake of a WebSocket."""
    offered = [
        literal(each) for text in (part.text("wsSubprotocol") or "").split(",") if (each := text.strip())
    ]
    if part.text("wsIgnoreSecWebsocketAcceptHeader") not in {None, "false", "0"}:
        part.leave("wsIgnoreSecWebsocketAcceptHeader", "a server must prove that it has read the handshake")
    probe = {
        "url": placed(part, "url", literal(part.text("url") or "")),
        "subprotocols": placed(part, "wsSubprotocol", offered),
        "headers": _headers(part),
        "tls": {"verify": False} if part.flag("ignoreTls") else {},
    }
    return probe, []


def grpc_of(part: PeerPart) -> Probed:
    """Returns the question to the health service. Raises: ValueError for another call, which no probe makes."""
    service, method = part.text("grpcServiceName") or "", part.text("grpcMethod") or ""
    part.raw("grpcProtobuf")
    if service.rpartition(".")[2] != "Health" or method.lower() != "check":
        raise ValueError(f"no probe calls {service}/{method}: the kind `grpc` asks {_HEALTH}/Check")
    host, port = host_and_port(part.text("grpcUrl") or "")
    asked = _document(part, "grpcBody").get("service")
    probe = {
        "host": placed(part, "grpcUrl", literal(host)),
        "port": port,
        "service": placed(part, "grpcBody", literal(str(asked)) if asked else None),
        "metadata": {name: literal(str(text)) for name, text in _document(part, "grpcMetadata").items()},
        # Without a key of its own the mapping would not be written.
        "tls": placed(part, "grpcEnableTls", {"verify": True}) if part.flag("grpcEnableTls") else {},
    }
    return probe, keyword_of(part)


def rabbitmq_of(part: PeerPart) -> Probed:
    """Returns the request that asks a node for its alarms. Raises: ValueError without a node."""
    stated = part.raw("rabbitmqNodes")
    nodes = _listed(stated)
    if not nodes:
        raise ValueError("it names no node")
    if nodes[1:]:
        part.leave(
            "rabbitmqNodes", f"the first node is asked: {', '.join(nodes[1:])} have targets of their own"
        )
    user, password = part.text("rabbitmqUsername"), part.text("rabbitmqPassword")
    probe = {
        "url": placed(part, "rabbitmqNodes", literal(f"{nodes[0].rstrip('/')}/{_ALARMS}")),
        "basic_auth": {
            "user": placed(part, "rabbitmqUsername", literal(user or "")),
            "password": placed(part, "rabbitmqPassword", literal(password or "")),
        },
    }
    return probe, ["[STATUS] == 200"]


def _listed(stated: Any) -> list[str]:
    """Returns a list that may stand as a text of JSON."""
    if isinstance(stated, str):
        try:
            stated = json.loads(stated)
        except ValueError:
            return []
    return [each for each in stated if isinstance(each, str)] if isinstance(stated, list) else []
