"""Gatus: endpoints and external endpoints become targets, providers of alerts channels, windows maintenance."""

import json
import re
from typing import Any

from ..addresses import host_and_port, http_address
from ..imported import Imported, Placed, literal, ping_key, placed, without_nothing
from ..source import PeerFile, PeerPart
from .alerts import GatusAlerts
from .texts import filled, text_of
from .windows import maintenance_of

_IN_BODY = re.compile(r"\[(LOCAL_ADDRESS|RANDOM_STRING_\d+)\]")
_DNS_BODY = re.compile(r"\[BODY\](?![.\[])", re.IGNORECASE)
_DOMAIN = re.compile(r"\[DOMAIN_EXPIRATION\]", re.IGNORECASE)
_CONNECTED = re.compile(r"\s*\[CONNECTED\] == true\s*", re.IGNORECASE)
_FAMILIES = {"ip4": "ipv4", "ip6": "ipv6"}
_UNTOLD_EVERY = "366d"
_DEFAULT_EVERY, _DEFAULT_TIMEOUT = "60s", "10s"


def from_gatus(file: PeerFile) -> Imported:
    """Returns the configuration that a file of Gatus comes to; its notes list the rest."""
    made = Imported()
    root = file.root
    alerts = GatusAlerts(root.part("alerting"), made)
    made.add("runtime", {"store": "watch.db"})
    for endpoint in root.parts("endpoints"):
        _endpoint(endpoint, made, alerts)
    for endpoint in root.parts("external-endpoints"):
        _external(endpoint, made, alerts)
    if (window := root.part("maintenance")) is not None:
        maintenance_of(window, made, None)
    made.open_door()
    file.note_what_is_left()
    return made


def _endpoint(endpoint: PeerPart, made: Imported, alerts: GatusAlerts) -> None:
    name, group = text_of(endpoint, "name"), text_of(endpoint, "group")
    url = text_of(endpoint, "url") or ""
    client = endpoint.part("client")
    kind, probe = _probe(endpoint, client, url)
    if kind is None:
        endpoint.leave_whole(probe["reason"])
        return
    key = made.new_id(group, name)
    every, timeout = text_of(endpoint, "interval"), client and text_of(client, "timeout")
    alerted = alerts.of(endpoint)
    data: dict[str, Any] = {
        "id": placed(endpoint, "name", key),
        "name": None if name == key else name,
        "group": placed(endpoint, "group", _group(group)),
        "every": placed(endpoint, "interval", every or _DEFAULT_EVERY),
        "timeout": placed(client, "timeout", timeout) if client and timeout else _DEFAULT_TIMEOUT,
        kind: Placed(probe, endpoint.line_of("url")),
        "expect": _conditions(endpoint, kind),
        "labels": _labels(endpoint),
        "paused": placed(endpoint, "enabled", True) if not endpoint.flag("enabled", default=True) else None,
        **alerted.keys,
    }
    alerts.remind(made.add("targets", data, endpoint), alerted)
    for window in endpoint.parts("maintenance-windows"):
        maintenance_of(window, made, key)


def _external(endpoint: PeerPart, made: Imported, alerts: GatusAlerts) -> None:
    """A report that comes from outside: its token becomes the key of the heartbeat where that may be one."""
    name, group, token = (text_of(endpoint, key) for key in ("name", "group", "token"))
    key = made.new_id(group, name)
    heartbeat = endpoint.part("heartbeat")
    every = text_of(heartbeat, "interval") if heartbeat else None
    alerted = alerts.of(endpoint)
    data = {
        "id": placed(endpoint, "name", key),
        "name": None if name == key else name,
        "group": placed(endpoint, "group", _group(group)),
        "every": placed(heartbeat, "interval", every) if heartbeat and every else _UNTOLD_EVERY,
        "paused": placed(endpoint, "enabled", True) if not endpoint.flag("enabled", default=True) else None,
        **alerted.keys,
    }
    entry = made.add("targets", data, endpoint)
    alerts.remind(entry, alerted)
    entry.data["heartbeat"] = without_nothing({"key": ping_key(endpoint, "token", token)})
    if not every:
        entry.remarks = ("silence was never an outage there: here it is one after 366 days",)


# Probes.


def _probe(endpoint: PeerPart, client: PeerPart | None, url: str) -> tuple[str | None, dict[str, Any]]:
    """Returns the kind of probe with its keys; without a kind, the reason why there is none."""
    if (dns := endpoint.part("dns")) is not None:
        return "dns", _dns(dns, url, client)
    if endpoint.value.get("ssh") is not None:
        return None, {"reason": "no probe logs in by SSH: the kind `ssh` reads the banner and the host key"}
    if endpoint.value.get("grpc") is not None:
        return None, {"reason": "there is no probe by gRPC"}
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    host, port = host_and_port(url)
    match scheme:
        case "http" | "https" | "":
            return ("http", _http(endpoint, client, url)) if url else (None, {"reason": "it has no url"})
        case "tcp":
            return "tcp", {"host": host, "port": port, "send": _body(endpoint), **_family(client)}
        case "tls" | "starttls":
            # Gatus speaks SMTP where it asks for TLS.
            words = "smtp" if scheme == "starttls" else None
            return "tls", {
                "host": host,
                "port": port,
                "starttls": words,
                "tls": _tls(client),
                **_family(client),
            }
        case "icmp":
            return "icmp", {"host": host, **_family(client)}
        case "udp" if endpoint.value.get("body"):
            return "udp", {"host": host, "port": port, "send": _body(endpoint), **_family(client)}
        case "udp":
            return None, {
                "reason": "a datagram without a body shows nothing: give a text to send, and one to expect"
            }
        case _:
            return None, {"reason": f"there is no probe for {scheme}://"}


def _http(endpoint: PeerPart, client: PeerPart | None, url: str) -> dict[str, Any]:
    body, headers = _body(endpoint), {key: filled(text) for key, text in endpoint.pairs("headers").items()}
    if endpoint.flag("graphql"):
        body = literal(json.dumps({"query": body or ""}, ensure_ascii=False))
        headers = {"Content-Type": "application/json", **headers}
    return {
        **http_address(url),
        "method": placed(endpoint, "method", text_of(endpoint, "method")),
        "headers": Placed(headers, endpoint.line_of("headers")) if headers else None,
        "body": placed(endpoint, "body", body),
        "follow_redirects": placed(client, "ignore-redirect", False)
        if client and client.flag("ignore-redirect")
        else None,
        **_family(client),
        "tls": _tls(client),
    }


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
        certificate, key = text_of(shown, "certificate-file"), text_of(shown, "private-key-file")
        found["certificate_file"] = placed(shown, "certificate-file", certificate)
        found["key_file"] = placed(shown, "private-key-file", key)
    return found


# Texts.


def _body(endpoint: PeerPart) -> str | None:
    body = text_of(endpoint, "body")
    if body is None:
        return None
    if random := _IN_BODY.search(body):
        endpoint.leave("body", f"{random[0]} has another value in each attempt, which bodies here have not")
    for word, key in (("NAME", "name"), ("GROUP", "group"), ("URL", "url")):
        body = body.replace(f"[ENDPOINT_{word}]", text_of(endpoint, key) or "")
    return body


def _conditions(endpoint: PeerPart, kind: str) -> list[Any]:
    found = []
    for number, text in enumerate(endpoint.texts("conditions")):
        condition = filled(text)
        if kind == "dns":
            condition = _DNS_BODY.sub("[BODY].data[0]", condition)
        if _DOMAIN.search(condition):
            endpoint.leave_entry(
                "conditions", number, "no probe tells when the registration of a domain ends"
            )
        elif kind not in {"icmp", "udp"} or not _CONNECTED.fullmatch(condition):
            # Of a ping or a datagram the answer itself is what the condition asks for.
            line = endpoint.file.line((*endpoint.path, "conditions", number))
            found.append(Placed(condition, line))
    return found


def _labels(endpoint: PeerPart) -> dict[str, Any]:
    return {name: filled(text) for name, text in endpoint.pairs("extra-labels").items()}


def _group(group: str | None) -> str | None:
    return (
        None if group is None else "/".join(filter(None, (step.strip() for step in group.split("/")))) or None
    )
